"""Opening of containers such that libav can reach nothing but the bytes of the file.

libav picks demuxers by content and by name, and several of them (concat, hls, dash, sdp, imf, mov with data
references) open further files and URLs. So the caller always names the demuxer, every protocol is
disabled, and the file object has only ``read``, ``seek`` and ``tell``.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from reelbase.errors import DamagedMediaError, LimitError, MediaError, ReelbaseError, UnknownFormatError
from reelbase_plugins.video.demux.boxes import find_cut_header
from reelbase_plugins.video.demux.refusals import check_can_be_kept

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from av.container import InputContainer
    from av.stream import Disposition
    from av.video.stream import VideoStream

    from reelbase.plugin import Blob, Limits

#: Demuxers that read one file and never open another.
SELF_CONTAINED: Final = frozenset(
    "mov matroska avi flv mpegts mpeg mpegvideo gif asf ivf ogg mxf dv rm nut yuv4mpegpipe apng h264 hevc m4v obu".split()  # noqa: E501, SIM905
)
_BLOCK_BYTES: Final = 1 << 20
_MAX_BLOCKS_PER_REQUEST: Final = 8
_MAX_BLOCKS_KEPT: Final = 20
_LIBAV_BUFFER_BYTES: Final = 1 << 16
_PIXELS_OF_DEFAULT: Final = 5_000_000  # what a mark as default counts for in ffmpeg's choice (ffmpeg_mux_init.c)


class Reader:
    """The file object that libav reads from. The same bytes can be read to check what libav states of them.

    It keeps the blocks read last, so that comparing a packet with the file costs no request. It reads further ahead the
    longer it is read in order, so that reading a whole file costs a request for every 8 MiB.

    Attributes:
        failure: The error that a read raised, or None. From then on the file ends there. PyAV does not get the error:
            it prints all but the last of several, and reads on for ever after one that is not an Exception, such as
            KeyboardInterrupt.
        is_cut: The file ends within headers that libav does not open, and is read as if it ended before them.
    """

    name = ""
    failure: BaseException | None = None
    is_cut = False

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._at = 0
        self._blocks: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._next_number = 0
        self._blocks_per_request = 1

    @property
    def size(self) -> int:
        """Number of bytes of the file."""
        return self._blob.size

    def cut_at(self, stop: int) -> None:
        """Read from the start again, as if the file ended at `stop`."""
        self._blob = self._blob.slice(0, stop)
        self._at = 0
        self._blocks.clear()
        self.is_cut = True

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; fewer at the end of a block, none at the end of the file."""
        if self.failure is not None or self._at >= self._blob.size:
            return b""
        try:
            data = self._read_some(size)
        except BaseException as error:  # noqa: BLE001  raised again when the container is closed
            self.failure = error
            return b""
        self._at += len(data)
        return data

    def _read_some(self, size: int) -> bytes:
        block, skip = divmod(self._at, _BLOCK_BYTES)
        fetched, at = self._get_block(block)
        return fetched[at + skip : at + min(skip + size, _BLOCK_BYTES)]

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position. Positions past the end are allowed, as in files."""
        base = (0, self._at, self._blob.size)[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._at

    def has_at(self, data: bytes, pos: int) -> bool:
        """Return True if the file has `data` at `pos`."""
        block, skip = divmod(pos, _BLOCK_BYTES)
        if pos < 0 or pos + len(data) > self._blob.size:
            return False
        fetched, at = self._get_block(block)
        if at + skip + len(data) <= len(fetched):
            return fetched.startswith(data, at + skip)  # copies nothing
        return self.read_span(pos, pos + len(data)) == data

    def read_span(self, start: int, stop: int) -> bytes:
        """Read the bytes ``start:stop``, clipped to the file."""
        start, stop = max(0, start), min(stop, self._blob.size)
        if stop - start > _BLOCK_BYTES * (_MAX_BLOCKS_KEPT // 2):
            return self._blob.read(start, stop)  # would push most other blocks out
        first, last = start // _BLOCK_BYTES, max(start, stop - 1) // _BLOCK_BYTES
        blocks = [self._get_block(number) for number in range(first, last + 1)]
        joined = b"".join(fetched[at : at + _BLOCK_BYTES] for fetched, at in blocks)
        return joined[start - first * _BLOCK_BYTES : stop - first * _BLOCK_BYTES]

    def _get_block(self, number: int) -> tuple[bytes, int]:
        """Return the bytes that a block was fetched with, and its position in them."""
        if number not in self._blocks:
            self._fetch(number)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int) -> None:
        """Fetch a block; several, each time twice as many, if it comes right after those that were fetched last."""
        self._blocks_per_request = (
            min(2 * self._blocks_per_request, _MAX_BLOCKS_PER_REQUEST) if number == self._next_number else 1
        )
        fetched = self._blob.read(number * _BLOCK_BYTES, (number + self._blocks_per_request) * _BLOCK_BYTES)
        for at in range(0, max(1, len(fetched)), _BLOCK_BYTES):
            self._blocks[number + at // _BLOCK_BYTES] = fetched, at
        self._next_number = number + self._blocks_per_request
        while len(self._blocks) > _MAX_BLOCKS_KEPT:
            self._blocks.popitem(last=False)


@contextmanager
def open_container(reader: Reader, demuxer: str, *, filename: str) -> Iterator[InputContainer]:
    """Open a container that is read by `demuxer`, and by no other demuxer.

    Raises:
        BaseException: the error that a read of the file raised; it is raised when the ``with`` block ends.
        DamagedMediaError: the file is not in this format, or too damaged to open.
        MediaError: the demuxer may open other files.
    """
    if demuxer not in SELF_CONTAINED:
        raise MediaError(f"The demuxer {demuxer!r} may open other files, and is not allowed.")
    try:
        with media_errors(filename, "cannot be opened"):
            container = _open_uncut(reader, demuxer)
        with container:
            check_can_be_kept(container, reader, demuxer, filename)
            yield container
    finally:
        if reader.failure is not None:
            raise reader.failure


def _open_uncut(reader: Reader, demuxer: str) -> InputContainer:
    """Open a container. A recording that ends within a ``moof`` is opened without it: all before it is whole."""
    try:
        return _open(reader, demuxer)
    except libav_errors():
        start = find_cut_header(reader) if demuxer == "mov" and reader.failure is None else None
        if start is None:
            raise
        reader.cut_at(start)
        return _open(reader, demuxer)


def _open(reader: Reader, demuxer: str) -> InputContainer:
    import av

    return av.open(
        reader,
        "r",
        format=demuxer,
        container_options={"protocol_whitelist": "none"} | ({"enable_drefs": "0"} if demuxer == "mov" else {}),
        metadata_errors="replace",
        buffer_size=_LIBAV_BUFFER_BYTES,
        io_open=_refuse,
    )


def _refuse(*_: object) -> NoReturn:
    raise PermissionError("a media file may not open other files")


def libav_errors() -> tuple[type[Exception], ...]:
    """Return the errors that PyAV raises for damaged files: its own, and built-in ones where it does not check values.

    Some errors of reelbase are subclasses of these: catch and raise `ReelbaseError` before them.
    """
    import av

    return (av.FFmpegError, ValueError, OverflowError, MemoryError, LookupError)


@contextmanager
def media_errors(filename: str, what: str) -> Iterator[None]:
    """Turn errors of libav into DamagedMediaError. Errors of reelbase, such as those of storages, are not changed."""
    try:
        yield
    except ReelbaseError:
        raise
    except libav_errors() as error:
        raise DamagedMediaError(
            f"{filename} {what}: {_find_reason(error)}.", "It is damaged, truncated or of another format."
        ) from error


def _find_reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def list_videos(container: InputContainer) -> list[VideoStream]:
    """Return the video streams, in the order of the file. Cover pictures, which are streams to libav, are left out."""
    attached = _disposition().attached_pic
    return [video for video in container.streams.video if not video.disposition & attached]


def pick_stream(
    container: InputContainer,
    *,
    filename: str,
    number: int | None,
    limits: Limits,
    empty: Collection[int] = (),
) -> VideoStream:
    """Return the video stream to use.

    Args:
        container: The open container.
        filename: Name of the file in messages.
        number: Number of the stream in `list_videos`; None means the one that ffmpeg picks: the largest, where being
            marked as default counts as much as 5 million pixels, and of those that have frames.
        limits: Limits on frame sizes.
        empty: Numbers of streams that turned out to have no frames.

    Raises:
        DamagedMediaError: the file has no streams.
        UnknownFormatError: it has others than video, such as sound.
        MediaError: there is no such video stream, or this FFmpeg cannot decode it.
        LimitError: its frames are larger than allowed.
    """
    videos = list_videos(container)
    if not len(container.streams):
        raise DamagedMediaError(f"{filename} holds no streams.", "It is damaged or truncated; give a whole copy.")
    if not videos:
        kinds = {"cover picture" if other.type == "video" else other.type for other in container.streams}
        raise UnknownFormatError(
            f"{filename} holds no video, only: {', '.join(sorted(kinds))}.", "Pass a file with a video stream."
        )
    if number is not None and not 0 <= number < len(videos):
        raise MediaError(
            f"{filename} has no video stream {number}; it has {len(videos)}.", "Streams are counted from 0."
        )
    candidates = [video for at, video in enumerate(videos) if at not in empty] or videos
    stream = max(candidates, key=_rank) if number is None else videos[number]
    if stream.codec_context is None:
        raise MediaError(
            f"{filename}: this FFmpeg has no decoder for its video codec.", "Convert it, for example to H.264."
        )
    check_pixels(stream.codec_context.width, stream.codec_context.height, filename, limits.max_pixels)
    return stream


def _rank(video: VideoStream) -> tuple[bool, int]:
    """Rank a stream as the ffmpeg command does. A stream of one picture, as in animated AVIF, is never preferred."""
    context = video.codec_context
    pixels = context.width * context.height if context is not None else 0
    is_default = bool(video.disposition & _disposition().default)
    return video.frames != 1, pixels + _PIXELS_OF_DEFAULT * is_default


def _disposition() -> type[Disposition]:
    import av

    return av.stream.Disposition


def check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    """Check that frames are not too large.

    Raises:
        LimitError: they have more than `max_pixels` pixels.
    """
    if width * height > max_pixels:
        raise LimitError(
            f"{name} has frames of {width}x{height}, more than {max_pixels} pixels.",
            "Raise max_pixels under [security] in your own configuration if you trust the file.",
        )
