"""One sample of a selection: what is taken of it, and what messages call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reelbase.errors import error_context
from reelbase.io.batch_read import PendingRead

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.cells import Cell
    from reelbase.selection.indexing import Selection

T = TypeVar("T")


@dataclass(frozen=True)
class SelectedSample:
    """A sample of which something is asked.

    Attributes:
        cell: The sample.
        taken: What of it.
        where: Such as "Row 3 of tensor 'videos'".
    """

    cell: Cell
    taken: Selection
    where: str

    def ask(self, question: Callable[[Cell, Selection], T]) -> T:
        """The answer; errors say where."""
        with error_context(self.where):
            return question(self.cell, self.taken)

    def planned(self, **how: Any) -> PendingRead:
        """As `Cell.planned`."""
        return self._where(self.ask(lambda cell, taken: cell.planned(taken, **how)))

    def planned_data(self) -> PendingRead:
        """As `Cell.planned_data`."""
        return self._where(self.ask(lambda cell, taken: cell.planned_data(taken)))

    def _where(self, plan: PendingRead) -> PendingRead:
        return PendingRead(plan.needs, plan.make, self.where)
