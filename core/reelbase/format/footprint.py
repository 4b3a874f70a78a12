"""What a commit touched. Two commits go together if their footprints do; no data is read to decide it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelbase.errors import CommitConflictError, HtypeError
from reelbase.format.origins import Runs, intersect, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_RUNS_PER_TENSOR = 1000
_RETRY = "Refresh the dataset (ds.refresh()), look at the row or tensor, and try again."


@dataclass(frozen=True)
class Footprint:
    """Everything that a commit touched. Two commits conflict if their footprints do.

    Attributes:
        created: Names of tensors that were created, and new names of renamed tensors.
        schema: Ids of tensors that were dropped or renamed.
        dtypes: The dtype that a first append fixed, by tensor id.
        appended: Ids of tensors that rows were appended to.
        changed: Rows that were replaced or deleted, by tensor id and branch of birth.
        info: Metadata keys that were written, as "tensor id/key". Keys of the dataset itself are "/key".
        txns: Lowest and highest transaction number of each application. Numbers keep a write that is repeated from
            being done twice.
        packed: Ids of tensors whose rows were compacted, which rewrites them without changing their content.
        settings: Tensors whose settings were extended, by id; True if values that were valid before may not be now.
    """

    created: frozenset[str] = frozenset()
    schema: frozenset[str] = frozenset()
    dtypes: Mapping[str, str] = field(default_factory=dict)
    appended: frozenset[str] = frozenset()
    changed: Mapping[tuple[str, str], Runs] = field(default_factory=dict)
    info: frozenset[str] = frozenset()
    txns: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    packed: frozenset[str] = frozenset()
    settings: Mapping[str, bool] = field(default_factory=dict)

    @property
    def tensors(self) -> set[str]:
        """Ids of all tensors that were touched. Compaction does not count."""
        infos = {key.split("/")[0] for key in self.info} - {""}
        return {*self.schema, *self.dtypes, *self.settings, *self.written, *infos}

    @property
    def written(self) -> set[str]:
        """Ids of tensors whose samples were written or deleted."""
        return {*self.appended, *(tensor for tensor, _ in self.changed)}

    @property
    def narrowed(self) -> set[str]:
        """Ids of tensors that may not hold every value that was valid before."""
        return {tensor for tensor, is_narrower in self.settings.items() if is_narrower}

    def as_json(self) -> dict[str, Any]:
        """Return the form that a commit carries. Empty parts are left out."""
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
            "settings": dict(self.settings),
        }
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Footprint:
        """Return the footprint that `as_json` wrote."""
        changed = {
            (tensor, branch): tuple((int(a), int(b)) for a, b in runs)
            for tensor, branches in stored.get("changed", {}).items()
            for branch, runs in branches.items()
        }
        names = {name: frozenset(stored.get(name, ())) for name in ("created", "schema", "appended", "info", "packed")}
        txns = {app: (int(low), int(high)) for app, (low, high) in stored.get("txns", {}).items()}
        dtypes, settings = stored.get("dtypes", {}), stored.get("settings", {})
        return cls(**names, changed=changed, dtypes=dtypes, txns=txns, settings=settings)

    @classmethod
    def unite(cls, parts: Iterable[Footprint]) -> Footprint:
        """Return what several footprints touched together."""
        footprints = list(parts)
        changed: dict[tuple[str, str], list[tuple[int, int]]] = {}
        txns: dict[str, tuple[int, int]] = {}
        settings: dict[str, bool] = {}
        for footprint in footprints:
            for tensor, is_narrower in footprint.settings.items():
                settings[tensor] = is_narrower or settings.get(tensor, False)
            for rows, runs in footprint.changed.items():
                changed.setdefault(rows, []).extend(runs)
            for app, (low, high) in footprint.txns.items():
                txns[app] = min(low, txns.get(app, (low, high))[0]), max(high, txns.get(app, (low, high))[1])
        names = {
            name: frozenset[str]().union(*(getattr(footprint, name) for footprint in footprints))
            for name in ("created", "schema", "appended", "info", "packed")
        }
        return cls(
            **names,
            changed={rows: _coarsen(union(runs)) for rows, runs in changed.items()},
            dtypes={tensor: dtype for footprint in footprints for tensor, dtype in footprint.dtypes.items()},
            txns=txns,
            settings=settings,
        )

    def check(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        """Check that this footprint can be applied after another one.

        Args:
            theirs: What a commit touched in the meantime.
            names: Names of tensors by id, for messages.

        Raises:
            CommitConflictError: both changed the same thing.
            HtypeError: both fixed the dtype of a tensor, and differently.
        """
        # Appends do not conflict with each other: the rows of the writer that lost go after those of the winner.
        self._check_names(theirs, names)
        self._check_rows(theirs, names)
        for tensor, dtype in self.dtypes.items():
            if theirs.dtypes.get(tensor, dtype) != dtype:
                name = names.get(tensor, tensor)
                raise HtypeError(
                    f"Another writer's first append made {name!r} {theirs.dtypes[tensor]}; yours is {dtype}.",
                    "Convert the samples, or pass dtype= to create_tensor.",
                )
        for app, (lowest, _) in self.txns.items():
            # Numbers of an application only grow, so with the same or a higher number this write was done already.
            if app in theirs.txns and theirs.txns[app][1] >= lowest:
                raise CommitConflictError(
                    f"Another writer committed number {theirs.txns[app][1]} of {app!r} meanwhile; yours is {lowest}.",
                    "That write has been done already. Continue with the next one.",
                )

    def _check_names(self, theirs: Footprint, names: Mapping[str, str]) -> None:
        # What the other writer did, what this commit touches, and what the other one touched. Common items conflict.
        for what, mine, other in (
            ("created a tensor named", self.created, theirs.created),
            ("dropped or renamed the tensor", self.tensors | self.packed, theirs.schema),
            ("wrote to the tensor you drop or rename:", self.schema, theirs.tensors),
            ("wrote the metadata key", self.info, theirs.info),
            ("extended the settings of tensor", self.settings.keys(), theirs.settings.keys()),
            ("gave class names to the tensor", self.written, theirs.narrowed),
            ("wrote samples of the tensor that you give class names:", self.narrowed, theirs.written),
            ("compacted the tensor", self.packed, theirs.packed),
            # Compaction replaces whole columns, which would undo such changes.
            ("changed rows of the tensor you compact:", self.packed, {tensor for tensor, _ in theirs.changed}),
        ):
            both = sorted(mine & other)
            if both:
                tensor, slash, key = both[0].partition("/")
                name = names.get(tensor, tensor) + (slash + key if tensor else key)
                raise CommitConflictError(f"Another writer {what} {name!r} meanwhile.", _RETRY)

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
    """Return the same rows. Very many runs are replaced by the one run that covers them all.

    So a commit stays small, at the price of conflicts that need not be (decision 2).
    """
    return runs if len(runs) <= _MAX_RUNS_PER_TENSOR else ((runs[0][0], runs[-1][1]),)
