"""A commit being made: operations on a state, and what they touch. It can be drawn up again on a newer state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelbase.errors import CommitConflictError
from reelbase.format.footprint import Footprint

if TYPE_CHECKING:
    from reelbase.format.commit import Commit
    from reelbase.format.ops import Op
    from reelbase.format.origins import Runs
    from reelbase.format.state import State
    from reelbase.format.store import Store


@dataclass(frozen=True)
class Move:
    """Rows appended by this draft: where they were when it was first drawn up, and where they are now.

    Attributes:
        padding_start: First of the rows that only fill up, as first drawn.
        start: First row, as first drawn.
        stop: Row after the last, as first drawn.
        new_padding_start, now: The first two, as they are now.
    """

    padding_start: int
    start: int
    stop: int
    new_padding_start: int
    new_start: int


@dataclass
class Draft:
    """Operations on top of a commit.

    Attributes:
        store: The store of the dataset.
        base: The commit they are made on.
        state: `base`'s state with all of them done.
        ops: The operations.
    """

    store: Store
    base: Commit
    state: State = field(init=False)
    ops: list[Op] = field(default_factory=list)
    _touched: list[Footprint] = field(default_factory=list)
    _moves: dict[str, list[Move]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = self.base.state

    def do(self, op: Op) -> None:
        """One more operation."""
        op.apply(self)
        self.ops.append(op)

    def rebase(self, base: Commit) -> Draft:
        """The same operations on another commit.

        Raises:
            CommitConflictError: they mean nothing there.
        """
        again = Draft(self.store, base)
        for op in self.ops:
            again.do(op)
        return again

    @property
    def footprint(self) -> Footprint:
        """What the operations touch."""
        return Footprint.unite(self._touched)

    def touch(self, touched: Footprint) -> None:
        """An operation touches this."""
        self._touched.append(touched)

    def touch_rows(self, tensor: str, runs: Runs) -> None:
        """An operation changes these physical rows; those that the draft itself appended concern nobody else."""
        rows = self.base.state.rows.get(tensor)
        if rows is None:
            return
        old = tuple((a, min(b, rows.physical_rows)) for a, b in runs if a < rows.physical_rows)
        births = rows.origins.births(old, self.base.branch)
        self.touch(Footprint(changed={(tensor, branch): born for branch, born in births.items()}))

    def record_move(self, tensor: str, move: Move) -> None:
        """An operation appends rows to a tensor."""
        self._moves.setdefault(tensor, []).append(move)

    def move_boundaries(self, tensor: str) -> list[int]:
        """The rows at which `place` jumps."""
        return sorted(
            {at for move in self._moves.get(tensor, ()) for at in (move.padding_start, move.start, move.stop)}
        )

    def translate_row(self, tensor: str, row: int) -> int:
        """Where a physical row is now that was `row` when the draft was first drawn up.

        Raises:
            CommitConflictError: it was a row that only filled up, and another writer appended there.
        """
        for move in self._moves.get(tensor, ()):
            if move.start <= row < move.stop:
                return row - move.start + move.new_start
            if move.padding_start <= row < move.start:
                if (move.padding_start, move.start) != (move.new_padding_start, move.new_start):
                    name = self.state.tensors[tensor].name
                    raise CommitConflictError(
                        f"Another writer appended to {name!r} where you change row {row}, which was still missing.",
                        "Refresh the dataset (ds.refresh()), look at the row, and try again.",
                    )
                return row
        return row
