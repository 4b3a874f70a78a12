"""One tensor of what is shown, and what a viewer asks of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from reelbase.contracts.htype import Htype

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.samples.selected import SelectedSample


class Video(Htype):
    """The htype of a video that is shown by itself."""

    name: ClassVar[str] = "video"
    role: ClassVar[str] = "video"


class OneSample(Protocol):
    """A view of one sample (`reelbase.View`)."""

    def _one(self) -> SelectedSample: ...


@dataclass(frozen=True)
class TensorSource:
    """A tensor.

    Attributes:
        name: Its name.
        htype: As it was created: ``sequence[bbox]``.
        item: Of one item.
        rows: Its rows, a view over all of them.
        count: How many.
        settings: Of its htype.
    """

    name: str
    htype: str
    item: Htype
    rows: Any
    count: int
    settings: Mapping[str, Any]

    @property
    def sequence(self) -> bool:
        """Whether a row holds several items."""
        return self.htype.startswith("sequence[")

    @property
    def film(self) -> bool:
        """Whether a row is one video."""
        return self.item.role == "video" and not self.sequence

    def about(self) -> dict[str, Any]:
        """For the page."""
        known = {"name": self.name, "htype": self.htype, "role": self.item.role}
        return {**known, "sequence": self.sequence, "count": self.count, "settings": dict(self.settings)}

    def holds(self, row: int) -> bool:
        """Whether there is a sample at a row."""
        return row < self.count and bool(self.rows[row].exists)

    def value(self, row: int) -> Any:
        """What a sample is to filters; None: there is none."""
        return plain(self.rows[row]) if row < self.count else None

    def drawn(self, row: int, start: int, stop: int, size: tuple[int, int]) -> list[Any]:
        """Items of a sequence, for frames of `size`; fewer where it ends before."""
        items = self.rows[row]
        stop = min(stop, len(items))
        if stop <= start:
            return []
        stored = items[start:stop]._one().stored_items()
        return [self.item.drawn(one, size) for one in stored]


def plain(view: OneSample) -> Any:
    """What a sample is to filters and viewers; see `Cell.plain`."""
    return view._one().plain()


def media_of(view: OneSample) -> Any:
    """The cell of one media sample.

    Raises:
        UsageError: it is none.
    """
    return view._one().media()
