"""A commit in preparation: operations on top of a base commit, and what they touch.

A writer that loses the race for the next commit number applies the same operations again, on top of the winner's
commit.
"""

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
    """Rows that a draft appended to one tensor: where they were when it was first prepared, and where they are now.

    Later operations of the draft name these rows as they were at first.

    Attributes:
        padding_start: First of the rows without a sample that were added in front to keep tensors aligned, at first.
        start: First appended row, at first.
        stop: Row after the last appended one, at first.
        new_padding_start: Where `padding_start` is now.
        new_start: Where `start` is now.
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
        base: The commit that the operations are applied to.
        state: The state of `base` after all operations.
        ops: The operations, in order.
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
        """Apply one more operation."""
        op.apply(self)
        self.ops.append(op)

    def rebase(self, base: Commit) -> Draft:
        """Return a draft with the same operations on another commit.

        Raises:
            CommitConflictError: an operation cannot be applied there.
        """
        again = Draft(self.store, base)
        for op in self.ops:
            try:
                again.do(op)
            except KeyError:  # a tensor that the operation names is not in that commit
                raise CommitConflictError(
                    "A tensor that this write changes is not in the newest version.", "Load the dataset and look again."
                ) from None
        return again

    @property
    def footprint(self) -> Footprint:
        """What the operations touch, taken together."""
        return Footprint.unite(self._touched)

    def touch(self, touched: Footprint) -> None:
        """Record what an operation touches."""
        self._touched.append(touched)

    def touch_rows(self, tensor: str, runs: Runs) -> None:
        """Record that an operation changes physical rows.

        Rows that this draft appended itself are left out: no other writer can know them.
        """
        rows = self.base.state.rows.get(tensor)
        if rows is None:  # the draft created the tensor
            return
        old = tuple((a, min(b, rows.physical_rows)) for a, b in runs if a < rows.physical_rows)
        # Other branches number rows differently, so a footprint names rows by where they were born.
        births = rows.origins.births(old, self.base.branch)
        self.touch(Footprint(changed={(tensor, branch): born for branch, born in births.items()}))

    def record_move(self, tensor: str, move: Move) -> None:
        """Record that an operation appends rows to a tensor."""
        self._moves.setdefault(tensor, []).append(move)

    def move_boundaries(self, tensor: str) -> list[int]:
        """Return the rows of a tensor at which the result of `translate_row` jumps."""
        return sorted(
            {at for move in self._moves.get(tensor, ()) for at in (move.padding_start, move.start, move.stop)}
        )

    def translate_row(self, tensor: str, row: int) -> int:
        """Return where a physical row is now, given where it was when the draft was first prepared.

        Raises:
            CommitConflictError: the row was padding, and another writer appended a sample there.
        """
        for move in self._moves.get(tensor, ()):
            if move.start <= row < move.stop:
                return row - move.start + move.new_start
            if move.padding_start <= row < move.start:
                if (move.padding_start, move.start) != (move.new_padding_start, move.new_start):
                    name = self.state.tensors[tensor].name
                    raise CommitConflictError(
                        f"Another writer appended to {name!r} at row {row}, which you change: it had no sample before.",
                        "Refresh the dataset (ds.refresh()), look at the row, and try again.",
                    )
                return row
        return row
