"""Writing of files: small ones with one request, large ones in chunks.

A new file gets an id before it is sent (``files.generateIds``). If a request is sent again, by reelbase or by httplib2,
Drive finds the id in use and does not create a second file with the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from reelbase.errors import BadReplyError, OutcomeUnknownError, StorageError
from reelbase_plugins.gdrive.names import FIELDS, File
from reelbase_plugins.gdrive.replies import IdInUseError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase_plugins.gdrive.client import Client

CHUNK: Final = 8 << 20  # bytes; Drive wants a multiple of 256 KiB. Smaller files are sent with one request
_MEDIA_TYPE: Final = "application/octet-stream"


class UploadBuffer:
    """The part of the data that is being sent. A file is read once, and bytes are kept until Drive has them.

    Args:
        data: Bytes, or a file that is read from its current position to its end.
    """

    def __init__(self, data: bytes | BinaryIO) -> None:
        self._whole = data if isinstance(data, bytes) else None
        self._file = None if isinstance(data, bytes) else data
        self._start = 0
        self._held = bytearray()
        self._ended = False

    def first(self) -> bytes | None:
        """Return all data if it fits into one chunk, else None."""
        data = self.getbytes(0, CHUNK)
        return data if self.size() is not None and self.size() == len(data) else None

    def size(self) -> int | None:
        """Return the total number of bytes; None until the end of the file has been read."""
        if self._whole is not None:
            return len(self._whole)
        return self._start + len(self._held) if self._ended else None

    def getbytes(self, begin: int, length: int) -> bytes:
        """Return `length` bytes from position `begin` on, and drop those before it."""
        if self._whole is not None:
            return self._whole[begin : begin + length]
        if begin < self._start:
            raise StorageError("Drive lost bytes that it had confirmed.", "Write the object again.")
        del self._held[: begin - self._start]
        self._start = begin
        self._read_until(
            length + 1
        )  # one more byte shows whether this chunk is the last one, which its request has to say
        return bytes(self._held[:length])

    def _read_until(self, length: int) -> None:
        while not self._ended and len(self._held) < length:
            assert self._file is not None  # noqa: S101 - data is a file, or `getbytes` has returned
            part = self._file.read(length - len(self._held))
            self._held += part
            self._ended = not part


def create_file(
    client: Client, about: Mapping[str, Any], buffer: UploadBuffer | None, where: str, *, all_drives: bool
) -> File:
    """Create a file or folder.

    Args:
        client: Client that sends the requests.
        about: Metadata: name, parents and media type.
        buffer: Data of the file; None for a folder.
        where: Name of the file, for messages.
        all_drives: Whether the parent may be in a shared drive.

    Raises:
        OutcomeUnknownError: a reply was lost, so the file may have been created.
        StorageError: the file was not created.
    """
    body = {**about, "id": client.new_id()}
    more = {"body": body, "fields": FIELDS, "supportsAllDrives": all_drives}
    try:
        return _send(client, "create", more, buffer, where)
    except IdInUseError:  # the id was generated for this file: an earlier try created it, and its reply was lost
        more = {"fileId": body["id"], "fields": FIELDS, "supportsAllDrives": all_drives}
        return client.ask(lambda files: files.get(**more), File.of, where)


def replace_content(client: Client, uid: str, buffer: UploadBuffer, where: str, *, all_drives: bool) -> File:
    """Replace the content of a file. Readers see the old or the new content; the id stays the same.

    See `create_file` for the arguments and errors.
    """
    more = {"fileId": uid, "fields": FIELDS, "supportsAllDrives": all_drives}
    return _send(client, "update", more, buffer, where)


def _send(client: Client, method: str, more: Mapping[str, Any], buffer: UploadBuffer | None, where: str) -> File:
    """Send a file and return Drive's description of it."""
    try:
        return parse(_execute(client, method, more, buffer, where), File.of, where)
    except BadReplyError as error:  # the file may have been written all the same
        raise OutcomeUnknownError(*str(error).split("\n    ")) from None


def _execute(client: Client, method: str, more: Mapping[str, Any], buffer: UploadBuffer | None, where: str) -> Any:
    if buffer is None:
        return client.write(lambda files: getattr(files, method)(**more), where)
    small = buffer.first()  # one request is enough, and creates the file at once
    if small is not None:
        return client.write(lambda files: getattr(files, method)(media_body=_make_single_upload(small), **more), where)
    return client.upload(lambda files: getattr(files, method)(media_body=_make_chunked_upload(buffer), **more), where)


def _make_single_upload(data: bytes) -> Any:
    from googleapiclient.http import MediaInMemoryUpload

    return MediaInMemoryUpload(data, mimetype=_MEDIA_TYPE, resumable=False)


def _make_chunked_upload(buffer: UploadBuffer) -> Any:
    from googleapiclient.http import MediaUpload

    class Chunks(MediaUpload):  # type: ignore[misc]  # the client has no types
        def prepare(self, begin: int) -> None:
            """Read from the file before the request is sent, so that its errors are not errors of the connection."""
            buffer.getbytes(begin, CHUNK)

        def chunksize(self) -> int:
            return CHUNK

        def mimetype(self) -> str:
            return _MEDIA_TYPE

        def size(self) -> int | None:
            return buffer.size()

        def resumable(self) -> bool:
            return True

        def getbytes(self, begin: int, length: int) -> bytes:
            return buffer.getbytes(begin, length)

        def has_stream(self) -> bool:
            return False

    return Chunks()
