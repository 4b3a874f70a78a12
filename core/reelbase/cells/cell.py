"""What can be asked of every sample, and the two simplest kinds: an array, and a row that holds nothing."""

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
    from reelbase.media.pin import Pin
    from reelbase.selection.indexing import Selection

Shape = tuple[int | None, ...]  #: None for an axis whose length differs between the items of a sequence
Size = tuple[int, int] | None  #: (height, width) to scale pictures to; None keeps them


class Cell(ABC):
    """One sample of a tensor. Its facts are in memory; only executing a `PendingRead` of it does I/O."""

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """The whole sample's shape."""

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
        """The selected part as an array (a list of arrays for a ragged sequence), still to be read.

        Args:
            selection: What part of the sample.
            label: What messages call the sample, such as "Row 3 of tensor 'videos'".
            size: ``(height, width)`` to scale pictures to.
            out: The array to write into and return.
            pixels: One of `reelbase.media.pixels.PIXEL_WORDS` to convert pictures to; None: 8-bit RGB, or an image's
                own channels. "yuv" leads to a dict of planes.
        """

    @abstractmethod
    def prepare_data(self, selection: Selection, label: str) -> PendingRead:
        """The selected part in the htype's own form, still to be read."""

    def narrow(self, selection: Selection) -> tuple[Cell, Selection]:
        """The cell and selection that give the same: of a sequence, the item that an int chooses."""
        return self, selection

    def shape_of(self, selection: Selection) -> Shape:
        """The shape of the array that `prepare_array` leads to."""
        if not selection.steps:
            return self.shape
        return selection.shape(tuple(length if length is not None else 0 for length in self.shape))

    def media(self) -> MediaCell:
        """This cell, if it is one media file with frames.

        Raises:
            UsageError: it is another kind of sample.
        """
        raise UsageError("This sample is not a video: it has no frames and no sample_info.", "Ask a video tensor.")

    def plain(self) -> Any:
        """What filters compare and viewers show: numbers, strings, lists and dicts; None where there is no sample."""
        return None

    def stored_items(self, selection: Selection) -> list[NDArray[Any]]:
        """The selected items of a sequence of arrays, as they are stored.

        Raises:
            UsageError: the sample is not a sequence of arrays.
        """
        raise UsageError("This sample is not a sequence of arrays.", "Ask a sequence[…] tensor.")

    def pins(self) -> tuple[Pin, ...]:
        """The links that the sample is made of; empty if its bytes are stored in the dataset."""
        return ()

    def encoded(self) -> bytes:
        """The sample's bytes as they are stored.

        Raises:
            UsageError: the sample is not an encoded file.
        """
        raise UsageError("This sample is not an encoded file.", "tobytes() is for media tensors; use numpy().")


@dataclass(frozen=True, eq=False)
class MissingCell(Cell):
    """No sample: None was appended, or the row was padded.

    Attributes:
        label: What messages call the row.
    """

    label: str

    def _missing(self) -> MissingSampleError:
        return MissingSampleError(f"{self.label} holds no sample.", "It was appended as None; test with view.exists.")

    @property
    def shape(self) -> Shape:  # noqa: D102
        raise self._missing()

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        raise self._missing()

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        raise self._missing()

    def media(self) -> MediaCell:  # noqa: D102
        raise self._missing()

    def encoded(self) -> bytes:  # noqa: D102
        raise self._missing()


@dataclass(frozen=True, eq=False)
class ArrayCell(Cell):
    """A stored array, presented by its htype. It is in memory already: a chunk holds many, and is read whole.

    Attributes:
        stored: The array as it is stored.
        htype: What it means.
    """

    stored: NDArray[Any]
    htype: Htype

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.htype.numpy(self.stored).shape

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
            return deliver(selection.apply(self.htype.numpy(self.stored)), out)

        return PendingRead((), present, label)

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        def present(_: Sequence[Blob]) -> Any:
            return self.htype.data(np.array(selection.apply(self.stored), order="C"))

        return PendingRead((), present, label)

    def plain(self) -> Any:  # noqa: D102
        return self.htype.plain(self.stored)

    def stored_items(self, selection: Selection) -> list[NDArray[Any]]:  # noqa: D102
        return list(selection.apply(self.stored))

    def encoded(self) -> bytes:  # noqa: D102
        return self.stored.tobytes()
