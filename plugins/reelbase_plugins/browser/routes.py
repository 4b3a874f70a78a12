"""The page's requests and their answers, without HTTP. The server and the notebook widget share them.

Requests contain only numbers: of rows, frames and packets, and of tensors by their position in the list. They never
contain a path or file name, so a request cannot reach files outside the dataset.
"""

from __future__ import annotations

import base64
import inspect
import json
import struct
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import numpy as np

from reelbase.errors import FilterError
from reelbase.plugin import Flag, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.errors import ReelbaseError
    from reelbase.plugin import StoredVideo, ViewerSource, WebStream

MAX_PACKETS_PER_REPLY: Final = 512
MAX_FRAMES_PER_REPLY: Final = 512
VIDEOS_KEPT: Final = 16  #: videos kept open, because a page sends many requests for the same video in a row
BINARY: Final = "application/octet-stream"


def describe_error(error: ReelbaseError) -> str:
    """Return what the page shows of an error: what failed, and for a filter, which the user wrote there, the hint."""
    what, _, todo = str(error).partition("\n")
    return f"{what} {todo.strip()}".strip() if isinstance(error, FilterError) else what


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        body: Content of the answer.
        media_type: Media type of the content.
        cacheable: Whether the browser may cache it. The content of a commit never changes.
    """

    body: bytes
    media_type: str = BINARY
    cacheable: bool = True


class Routes:
    """The requests that the page can make, by name.

    Args:
        source: Data to show.
    """

    def __init__(self, source: ViewerSource) -> None:
        self._source = source
        self._names = [tensor.name for tensor in source.overview().tensors]
        self._video = lru_cache(VIDEOS_KEPT)(source.video)
        self._handlers: Mapping[str, Callable[..., Answer]] = {
            "about": self._about,
            "versions": self._versions,
            "rows": self._rows,
            "row": self._row,
            "index": self._index,
            "packets": self._packets,
            "clip": self._clip,
            "frame": self._frame,
            "track": self._track,
            "curve": self._curve,
        }

    def answer(self, path: str, query: str) -> Answer | None:
        """Answer a request.

        Args:
            path: Name of the request and its numbers, such as ``packets/7/0/60/120``.
            query: Named arguments, as in the query of a URL.

        Returns:
            The answer; None if there is no such request.

        Raises:
            ReelbaseError: the requested data does not exist or cannot be read.
        """
        name, *parts = path.split("/")
        handler = self._handlers.get(name)
        numbers = parse_numbers(parts)
        if handler is None or numbers is None:
            return None
        try:
            arguments = inspect.signature(handler).bind(*numbers, **dict(parse_qsl(query)))
        except TypeError:  # too many numbers, or too few
            return None
        return handler(*arguments.args, **arguments.kwargs)

    def media(self, path: str) -> tuple[StoredVideo, str] | None:
        """Return the file of a video and its media type.

        Args:
            path: Numbers of the row and the tensor: ``row/tensor``.

        Returns:
            None if the path has another form.
        """
        numbers = parse_numbers(path.split("/"))
        if numbers is None or len(numbers) != 2:
            return None
        video = self._video(numbers[0], self._get_tensor_name(numbers[1]))
        # Only types that a browser plays or shows as a picture. A plugin's media type must not make the browser run a
        # stored file as a page.
        playable = video.media_type.startswith(("video/", "image/", "audio/")) and "svg" not in video.media_type
        return video, video.media_type if playable else BINARY

    def _get_tensor_name(self, tensor: int) -> str:
        return self._names[tensor] if 0 <= tensor < len(self._names) else ""

    def _about(self) -> Answer:
        return _make_json_answer(asdict(self._source.overview()))

    def _versions(self) -> Answer:
        return _make_json_answer([asdict(version) for version in self._source.versions()])

    def _rows(self, *, where: str = "", start: str = "0", limit: str = "100") -> Answer:
        return _make_json_answer(
            asdict(self._source.rows(where, _parse_number(start), _parse_number(limit))), cacheable=False
        )

    def _row(self, row: int) -> Answer:
        return _make_json_answer(asdict(self._source.row(row)))

    def _index(self, row: int, tensor: int) -> Answer:
        video = self._video(row, self._get_tensor_name(tensor))
        index, (_, height, width, *_) = video.index, video.info.shape
        exact = index.trust >= Trust.NO_SKIP
        head = {
            "frames": len(index),
            "packets": len(index.pos),
            "width": width,
            "height": height,
            "seconds": float(index.end * index.time_base),
            "stream": _stream_to_json(video.codec.web_stream(index) if exact else None),
        }
        # WebCodecs can only start at closed random access points: pictures that do not need earlier ones, and after
        # which no picture refers to one before them.
        closed = (index.flags & (Flag.RAP | Flag.OPEN)) == Flag.RAP
        return Answer(
            _join_parts(
                json.dumps(head).encode(),
                index.display.astype("<i4").tobytes(),
                index.seconds(np.arange(len(index))).astype("<f8").tobytes(),
                closed.astype("u1").tobytes(),
            )
        )

    def _packets(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        video = self._video(row, self._get_tensor_name(tensor))
        stop = min(stop, start + MAX_PACKETS_PER_REPLY, len(video.index.pos))
        first, size = video.index.pos[start:stop], video.index.size[start:stop]
        spans = list(zip(first.tolist(), (first + size).tolist(), strict=True))
        packets = video.packets.read_ranges(spans)
        video.index.check_packets(range(start, stop), packets)
        return Answer(_join_parts(*packets))

    def _clip(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        clip = self._source.clip(row, self._get_tensor_name(tensor), start, stop)
        return Answer(_join_parts(json.dumps(_stream_to_json(clip.stream)).encode(), *clip.packets))

    def _frame(self, row: int, tensor: int, frame: int, *, width: str = "640") -> Answer:
        return Answer(
            self._source.picture(row, self._get_tensor_name(tensor), frame, _parse_number(width)), "image/jpeg"
        )

    def _track(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        return _make_json_answer(
            self._source.track(row, self._get_tensor_name(tensor), start, min(stop, start + MAX_FRAMES_PER_REPLY))
        )

    def _curve(self, row: int, tensor: int) -> Answer:
        return _make_json_answer(self._source.curve(row, self._get_tensor_name(tensor)))


def parse_numbers(parts: Sequence[str]) -> list[int] | None:
    """Parse the parts of a path as numbers; None if one of them is not a number."""
    valid = all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts)
    return [int(part) for part in parts] if valid else None


def _stream_to_json(stream: WebStream | None) -> dict[str, Any] | None:
    if stream is None:
        return None
    description = base64.b64encode(stream.description).decode()
    return {"codec": stream.codec, "description": description, "size": stream.size, "turn": stream.turn}


def _join_parts(*parts: bytes | memoryview) -> bytes:
    """Join parts: their number, the length of each (both uint32, little-endian), then the parts themselves."""
    return b"".join([struct.pack(f"<{1 + len(parts)}I", len(parts), *map(len, parts)), *parts])


def _make_json_answer(value: Any, *, cacheable: bool = True) -> Answer:
    return Answer(json.dumps(value, allow_nan=False).encode(), "application/json", cacheable)


def _parse_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
