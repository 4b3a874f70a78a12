"""What every sample can be asked for, and the two simplest kinds: an array, and a row without a sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.cells.arrays import deliver
from reelbase.errors import MissingSampleError, UsageError
from reelbase.io.batch_read import PendingRead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reelbase.cells.media import MediaCell
    from reelbase.contracts.htype import Htype
    from reelbase.io.blob import Blob
    from reelbase.media.stored_link import Pin
    from reelbase.selection.indexing import Axis, Selection

Shape = tuple[int | None, ...]  #: None for an axis whose length differs between the items of a sequence
Size = tuple[int, int] | None  #: (height, width) to scale pictures to; None keeps them


class Cell(ABC):
    """One sample of a tensor.

    Facts about the sample are in memory. Only executing a `PendingRead` reads from the storage, so that a view can
    prepare the reads of all its rows first, and then fetch them together (decision 25).
    """

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """Shape of the whole sample."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the array that `prepare_array` leads to; object if items differ."""

    @abstractmethod
    def prepare_array(
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        """Return a read of the selected part as an array. A ragged sequence gives a list of arrays.

        Args:
            selection: The part of the sample.
            label: What messages call the sample, such as "Row 3 of tensor 'videos'".
            size: Height and width in pixels to scale pictures to; None keeps their size.
            out: The array to write into and return; None makes a new one.
            pixels: One of `reelbase.media.pixels.PIXEL_WORDS` to convert pictures to; None: 8-bit RGB, or an image's
                own channels. "yuv" leads to a dict of planes.
        """

    @abstractmethod
    def prepare_data(self, selection: Selection, label: str) -> PendingRead:
        """Return a read of the selected part in the form that the htype gives to users.

        Args:
            selection: The part of the sample.
            label: What messages call the sample.
        """

    def narrow(self, selection: Selection) -> tuple[Cell, Selection]:
        """Return a cell and a selection that give the same result as this cell with `selection`.

        In a sequence from which an int chooses one item, it is that item. Other samples return themselves.
        """
        return self, selection

    def shape_of(self, selection: Selection) -> Shape:
        """Return the shape of the array that `prepare_array` leads to."""
        if not selection.steps:
            return self.shape
        return selection.shape(tuple(length if length is not None else 0 for length in self.shape), self.first_axis)

    @property
    def first_axis(self) -> Axis | None:
        """What messages call the first axis; None calls it axis 0."""
        return None

    def media(self) -> MediaCell:
        """Return this cell if it is a single media file.

        Raises:
            UsageError: it is another kind of sample.
        """
        raise UsageError("This sample is not a video: it has no frames and no sample_info.", "Use a video tensor.")

    def plain(self) -> Any:
        """Return what filters compare and viewers show: numbers, strings, lists and dicts.

        It is None if there is no sample.
        """
        return None

    def stored_items(self, selection: Selection) -> list[NDArray[Any] | None]:
        """Return the selected items of a sequence of arrays, as they are stored; None for those not annotated.

        Raises:
            UsageError: the sample is not a sequence of arrays.
        """
        raise UsageError("This sample is not a sequence of arrays.", "Use a sequence[…] tensor.")

    def pins(self) -> tuple[Pin, ...]:
        """Return the links that the sample consists of. It is empty if the bytes are stored in the dataset."""
        return ()

    def read_encoded(self) -> bytes:
        """Return the bytes of the sample as they are stored.

        Raises:
            UsageError: the sample is not an encoded file.
        """
        raise UsageError("This sample is not an encoded file.", "tobytes() is for media tensors; use numpy().")


@dataclass(frozen=True, eq=False)
class MissingCell(Cell):
    """A row without a sample: None was appended, or the row was added because another tensor had more rows.

    Attributes:
        label: What messages call the row.
    """

    label: str

    def _missing_error(self) -> MissingSampleError:
        return MissingSampleError(f"{self.label} has no sample.", "It was appended as None. Check with view.exists.")

    @property
    def shape(self) -> Shape:  # noqa: D102
        raise self._missing_error()

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        raise self._missing_error()

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        raise self._missing_error()

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        raise self._missing_error()

    def media(self) -> MediaCell:  # noqa: D102
        raise self._missing_error()

    def read_encoded(self) -> bytes:  # noqa: D102
        raise self._missing_error()


@dataclass(frozen=True, eq=False)
class ArrayCell(Cell):
    """A stored array, which its htype presents to the user.

    It is in memory already, because a chunk holds many samples and is read as a whole.

    Attributes:
        stored: The array as it is stored.
        htype: The htype, which converts the stored form for the user.
    """

    stored: NDArray[Any]
    htype: Htype

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.htype.numpy(self.stored).shape

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        return self.htype.numpy(self.stored).dtype

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        if size is not None:
            raise UsageError("size= scales pictures; this sample is an array.", "Leave it out.")
        if pixels is not None:
            raise UsageError(f"pixels={pixels!r} is for pictures; this sample is an array.", "Leave it out.")

        def present(_: Sequence[Blob]) -> NDArray[Any]:
            return deliver(_apply(selection, self.htype.numpy(self.stored)), out)

        return PendingRead((), present, label)

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        def present(_: Sequence[Blob]) -> Any:
            shown = self.htype.numpy(self.stored)
            if selection.steps and shown.dtype.hasobject | (shown.dtype.kind in "US"):
                # One text or value, whatever bytes it is stored as: these are not what the user indexes.
                return _apply(selection, shown).tolist()
            # A copy, because the user may write into it and the stored array is cached.
            return self.htype.data(np.array(selection.apply(self.stored), order="C"))

        return PendingRead((), present, label)

    def plain(self) -> Any:  # noqa: D102
        return self.htype.plain(self.stored)

    def stored_items(self, selection: Selection) -> list[NDArray[Any] | None]:  # noqa: D102
        return list(selection.apply(self.stored))

    def read_encoded(self) -> bytes:  # noqa: D102
        return self.stored.tobytes()


def _apply(selection: Selection, array: NDArray[Any]) -> NDArray[Any]:
    """Return the selected part as an array; numpy gives a single object of an array of objects as it is."""
    part = selection.apply(array)
    if isinstance(part, np.ndarray):
        return part
    single = np.empty((), array.dtype)
    single[()] = part
    return single
