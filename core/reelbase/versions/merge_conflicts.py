"""Whether two branches can be merged: what both touched since they last met must be the same on both now.

Footprints say what to look at, and the newest states say what it is now. So changes that were undone do not count, and
a conflict is resolved by making both sides the same. Conflicts of footprints alone would never go away (decision 21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.errors import CommitConflictError, HtypeError
from reelbase.format.extract_rows import is_same_row
from reelbase.format.origins import intersect
from reelbase.format.settings import extends, narrows

if TYPE_CHECKING:
    from reelbase.format.commit import Commit
    from reelbase.format.footprint import Footprint
    from reelbase.format.store import Store


class Conflicts:
    """The conflicts between the two sides of a merge.

    Args:
        store: The store of the dataset.
        ours: The newest commit of the branch that is merged into.
        our_footprint: What was touched there since the two last met.
        theirs: The commit that is merged.
        their_footprint: What was touched there since the two last met.
    """

    def __init__(
        self, store: Store, ours: Commit, our_footprint: Footprint, theirs: Commit, their_footprint: Footprint
    ) -> None:
        self._store = store
        self._ours = ours
        self._our_footprint = our_footprint
        self._theirs = theirs
        self._their_footprint = their_footprint

    def check(self) -> None:
        """Check that the two sides can be merged.

        Raises:
            CommitConflictError: they cannot.
            HtypeError: both fixed the dtype of a tensor, and differently.
        """
        for tensor in self._ours.state.tensors.keys() | self._theirs.state.tensors.keys():
            self._check_dropped(tensor)
        self._check_names()
        self._check_settings()
        self._check_info()
        self._check_rows()

    def _check_dropped(self, tensor: str) -> None:
        """Check that if one side dropped a tensor, the other did not write to it."""
        for here, there, touched_here, touched_there, what in (
            (self._ours, self._theirs, self._our_footprint, self._their_footprint, "The other branch dropped"),
            (self._theirs, self._ours, self._their_footprint, self._our_footprint, "This branch dropped"),
        ):
            is_missing_there = tensor in here.state.tensors and tensor not in there.state.tensors
            # A tensor that was created here is missing there too, but was not dropped.
            if is_missing_there and tensor in touched_there.schema and tensor in touched_here.tensors:
                name = here.state.tensors[tensor].name
                raise _conflict_error(
                    f"{what} tensor {name!r}, which was written to.", "Drop it on both, or on neither"
                )

    def _check_names(self) -> None:
        """Check that after the merge each name is that of one tensor, and that dtypes agree."""
        ours, theirs = self._ours.state, self._theirs.state
        for tensor, schema in theirs.tensors.items():
            mine = ours.tensors.get(tensor)
            if mine is None and tensor not in self._our_footprint.schema and self._is_taken(schema.name):
                raise _conflict_error(f"Both branches created a tensor {schema.name!r}.", "Rename or drop one of them")
            if mine is None:
                continue
            if mine.name != schema.name and tensor in self._our_footprint.schema & self._their_footprint.schema:
                names = f"{mine.name!r} and {schema.name!r}"
                raise _conflict_error(f"Both branches renamed a tensor, to {names}.", "Give it one name")
            if mine.name != schema.name and tensor in self._their_footprint.schema and self._is_taken(schema.name):
                raise _conflict_error(f"Two tensors would be named {schema.name!r}.", "Rename or drop one of them")
            if None not in (mine.dtype, schema.dtype) and mine.dtype != schema.dtype:
                raise HtypeError(
                    f"Tensor {mine.name!r} became {mine.dtype} on this branch and {schema.dtype} on the other.",
                    "Copy the samples of one of them to a new tensor, and drop the old one.",
                )

    def _check_settings(self) -> None:
        """Check that settings that both sides extended agree, and that all samples are valid with the merged ones."""
        ours, theirs = self._ours.state.tensors, self._theirs.state.tensors
        for tensor in ours.keys() & theirs.keys():
            mine, other, name = ours[tensor].settings, theirs[tensor].settings, ours[tensor].name
            if not (extends(mine, other) or extends(other, mine)):
                raise CommitConflictError(
                    f"Both branches added class names to {name!r}, different ones: one number has two meanings.",
                    "Append the other branch's rows instead, which go by name: ds.extend(other[rows]), where other is "
                    "reelbase.load(path, ref=branch). Nothing was changed.",
                )
            for written, new, old in (
                (self._their_footprint.written, mine, other),
                (self._our_footprint.written, other, mine),
            ):
                if tensor in written and narrows(new, old):
                    raise _conflict_error(
                        f"One branch gave class names to {name!r}, to which the other wrote ids without names.",
                        "Add the same class names there",
                    )

    def _is_taken(self, name: str) -> bool:
        """Return True if a tensor here has a name, and will still have it after the merge."""
        holder = self._ours.state.names.get(name)
        if holder is None:
            return False
        there = self._theirs.state.tensors.get(holder)
        return holder not in self._their_footprint.schema or (there is not None and there.name == name)

    def _check_info(self) -> None:
        """Check that metadata keys that both wrote have the same value, or are removed on both."""
        for name in sorted(self._our_footprint.info & self._their_footprint.info):
            tensor, _, key = name.partition("/")
            infos = [
                (state.tensors[tensor].info if tensor in state.tensors else {}) if tensor else state.info
                for state in (self._ours.state, self._theirs.state)
            ]
            if all(key in info for info in infos) and infos[0][key] == infos[1][key]:
                continue
            # A key that both removed has no value left to disagree on.
            if any(key in info for info in infos):
                whose = f" of {self._name_of(tensor)!r}" if tensor else ""
                raise _conflict_error(f"Both branches wrote the metadata key {key!r}{whose}.", "Give it one value")

    def _check_rows(self) -> None:
        """Check that rows that both changed are the same now."""
        ours, theirs = self._ours.state.rows, self._theirs.state.rows
        for (tensor, branch), runs in self._our_footprint.changed.items():
            if tensor in ours and tensor in theirs:
                both = intersect(runs, self._their_footprint.changed.get((tensor, branch), ()))
                for birth in (row for run in both for row in range(*run)):
                    self._check_row(tensor, branch, birth)

    def _check_row(self, tensor: str, branch: str, birth: int) -> None:
        """Check the row that was born on `branch` as `birth`."""
        mine, other = self._ours.state.rows[tensor], self._theirs.state.rows[tensor]
        run = ((birth, birth + 1),)
        here, there = (
            mine.origins.rows(branch, run, self._ours.branch),
            other.origins.rows(branch, run, self._theirs.branch),
        )
        # A row that one side never had cannot conflict.
        if not here or not there:
            return
        (row, _), (row_there, _) = here[0], there[0]
        is_deleted_here = mine.dead.contains(self._store, row)
        is_deleted_there = other.dead.contains(self._store, row_there)
        if is_deleted_here and is_deleted_there:
            return
        if not (is_deleted_here or is_deleted_there) and is_same_row(self._store, mine, row, other, row_there):
            return
        logical, whose = (
            (other.to_logical(self._store, row_there), "the other")
            if is_deleted_here
            else (mine.to_logical(self._store, row), "this")
        )
        raise _conflict_error(
            f"Both branches changed row {logical} ({whose} branch's count) of {self._name_of(tensor)!r}, differently.",
            "Make the row the same on both",
        )

    def _name_of(self, tensor: str) -> str:
        found = self._ours.state.tensors.get(tensor) or self._theirs.state.tensors[tensor]
        return found.name


def _conflict_error(what: str, help_text: str) -> CommitConflictError:
    return CommitConflictError(what, f"{help_text}, then merge again; nothing was changed.")
