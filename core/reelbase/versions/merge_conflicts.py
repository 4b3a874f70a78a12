"""Whether two branches can be merged: what both touched since they met must have come out the same.

Footprints tell what to look at, and the newest states what became of it. So what was undone does not count, and a
conflict is solved by making the two sides alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import CommitConflictError, HtypeError
from reelbase.format.extract import is_same_row
from reelbase.format.origins import intersect

if TYPE_CHECKING:
    from reelbase.format.commit import Commit
    from reelbase.format.footprint import Footprint
    from reelbase.format.store import Store


class Conflicts:
    """The two sides of a merge.

    Args:
        store: The store of the dataset.
        ours: The newest commit of the branch that is merged into.
        own: What was touched there since the two met.
        theirs: The commit that is merged.
        brought: What was touched there.
    """

    def __init__(self, store: Store, ours: Commit, own: Footprint, theirs: Commit, brought: Footprint) -> None:
        self._store = store
        self._ours = ours
        self._own = own
        self._theirs = theirs
        self._brought = brought

    def check(self) -> None:
        """See that they go together.

        Raises:
            CommitConflictError: they do not.
            HtypeError: both fixed a tensor's dtype, differently.
        """
        for tensor in self._ours.state.tensors.keys() | self._theirs.state.tensors.keys():
            self._check_dropped(tensor)
        self._check_names()
        self._check_info()
        self._check_rows()

    def _check_dropped(self, tensor: str) -> None:
        """A tensor that one side dropped was not written to by the other."""
        for here, there, did, dropped, whose in (
            (self._ours, self._theirs, self._own, self._brought, "The other branch dropped"),
            (self._theirs, self._ours, self._brought, self._own, "This branch dropped"),
        ):
            gone = tensor in here.state.tensors and tensor not in there.state.tensors and tensor in dropped.schema
            if gone and tensor in did.tensors:
                name = here.state.tensors[tensor].name
                raise _conflict_error(
                    f"{whose} tensor {name!r}, which was written to.", "Drop it on both, or on neither"
                )

    def _check_names(self) -> None:
        """No name would stand for two tensors, and no tensor have two names."""
        ours, theirs = self._ours.state, self._theirs.state
        for tensor, schema in theirs.tensors.items():
            mine = ours.tensors.get(tensor)
            if mine is None and tensor not in self._own.schema and self._is_taken(schema.name):
                raise _conflict_error(f"Both branches made a tensor {schema.name!r}.", "Rename or drop one of them")
            if mine is None:
                continue
            if mine.name != schema.name and tensor in self._own.schema & self._brought.schema:
                names = f"{mine.name!r} and {schema.name!r}"
                raise _conflict_error(f"Both branches renamed a tensor, to {names}.", "Give it one name")
            if mine.name != schema.name and tensor in self._brought.schema and self._is_taken(schema.name):
                raise _conflict_error(
                    f"There are two tensors to be named {schema.name!r}.", "Rename or drop one of them"
                )
            if None not in (mine.dtype, schema.dtype) and mine.dtype != schema.dtype:
                raise HtypeError(
                    f"Tensor {mine.name!r} became {mine.dtype} on this branch and {schema.dtype} on the other.",
                    "Copy the samples of one to a new tensor, and drop it there.",
                )

    def _is_taken(self, name: str) -> bool:
        """Whether a tensor here has that name, and will still have it after the merge."""
        holder = self._ours.state.names.get(name)
        if holder is None:
            return False
        there = self._theirs.state.tensors.get(holder)
        return holder not in self._brought.schema or (there is not None and there.name == name)

    def _check_info(self) -> None:
        for name in sorted(self._own.info & self._brought.info):
            tensor, _, key = name.partition("/")
            held = [
                (one.tensors[tensor].info if tensor in one.tensors else {}) if tensor else one.info
                for one in (self._ours.state, self._theirs.state)
            ]
            if [key in item for item in held] == [True, True] and held[0][key] == held[1][key]:
                continue
            if any(key in item for item in held):
                whose = f" of {self._name_of(tensor)!r}" if tensor else ""
                raise _conflict_error(f"Both branches wrote the metadata key {key!r}{whose}.", "Give it one value")

    def _check_rows(self) -> None:
        ours, theirs = self._ours.state.rows, self._theirs.state.rows
        for (tensor, branch), runs in self._own.changed.items():
            if tensor in ours and tensor in theirs:
                both = intersect(runs, self._brought.changed.get((tensor, branch), ()))
                for birth in (row for run in both for row in range(*run)):
                    self._check_row(tensor, branch, birth)

    def _check_row(self, tensor: str, branch: str, birth: int) -> None:
        mine, other = self._ours.state.rows[tensor], self._theirs.state.rows[tensor]
        run = ((birth, birth + 1),)
        here, there = (
            mine.origins.rows(branch, run, self._ours.branch),
            other.origins.rows(branch, run, self._theirs.branch),
        )
        if not here or not there:
            return
        (row, _), (row_there, _) = here[0], there[0]
        dead, gone = mine.dead.contains(self._store, row), other.dead.contains(self._store, row_there)
        if (dead and gone) or (not dead and not gone and is_same_row(self._store, mine, row, other, row_there)):
            return
        logical, whose = (
            (other.to_logical(self._store, row_there), "the other")
            if dead
            else (mine.to_logical(self._store, row), "this")
        )
        raise _conflict_error(
            f"Both branches changed row {logical} ({whose} branch's count) of {self._name_of(tensor)!r}, differently.",
            "Make the row the same on both",
        )

    def _name_of(self, tensor: str) -> str:
        found = self._ours.state.tensors.get(tensor) or self._theirs.state.tensors[tensor]
        return found.name


def _conflict_error(what: str, todo: str) -> CommitConflictError:
    return CommitConflictError(what, f"{todo}, then merge again; nothing was changed.")
