"""What the page may ask for, and the answers. Nothing here knows of HTTP but the names of types.

Numbers only: rows, frames and packets; tensors by their place in the list. No path and no name of a file comes in.
"""

from __future__ import annotations

import base64
import inspect
import json
import mimetypes
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import numpy as np

from reelbase.plugin import Flag, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.plugin import StoredVideo, ViewerSource, WebStream

_MOST_PACKETS: Final = 512
_MOST_FRAMES: Final = 512
_BINARY: Final = "application/octet-stream"


@dataclass(frozen=True)
class Answer:
    """Bytes, what they are, and whether they may be kept: of a commit, what is told never changes."""

    body: bytes
    type: str = _BINARY
    keep: bool = True


class Answers:
    """Everything that can be asked of what is shown.

    Args:
        showing: That.
    """

    def __init__(self, showing: ViewerSource) -> None:
        self._showing = showing
        self._names = [one["name"] for one in showing.about()["tensors"]]
        self._video = lru_cache(16)(showing.video)
        self._asks: Mapping[str, Callable[..., Answer]] = {
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

    def ask(self, path: str, query: str) -> Answer | None:
        """The answer to a question.

        Args:
            path: What is asked for, and numbers: ``packets/7/0/60/120``.
            query: Further, as in a URL.

        Returns:
            None: there is no such question.

        Raises:
            ReelbaseError: what it asks for is not there, or cannot be read.
        """
        what, *rest = path.split("/")
        ask = self._asks.get(what)
        numbers = whole_numbers(rest)
        if ask is None or numbers is None:
            return None
        try:
            given = inspect.signature(ask).bind(*numbers, **dict(parse_qsl(query)))
        except TypeError:  # too many numbers, or too few
            return None
        return ask(*given.args, **given.kwargs)

    def media(self, path: str) -> tuple[StoredVideo, str] | None:
        """The file of a video, ``row/tensor``, and its media type; None: it is asked for otherwise."""
        numbers = whole_numbers(path.split("/"))
        if numbers is None or len(numbers) != 2:
            return None
        footage = self._video(numbers[0], self._name(numbers[1]))
        names = f"x.{footage.codec.name}", str(footage.info.details.get("filename", ""))
        known = [kind for name in names if (kind := mimetypes.guess_type(name)[0] or "").startswith("video/")]
        return footage, known[0] if known else _BINARY  # a video that is called x.html is no page

    def _name(self, tensor: int) -> str:
        return self._names[tensor] if 0 <= tensor < len(self._names) else ""

    def _about(self) -> Answer:
        return _json(self._showing.about())

    def _versions(self) -> Answer:
        return _json(self._showing.versions())

    def _rows(self, *, where: str = "", start: str = "0", limit: str = "100") -> Answer:
        return _json(self._showing.rows(where, _number(start), _number(limit)), keep=False)

    def _row(self, row: int) -> Answer:
        return _json(self._showing.row(row))

    def _index(self, row: int, tensor: int) -> Answer:
        footage = self._video(row, self._name(tensor))
        index, (_, height, width, *_) = footage.index, footage.info.shape
        exact = index.trust >= Trust.NO_SKIP
        head = {
            "frames": len(index),
            "packets": len(index.pos),
            "width": width,
            "height": height,
            "seconds": float(index.end * index.time_base),
            "stream": _told(footage.codec.web_stream(index) if exact else None),
        }
        # Browsers begin at pictures that need none before them, and that no later one reaches over.
        closed = (index.flags & (Flag.RAP | Flag.OPEN)) == Flag.RAP
        return Answer(
            _framed(
                json.dumps(head).encode(),
                index.display.astype("<i4").tobytes(),
                index.seconds(np.arange(len(index))).astype("<f8").tobytes(),
                closed.astype("u1").tobytes(),
            )
        )

    def _packets(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        footage = self._video(row, self._name(tensor))
        stop = min(stop, start + _MOST_PACKETS, len(footage.index.pos))
        first, size = footage.index.pos[start:stop], footage.index.size[start:stop]
        spans = list(zip(first.tolist(), (first + size).tolist(), strict=True))
        return Answer(_framed(*footage.packets.read_ranges(spans)))

    def _clip(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        clip = self._showing.clip(row, self._name(tensor), start, stop)
        return Answer(_framed(json.dumps(_told(clip.stream)).encode(), *clip.packets))

    def _frame(self, row: int, tensor: int, frame: int, *, width: str = "640") -> Answer:
        return Answer(self._showing.picture(row, self._name(tensor), frame, _number(width)), "image/jpeg")

    def _track(self, row: int, tensor: int, start: int, stop: int) -> Answer:
        return _json(self._showing.track(row, self._name(tensor), start, min(stop, start + _MOST_FRAMES)))

    def _curve(self, row: int, tensor: int) -> Answer:
        return _json(self._showing.curve(row, self._name(tensor)))


def whole_numbers(parts: Sequence[str]) -> list[int] | None:
    """Of the parts of a path; None: one is no number."""
    known = all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts)
    return [int(part) for part in parts] if known else None


def _told(stream: WebStream | None) -> dict[str, Any] | None:
    if stream is None:
        return None
    description = base64.b64encode(stream.description).decode()
    return {"codec": stream.codec, "description": description, "size": stream.size, "turn": stream.turn}


def _framed(*parts: bytes | memoryview) -> bytes:
    """How many parts, the length of each (uint32, little-endian), and the parts one after another."""
    return b"".join([struct.pack(f"<{1 + len(parts)}I", len(parts), *map(len, parts)), *parts])


def _json(value: Any, *, keep: bool = True) -> Answer:
    return Answer(json.dumps(value, allow_nan=False).encode(), "application/json", keep)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
