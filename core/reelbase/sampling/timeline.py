"""What choosing the frames of a clip takes to know of a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


class Timeline(Protocol):
    """A video's frames and when they are shown, as a `FrameIndex` has them.

    Attributes:
        times: int64 ``(frames,)``: when each frame is shown, in units of `time_base`.
        end: When the last frame ends, in units of `time_base`.
        time_base: Seconds per unit.
        entry_frames: int64: numbers of the frames that decoding can start at, ascending.
    """

    @property
    def times(self) -> Ints: ...  # noqa: D102

    @property
    def end(self) -> int: ...  # noqa: D102

    @property
    def time_base(self) -> Fraction: ...  # noqa: D102

    @property
    def entry_frames(self) -> Ints: ...  # noqa: D102


@dataclass(frozen=True)
class Lengths:
    """How long many videos are; enough to count their clips.

    Attributes:
        frames: int64 ``(videos,)``: numbers of frames; 0 where there is no video.
        seconds: How long each is, exactly; only needed for clips by ``fps``.
    """

    frames: Ints
    seconds: Sequence[Fraction] | None = None

    def __len__(self) -> int:
        return len(self.frames)
