"""One tensor that is shown, and what a viewer asks about its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from reelbase._util.printable import printable_line
from reelbase.contracts.htype import Htype
from reelbase.contracts.viewer import ShownTensor
from reelbase.selection.value_types import AnyValue, ValueType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.samples.selected import SelectedSample


_BEFORE_NAME: Final = re.compile(r".*[/\\]", re.DOTALL)


class Video(Htype):
    """The htype of a video that is shown without a dataset."""

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
        htype: The htype it was created with, such as ``sequence[bbox]``.
        item: The htype of one item.
        is_sequence: True if a row holds several items.
        rows: A view over all rows.
        count: Number of rows.
        settings: Settings of its htype.
        value_type: The type of a row in filters.
    """

    name: str
    htype: str
    item: Htype
    is_sequence: bool
    rows: Any
    count: int
    settings: Mapping[str, Any]
    value_type: ValueType = AnyValue()  # noqa: RUF009 - immutable

    @property
    def is_video(self) -> bool:
        """True if a row is one video."""
        return self.item.role == "video" and not self.is_sequence

    def describe(self) -> ShownTensor:
        """Return the description of the tensor that viewers read."""
        return ShownTensor(
            name=self.name,
            htype=self.htype,
            role=self.item.role,
            sequence=self.is_sequence,
            count=self.count,
            settings=dict(self.settings),
        )

    def has_sample(self, row: int) -> bool:
        """True if the row holds a sample."""
        return row < self.count and bool(self.rows[row].exists)

    def value(self, row: int) -> Any:
        """The sample as filters see it; None if there is none."""
        return plain(self.rows[row]) if row < self.count else None

    def file_name(self, row: int) -> str:
        """The name of the row's file, without its folder; "" if it is none, or has no sample. No link is followed."""
        if row >= self.count or not (self.is_video or (self.item.media and not self.is_sequence)):
            return ""
        cell = select_sample(self.rows[row]).cell
        pins = cell.pins()
        name = pins[0].shown if pins else (cell.plain() or {}).get("filename", "")
        return printable_line(_BEFORE_NAME.sub("", name.rstrip("/")))

    def draw_items(self, row: int, start: int, stop: int, size: tuple[int, int]) -> list[Any]:
        """Items ``start:stop`` of a sequence, for frames of ``size=(height, width)``; fewer where it ends before."""
        items = self.rows[row]
        stop = min(stop, len(items))
        if stop <= start:
            return []
        stored = items[start:stop]._one().stored_items()
        return [[] if item is None else self.item.drawn(item, size) for item in stored]


def plain(view: OneSample) -> Any:
    """A sample as filters and viewers see it; see `Cell.plain`."""
    return view._one().plain()


def select_sample(view: OneSample) -> SelectedSample:
    """Return the one sample that a view selects.

    Raises:
        UsageError: it selects several rows.
    """
    return view._one()


def media_of(view: OneSample) -> Any:
    """The cell of one media sample.

    Raises:
        UsageError: it is not one media sample.
    """
    return view._one().media()
