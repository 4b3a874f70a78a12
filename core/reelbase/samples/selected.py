"""One sample of a selection: the cell, what is selected of it, and what messages call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase.cells import MissingCell
from reelbase.errors import error_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.cells import Cell, MediaCell, Shape, Size
    from reelbase.io.batch_read import PendingRead
    from reelbase.selection.indexing import Selection


@dataclass(frozen=True)
class SelectedSample:
    """A sample, and the part of it that is asked about. Errors of every question name the sample.

    Attributes:
        cell: The sample.
        selection: What part of it.
        label: Such as "Row 3 of tensor 'videos'".
    """

    cell: Cell
    selection: Selection
    label: str

    @property
    def exists(self) -> bool:
        """False if the row holds no sample."""
        return not isinstance(self.cell, MissingCell)

    def prepare_array(
        self, size: Size = None, out: NDArray[Any] | None = None, pixels: str | None = None
    ) -> PendingRead:
        """See `Cell.prepare_array`."""
        with error_context(self.label):
            return self.cell.prepare_array(self.selection, self.label, size=size, out=out, pixels=pixels)

    def prepare_data(self) -> PendingRead:
        """See `Cell.prepare_data`."""
        with error_context(self.label):
            return self.cell.prepare_data(self.selection, self.label)

    def shape(self) -> Shape:
        """See `Cell.shape_of`."""
        with error_context(self.label):
            return self.cell.shape_of(self.selection)

    def dtype(self) -> np.dtype[Any]:
        """See `Cell.dtype`."""
        with error_context(self.label):
            return self.cell.dtype

    def media(self) -> MediaCell:
        """See `Cell.media`."""
        with error_context(self.label):
            return self.cell.media()

    def sample_info(self) -> dict[str, Any]:
        """Facts about the whole media sample."""
        return self.media().info.as_sample_info()

    def seconds(self) -> Any:
        """See `MediaCell.seconds`."""
        with error_context(self.label):
            return self.cell.media().seconds(self.selection)

    def pts(self) -> Any:
        """See `MediaCell.pts`."""
        with error_context(self.label):
            return self.cell.media().pts(self.selection)

    def frame_numbers(self) -> NDArray[np.int64]:
        """See `MediaCell.frame_numbers`."""
        with error_context(self.label):
            return self.cell.media().frame_numbers(self.selection)

    def frames_at(self, seconds: NDArray[Any], tolerance: Fraction) -> NDArray[np.int64]:
        """See `MediaCell.frames_at`."""
        with error_context(self.label):
            return self.cell.media().frames_at(self.selection, seconds, tolerance)

    def stream(self, size: Size, pixels: str | None = None) -> Iterator[Any]:
        """See `MediaCell.stream`."""
        with error_context(self.label):
            yield from self.cell.media().stream(self.selection, size, pixels)

    def encoded(self) -> bytes:
        """See `Cell.encoded`."""
        with error_context(self.label):
            return self.cell.read_encoded()

    def plain(self) -> Any:
        """See `Cell.plain`."""
        with error_context(self.label):
            return self.cell.plain()

    def stored_items(self) -> list[NDArray[Any] | None]:
        """See `Cell.stored_items`."""
        with error_context(self.label):
            return self.cell.stored_items(self.selection)
