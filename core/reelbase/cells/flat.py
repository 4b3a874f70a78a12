"""A picture that was appended as an array without an axis of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase.cells.arrays import deliver
from reelbase.cells.media import MediaCell
from reelbase.io.batch_read import PendingRead, combine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.cells.cell import Shape, Size
    from reelbase.selection.indexing import Selection

_WHOLE_CHANNEL = (..., 0)


@dataclass(frozen=True, eq=False)
class FlatCell(MediaCell):
    """A grey picture ``(H, W)``. Files have an axis of channels, so it is dropped when the picture is decoded.

    If a form of pixels is asked for, the array has that form's channels, as for all pictures.
    """

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.info.shape[:2]

    def plain(self) -> dict[str, Any]:  # noqa: D102
        height, width = self.info.shape[:2]
        return {**self.info.details, "frames": height, "height": height, "width": width}

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        if pixels is not None:
            return super().prepare_array(selection, label, size=size, out=out, pixels=pixels)
        # Some codecs keep grey pictures in colour.
        form = None if self.info.shape[-1] == 1 else "gray"
        whole = super().prepare_array(type(selection)(), label, size=size, pixels=form)

        def drop_channels(parts: list[Any]) -> NDArray[Any]:
            return deliver(selection.apply(parts[0][_WHOLE_CHANNEL]), out)

        return combine([whole], drop_channels, label)
