"""Writing files: small ones in one request, large ones in chunks, and none twice.

A new file gets an id before it is sent (``files.generateIds``): a request that is sent again, by us or by httplib2,
finds the id in use, and makes no second file of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from reelbase.errors import BadReplyError, OutcomeUnknownError, StorageError
from reelbase_plugins.gdrive.names import FIELDS, File
from reelbase_plugins.gdrive.replies import IdInUseError, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase_plugins.gdrive.client import Client

CHUNK: Final = 8 << 20  # a multiple of 256 KiB; a smaller object goes in one request
_TYPE: Final = "application/octet-stream"


class Window:
    """The part of a stream that is on its way: read once, held until the service has it.

    Args:
        data: Bytes, or a file that is read to its end, from where it stands.
    """

    def __init__(self, data: bytes | BinaryIO) -> None:
        self._whole = data if isinstance(data, bytes) else None
        self._file = None if isinstance(data, bytes) else data
        self._start = 0
        self._held = bytearray()
        self._ended = False

    def first(self) -> bytes | None:
        """All of it, if it is no more than one chunk."""
        data = self.getbytes(0, CHUNK)
        return data if self.size() is not None and self.size() == len(data) else None

    def size(self) -> int | None:
        """Bytes in all, once that is known."""
        if self._whole is not None:
            return len(self._whole)
        return self._start + len(self._held) if self._ended else None

    def getbytes(self, begin: int, length: int) -> bytes:
        """Bytes from `begin` on; what lies before it is let go of."""
        if self._whole is not None:
            return self._whole[begin : begin + length]
        if begin < self._start:
            raise StorageError("Drive lost bytes that it had confirmed.", "Write the object again.")
        del self._held[: begin - self._start]
        self._start = begin
        self._fill(length + 1)  # one more: the last chunk must be known as the last when it is sent
        return bytes(self._held[:length])

    def _fill(self, length: int) -> None:
        while not self._ended and len(self._held) < length:
            assert self._file is not None  # noqa: S101 - there is one, or there are bytes
            part = self._file.read(length - len(self._held))
            self._held += part
            self._ended = not part


def created(client: Client, about: Mapping[str, Any], window: Window | None, where: str, *, all_drives: bool) -> File:
    """A new file.

    Args:
        client: To ask.
        about: Its name, parents and type.
        window: Its bytes; None: it has none, as a folder.
        where: For messages.
        all_drives: In shared drives too.

    Raises:
        OutcomeUnknownError: it may stand.
        StorageError: it does not.
    """
    body = {**about, "id": client.new_id()}
    more = {"body": body, "fields": FIELDS, "supportsAllDrives": all_drives}
    try:
        return _send(client, "create", more, window, where)
    except IdInUseError:  # the id is ours alone: an earlier try went through, and its answer was lost
        more = {"fileId": body["id"], "fields": FIELDS, "supportsAllDrives": all_drives}
        return client.ask(lambda files: files.get(**more), File.of, where)


def replaced(client: Client, uid: str, window: Window, where: str, *, all_drives: bool) -> File:
    """A file with new bytes: all at once, and under the same id.

    Raises:
        As `created`.
    """
    more = {"fileId": uid, "fields": FIELDS, "supportsAllDrives": all_drives}
    return _send(client, "update", more, window, where)


def _send(client: Client, method: str, more: Mapping[str, Any], window: Window | None, where: str) -> File:
    """What Drive says of the file that was written."""
    try:
        return told(_answer(client, method, more, window, where), File.of, where)
    except BadReplyError as error:
        raise OutcomeUnknownError(*str(error).split("\n    ")) from None


def _answer(client: Client, method: str, more: Mapping[str, Any], window: Window | None, where: str) -> Any:
    if window is None:
        return client.write(lambda files: getattr(files, method)(**more), where)
    small = window.first()
    if small is not None:
        return client.write(lambda files: getattr(files, method)(media_body=_in_one(small), **more), where)
    return client.upload(lambda files: getattr(files, method)(media_body=_in_chunks(window), **more), where)


def _in_one(data: bytes) -> Any:
    from googleapiclient.http import MediaInMemoryUpload

    return MediaInMemoryUpload(data, mimetype=_TYPE, resumable=False)


def _in_chunks(window: Window) -> Any:
    from googleapiclient.http import MediaUpload

    class Chunks(MediaUpload):  # type: ignore[misc]  # the client has no types
        def prepare(self, begin: int) -> None:
            """Read from the stream; not while a request goes on, which its errors are not about."""
            window.getbytes(begin, CHUNK)

        def chunksize(self) -> int:
            return CHUNK

        def mimetype(self) -> str:
            return _TYPE

        def size(self) -> int | None:
            return window.size()

        def resumable(self) -> bool:
            return True

        def getbytes(self, begin: int, length: int) -> bytes:
            return window.getbytes(begin, length)

        def has_stream(self) -> bool:
            return False

    return Chunks()
