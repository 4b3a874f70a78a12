"""Storage on Google Drive: one file an object, in folders."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar

from reelbase.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.options import parsed as parsed_options
from reelbase_plugins.gdrive.access import Options, check
from reelbase_plugins.gdrive.client import Client
from reelbase_plugins.gdrive.listing import walk
from reelbase_plugins.gdrive.names import File, Names
from reelbase_plugins.gdrive.urls import Place, names, parsed
from reelbase_plugins.gdrive.writing import Window, created, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials

Result = TypeVar("Result")


class DriveStorage(Storage):
    """Files below one folder of Drive, or one file (its key is then empty).

    Drive has no way to create a name only if it is absent: **one writer at a time**. Two that write at once can both
    win `put` with `if_absent`, and leave two files of one name; reading that name is then an error that says so.
    Reading from many places while one writes is safe. `delete` removes for good, not to the trash.

    Args:
        root: ``gdrive://<id>[/path][?resourcekey=…]``; folders of the path need not exist before the first `put`.
        options: See `reelbase_plugins.gdrive.access.Options`.
        credentials: Fields of a service account; or client_id, client_secret and refresh_token; or token; or api_key.

    Raises:
        UsageError: the options or credentials have something that is not known.
        StorageError: `root` names no id.
    """

    racing: ClassVar[bool] = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self._place = parsed(root)
        super().__init__(self._place.url, options=options, credentials=credentials)
        self._settings = parsed_options(Options, self.options, "gdrive")
        check(credentials)
        self._names: dict[int, tuple[Client, Names]] = {}

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """The folder and the name of a file; of an id alone, the file itself and no name."""
        place = parsed(url)
        root = Place(id=place.id, path=place.path[:-1], resource_key=place.resource_key)
        return root.full, "".join(place.path[-1:])

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says."""
        whole = (start, stop) == (0, None)
        (got,) = self._read(key, [(start, stop)], if_match, fresh=whole)
        return got

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """As the contract says; the option `concurrency` bounds how many requests there are at a time."""
        return self._read(key, ranges, if_match, fresh=False) if ranges else []

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        return self._here[1].file(self._parts(key), fresh=True).stat

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says, for one writer at a time."""
        client, known = self._here
        parts = names(key, self.root)
        about = known.about(parts)
        old = known.own(parts, fresh=True)
        if old is not None and if_absent:
            raise ObjectExistsError(f"{about!r} exists already.", "Choose another name, or delete it first.")
        if old is not None and (old.is_shortcut or old.is_native or old.is_folder):
            raise StorageError(f"{about!r} is not a file: Drive says {old.mime}.", "Remove it in Drive first.")
        every = self._settings.supports_all_drives
        folder = known.folder((*self._place.path, *parts[:-1]), make=True)
        try:
            if old is None:
                body = {"name": parts[-1], "parents": [folder]}
                new = created(client, body, Window(data), about, all_drives=every)
            else:
                new = replaced(client, old.id, Window(data), about, all_drives=every)
        except ObjectNotFoundError:
            raise StorageError(
                f"{about!r} has no folder to be written to.", "Check the id, and who may see it."
            ) from None
        known.remember(str(folder), new)

    def delete(self, key: str) -> None:
        """As the contract says; for good, and not to the trash. Folders stay."""
        client, known = self._here
        parts = names(key, self.root)
        found = known.own(parts, fresh=True)
        if found is None:
            return
        every = self._settings.supports_all_drives
        with suppress(ObjectNotFoundError):  # somebody was faster, or our own request came through twice
            client.write(lambda files: files.delete(fileId=found.id, supportsAllDrives=every), known.about(parts))
        known.forget(parts[-1])

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says. Shortcuts and Google documents do not show; of two files of one name, one does."""
        return walk(self._here[1], prefix)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_names": {}}

    @property
    def _here(self) -> tuple[Client, Names]:
        """This process's client and what it knows of names: neither survives a fork."""
        pid = os.getpid()
        if pid not in self._names:
            client = Client(self._settings, self.credentials)
            known = Names(client, self._place, all_drives=self._settings.supports_all_drives)
            self._names.setdefault(pid, (client, known))
        return self._names[pid]

    def _parts(self, key: str) -> tuple[str, ...]:
        return names(key, self.root) if key else ()

    def _read(
        self, key: str, ranges: Sequence[tuple[int, int | None]], if_match: str | None, *, fresh: bool
    ) -> Sequence[bytes]:
        known = self._here[1]
        parts = self._parts(key)
        file = known.file(parts, fresh=fresh or if_match is not None)
        try:
            return self._of(file, parts, ranges, if_match)
        except ObjectNotFoundError:
            known.forget(file.name)  # it was replaced by another of its name
            return self._of(known.file(parts, fresh=True), parts, ranges, if_match)

    def _of(
        self, file: File, parts: tuple[str, ...], ranges: Sequence[tuple[int, int | None]], if_match: str | None
    ) -> Sequence[bytes]:
        """Ranges of one file. Drive compares no etags: so its version is looked at before and after."""
        client, known = self._here
        about = known.about(parts)
        self._check(if_match, file.etag, about)

        def one(span: tuple[int, int | None]) -> bytes:
            start, stop = span
            return b"" if stop is not None and stop <= start else client.media(file.id, start, stop, about)[0]

        got = self._each(one, ranges)
        if if_match is not None:
            now = known.file(parts, fresh=True)
            self._check(if_match, now.etag if (now.id, now.version) == (file.id, file.version) else None, about)
        return got

    def _check(self, wanted: str | None, found: str | None, about: str) -> None:
        if wanted not in (None, found):
            raise ObjectChangedError(f"{about!r} was changed since it was last looked at.", "Read or load it again.")

    def _each(
        self, one: Callable[[tuple[int, int | None]], Result], ranges: Sequence[tuple[int, int | None]]
    ) -> Sequence[Result]:
        if len(ranges) < 2:
            return [one(span) for span in ranges]
        with ThreadPoolExecutor(min(self._settings.concurrency, len(ranges))) as pool:
            return list(pool.map(one, ranges))
