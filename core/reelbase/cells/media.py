"""A sample that is an encoded file: a video, or a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.cells.arrays import check_out, check_size, deliver
from reelbase.cells.cell import Cell
from reelbase.cells.planes import check_whole, frame_item, pick_frames
from reelbase.errors import SampleIndexError, UsageError
from reelbase.io.batch_read import MAX_BYTES_IN_FLIGHT, ByteRanges, PendingRead, combine
from reelbase.media.frame_index import Trust
from reelbase.media.pixels import PLANES, shape_of_pixels
from reelbase.selection.indexing import FRAMES, WHOLE, Axis, Selection, expand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from reelbase.cells.cell import Shape, Size
    from reelbase.contracts.codec import Codec
    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import FrameIndex, Plan
    from reelbase.media.media_info import MediaInfo

_FRAMES_PER_BATCH: Final = 32
_NO_PLANES: Final = "Leave them out, or ask for another form, such as pixels='gray16'."


@dataclass(frozen=True, eq=False)
class MediaCell(Cell):
    """An encoded file.

    Attributes:
        blob: The bytes of the file.
        packets: The bytes to decode from: the file itself, or packets that are stored separately because in the file
            they are in pieces.
        info: Facts about the file.
        index: The frame index, or None for a codec that always decodes the whole file.
        codec: The codec that decodes the file.
    """

    blob: Blob
    packets: Blob
    info: MediaInfo
    index: FrameIndex | None
    codec: Codec

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.info.shape

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        dtype: np.dtype[Any] = np.dtype(self.info.details.get("dtype", "uint8"))
        return dtype

    def media(self) -> MediaCell:  # noqa: D102
        return self

    def plain(self) -> dict[str, Any]:  # noqa: D102
        facts = {**self.info.as_sample_info(), "height": self.shape[-3], "width": self.shape[-2]}
        if self.index is not None:
            facts |= {"frames": self.shape[0], "seconds": self.index.length_seconds}
        return facts

    def read_encoded(self) -> bytes:  # noqa: D102
        return self.blob.read()

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        form = self._choose_form(pixels)
        if pixels == PLANES:
            if size is not None or out is not None:
                raise UsageError("pixels='yuv' gives planes as they are: size= and out= cannot be used.", _NO_PLANES)
            return self._prepare_planes(selection, label)
        if self.index is None:
            return self._prepare_whole(selection, label, size, out, form)
        full_shape = self.scaled_shape(size, pixels)
        request, rest = selection.split_frames(full_shape)
        plan = self.index.plan(request)
        # Frames are decoded straight into `out` unless more is to be done with them afterwards.
        target = None if out is None or rest.steps else check_out(out, (len(request), *full_shape[1:]))

        def decode(blobs: Sequence[Blob]) -> NDArray[Any]:
            frames = self.codec.decode(blobs[0], plan, size=size, out=target, **form)
            return deliver(rest.apply(frames), out) if rest.steps else frames

        return PendingRead([ByteRanges(self.packets, packet_ranges(plan))], decode, label)

    def _prepare_whole(
        self, selection: Selection, label: str, size: Size, out: NDArray[Any] | None, form: dict[str, Any]
    ) -> PendingRead:
        def decode(blobs: Sequence[Blob]) -> NDArray[Any]:
            return deliver(selection.apply(self.codec.decode(blobs[0], None, size=size, **form)), out)

        return PendingRead([ByteRanges(self.blob, [(0, self.blob.size)])], decode, label)

    def _prepare_planes(self, selection: Selection, label: str) -> PendingRead:
        if self.index is None:
            check_whole(selection, self.info.shape)
            whole = [ByteRanges(self.blob, [(0, self.blob.size)])]
            return PendingRead(whole, lambda blobs: self.codec.decode_planes(blobs[0], None), label)
        request, rest = selection.split_frames(self.info.shape)
        item, plan = frame_item(rest), self.index.plan(request)

        def decode(blobs: Sequence[Blob]) -> dict[str, NDArray[Any]]:
            return pick_frames(self.codec.decode_planes(blobs[0], plan), item)

        return PendingRead([ByteRanges(self.packets, packet_ranges(plan))], decode, label)

    def _choose_form(self, pixels: str | None) -> dict[str, Any]:
        """Return the argument of `Codec.decode` that leads to `pixels`; empty for the form that it gives by itself.

        Raises:
            UsageError: the codec does not decode to this form.
        """
        if pixels is None or (pixels == "rgb24" and self.index is not None):
            return {}
        if pixels not in self.codec.pixels:
            known = ", ".join(map(repr, self.codec.pixels))
            raise UsageError(
                f"pixels={pixels!r} cannot be had of this sample: it is {self.codec.name}.",
                f"This codec gives {known}." if known else "Leave it out.",
            )
        return {"pixels": pixels}

    def scaled_shape(self, size: Size, pixels: str | None = None) -> tuple[int, ...]:
        """Return the shape of the whole sample when its pictures are scaled to `size` and converted to `pixels`."""
        shape = shape_of_pixels(self.info.shape, pixels)
        return shape if size is None else (*shape[:-3], *check_size(size), shape[-1])

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        def present(parts: list[Any]) -> dict[str, Any]:
            if self.index is None:
                return {"value": parts[0]}
            # float32, as the guide prints them; .timestamps are exact.
            return {"frames": parts[0], "timestamps": self.seconds(selection).astype(np.float32)[()]}

        return combine([self.prepare_array(selection, label)], present, label)

    def frame_index(self) -> FrameIndex:
        """Return the frame index.

        Raises:
            UsageError: the sample is a single picture.
        """
        if self.index is None:
            raise UsageError("This sample is a picture: it has no frames or timestamps.", "Use a video tensor.")
        return self.index

    @property
    def first_axis(self) -> Axis | None:  # noqa: D102
        return None if self.index is None else FRAMES

    def frame_numbers(self, selection: Selection) -> NDArray[np.int64]:
        """Return the numbers of the selected frames: int64 of shape ``(N,)``, or 0-d for a single frame."""
        request, rest = selection.split_frames(self.info.shape)
        first = expand(rest.steps[0], len(self.info.shape)) if rest.steps else [WHOLE]
        return request.reshape(()) if isinstance(first[0], int) and first[0] == 0 else request

    def seconds(self, selection: Selection) -> Any:
        """Return the presentation times of the selected frames in seconds: float64, a scalar for one frame."""
        return self.frame_index().seconds(self.frame_numbers(selection))[()]

    def pts(self, selection: Selection) -> Any:
        """Return the presentation times of the selected frames in units of time_base: int64, a scalar for one frame."""
        return self.frame_index().times[self.frame_numbers(selection)][()]

    def frames_at(self, selection: Selection, seconds: NDArray[Any], tolerance: Fraction) -> NDArray[np.int64]:
        """Return for each time the position, among the selected frames, of the frame that is shown then.

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

    def stream(self, selection: Selection, size: Size = None, pixels: str | None = None) -> Iterator[Any]:
        """Yield the selected frames one after another, in bounded memory; dicts of planes for "yuv"."""
        form = self._choose_form(pixels)
        if pixels == PLANES:
            if size is not None:
                raise UsageError("pixels='yuv' gives planes as they are: size= cannot be used.", _NO_PLANES)
            yield from self._stream_planes(selection)
            return
        request, rest = selection.split_frames(self.scaled_shape(size, pixels))
        each_frame = Selection(tuple(_drop_frame_axis(items, step) for step, items in enumerate(rest.steps)))
        plan = self.frame_index().plan(request)
        if len(plan.frames) == len(request) and (np.diff(request) > 0).all():
            frames = self.codec.stream(self.packets, plan, size=size, **form)
        else:  # Decoders only go forward, so repeated or backward frames are decoded in batches.
            frames = self._decode_batches(request, size, form)
        for frame in frames:
            yield each_frame.apply(frame)

    def _decode_batches(self, request: NDArray[np.int64], size: Size, form: dict[str, Any]) -> Iterator[NDArray[Any]]:
        for start in range(0, len(request), _FRAMES_PER_BATCH):
            plan = self.frame_index().plan(request[start : start + _FRAMES_PER_BATCH])
            yield from self.codec.decode(self.packets, plan, size=size, **form)

    def _stream_planes(self, selection: Selection) -> Iterator[dict[str, NDArray[Any]]]:
        request, rest = selection.split_frames(self.info.shape)
        if isinstance(frame_item(rest), np.ndarray):
            raise SampleIndexError("frames() cannot walk this index.", "Select frames in one list.")
        for start in range(0, len(request), _FRAMES_PER_BATCH):
            plan = self.frame_index().plan(request[start : start + _FRAMES_PER_BATCH])
            planes = self.codec.decode_planes(self.packets, plan)
            for at in range(len(plan.rows)):
                yield {name: plane[at] for name, plane in planes.items()}


def packet_ranges(plan: Plan) -> list[tuple[int, int]]:
    """Return the byte ranges of a plan's packets, to be fetched together with those of other samples.

    It is empty if only the container knows the ranges, or if they are too many bytes to hold at once. The codec then
    reads them itself while it decodes.
    """
    if plan.index.trust == Trust.CONTAINER:
        return []
    ranges = [span for run in plan.runs for span in plan.ranges(run)]
    return ranges if sum(stop - start for start, stop in ranges) <= MAX_BYTES_IN_FLIGHT else []


def _drop_frame_axis(items: tuple[Any, ...], step: int) -> tuple[Any, ...]:
    """Return an index of ``(N, H, W, C)`` as an index of each ``(H, W, C)``."""
    keeps_frames_first = isinstance(items[0], (int, slice))
    if step or not keeps_frames_first or any(item is None for item in items):
        raise SampleIndexError("frames() does not work with this index.", "Select frames only, and index each frame.")
    return items[1:]
