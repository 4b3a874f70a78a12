"""The clips of an epoch, in order: which row, and which of its clips."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase.sampling.hashing import draw, make_key, make_words
from reelbase.sampling.permutation import Permutation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from reelbase.sampling.clips import Clips, CutClip
    from reelbase.sampling.timeline import Lengths, Timeline

_ORDER, _PLACE, _CHOICE, _SEED = range(4)  #: what random numbers are for
_KEPT_ORDERS: Final = 4


@dataclass(frozen=True)
class ClipRequest:
    """One clip of an epoch.

    Attributes:
        row: Row of the video.
        number: Which of the clips of that video.
        draw: Random number in [0, 1) that chooses the place, if places are drawn.
        seed: Random number of 64 bits for everything else that is drawn, such as the place of a crop.
        source: Which dataset, in a mixture of several.
    """

    row: int
    number: int
    draw: float
    seed: int = 0
    source: int = 0


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """All clips of an epoch in their order, which is a function of seed, epoch and position.

    Args:
        clips: Which clips to cut.
        lengths: How long the videos are.
        rows: int64 ``(videos,)``: their rows in the dataset; by default 0, 1, 2 …
        shuffle: Shuffle the clips, in another order in each epoch.
        seed: Chooses the order and the places.
        weights: ``(videos,)``: how often each video comes relative to the others. Rows are then drawn with
            replacement, and an epoch is as long as `epoch_size` says.
        epoch_size: Number of clips of an epoch, with `weights`; by default as many as there are.

    Raises:
        UsageError: values do not fit together, or there is not a single clip.
    """

    clips: Clips
    lengths: Lengths
    rows: NDArray[np.int64] | None = None
    shuffle: bool = True
    seed: int = 0
    weights: ArrayLike | None = None
    epoch_size: int | None = None

    def __post_init__(self) -> None:
        for name, values in (("rows", self.rows), ("weights", self.weights)):
            if values is not None and np.shape(values) != (len(self.lengths),):
                raise UsageError(
                    f"{name} has shape {np.shape(values)} for {len(self.lengths)} videos.", "Pass one each."
                )
        if self.epoch_size is not None and self.weights is None:
            raise UsageError(f"epoch_size={self.epoch_size} needs weights.", "Without weights each clip comes once.")
        if not self._ends.size or not self._ends[-1]:
            raise UsageError("There is no clip.", "Check the filter, or pass shorter clips or another pad=.")
        if self.weights is not None:
            self._cumulated_weights  # noqa: B018 - raises if they are not valid

    def __len__(self) -> int:
        """Number of clips of an epoch."""
        if self.weights is not None:
            return self.epoch_size or self._total
        return self._total

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of clips of each video: int64 ``(videos,)``."""
        return self.clips.count(self.lengths)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.counts)

    @property
    def _total(self) -> int:
        return int(self._ends[-1])

    @cached_property
    def _cumulated_weights(self) -> NDArray[np.float64]:
        weights = np.where(self.counts > 0, np.asarray(self.weights, np.float64), 0.0)
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
            raise UsageError("weights are not valid.", "Pass numbers of 0 or more, at least one of them positive.")
        ends: NDArray[np.float64] = np.cumsum(weights)
        ends /= ends[-1]
        return ends  # the last is exactly 1, so that each number below it is in one of them

    @property
    def left_out(self) -> NDArray[np.int64]:
        """Rows of which there is no clip, because they have no video, or one that is too short with ``pad="skip"``."""
        places = np.flatnonzero(self.counts == 0)
        return places if self.rows is None else self.rows[places]

    def starts(self, epoch: int, step: int, seen: int = 0) -> Sequence[int]:
        """Return the positions at which the steps of an epoch begin.

        Args:
            epoch: Number of the epoch.
            step: Clips of one step, of all ranks together.
            seen: Clips of the epoch that were delivered before.
        """
        return range(seen, len(self), step)

    def requests(self, epoch: int, positions: ArrayLike) -> list[ClipRequest]:
        """Return the clips at some positions of an epoch, each from 0 to ``len(plan) - 1``."""
        places = np.asarray(positions, np.int64).reshape(-1)
        if self.weights is None:
            return self.requests_of(epoch, self._reorder(epoch, places))
        chosen = draw(make_key(self.seed, epoch, _CHOICE), places)
        videos = np.searchsorted(self._cumulated_weights, chosen, side="right")
        numbers = (draw(make_key(self.seed, epoch, _CHOICE, 1), places) * self.counts[videos]).astype(np.int64)
        return self._make_requests(epoch, videos, numbers, places)

    def requests_of(self, epoch: int, clips: NDArray[np.int64]) -> list[ClipRequest]:
        """Return clips by their numbers, which count those of the first video, then those of the second, and so on."""
        videos = np.searchsorted(self._ends, clips, side="right")
        return self._make_requests(epoch, videos, clips - (self._ends - self.counts)[videos], clips)

    def _make_requests(
        self, epoch: int, videos: NDArray[np.int64], numbers: NDArray[np.int64], identities: NDArray[np.int64]
    ) -> list[ClipRequest]:
        """Return clips of videos; `identities` tell apart all clips of an epoch, for what is drawn."""
        places_in_video = draw(make_key(self.seed, epoch, _PLACE), identities)
        seeds = make_words(make_key(self.seed, epoch, _SEED), identities)
        rows = videos if self.rows is None else self.rows[videos]
        found = zip(rows.tolist(), numbers.tolist(), places_in_video.tolist(), seeds.tolist(), strict=True)
        return [ClipRequest(*values) for values in found]

    def cut(self, timeline: Timeline, request: ClipRequest) -> CutClip:
        """Return the frames of a clip of the video that `timeline` describes."""
        return self.clips.cut(timeline, request.number, request.draw)

    def _reorder(self, epoch: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the clips at positions of the epoch."""
        if not self.shuffle:
            return places
        if not self.clips.together or self.clips.at == "all":
            return _make_order(self._total, self.seed, epoch)(places)
        # All videos have the same number of clips, or none: whole videos change places.
        each = self.clips.per_video
        return _make_order(self._total // each, self.seed, epoch)(places // each) * each + places % each

    def describe(self) -> dict[str, Any]:
        """Return what the order depends on, as JSON values. Plans with equal descriptions have equal orders."""
        rows = b"" if self.rows is None else np.ascontiguousarray(self.rows).tobytes()
        lengths = np.ascontiguousarray(self.lengths.frames).tobytes()
        weights = b"" if self.weights is None else np.asarray(self.weights, np.float64).tobytes()
        parts: Sequence[bytes] = [repr(self.clips.describe()).encode(), self.counts.tobytes(), lengths, rows, weights]
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        return {"clips": len(self), "shuffle": self.shuffle, "seed": self.seed, "checksum": checksum}


@lru_cache(_KEPT_ORDERS)
def _make_order(size: int, seed: int, epoch: int) -> Permutation:
    return Permutation(size, seed, epoch, _ORDER)
