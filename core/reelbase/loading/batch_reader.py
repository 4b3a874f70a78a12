"""One batch: its clips are looked up, their bytes fetched together, each decoded into its place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase._util.threads import limit_threads
from reelbase.errors import ReelbaseError, UsageError, error_context
from reelbase.io.batch_read import fetch
from reelbase.loading.clip_reads import group_by_video, prepare_clips
from reelbase.loading.companions import read_companions
from reelbase.loading.report import Failure
from reelbase.loading.slots import PlacedClip, Slot
from reelbase.sampling.hashing import draw, make_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from reelbase.cells import MediaCell
    from reelbase.io.batch_read import PendingRead
    from reelbase.io.blob import Blob
    from reelbase.loading.framing import Framing
    from reelbase.loading.report import Report
    from reelbase.loading.settings import LoaderSettings
    from reelbase.loading.source import ClipSource
    from reelbase.sampling import ClipRequest, Clips, CutClip

_CROP, _SUBSTITUTE = 0, 1  #: what random numbers are for
_MAX_TRIES: Final = 20  #: videos that are tried in place of one that cannot be read


@dataclass(eq=False)
class Batch:
    """A batch while it is made.

    Attributes:
        slots: Its clips, in order.
        buffer: uint8 ``(B, T, H, W, 3)`` that all clips are written to, if their pictures have one size.
        tasks: What is left to do, each of which may run in a thread of its own.
        nbytes: Bytes of its pictures and of the packets they are decoded from.
    """

    slots: list[Slot]
    buffer: NDArray[np.uint8] | None
    tasks: list[Callable[[], None]]
    nbytes: int


class BatchReader:
    """Makes batches of clips.

    Args:
        sources: The datasets.
        clips: What clips of each dataset are.
        settings: How batches are made.
        report: Counts what could not be read.
    """

    def __init__(
        self, sources: Sequence[ClipSource], clips: Sequence[Clips], settings: LoaderSettings, report: Report
    ) -> None:
        self._sources = sources
        self._clips = clips
        self._settings = settings
        self._report = report

    def start(self, requests: Sequence[ClipRequest]) -> Batch:
        """Look up the clips of a batch and fetch their packets; decoding is left to the batch's tasks."""
        slots = [Slot(request, request.row) for request in requests]
        buffer = self._place_all(slots)
        groups = group_by_video([slot for slot in slots if slot.placed is not None])
        reads = [prepare_clips([slot.placed for slot in group if slot.placed], self._framing) for group in groups]
        blobs = self._fetch(reads)
        tasks: list[Callable[[], None]] = [
            _Decoding(self, read, fetched, group).run for read, fetched, group in zip(reads, blobs, groups, strict=True)
        ]
        tasks += [_Repair(self, slot).run for slot in slots if slot.placed is None]
        packet_bytes = sum(read.size for read in reads)
        self._report.bytes_read += packet_bytes
        return Batch(slots, buffer, tasks, packet_bytes + sum(slot.placed.out.nbytes for slot in slots if slot.placed))

    @property
    def _framing(self) -> Framing:
        return self._settings.framing

    def _place_all(self, slots: Sequence[Slot]) -> NDArray[np.uint8] | None:
        """Find the videos of all clips, and give each the array that it is decoded into.

        Clips that cannot be found are left for a repair. Returns the buffer that the arrays are parts of, if all have
        one shape.
        """
        found = self._look_up(slots)
        shapes = {self._shape(*each) for each in found.values()}
        buffer = np.empty((len(slots), *shapes.pop()), np.uint8) if len(shapes) == 1 else None
        for number, slot in enumerate(slots):
            if slot in found:
                cell, clip = found[slot]
                out = np.empty(self._shape(cell, clip), np.uint8) if buffer is None else buffer[number]
                slot.placed = self._place(slot, cell, clip, out)
        return buffer

    def _look_up(self, slots: Sequence[Slot]) -> dict[Slot, tuple[MediaCell, CutClip]]:
        """Return the videos and frames of the clips that can be found; the facts of all are read together."""
        found: dict[Slot, tuple[MediaCell, CutClip]] = {}
        for number, source in enumerate(self._sources):
            mine = [slot for slot in slots if slot.request.source == number]
            with suppress(ReelbaseError):  # of one of them, which says so itself when it is repaired
                cells = source.snapshots[source.video].cells([slot.row for slot in mine])
                for slot, cell in zip(mine, cells, strict=True):
                    with suppress(ReelbaseError):
                        found[slot] = self._cut(slot.request, cell.media())
        return found

    def _cut(self, request: ClipRequest, cell: MediaCell) -> tuple[MediaCell, CutClip]:
        return cell, self._clips[request.source].cut(cell.frame_index(), request.number, request.draw)

    def _shape(self, cell: MediaCell, clip: CutClip) -> tuple[int, int, int, int]:
        return (len(clip.frames), *self._framing.show(*cell.info.shape[1:3]), 3)

    def _place(self, slot: Slot, cell: MediaCell, clip: CutClip, out: NDArray[np.uint8]) -> PlacedClip:
        return PlacedClip(
            cell,
            clip,
            out,
            draw=float(draw(make_key(slot.request.seed, _CROP), np.array(0))),
            black=self._clips[slot.request.source].pad == "zeros",
            label=self._label(slot),
        )

    def _label(self, slot: Slot) -> str:
        source = self._sources[slot.request.source]
        return source.snapshots[source.video].label(slot.row)

    def _fetch(self, reads: Sequence[PendingRead]) -> Sequence[Sequence[Blob] | None]:
        try:
            return fetch(reads)
        except (ReelbaseError, OSError):  # one of them: each reads its own bytes, and says so itself
            return [None] * len(reads)

    def read_alone(self, slot: Slot) -> None:
        """Read one clip by itself, or a substitute."""
        try:
            self._read(slot)
        except (ReelbaseError, OSError) as error:
            if self._settings.on_error == "raise":
                raise
            self._replace(slot, error)

    def _read(self, slot: Slot) -> None:
        source = self._sources[slot.request.source]
        with error_context(self._label(slot)):
            (cell,) = source.snapshots[source.video].cells([slot.row])
            found = self._cut(slot.request, cell.media())
        shape = self._shape(*found)
        out = slot.placed.out if slot.placed and slot.placed.out.shape == shape else np.empty(shape, np.uint8)
        slot.placed = self._place(slot, *found, out)
        prepare_clips([slot.placed], self._framing).finish()
        self.read_others(slot)

    def read_others(self, slot: Slot) -> None:
        """Read what the other tensors hold for a clip."""
        if slot.placed is not None:
            slot.values = read_companions(self._sources[slot.request.source], slot.row, slot.placed.clip)

    def _replace(self, slot: Slot, error: Exception) -> None:
        """Put a clip of another video in the place of one that cannot be read, or leave it out."""
        reason = str(error).splitlines()[0]
        row = slot.request.row
        found = self._substitute(slot) if self._settings.on_error == "substitute" else None
        if found is None:
            slot.placed = None
        count = self._report.add_failure(Failure(row, reason, found))
        if count > self._settings.max_errors:
            raise UsageError(
                f"{count} clips of this epoch could not be read; the last is of row {row}: {reason}",
                "See loader.report(). Mend the dataset, or raise max_errors.",
            ) from error

    def _substitute(self, slot: Slot) -> int | None:
        """Read a clip of another video. Which one follows from the clip alone, so it is the same in every layout."""
        rows = self._sources[slot.request.source].rows
        chosen = draw(make_key(slot.request.seed, _SUBSTITUTE), np.arange(_MAX_TRIES)) * len(rows)
        for place in chosen.astype(np.int64).tolist():
            slot.row = int(rows[place])
            try:
                self._read(slot)
            except (ReelbaseError, OSError):
                continue
            return slot.row
        return None


@dataclass(frozen=True, eq=False)
class _Decoding:
    """Decodes the clips of one video."""

    reader: BatchReader
    read: PendingRead
    blobs: Sequence[Blob] | None
    slots: Sequence[Slot]

    def run(self) -> None:
        with limit_threads(1):
            try:
                self.read.finish(self.blobs)
                for slot in self.slots:
                    self.reader.read_others(slot)
            except (ReelbaseError, OSError):
                for slot in self.slots:
                    self.reader.read_alone(slot)


@dataclass(frozen=True, eq=False)
class _Repair:
    """Reads a clip that could not be looked up with the others."""

    reader: BatchReader
    slot: Slot

    def run(self) -> None:
        with limit_threads(1):
            self.reader.read_alone(self.slot)
