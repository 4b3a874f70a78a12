"""Which frame is this? Frames as small vectors, and what is wrong with those that a peer gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Looks = NDArray[np.float32]

_GRID: Final = 24
_ALIKE: Final = 0.1  # levels of 255: still pictures are alike, and either may stand for the other
_COLOUR: Final = 3.0  # levels of 255


def look(frame: NDArray[np.uint8]) -> Looks:
    """Mean colours of a grid over a frame, uint8 ``(H, W, 3)``: float32 ``(n,)``."""
    height, width = (max(1, n // _GRID) for n in frame.shape[:2])
    whole = frame[: height * (frame.shape[0] // height), : width * (frame.shape[1] // width)]
    cells = whole.reshape(whole.shape[0] // height, height, whole.shape[1] // width, width, 3)
    return cells.mean((1, 3), dtype=np.float32).reshape(-1)


def looks(frames: Iterable[NDArray[np.uint8]]) -> Looks:
    """Of each frame: float32 ``(N, n)``."""
    return np.stack([look(frame) for frame in frames])


def sequential(path: str, size: tuple[int, int] | None = None) -> Looks:
    """Of all frames that a plain decode from the start shows: the reference."""
    height, width = size or (None, None)
    with av.open(path) as file:
        stream = file.streams.video[0]
        stream.thread_type = "NONE"
        return looks(frame.to_ndarray(format="rgb24", width=width, height=height) for frame in file.decode(stream))


def faults(reference: Looks, numbers: Sequence[int], got: Looks) -> tuple[int, int]:
    """How many frames are other ones than asked for (missing ones too), and how many have other colours."""
    if len(got) != len(numbers) or got.shape[1:] != reference.shape[1:]:
        return len(numbers), 0
    wrong = coloured = 0
    for number, one in zip(numbers, got, strict=True):
        apart = np.abs(_plain(reference) - _plain(one[np.newaxis])).mean(1)
        wrong += bool(apart[number] > apart.min() + _ALIKE)
        coloured += bool(np.abs(reference[number] - one).mean() > _COLOUR)
    return wrong, coloured


def _plain(looks: Looks) -> Looks:
    """Without the mean of each channel, which another colour matrix moves."""
    channels = looks.reshape(len(looks), -1, 3)
    return (channels - channels.mean(1, keepdims=True)).reshape(len(looks), -1)
