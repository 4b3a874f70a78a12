"""The clips of one batch, and the arrays they are decoded into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelbase.cells import MediaCell
    from reelbase.sampling import ClipRequest, CutClip


@dataclass(frozen=True, eq=False)
class PlacedClip:
    """One clip, and where its frames go.

    Attributes:
        cell: The video.
        clip: Its frames.
        out: uint8 ``(T, H, W, 3)``, C-contiguous: the part of a batch to write to.
        draw: A number in [0, 1) that chooses the place of a random crop.
        black: Write zeros in place of frames that are stand-ins.
        label: What messages call the video.
    """

    cell: MediaCell
    clip: CutClip
    out: NDArray[np.uint8]
    draw: float
    black: bool
    label: str


@dataclass(eq=False)
class Slot:
    """The place of one clip in a batch.

    Attributes:
        request: The clip that belongs here.
        row: Row of the video that is here; another one if it was substituted.
        placed: The clip; None until its video is found, or if it is left out.
        values: What the other tensors hold for the clip, by name.
    """

    request: ClipRequest
    row: int
    placed: PlacedClip | None = None
    values: dict[str, Any] = field(default_factory=dict)
