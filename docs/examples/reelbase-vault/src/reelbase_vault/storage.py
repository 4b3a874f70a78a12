"""A storage in one SQLite file: ``vault://folder/file.db``.

An object is a row of `objects` and, in pieces of 1 MiB, rows of `pieces`, so that neither writing nor reading a part
holds a large object in memory. SQLite's transactions make writes atomic and durable; its unique key lets one of several
racing writers win. Each call opens a connection of its own: nothing is shared between threads, or broken by a fork.
"""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from reelbase.errors import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
    StorageFullError,
)
from reelbase.plugin import Stat, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.plugin import Credentials

_PIECE = 1 << 20
_SCHEMA = """
    PRAGMA synchronous = EXTRA;
    CREATE TABLE IF NOT EXISTS objects (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        modified REAL NOT NULL
    );
    CREATE TABLE IF NOT EXISTS pieces (
        id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (id, number)
    );
"""
_URL = re.compile(r"(vault://.+?\.db)(?:/(.*))?", re.DOTALL)


class VaultStorage(Storage):
    """Objects in one SQLite file.

    Args:
        root: ``vault://folder/file.db``, absolute with a third slash. What follows the file is put before each key.
        options: ``timeout``: seconds to wait for another writer (default 60).
        credentials: Not used.
    """

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        super().__init__(root, options=options, credentials=credentials)
        found = _URL.fullmatch(root)
        if found is None:
            raise StorageError(f"{root!r} names no vault.", "Write it as vault://folder/file.db")
        self._file = Path(found[1].removeprefix("vault://")).expanduser().absolute()
        self._prefix = f"{found[2].strip('/')}/" if found[2] and found[2].strip("/") else ""
        self._timeout = float(self.options.get("timeout", 60))

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """The vault up to ``.db``, and the key behind it."""
        found = _URL.fullmatch(url)
        if found is None or not found[2]:
            raise StorageError(f"{url!r} names no object in a vault.", "Write it as vault://folder/file.db/key")
        return found[1], found[2]

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says; reads the pieces that hold ``start:stop`` and no others."""
        with self._reading(key) as database:
            number, found = self._find(database, key)
            if if_match not in {None, found.etag}:
                raise ObjectChangedError(
                    f"{self.root}/{key} was changed since it was last looked at.", "Load it again."
                )
            stop = found.size if stop is None else min(stop, found.size)
            if stop <= start:
                return b""
            query = "SELECT body FROM pieces WHERE id = ? AND number BETWEEN ? AND ? ORDER BY number"
            first = start // _PIECE
            body = b"".join(row[0] for row in database.execute(query, (number, first, (stop - 1) // _PIECE)))
            return body[start - first * _PIECE : stop - first * _PIECE]

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        with self._reading(key) as database:
            return self._find(database, key)[1]

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says: one transaction, which a failure rolls back."""
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        name = self._prefix + key
        with self._writing() as database:
            if not if_absent:
                _remove(database, name)
            try:
                query = "INSERT INTO objects (key, size, modified) VALUES (?, 0, ?)"
                number = database.execute(query, (name, datetime.now(UTC).timestamp())).lastrowid
            except sqlite3.IntegrityError:
                raise ObjectExistsError(f"{self.root}/{key} exists.", "Nothing was written.") from None
            size = 0
            for place, piece in enumerate(_pieces(file)):
                database.execute("INSERT INTO pieces VALUES (?, ?, ?)", (number, place, piece))
                size += len(piece)
            database.execute("UPDATE objects SET size = ? WHERE id = ?", (size, number))

    def delete(self, key: str) -> None:
        """As the contract says; the file stays, and reuses the room."""
        if self._file.exists():
            with self._writing() as database:
                _remove(database, self._prefix + key)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says; what is written meanwhile does not show."""
        if not self._file.exists():
            return
        start = self._prefix + prefix
        query = "SELECT id, size, modified, key FROM objects WHERE substr(key, 1, ?) = ? ORDER BY key"
        with self._reading(prefix) as database:
            rows = database.execute(query, (len(start), start)).fetchall()
        for *row, key in rows:
            yield key.removeprefix(self._prefix), _stat(*row)

    def _find(self, database: sqlite3.Connection, key: str) -> tuple[int, Stat]:
        query = "SELECT id, size, modified FROM objects WHERE key = ?"
        row = database.execute(query, (self._prefix + key,)).fetchone()
        if row is None:
            raise self._absent(key)
        return row[0], _stat(*row)

    def _absent(self, key: str) -> ObjectNotFoundError:
        return ObjectNotFoundError(f"No object {key!r} in {self.root}.", "Check the name.")

    @contextmanager
    def _reading(self, key: str) -> Iterator[sqlite3.Connection]:
        if not self._file.exists():
            raise self._absent(key)
        with self._open("ro") as database:
            database.execute("BEGIN")  # one state of the file for all queries
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._open("rwc") as database:
            database.executescript(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")  # an exception skips this: closing rolls back

    @contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        uri = f"file:{quote(str(self._file))}?mode={mode}"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=self._timeout, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise StorageFullError(f"No space left for {self.root}.", "Make room, then try again.") from error
            raise StorageError(f"{self.root}: {error}.", "Check that it is a vault and can be written.") from error


def _remove(database: sqlite3.Connection, name: str) -> None:
    database.execute("DELETE FROM pieces WHERE id = (SELECT id FROM objects WHERE key = ?)", (name,))
    database.execute("DELETE FROM objects WHERE key = ?", (name,))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in pieces of exactly 1 MiB, but for the last; a file may return less than asked."""
    piece = bytearray()
    while part := file.read(_PIECE - len(piece)):
        piece += part
        if len(piece) == _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _stat(number: int, size: int, modified: float) -> Stat:
    # Numbers are never used twice (AUTOINCREMENT), so they tell two versions of an object apart.
    return Stat(size=size, etag=str(number), modified=datetime.fromtimestamp(modified, UTC))
