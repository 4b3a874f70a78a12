"""What a commit touched: all that is needed to see whether two commits can stand one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelbase.errors import CommitConflictError, HtypeError
from reelbase.format.origins import Runs, intersect, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_RUNS = 1000
_RETRY = "Refresh the dataset (ds.refresh()), look at the row or tensor, and try again."


@dataclass(frozen=True)
class Footprint:
    """Which things a commit touched; two commits conflict when their footprints do.

    Attributes:
        created: Names of tensors created, or given by a rename.
        schema: Ids of tensors dropped or renamed.
        dtypes: Dtype fixed by a first append, by tensor id.
        appended: Ids of tensors that got rows.
        changed: Rows replaced or deleted, by tensor id and branch of birth.
        info: Metadata keys written, as "tensor id/key" ("/key" for the dataset's own).
        txns: Lowest and highest number that applications gave their writes, so that what is run again is done once.
        packed: Ids of tensors whose rows were rewritten, without changing them.
    """

    created: frozenset[str] = frozenset()
    schema: frozenset[str] = frozenset()
    dtypes: Mapping[str, str] = field(default_factory=dict)
    appended: frozenset[str] = frozenset()
    changed: Mapping[tuple[str, str], Runs] = field(default_factory=dict)
    info: frozenset[str] = frozenset()
    txns: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    packed: frozenset[str] = frozenset()

    @property
    def tensors(self) -> set[str]:
        """Ids of all tensors touched."""
        changed = {tensor for tensor, _ in self.changed}
        return {*self.schema, *self.dtypes, *self.appended, *changed, *(k.split("/")[0] for k in self.info)} - {""}

    def as_json(self) -> dict[str, Any]:
        """The form a commit carries: only what is not empty."""
        changed: dict[str, dict[str, Any]] = {}
        for (tensor, branch), runs in self.changed.items():
            changed.setdefault(tensor, {})[branch] = [list(run) for run in runs]
        parts = {
            "created": sorted(self.created),
            "schema": sorted(self.schema),
            "dtypes": dict(self.dtypes),
            "appended": sorted(self.appended),
            "changed": changed,
            "info": sorted(self.info),
            "txns": {app: list(numbers) for app, numbers in self.txns.items()},
            "packed": sorted(self.packed),
        }
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Footprint:
        """The inverse of `as_json`."""
        changed = {
            (tensor, branch): tuple((int(a), int(b)) for a, b in runs)
            for tensor, branches in stored.get("changed", {}).items()
            for branch, runs in branches.items()
        }
        names = {name: frozenset(stored.get(name, ())) for name in ("created", "schema", "appended", "info", "packed")}
        txns = {app: (int(low), int(high)) for app, (low, high) in stored.get("txns", {}).items()}
        return cls(**names, changed=changed, dtypes=stored.get("dtypes", {}), txns=txns)

    @classmethod
    def unite(cls, parts: Iterable[Footprint]) -> Footprint:
        """What several touched together."""
        every = list(parts)
        changed: dict[tuple[str, str], list[tuple[int, int]]] = {}
        txns: dict[str, tuple[int, int]] = {}
        for one in every:
            for rows, runs in one.changed.items():
                changed.setdefault(rows, []).extend(runs)
            for app, (low, high) in one.txns.items():
                txns[app] = min(low, txns.get(app, (low, high))[0]), max(high, txns.get(app, (low, high))[1])
        names = {
            name: frozenset[str]().union(*(getattr(one, name) for one in every))
            for name in ("created", "schema", "appended", "info", "packed")
        }
        return cls(
            **names,
            changed={rows: _coarsen(union(runs)) for rows, runs in changed.items()},
            dtypes={tensor: dtype for one in every for tensor, dtype in one.dtypes.items()},
            txns=txns,
        )

    def check(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        """See that this can be applied after `theirs`.

        Args:
            theirs: What a commit changed since.
            names: Tensor names by id, for messages.

        Raises:
            CommitConflictError: both changed the same thing.
            HtypeError: both fixed a tensor's dtype, differently.
        """
        self._check_names(theirs, names)
        self._check_rows(theirs, names)
        for tensor, dtype in self.dtypes.items():
            if theirs.dtypes.get(tensor, dtype) != dtype:
                named = names.get(tensor, tensor)
                raise HtypeError(
                    f"Another writer's first append made {named!r} {theirs.dtypes[tensor]}; yours is {dtype}.",
                    "Convert the samples, or name the dtype in create_tensor.",
                )
        for app, (lowest, _) in self.txns.items():
            if app in theirs.txns and theirs.txns[app][1] >= lowest:
                raise CommitConflictError(
                    f"Another writer committed number {theirs.txns[app][1]} of {app!r} meanwhile; yours is {lowest}.",
                    "It is done already; go on with the next.",
                )

    def _check_names(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        for what, mine, other in (
            ("created a tensor named", self.created, theirs.created),
            ("dropped or renamed the tensor", self.tensors | self.packed, theirs.schema),
            ("wrote to the tensor you drop or rename:", self.schema, theirs.tensors),
            ("wrote the metadata key", self.info, theirs.info),
            ("compacted the tensor", self.packed, theirs.packed),
            ("changed rows of the tensor you compact:", self.packed, {tensor for tensor, _ in theirs.changed}),
        ):
            both = sorted(mine & other)
            if both:
                tensor, slash, key = both[0].partition("/")
                named = names.get(tensor, tensor) + (slash + key if tensor else key)
                raise CommitConflictError(f"Another writer {what} {named!r} meanwhile.", _RETRY)

    def _check_rows(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        for rows, runs in self.changed.items():
            both = intersect(runs, theirs.changed.get(rows, ()))
            if both:
                tensor, branch = rows
                raise CommitConflictError(
                    f"Another writer changed row {both[0][0]} of {names.get(tensor, tensor)!r} "
                    f"(counted as appended on branch {branch!r}) meanwhile.",
                    _RETRY,
                )


def _coarsen(runs: Runs) -> Runs:
    """The same rows; very many runs as one, so that a commit stays small at the price of needless conflicts."""
    return runs if len(runs) <= _MAX_RUNS else ((runs[0][0], runs[-1][1]),)
