"""The differences between two versions.

Rows are matched by where they were born, not by their numbers, so a deleted row does not make all rows after it differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.format.extract_rows import is_same_row
from reelbase.format.footprint import Footprint
from reelbase.format.origins import Runs, intersect, subtract
from reelbase.format.state import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reelbase.format.commit import Commit
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage


@dataclass(frozen=True, eq=False)
class TensorDiff:
    """The rows of one tensor that differ between versions a and b.

    Each attribute is an int64 array of row numbers, in ascending order.

    Attributes:
        added: Rows of b that a does not have.
        updated: Rows of b that have another sample than in a.
        deleted: Rows of a that b does not have.
    """

    added: NDArray[np.int64]
    updated: NDArray[np.int64]
    deleted: NDArray[np.int64]

    def __bool__(self) -> bool:
        return any(len(rows) for rows in (self.added, self.updated, self.deleted))

    def __str__(self) -> str:
        counts = {"added": self.added, "updated": self.updated, "deleted": self.deleted}
        parts = (f"{len(rows)} {what}" for what, rows in counts.items() if len(rows))
        return ", ".join(parts) or "no rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class Diff:
    """The differences of version b compared with version a.

    It is false if there are none. ``print`` shows a summary.

    Attributes:
        a: Ref of the first version.
        b: Ref of the second version.
        created: Names of tensors that only b has.
        dropped: Names of tensors that only a has.
        renamed: For tensors with another name, the name in a and the name in b.
        info: Metadata keys that differ: "key" for the dataset itself, "tensor/key" for a tensor.
        settings: Settings of tensors that differ, as "tensor/setting": "labels/class_names".
        tensors: Rows that differ, by the name of the tensor in b. Tensors without a difference are left out.
    """

    a: str
    b: str
    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    info: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    tensors: Mapping[str, TensorDiff] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.created, self.dropped, self.renamed, self.info, self.settings, self.tensors))

    def __str__(self) -> str:
        lines = [
            *(f"tensor created: {name}" for name in self.created),
            *(f"tensor deleted: {name}" for name in self.dropped),
            *(f"tensor renamed: {old} -> {new}" for old, new in self.renamed.items()),
            *(f"info changed: {key}" for key in self.info),
            *(f"setting changed: {key}" for key in self.settings),
            *(f"{name}: {rows}" for name, rows in self.tensors.items()),
        ]
        return "\n".join(
            [f"{self.a} -> {self.b}", *(f"  {printable_line(line)}" for line in lines or ["no difference"])]
        )


def diff(lineage: Lineage, store: Store, a: Commit, b: Commit) -> Diff:
    """Return the differences of `b` compared with `a`.

    Samples are compared only in rows that commits between the two versions changed, which their footprints name.
    """
    ours, theirs = a.state.tensors, b.state.tensors
    # Both ways, because each side may have commits that the other lacks.
    headers = [*lineage.iter_between(a.header, b.header), *lineage.iter_between(b.header, a.header)]
    changed = Footprint.unite(header.touched for header in headers).changed
    rows = {}
    for tensor, schema in theirs.items():
        sides = _Sides(store, tensor, a, b)
        found = TensorDiff(sides.find_added(), sides.find_updated(changed), sides.find_deleted())
        if found:
            rows[schema.name] = found
    both = [tensor for tensor in ours if tensor in theirs]
    return Diff(
        a=str(a.header.place),
        b=str(b.header.place),
        created=tuple(schema.name for tensor, schema in theirs.items() if tensor not in ours),
        dropped=tuple(schema.name for tensor, schema in ours.items() if tensor not in theirs),
        renamed={ours[tensor].name: theirs[tensor].name for tensor in both if ours[tensor].name != theirs[tensor].name},
        info=(
            *_changed_keys("", a.state.info, b.state.info),
            *(
                key
                for tensor in both
                for key in _changed_keys(f"{theirs[tensor].name}/", ours[tensor].info, theirs[tensor].info)
            ),
        ),
        settings=tuple(
            key
            for tensor in both
            for key in _changed_keys(f"{theirs[tensor].name}/", ours[tensor].settings, theirs[tensor].settings)
        ),
        tensors=rows,
    )


def _changed_keys(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ, or that only one side has, with a prefix."""
    return [f"{prefix}{key}" for key in {**old, **new} if key not in old or key not in new or old[key] != new[key]]


class _Sides:
    """The rows of one tensor in two commits, which are numbered 0 (a) and 1 (b)."""

    def __init__(self, store: Store, tensor: str, a: Commit, b: Commit) -> None:
        self._store = store
        self._tensor = tensor
        self._branches = (a.branch, b.branch)
        self._rows = (a.state.rows.get(tensor, Rows()), b.state.rows.get(tensor, Rows()))
        self._births = [
            rows.origins.births(rows.live_runs(store), branch)
            for rows, branch in zip(self._rows, self._branches, strict=True)
        ]

    def find_added(self) -> NDArray[np.int64]:
        """Return the rows of b that a does not have."""
        return self._to_logical(1, self._births_only_on(1, 0))

    def find_deleted(self) -> NDArray[np.int64]:
        """Return the rows of a that b does not have."""
        return self._to_logical(0, self._births_only_on(0, 1))

    def find_updated(self, changed: Mapping[tuple[str, str], Runs]) -> NDArray[np.int64]:
        """Return the rows that both have, are among `changed`, and have different content."""
        found = {}
        for (tensor, branch), runs in changed.items():
            if tensor == self._tensor:
                # A change may have been undone since, so the content decides.
                shared = intersect(intersect(self._births[0].get(branch, ()), self._births[1].get(branch, ())), runs)
                found[branch] = tuple(
                    (row, row + 1) for run in shared for row in range(*run) if self._differs(branch, row)
                )
        return self._to_logical(1, found)

    def _differs(self, branch: str, row: int) -> bool:
        """Return True if the row that was born on `branch` as `row` has different content."""
        a, b = (self._to_physical(side, branch, ((row, row + 1),))[0][0] for side in (0, 1))
        return not is_same_row(self._store, self._rows[0], a, self._rows[1], b)

    def _births_only_on(self, side: int, other: int) -> dict[str, Runs]:
        """Return the births of rows that one side has and the other does not."""
        mine, theirs = self._births[side], self._births[other]
        return {branch: subtract(runs, theirs.get(branch, ())) for branch, runs in mine.items()}

    def _to_physical(self, side: int, branch: str, runs: Runs) -> Runs:
        return self._rows[side].origins.rows(branch, runs, self._branches[side])

    def _to_logical(self, side: int, births: Mapping[str, Runs]) -> NDArray[np.int64]:
        runs = [run for branch, born in births.items() for run in self._to_physical(side, branch, born)]
        rows = np.concatenate([np.zeros(0, np.int64), *(np.arange(*run, dtype=np.int64) for run in runs)])
        return self._rows[side].dead.to_logical(self._store, np.sort(rows))
