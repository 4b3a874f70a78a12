"""A sample that is an encoded file: a video, or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells.arrays import check_out, check_size, deliver
from reelbase.cells.cell import Cell
from reelbase.errors import SampleIndexError, UsageError
from reelbase.io.batch_read import MAX_BYTES_IN_FLIGHT, ByteRanges, PendingRead, combine
from reelbase.media.frame_index import Trust
from reelbase.selection.indexing import WHOLE, Selection, expand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from reelbase.cells.cell import Shape, Size
    from reelbase.contracts.codec import Codec
    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import FrameIndex, Plan
    from reelbase.media.media_info import MediaInfo


@dataclass(frozen=True, eq=False)
class MediaCell(Cell):
    """An encoded file.

    Attributes:
        blob: The file's bytes.
        packets: The bytes to decode from: the file, or its repacked packets.
        info: What is known of it.
        index: Its frame index; None for a codec that decodes whole files.
        codec: What decodes it.
    """

    blob: Blob
    packets: Blob
    info: MediaInfo
    index: FrameIndex | None
    codec: Codec

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.info.shape

    def media(self) -> MediaCell:  # noqa: D102
        return self

    def plain(self) -> dict[str, Any]:  # noqa: D102
        return {**self.info.details, "frames": self.shape[0], "height": self.shape[-3], "width": self.shape[-2]}

    def encoded(self) -> bytes:  # noqa: D102
        return self.blob.read()

    def prepare_array(  # noqa: D102
        self, selection: Selection, label: str, *, size: Size = None, out: NDArray[Any] | None = None
    ) -> PendingRead:
        if self.index is None:
            return self._prepare_whole(selection, label, size, out)
        request, rest = selection.frames(self.scaled_shape(size))
        plan = self.index.plan(request)
        # Frames are decoded straight into `out` unless more is to be done with them afterwards.
        target = None if out is None or rest.steps else check_out(out, (len(request), *self.scaled_shape(size)[1:]))

        def decode(blobs: Sequence[Blob]) -> NDArray[Any]:
            frames = self.codec.decode(blobs[0], plan, size=size, out=target)
            return deliver(rest.apply(frames), out) if rest.steps else frames

        return PendingRead([ByteRanges(self.packets, _ranges_of(plan))], decode, label)

    def _prepare_whole(self, selection: Selection, label: str, size: Size, out: NDArray[Any] | None) -> PendingRead:
        def decode(blobs: Sequence[Blob]) -> NDArray[Any]:
            return deliver(selection.apply(self.codec.decode(blobs[0], None, size=size)), out)

        return PendingRead([ByteRanges(self.blob, [(0, self.blob.size)])], decode, label)

    def scaled_shape(self, size: Size) -> tuple[int, ...]:
        """The shape of the whole sample when pictures are scaled to `size`."""
        shape = self.info.shape
        return shape if size is None else (*shape[:-3], *check_size(size), shape[-1])

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        def present(parts: list[Any]) -> dict[str, Any]:
            if self.index is None:
                return {"value": parts[0]}
            # float32, as the guide prints them; .timestamps are exact.
            return {"frames": parts[0], "timestamps": self.seconds(selection).astype(np.float32)[()]}

        return combine([self.prepare_array(selection, label)], present, label)

    def frame_index(self) -> FrameIndex:
        """The frame index.

        Raises:
            UsageError: the sample is a single picture.
        """
        if self.index is None:
            raise UsageError("This sample is a picture: it has no frames or timestamps.", "Ask a video tensor.")
        return self.index

    def frame_numbers(self, selection: Selection) -> NDArray[np.int64]:
        """The numbers of the selected frames: int64 ``(N,)``, or 0-d for a single frame."""
        request, rest = selection.frames(self.info.shape)
        first = expand(rest.steps[0], len(self.info.shape)) if rest.steps else [WHOLE]
        return request.reshape(()) if isinstance(first[0], int) and first[0] == 0 else request

    def seconds(self, selection: Selection) -> Any:
        """Presentation times of the selected frames in seconds: float64, a scalar for one frame."""
        return self.frame_index().seconds(self.frame_numbers(selection))[()]

    def pts(self, selection: Selection) -> Any:
        """Presentation times of the selected frames in time_base units: int64, a scalar for one frame."""
        return self.frame_index().times[self.frame_numbers(selection)][()]

    def frames_at(self, selection: Selection, seconds: NDArray[Any], tolerance: Fraction) -> NDArray[np.int64]:
        """For each time, the position among the selected frames of the one that is shown then.

        Args:
            selection: The frames to choose from.
            seconds: See `ShownFrames.find`.
            tolerance: See `ShownFrames.find`.

        Raises:
            SampleIndexError: a time is before the first frame, or at or after the end of the last; or the frames are
                not in the order in which they are shown.
            UsageError: a time could be that of several frames.
        """
        frames = np.atleast_1d(self.frame_numbers(selection))
        return self.frame_index().show(frames).find(seconds, tolerance)

    def stream(self, selection: Selection, size: Size = None) -> Iterator[NDArray[Any]]:
        """Yield the selected frames one after another, in bounded memory."""
        request, rest = selection.frames(self.scaled_shape(size))
        each_frame = Selection(tuple(_drop_frame_axis(items, step) for step, items in enumerate(rest.steps)))
        plan = self.frame_index().plan(request)
        if len(plan.frames) == len(request) and (np.diff(request) > 0).all():
            frames = self.codec.stream(self.packets, plan, size=size)
        else:  # repeated or backward: decoders only go forward, so such a walk is decoded in batches
            frames = self._decode_batches(request, size)
        for frame in frames:
            yield each_frame.apply(frame)

    def _decode_batches(
        self, request: NDArray[np.int64], size: Size, frames_per_batch: int = 32
    ) -> Iterator[NDArray[Any]]:
        for start in range(0, len(request), frames_per_batch):
            plan = self.frame_index().plan(request[start : start + frames_per_batch])
            yield from self.codec.decode(self.packets, plan, size=size)


def _ranges_of(plan: Plan) -> list[tuple[int, int]]:
    """The byte ranges of a plan's packets, to be fetched with those of other samples.

    Empty where only the container knows them, or where they are too many to hold at once: the codec then reads as it
    goes.
    """
    if plan.index.trust == Trust.CONTAINER:
        return []
    ranges = [span for run in plan.runs for span in plan.ranges(run)]
    return ranges if sum(stop - start for start, stop in ranges) <= MAX_BYTES_IN_FLIGHT else []


def _drop_frame_axis(items: tuple[Any, ...], step: int) -> tuple[Any, ...]:
    """An index of ``(N, H, W, C)`` as one of each ``(H, W, C)``."""
    keeps_frames_first = isinstance(items[0], (int, slice))
    if step or not keeps_frames_first or any(item is None for item in items):
        raise SampleIndexError("frames() cannot walk this index.", "Select frames only, and index each frame.")
    return items[1:]
