"""What a loader reads from: some rows of a dataset at one commit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from reelbase.cells import MediaCell
from reelbase.errors import TensorNotFoundError, UsageError
from reelbase.sampling import Lengths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reelbase.cells import Cell
    from reelbase.samples.snapshot import TensorSnapshot


@dataclass(frozen=True, eq=False)
class ClipSource:
    """Rows of a dataset, the tensor that clips are cut from, and the others that come along.

    Attributes:
        label: What identifies the data in the state of a loader: the dataset and its commit.
        rows: int64: the rows that are selected.
        snapshots: The tensors to read, by name.
        video: Name of the tensor that clips are cut from.
    """

    label: str
    rows: Sequence[int]
    snapshots: Mapping[str, TensorSnapshot]
    video: str

    @cached_property
    def others(self) -> dict[str, TensorSnapshot]:
        """The tensors that come along with the clips."""
        return {name: snapshot for name, snapshot in self.snapshots.items() if name != self.video}

    @cached_property
    def per_frame(self) -> frozenset[str]:
        """Names of the other tensors that have one item for each frame of the video."""
        video = self.snapshots[self.video].schema.id
        return frozenset(name for name, snapshot in self.others.items() if snapshot.schema.per_frame_of == video)

    def lengths(self, *, seconds: bool) -> Lengths:
        """Return how long the video of each row is; 0 frames where there is none.

        Args:
            seconds: Return durations too, which clips by ``fps`` need.
        """
        snapshot = self.snapshots[self.video]
        inside = [row for row in self.rows if row < len(snapshot)]
        cells = dict(zip(inside, snapshot.cells(inside), strict=True))
        found = [_media(cells.get(row)) for row in self.rows]
        frames = np.array([0 if media is None else media.shape[0] or 0 for media in found], np.int64)
        return Lengths(frames, [_duration(media) for media in found] if seconds else None)


def choose_video(snapshots: Mapping[str, TensorSnapshot], name: str | None) -> str:
    """Return the name of the tensor to cut clips from: `name`, or the only tensor of videos.

    Raises:
        TensorNotFoundError: there is no such tensor.
        UsageError: it does not hold videos; or none is named, and there are several or none.
    """
    if name is not None:
        if name not in snapshots:
            raise TensorNotFoundError(f"There is no tensor {name!r}.", f"There are: {', '.join(snapshots) or 'none'}.")
        if not is_video(snapshots[name]):
            raise UsageError(f"Tensor {name!r} does not hold videos.", "Clips are cut from a tensor of videos.")
        return name
    videos = [name for name, snapshot in snapshots.items() if is_video(snapshot)]
    if len(videos) != 1:
        known = ", ".join(map(repr, videos)) or "none"
        raise UsageError(f"Clips are cut from one tensor of videos; there are: {known}.", "Name it: video='…'.")
    return videos[0]


def is_video(snapshot: TensorSnapshot) -> bool:
    """Return True if each row of the tensor is one video, stored or linked."""
    return not snapshot.is_sequence and snapshot.htype.role == "video"


def _media(cell: Cell | None) -> MediaCell | None:
    return cell if isinstance(cell, MediaCell) and cell.index is not None else None


def _duration(media: MediaCell | None) -> Fraction:
    if media is None or media.index is None or not len(media.index):
        return Fraction(0)
    return (media.index.end - int(media.index.times[0])) * media.index.time_base
