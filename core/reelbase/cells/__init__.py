"""One sample as it can be read: an array, a media file, a sequence of either, or nothing.

A view asks its cells; what differs between kinds of sample differs here and nowhere above.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import MissingSampleError, SampleIndexError, UsageError
from reelbase.io.batch_read import AT_ONCE, ByteRanges, PendingRead, combine, execute
from reelbase.media.frame_index import Trust
from reelbase.selection.indexing import WHOLE, Selection, expand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from reelbase.contracts.codec import Codec
    from reelbase.contracts.htype import Htype
    from reelbase.io.blob import Blob
    from reelbase.links.source import Pin
    from reelbase.media.frame_index import FrameIndex, Plan
    from reelbase.media.media_info import MediaInfo

Shape = tuple[int | None, ...]
Size = tuple[int, int] | None


class Cell(ABC):
    """One sample of a tensor. Reading it is the only I/O; `shape` is known without."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """The whole sample's shape; None for an axis whose length varies between the items of a sequence."""

    @abstractmethod
    def planned(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> PendingRead:
        """What `numpy` would read, and how it makes its result of that. Reads nothing."""

    def numpy(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> Any:
        """The selected part as an array (a list of arrays for a ragged sequence)."""
        return execute([self.planned(taken, size=size, out=out)])[0]

    @abstractmethod
    def planned_data(self, taken: Selection) -> PendingRead:
        """What `data` would read, and how it makes its result of that."""

    def data(self, taken: Selection) -> Any:
        """The selected part in the htype's own form."""
        return execute([self.planned_data(taken)])[0]

    def narrow(self, taken: Selection) -> tuple[Cell, Selection]:
        """The cell and selection that give the same: of a sequence, the item that an int chooses."""
        return self, taken

    def shape_of(self, taken: Selection) -> Shape:
        """The shape that `numpy` gives."""
        return taken.shape(tuple(n if n is not None else 0 for n in self.shape)) if taken.steps else self.shape

    def media(self) -> MediaCell:
        """This cell, if it is one media file with frames.

        Raises:
            UsageError: it is not.
        """
        raise UsageError("This sample is no video: it has no frames and no sample_info.", "Ask a video tensor.")

    def plain(self) -> Any:
        """What filters compare and viewers show: numbers, strings, lists and dicts; None where there is no sample."""
        return None

    def stored_items(self, taken: Selection) -> list[NDArray[Any]]:
        """The taken items of a sequence of arrays, as they are stored.

        Raises:
            UsageError: it is none.
        """
        raise UsageError("This sample is no sequence of arrays.", "Ask a sequence[…] tensor.")

    def linked(self) -> tuple[Pin, ...]:
        """The links that it is made of; none if its bytes are stored here."""
        return ()

    def encoded(self) -> bytes:
        """The sample's bytes as they are stored."""
        raise UsageError("This sample is not an encoded file.", "tobytes() is for media tensors; use numpy().")


@dataclass(frozen=True, eq=False)
class MissingCell(Cell):
    """No sample: None was appended, or the row was padded."""

    where: str

    def _missing(self) -> MissingSampleError:
        return MissingSampleError(f"{self.where} holds no sample.", "It was appended as None; test with view.exists.")

    @property
    def shape(self) -> Shape:  # noqa: D102
        raise self._missing()

    def planned(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> PendingRead:  # noqa: D102
        raise self._missing()

    def planned_data(self, taken: Selection) -> PendingRead:  # noqa: D102
        raise self._missing()

    def media(self) -> MediaCell:  # noqa: D102
        raise self._missing()

    def encoded(self) -> bytes:  # noqa: D102
        raise self._missing()


@dataclass(frozen=True, eq=False)
class ArrayCell(Cell):
    """A stored array, presented by its htype."""

    stored: NDArray[Any]
    htype: Htype

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.htype.numpy(self.stored).shape

    def planned(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> PendingRead:  # noqa: D102
        if size is not None:
            raise UsageError("size= scales pictures; this sample is an array.", "Leave it out.")
        return PendingRead((), lambda _: _deliver(taken.apply(self.htype.numpy(self.stored)), out))

    def planned_data(self, taken: Selection) -> PendingRead:  # noqa: D102
        return PendingRead((), lambda _: self.htype.data(np.array(taken.apply(self.stored), order="C")))

    def plain(self) -> Any:  # noqa: D102
        return self.htype.plain(self.stored)

    def stored_items(self, taken: Selection) -> list[NDArray[Any]]:  # noqa: D102
        return list(taken.apply(self.stored))

    def encoded(self) -> bytes:  # noqa: D102
        return self.stored.tobytes()


@dataclass(frozen=True, eq=False)
class MediaCell(Cell):
    """An encoded file.

    Attributes:
        blob: The file's bytes.
        packets: The bytes to decode from: the file, or its repacked packets.
        info: What is known of it.
        index: Its frame index; None for a codec that decodes whole.
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

    def resized(self, size: Size) -> tuple[int, ...]:
        """The shape when frames are scaled to `size`."""
        shape = self.info.shape
        return shape if size is None else (*shape[:-3], *_checked(size), shape[-1])

    def planned(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> PendingRead:  # noqa: D102
        if self.index is None:
            need = ByteRanges(self.blob, [(0, self.blob.size)])
            return PendingRead(
                [need], lambda blobs: _deliver(taken.apply(self.codec.decode(blobs[0], None, size=size)), out)
            )
        request, rest = taken.frames(self.resized(size))
        plan = self.index.plan(request)
        need = ByteRanges(self.packets, _at_once(plan))
        if rest.steps:
            return PendingRead(
                [need], lambda blobs: _deliver(rest.apply(self.codec.decode(blobs[0], plan, size=size)), out)
            )
        into = None if out is None else _fitting(out, (len(request), *self.resized(size)[1:]))
        return PendingRead([need], lambda blobs: self.codec.decode(blobs[0], plan, size=size, out=into))

    def _picture(self, blob: Blob, size: Size) -> NDArray[Any]:
        return self.codec.decode(blob, None, size=size)

    def planned_data(self, taken: Selection) -> PendingRead:  # noqa: D102
        pixels = self.planned(taken)
        if self.index is None:
            return combine([pixels], lambda parts: {"value": parts[0]})
        return combine([pixels], lambda parts: {"frames": parts[0], "timestamps": self.seconds(taken)})

    def frame_index(self) -> FrameIndex:
        """The frame index.

        Raises:
            UsageError: the sample is a single picture.
        """
        if self.index is None:
            raise UsageError("This sample is a picture: it has no frames or timestamps.", "Ask a video tensor.")
        return self.index

    def frame_numbers(self, taken: Selection) -> NDArray[np.int64]:
        """Which frames are taken: an array, or 0-d for a single frame."""
        request, rest = taken.frames(self.info.shape)
        first = expand(rest.steps[0], len(self.info.shape)) if rest.steps else [WHOLE]
        return request.reshape(()) if isinstance(first[0], int) and first[0] == 0 else request

    def seconds(self, taken: Selection) -> Any:
        """Presentation times of the taken frames in seconds: float32, a scalar for one frame."""
        return self.frame_index().seconds(self.frame_numbers(taken)).astype(np.float32)[()]

    def pts(self, taken: Selection) -> Any:
        """Presentation times of the taken frames in time_base units: int64, a scalar for one frame."""
        return self.frame_index().times[self.frame_numbers(taken)][()]

    def shown_at(self, taken: Selection, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each time, the place among the taken frames of the one that is shown then.

        Times are compared as float32 too, so that what ``.timestamps`` gave finds its own frame.

        Raises:
            SampleIndexError: before the first frame, or at or after the end of the last.
        """
        index = self.frame_index()
        frames = np.atleast_1d(self.frame_numbers(taken))
        shown = index.seconds(frames)
        if len(shown) == 0 or (np.diff(shown) < 0).any():
            raise SampleIndexError(
                "at() needs frames in the order they are shown.", "Select them forward, without repeats."
            )
        exact = np.searchsorted(shown, seconds, side="right")
        rounded = np.searchsorted(shown.astype(np.float32), seconds.astype(np.float32), side="right")
        end = float(index.end * index.time_base)
        wrong = (
            ~np.isfinite(seconds) | (np.maximum(exact, rounded) == 0) | (seconds >= max(end, float(shown[-1]) + 1e-9))
        )
        if wrong.any():
            raise SampleIndexError(
                f"No frame is shown at {seconds[wrong][0]:g} s.",
                f"These frames are shown from {shown[0]:g} s up to {end:g} s.",
            )
        return np.maximum(exact, rounded) - 1

    def stream(self, taken: Selection, size: Size = None) -> Iterator[NDArray[Any]]:
        """The taken frames one after another, in bounded memory."""
        request, rest = taken.frames(self.resized(size))
        frame = Selection(tuple(_of_frame(one, k) for k, one in enumerate(rest.steps)))
        plan = self.frame_index().plan(request)
        if len(plan.frames) == len(request) and (np.diff(request) > 0).all():
            frames = self.codec.stream(self.packets, plan, size=size)
        else:
            frames = self._walk(request, size)
        for one in frames:
            yield frame.apply(one)

    def _walk(self, request: NDArray[np.int64], size: Size, batch: int = 32) -> Iterator[NDArray[Any]]:
        for at in range(0, len(request), batch):
            part = self.frame_index().plan(request[at : at + batch])
            yield from self.codec.decode(self.packets, part, size=size)


def _at_once(plan: Plan) -> list[tuple[int, int]]:
    """The ranges of a plan's packets; none if nobody knows them, or if they are too many to have at once."""
    if plan.index.trust == Trust.CONTAINER:
        return []
    ranges = [span for run in plan.runs for span in plan.ranges(run)]
    return ranges if sum(stop - start for start, stop in ranges) <= AT_ONCE else []


def _of_frame(items: tuple[Any, ...], step: int) -> tuple[Any, ...]:
    lead_stays = isinstance(items[0], (int, slice))
    if step or not lead_stays or any(one is None for one in items):
        raise SampleIndexError("frames() cannot walk this index.", "Select frames only, and index each frame.")
    return items[1:]


@dataclass(frozen=True, eq=False)
class SequenceCell(Cell):
    """Several samples in one row; the first axis counts them."""

    items: tuple[Cell, ...]

    @property
    def shape(self) -> Shape:  # noqa: D102
        return (len(self.items), *_common_shape([one.shape for one in self.items]))

    def plain(self) -> list[Any]:  # noqa: D102
        return [one.plain() for one in self.items]

    def stored_items(self, taken: Selection) -> list[NDArray[Any]]:  # noqa: D102
        return [one.stored for one, _ in self._choose(taken) if isinstance(one, ArrayCell)]

    def narrow(self, taken: Selection) -> tuple[Cell, Selection]:  # noqa: D102
        if not taken.steps or not isinstance(taken.steps[0][0], int):
            return self, taken
        places, _ = Selection((taken.steps[0][:1],)).frames((len(self.items),))
        rest = Selection(taken.steps[1:] if len(taken.steps[0]) == 1 else (taken.steps[0][1:], *taken.steps[1:]))
        item: Cell = self.items[int(places[0])]
        return item.narrow(rest)

    def shape_of(self, taken: Selection) -> Shape:  # noqa: D102
        shapes = [one.shape_of(rest) for one, rest in self._choose(taken)]
        return (len(shapes), *_common_shape(shapes))

    def planned(self, taken: Selection, *, size: Size = None, out: NDArray[Any] | None = None) -> PendingRead:  # noqa: D102
        plans = [one.planned(rest, size=size) for one, rest in self._choose(taken)]
        return combine(plans, lambda parts: stacked(parts) if out is None else _deliver(stacked(parts), out))

    def planned_data(self, taken: Selection) -> PendingRead:  # noqa: D102
        return combine([one.planned_data(rest) for one, rest in self._choose(taken)], list)

    def media(self) -> MediaCell:  # noqa: D102
        raise UsageError("This row is a sequence of samples.", "Choose one first: view[0].")

    def linked(self) -> tuple[Pin, ...]:  # noqa: D102
        return tuple(pin for one in self.items for pin in one.linked())

    def _choose(self, taken: Selection) -> list[tuple[Cell, Selection]]:
        """The chosen items, each with what is taken of it."""
        if not taken.steps:
            return [(one, taken) for one in self.items]
        if len(taken.steps) > 1:
            raise SampleIndexError("A ragged sequence can be indexed once.", "Use one pair of brackets.")
        lead, *others = taken.steps[0] if taken.steps[0][0] is not Ellipsis else (WHOLE, *taken.steps[0])
        if not isinstance(lead, (slice, np.ndarray)) or np.ndim(lead) > 1:  # type: ignore[arg-type]
            raise SampleIndexError("The first axis of a ragged sequence is its items.", "Use ints, slices or lists.")
        places, _ = Selection(((lead,),)).frames((len(self.items),))
        rest = Selection().then(tuple(others))
        return [(self.items[k], rest) for k in places.tolist()]


def stacked(parts: list[Any]) -> Any:
    """One array if all shapes agree, else the list."""
    alike = parts and all(isinstance(one, np.ndarray) and one.shape == parts[0].shape for one in parts)
    return np.stack(parts) if alike else parts


def _common_shape(shapes: list[Shape]) -> Shape:
    if not shapes or any(len(one) != len(shapes[0]) for one in shapes):
        return ()
    return tuple(axis[0] if len(set(axis)) == 1 else None for axis in zip(*shapes, strict=True))


def _deliver(array: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return np.array(array, order="C")
    _fitting(out, array.shape)[...] = array
    return out


def _fitting(out: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise UsageError(
            f"out= has shape {out.shape}; the selection has {shape}.",
            "Give a writable, C-contiguous array of that shape.",
        )
    return out


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (int(n) for n in size)
    except (TypeError, ValueError):
        raise UsageError(f"size={size!r} is not (height, width).", "Give two positive ints.") from None
    if height < 1 or width < 1:
        raise UsageError(f"size={size!r} is not positive.", "Give (height, width) in pixels.")
    return height, width
