"""The processes of crash.py: ``crash_roles.py STORE ROLE PATH [NUMBER]``.

Each says what came of it in lines of JSON on stdout; what a store prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from stores import STORES, Append, Found, Row, Store, said

ROWS = 1_000_000


@dataclass
class Watched:
    """What a reader saw that opened the dataset again and again.

    Attributes:
        reads: How often.
        errors: How often opening or reading failed.
        inconsistent: How often it saw rows that were not whole.
        halves: How often one tensor was longer than the other.
        shrunk: How often there were fewer rows than before.
        first: The first error.
    """

    reads: int = 0
    errors: int = 0
    inconsistent: int = 0
    halves: int = 0
    shrunk: int = 0
    first: str = ""
    _rows: int = 0

    def read(self, store: Store) -> None:
        """Once more."""
        self.reads += 1
        try:
            found = store.found()
        except Exception as error:  # whatever a store raises is what is counted
            self.errors += 1
            self.first = self.first or said(error)
            return
        self._saw(found)

    def _saw(self, found: Found) -> None:
        self.inconsistent += not found.consistent
        self.first = self.first or found.error
        self.halves += found.halves > 0
        self.shrunk += len(found.rows) < self._rows
        self._rows = len(found.rows)


def create(store: Store, say: Callable[[Any], None], _: int) -> None:
    """Make the dataset."""
    store.create()
    say("made")


def write(store: Store, say: Callable[[Any], None], writer: int) -> None:
    """Append until killed; the number of each row is said when the append has returned."""
    append = _opened(store.appender, say)
    if append is None:
        return
    sys.stdin.readline()
    for k in range(ROWS):
        if not _appended(append, (writer, k), say):
            return


def follow(store: Store, say: Callable[[Any], None], writer: int) -> None:
    """A writer that comes after one that was killed: opens as usual, or if that is refused as the only one."""
    append = _opened(store.appender, say) or _opened(store.takeover, say)
    if append is not None:
        _appended(append, (writer, 0), say)


def _appended(append: Append, row: Row, say: Callable[[Any], None]) -> bool:
    try:
        append(row)
    except Exception as error:  # said, and counted by the parent
        say(said(error))
        return False
    say(row[1])
    return True


def _opened(way: Callable[[], Append], say: Callable[[Any], None]) -> Append | None:
    try:
        append = way()
    except Exception as error:  # said, and counted by the parent
        say(said(error))
        return None
    say("ready")
    return append


def look(store: Store, say: Callable[[Any], None], _: int) -> None:
    """Open and read everything."""
    try:
        say(asdict(store.found()))
    except Exception as error:  # said, and counted by the parent
        say(said(error))


def repair(store: Store, say: Callable[[Any], None], _: int) -> None:
    """Do with a damaged dataset as documented."""
    try:
        store.repair()
    except Exception as error:  # said, and counted by the parent
        say(said(error))
    else:
        say("repaired")


def watch(store: Store, say: Callable[[Any], None], _: int) -> None:
    """Open and read everything, over and over until stdin ends."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    watched = Watched()
    store.version()  # imports
    say("ready")
    while not ended.is_set():
        watched.read(store)
        time.sleep(0.005)
    say(asdict(watched))


ROLES = {role.__name__: role for role in (create, write, follow, look, repair, watch)}


def _sayer(out: TextIO) -> Callable[[Any], None]:
    def say(what: Any) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    return say


def _main() -> None:
    store, role, path, number = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ROLES[role](STORES[store](path), _sayer(out), int(number))


if __name__ == "__main__":
    _main()
