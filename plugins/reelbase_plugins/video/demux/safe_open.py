"""Opening a container without letting libav reach anything but the bytes in front of it.

libav picks demuxers by content and by name, and several of them (concat, hls, dash, sdp, imf, mov with data
references) open further files and URLs. So the demuxer is always named by the caller, every protocol is switched
off, and the file object has nothing but ``read``, ``seek`` and ``tell``.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from reelbase.errors import DamagedMediaError, LimitError, MediaError, ReelbaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from reelbase.plugin import Blob, Limits

#: Demuxers that read one file and never open another.
SELF_CONTAINED: Final = frozenset(
    "mov matroska avi flv mpegts mpeg mpegvideo gif asf ivf ogg mxf dv rm".split()  # noqa: SIM905
)
_BLOCK: Final = 1 << 20
_AHEAD: Final = 8
_BLOCKS: Final = 20
_BUFFER: Final = 1 << 16


class Reader:
    """The one file object that libav sees, and the same bytes for whoever checks what it said.

    Keeps the last few megabytes read, so that looking at a packet's bytes again costs no request; and reads the further
    ahead the longer it is read in order, so that a whole file costs a request for every 8 MiB.

    Attributes:
        failure: What stopped a read, from then on the file ends there. It is not given to PyAV, which prints all but
            the last of several errors, and reads on for ever after one that is not an Exception, such as Ctrl-C's.
    """

    name = ""
    failure: BaseException | None = None

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._at = 0
        self._blocks: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._next = 0
        self._ahead = 1

    def read(self, size: int) -> bytes:
        """Up to `size` bytes from here on; fewer at a block's edge, none at the end."""
        if self.failure is not None or self._at >= self._blob.size:
            return b""
        try:
            data = self._some(size)
        except BaseException as error:  # noqa: BLE001  raised when the container is closed
            self.failure = error
            return b""
        self._at += len(data)
        return data

    def _some(self, size: int) -> bytes:
        block, skip = divmod(self._at, _BLOCK)
        fetched, at = self._block(block)
        return fetched[at + skip : at + min(skip + size, _BLOCK)]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; positions past the end are allowed, as in files."""
        base = (0, self._at, self._blob.size)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next read starts."""
        return self._at

    def holds(self, data: bytes, pos: int) -> bool:
        """Whether `data` is at `pos`."""
        block, skip = divmod(pos, _BLOCK)
        if pos < 0 or pos + len(data) > self._blob.size:
            return False
        fetched, at = self._block(block)
        if at + skip + len(data) <= len(fetched):
            return fetched.startswith(data, at + skip)  # copies nothing
        return self.span(pos, pos + len(data)) == data

    def span(self, start: int, stop: int) -> bytes:
        """Bytes ``start:stop``, clipped to the blob."""
        start, stop = max(0, start), min(stop, self._blob.size)
        if stop - start > _BLOCK * (_BLOCKS // 2):
            return self._blob.read(start, stop)
        first, last = start // _BLOCK, max(start, stop - 1) // _BLOCK
        blocks = [self._block(n) for n in range(first, last + 1)]
        joined = b"".join(fetched[at : at + _BLOCK] for fetched, at in blocks)
        return joined[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> tuple[bytes, int]:
        """What it was fetched in, and where it begins in that."""
        if number not in self._blocks:
            self._fetch(number)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int) -> None:
        """One block; or several, if it comes after the last ones that were fetched."""
        self._ahead = min(2 * self._ahead, _AHEAD) if number == self._next else 1
        fetched = self._blob.read(number * _BLOCK, (number + self._ahead) * _BLOCK)
        for at in range(0, max(1, len(fetched)), _BLOCK):
            self._blocks[number + at // _BLOCK] = fetched, at
        self._next = number + self._ahead
        while len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)


@contextmanager
def opened(reader: Reader, demuxer: str, *, filename: str) -> Iterator[InputContainer]:
    """A container over `reader`, read by `demuxer` and no other.

    Raises:
        BaseException: what a read of its bytes raised, when the block ends, whatever else came of it.
        DamagedMediaError: it is not such a container, or too damaged to open.
    """
    import av

    if demuxer not in SELF_CONTAINED:
        raise MediaError(f"The demuxer {demuxer!r} is not one that keeps to its own file.")
    options = {"protocol_whitelist": "none"} | ({"enable_drefs": "0"} if demuxer == "mov" else {})
    try:
        with media_errors(filename, "cannot be opened"):
            container = av.open(
                reader,
                "r",
                format=demuxer,
                container_options=options,
                metadata_errors="replace",
                buffer_size=_BUFFER,
                io_open=_refuse,
            )
        with container:
            yield container
    finally:
        if reader.failure is not None:
            raise reader.failure


def _refuse(*_: object) -> NoReturn:
    raise PermissionError("a media file may not open other files")


def libav_errors() -> tuple[type[Exception], ...]:
    """What PyAV raises of damaged files: its own errors, and plain ones where it trusts what libav found.

    Errors of reelbase are some of these too; let them pass first.
    """
    import av

    return (av.FFmpegError, ValueError, OverflowError, MemoryError, LookupError)


@contextmanager
def media_errors(filename: str, what: str) -> Iterator[None]:
    """Turn what libav raises into DamagedMediaError; errors of storages pass."""
    try:
        yield
    except ReelbaseError:
        raise
    except libav_errors() as error:
        raise DamagedMediaError(
            f"{filename} {what}: {_reason(error)}.", "It is damaged, truncated or of another format."
        ) from error


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def pick_stream(container: InputContainer, *, filename: str, number: int | None, limits: Limits) -> VideoStream:
    """The video stream to use: `number`, else the default one, else the first; cover pictures come last.

    Raises:
        MediaError: there is none, or none that this FFmpeg can decode.
        LimitError: its frames are larger than allowed.
    """
    import av

    disposition = av.stream.Disposition
    videos = [s for s in container.streams.video if not s.disposition & disposition.attached_pic]
    videos = videos or list(container.streams.video)
    if not len(container.streams):
        raise DamagedMediaError(f"{filename} holds no streams.", "It is damaged or truncated; give a whole copy.")
    if not videos:
        kinds = ", ".join(sorted({s.type for s in container.streams}))
        raise MediaError(f"{filename} holds no video, only: {kinds}.", "Give a file with a video stream.")
    if number is not None and not 0 <= number < len(videos):
        raise MediaError(f"{filename} has no video stream {number}; it has {len(videos)}.", "Count streams from 0.")
    default = next((s for s in videos if s.disposition & disposition.default), videos[0])
    stream = default if number is None else videos[number]
    if stream.codec_context is None:
        raise MediaError(
            f"{filename}: this FFmpeg has no decoder for its video codec.", "Convert it, for example to H.264."
        )
    check_pixels(stream.codec_context.width, stream.codec_context.height, filename, limits.max_pixels)
    return stream


def check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    """Refuse frames that are too large.

    Raises:
        LimitError: more than `max_pixels`.
    """
    if width * height > max_pixels:
        raise LimitError(
            f"{name} has frames of {width}x{height}, more than {max_pixels} pixels.",
            "Raise max_pixels under [security] in your own configuration if you trust it.",
        )
