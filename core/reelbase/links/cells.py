"""Linked samples: read like stored ones, but their bytes come from elsewhere."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase._util.forks import reset_after_fork
from reelbase.cells import Cell, MediaCell

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.cells import Shape, Size
    from reelbase.io.batch_read import PendingRead
    from reelbase.media.stored_link import Pin
    from reelbase.selection.indexing import Selection


@dataclass(frozen=True, eq=False)
class LinkedCell(MediaCell):
    """A media file outside the dataset.

    Attributes:
        pin: The link to it.
    """

    pin: Pin

    def pins(self) -> tuple[Pin, ...]:
        """The link."""
        return (self.pin,)


class DeferredCell(Cell):
    """A link that was appended with ``verify=False``. Its file is indexed when the sample is first read.

    Args:
        pin: The link; nothing but its URL is known.
        look: Indexes the file, and returns the cell that is used from then on.
    """

    def __init__(self, pin: Pin, look: Callable[[], LinkedCell]) -> None:
        self._pin = pin
        self._look = look
        self._found: LinkedCell | None = None
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Make a new lock: the old one may be held by a thread that the child does not have."""
        self._lock = threading.Lock()

    def media(self) -> LinkedCell:  # noqa: D102
        with self._lock:
            if self._found is None:
                self._found = self._look()
            return self._found

    @property
    def shape(self) -> Shape:  # noqa: D102
        return self.media().shape

    @property
    def dtype(self) -> np.dtype[Any]:  # noqa: D102
        return self.media().dtype

    def plain(self) -> Any:  # noqa: D102
        return self.media().plain()

    def prepare_array(  # noqa: D102
        self,
        selection: Selection,
        label: str,
        *,
        size: Size = None,
        out: NDArray[Any] | None = None,
        pixels: str | None = None,
    ) -> PendingRead:
        return self.media().prepare_array(selection, label, size=size, out=out, pixels=pixels)

    def prepare_data(self, selection: Selection, label: str) -> PendingRead:  # noqa: D102
        return self.media().prepare_data(selection, label)

    def pins(self) -> tuple[Pin, ...]:  # noqa: D102
        return (self._pin,)

    def read_encoded(self) -> bytes:  # noqa: D102
        return self.media().read_encoded()
