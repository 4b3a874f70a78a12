"""The rows that a merge deletes.

If all samples of a row were deleted there, the row also loses the samples of tensors that only this branch has. They
would otherwise be next to nothing, or move next to another row (decision 22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.format.ops import Delete
from reelbase.format.origins import union

if TYPE_CHECKING:
    from reelbase.format.commit import Commit
    from reelbase.format.draft import Draft


class Deletions:
    """Physical rows here that a merge deletes, by tensor.

    Args:
        draft: The draft of the merge. Rows are numbered as they are in it when `make_deletes` is called.
        theirs: The commit that is merged.
    """

    def __init__(self, draft: Draft, theirs: Commit) -> None:
        self._draft = draft
        self._shared = [tensor for tensor in draft.state.rows if tensor in theirs.state.rows]
        self._own = [tensor for tensor in draft.base.state.rows if tensor not in theirs.state.rows]
        self._rows: dict[str, set[int]] = {}

    def add(self, tensor: str, row: int) -> None:
        """Delete one physical row of a tensor that both sides have."""
        self._rows.setdefault(tensor, set()).add(row)

    def make_deletes(self) -> list[Delete]:
        """Return the operations that delete the rows."""
        whole_rows = self._find_whole_rows()
        found = {tensor: union((row, row + 1) for row in rows) for tensor, rows in self._rows.items()}
        # Tensors that only this branch has.
        for tensor in self._own:
            held = self._draft.state.rows.get(tensor)
            beside = [] if held is None else [row for row in whole_rows if row < len(held)]
            if held is not None and beside:
                found[tensor] = held.to_runs(self._draft.store, beside)
        return [Delete(tensor, runs) for tensor, runs in found.items()]

    def _find_whole_rows(self) -> list[int]:
        """Return the logical rows that are deleted as a whole.

        They are deleted in every tensor that both sides have, except those that are too short to have the row.
        """
        logical = {
            tensor: {self._draft.state.rows[tensor].to_logical(self._draft.store, row) for row in rows}
            for tensor, rows in self._rows.items()
        }
        candidates = set().union(*logical.values())
        lengths = {tensor: len(self._draft.state.rows[tensor]) for tensor in self._shared}
        return sorted(
            row
            for row in candidates
            if all(row in logical.get(tensor, ()) for tensor in self._shared if row < lengths[tensor])
        )
