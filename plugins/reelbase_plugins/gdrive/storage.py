"""Storage on Google Drive: each object is one file, in folders."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar

from reelbase.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError, StorageError
from reelbase.plugin import Stat, Storage
from reelbase_plugins._remote.options import parse_options
from reelbase_plugins.gdrive.access import Options, check_fields
from reelbase_plugins.gdrive.client import Client
from reelbase_plugins.gdrive.listing import walk
from reelbase_plugins.gdrive.names import File, Names
from reelbase_plugins.gdrive.urls import Place, parse_url, split_key
from reelbase_plugins.gdrive.writing import UploadBuffer, create_file, replace_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reelbase.plugin import Credentials

Result = TypeVar("Result")


class DriveStorage(Storage):
    """Files below one folder of Drive, or one file (its key is then empty).

    Only one process may write at a time, because Drive cannot create a file only if its name is absent. If two write at
    once, `put` with `if_absent` can succeed for both and leave two files with the same name; reading that name then
    raises an error. Any number of processes may read meanwhile. `delete` deletes permanently, not to the trash.

    Args:
        root: ``gdrive://<id>[/path][?resourcekey=…]``. Folders of the path are created by the first `put`.
        options: See `reelbase_plugins.gdrive.access.Options`.
        credentials: Fields of a service account; or client_id, client_secret and refresh_token; or token; or api_key.

    Raises:
        UsageError: an option or a field of the credentials is unknown.
        StorageError: `root` does not contain an id.
    """

    racing: ClassVar[bool] = False

    def __init__(
        self, root: str, *, options: Mapping[str, Any] | None = None, credentials: Credentials | None = None
    ) -> None:
        self._place = parse_url(root)
        super().__init__(self._place.url, options=options, credentials=credentials)
        self._settings = self.parse_options(self.options)
        check_fields(credentials)
        self._names: dict[int, tuple[Client, Names]] = {}

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> Options:
        """Check the options of `Options`."""
        return parse_options(Options, options, "storage.gdrive")

    @classmethod
    def locate(cls, url: str) -> tuple[str, str]:
        """Split a URL into the folder and the name of a file; for an id alone, the file itself and an empty name."""
        place = parse_url(url)
        root = Place(id=place.id, path=place.path[:-1], resource_key=place.resource_key)
        return root.full, "".join(place.path[-1:])

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read a file or a part of it."""
        whole = (start, stop) == (0, None)
        (data,) = self._read(key, [(start, stop)], if_match, fresh=whole)
        return data

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """Read several parts of a file with one request each, at most `concurrency` at a time."""
        return self._read(key, ranges, if_match, fresh=False) if ranges else []

    def stat(self, key: str) -> Stat:
        """Return size, etag and time of modification of a file."""
        return self._here[1].find_file(self._split_key(key), fresh=True).stat

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write a file. `if_absent` is only reliable with one writer at a time."""
        client, known = self._here
        parts = split_key(key, self.root)
        about = known.make_label(parts)
        old = known.find_entry(parts, fresh=True)
        # Between this check and the write, another process can create the name; see the class.
        if old is not None and if_absent:
            raise ObjectExistsError(f"{about!r} exists already.", "Choose another name, or delete it first.")
        if old is not None and (old.is_shortcut or old.is_native or old.is_folder):
            raise StorageError(f"{about!r} is not a file: its type is {old.mime}.", "Remove it in Drive first.")
        all_drives = self._settings.supports_all_drives
        folder = known.find_folder((*self._place.path, *parts[:-1]), make=True)
        try:
            if old is None:
                body = {"name": parts[-1], "parents": [folder]}
                new = create_file(client, body, UploadBuffer(data), about, all_drives=all_drives)
            else:
                new = replace_content(client, old.id, UploadBuffer(data), about, all_drives=all_drives)
        except ObjectNotFoundError:
            raise StorageError(
                f"The folder of {about!r} does not exist.", "Check the id, and that the folder is shared with you."
            ) from None
        known.remember(str(folder), new)

    def delete(self, key: str) -> None:
        """Delete a file permanently, not to the trash, where it would still count against the quota."""
        client, known = self._here
        parts = split_key(key, self.root)
        found = known.find_entry(parts, fresh=True)
        if found is None:
            return
        all_drives = self._settings.supports_all_drives
        with suppress(ObjectNotFoundError):  # somebody else deleted it, or an earlier try of this request did
            client.write(
                lambda files: files.delete(fileId=found.id, supportsAllDrives=all_drives), known.make_label(parts)
            )
        known.forget(parts[-1])

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """List files. Shortcuts and Google documents are left out; of two files with the same name, one is listed."""
        return walk(self._here[1], prefix)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_names": {}}

    @property
    def _here(self) -> tuple[Client, Names]:
        """This process's client and its names. After a fork the child makes its own."""
        pid = os.getpid()
        if pid not in self._names:
            client = Client(self._settings, self.credentials)
            known = Names(client, self._place, all_drives=self._settings.supports_all_drives)
            self._names.setdefault(pid, (client, known))
        return self._names[pid]

    def _split_key(self, key: str) -> tuple[str, ...]:
        return split_key(key, self.root) if key else ()

    def _read(
        self, key: str, ranges: Sequence[tuple[int, int | None]], if_match: str | None, *, fresh: bool
    ) -> Sequence[bytes]:
        known = self._here[1]
        parts = self._split_key(key)
        file = known.find_file(parts, fresh=fresh or if_match is not None)
        try:
            return self._read_file(file, parts, ranges, if_match)
        except ObjectNotFoundError:
            known.forget(file.name)  # the remembered file was deleted; another may have its name now
            return self._read_file(known.find_file(parts, fresh=True), parts, ranges, if_match)

    def _read_file(
        self, file: File, parts: tuple[str, ...], ranges: Sequence[tuple[int, int | None]], if_match: str | None
    ) -> Sequence[bytes]:
        """Read parts of one file.

        Drive has no conditional reads, so the version of the file is compared before and after.
        """
        client, known = self._here
        about = known.make_label(parts)
        self._check_etag(if_match, file.etag, about)

        def read_range(span: tuple[int, int | None]) -> bytes:
            start, stop = span
            return b"" if stop is not None and stop <= start else client.download(file.id, start, stop, about)[0]

        parts_read = self._map(read_range, ranges)
        if if_match is not None:
            now = known.find_file(parts, fresh=True)
            self._check_etag(if_match, now.etag if (now.id, now.version) == (file.id, file.version) else None, about)
        return parts_read

    def _check_etag(self, wanted: str | None, found: str | None, about: str) -> None:
        if wanted not in (None, found):
            raise ObjectChangedError(f"{about!r} has changed since it was last read.", "Read or load it again.")

    def _map(
        self, function: Callable[[tuple[int, int | None]], Result], ranges: Sequence[tuple[int, int | None]]
    ) -> Sequence[Result]:
        if len(ranges) < 2:
            return [function(span) for span in ranges]
        with ThreadPoolExecutor(min(self._settings.concurrency, len(ranges))) as pool:
            return list(pool.map(function, ranges))
