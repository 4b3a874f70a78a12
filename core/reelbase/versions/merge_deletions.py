"""Rows that a merge deletes. A whole row that was deleted there takes with it what only this branch has beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.format.ops import Delete
from reelbase.format.origins import union

if TYPE_CHECKING:
    from reelbase.format.commit import Commit
    from reelbase.format.draft import Draft


class Deletions:
    """Physical rows here that are to go, by tensor.

    Args:
        draft: Of the merge; rows are counted as they are in it when `deletes` is called.
        theirs: The commit that is merged.
    """

    def __init__(self, draft: Draft, theirs: Commit) -> None:
        self._draft = draft
        self._shared = [tensor for tensor in draft.state.rows if tensor in theirs.state.rows]
        self._own = [tensor for tensor in draft.base.state.rows if tensor not in theirs.state.rows]
        self._rows: dict[str, set[int]] = {}

    def add(self, tensor: str, row: int) -> None:
        """One physical row of a tensor that both have."""
        self._rows.setdefault(tensor, set()).add(row)

    def make_deletes(self) -> list[Delete]:
        """What is to be done."""
        whole = self._find_whole_rows()
        found = {tensor: union((row, row + 1) for row in rows) for tensor, rows in self._rows.items()}
        for tensor in self._own:
            held = self._draft.state.rows.get(tensor)
            beside = [] if held is None else [row for row in whole if row < len(held)]
            if held is not None and beside:
                found[tensor] = held.to_runs(self._draft.store, beside)
        return [Delete(tensor, runs) for tensor, runs in found.items()]

    def _find_whole_rows(self) -> list[int]:
        """The logical rows that go in every tensor that both have, as far as it has them."""
        logical = {
            tensor: {self._draft.state.rows[tensor].to_logical(self._draft.store, row) for row in rows}
            for tensor, rows in self._rows.items()
        }
        every = set().union(*logical.values())
        lengths = {tensor: len(self._draft.state.rows[tensor]) for tensor in self._shared}
        return sorted(
            row
            for row in every
            if all(row in logical.get(tensor, ()) for tensor in self._shared if row < lengths[tensor])
        )
