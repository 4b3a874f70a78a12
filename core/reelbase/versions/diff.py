"""What is different between two versions: rows by where they were born, so that deletes and merges do not blur it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.format.extract import same_row
from reelbase.format.footprint import Footprint
from reelbase.format.origins import Runs, common, without
from reelbase.format.state import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from reelbase.format.commit import Commit
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage


@dataclass(frozen=True, eq=False)
class TensorDiff:
    """Rows of one tensor that differ between versions a and b. Each is an int64 array of row numbers, ascending.

    Attributes:
        added: Rows of b that a does not have.
        updated: Rows of b that hold another sample than in a.
        deleted: Rows of a that b does not have.
    """

    added: NDArray[np.int64]
    updated: NDArray[np.int64]
    deleted: NDArray[np.int64]

    def __bool__(self) -> bool:
        return any(len(rows) for rows in (self.added, self.updated, self.deleted))

    def __str__(self) -> str:
        counts = {"added": self.added, "updated": self.updated, "deleted": self.deleted}
        spelt = (f"{len(rows)} {what}" for what, rows in counts.items() if len(rows))
        return ", ".join(spelt) or "no rows"


@dataclass(frozen=True, kw_only=True, eq=False)
class Diff:
    """What is different in version b, compared with a. It is false if nothing is; ``print`` shows a summary.

    Attributes:
        a: Ref of the one.
        b: Ref of the other.
        created: Names of tensors that only b has.
        dropped: Names of tensors that only a has.
        renamed: Names in a and in b, of tensors that changed theirs.
        info: Keys of metadata that differ: "key" of the dataset's own, "tensor/key" of a tensor's.
        tensors: Rows, by the tensor's name in b; only of tensors with a difference.
    """

    a: str
    b: str
    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    info: tuple[str, ...] = ()
    tensors: Mapping[str, TensorDiff] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.created, self.dropped, self.renamed, self.info, self.tensors))

    def __str__(self) -> str:
        lines = [
            *(f"tensor created: {name}" for name in self.created),
            *(f"tensor deleted: {name}" for name in self.dropped),
            *(f"tensor renamed: {old} -> {new}" for old, new in self.renamed.items()),
            *(f"info changed: {key}" for key in self.info),
            *(f"{name}: {rows}" for name, rows in self.tensors.items()),
        ]
        return "\n".join(
            [f"{self.a} -> {self.b}", *(f"  {printable_line(line)}" for line in lines or ["no difference"])]
        )


def diff(lineage: Lineage, store: Store, a: Commit, b: Commit) -> Diff:
    """What is different in `b`, compared with `a`."""
    ours, theirs = a.state.tensors, b.state.tensors
    headers = [*lineage.between(a.header, b.header), *lineage.between(b.header, a.header)]
    changed = Footprint.united(header.touched for header in headers).changed
    rows = {}
    for tensor, schema in theirs.items():
        sides = _Sides(store, tensor, a, b)
        found = TensorDiff(sides.added(), sides.updated(changed), sides.deleted())
        if found:
            rows[schema.name] = found
    both = [tensor for tensor in ours if tensor in theirs]
    return Diff(
        a=str(a.header.place),
        b=str(b.header.place),
        created=tuple(one.name for tensor, one in theirs.items() if tensor not in ours),
        dropped=tuple(one.name for tensor, one in ours.items() if tensor not in theirs),
        renamed={ours[one].name: theirs[one].name for one in both if ours[one].name != theirs[one].name},
        info=(
            *_keys("", a.state.info, b.state.info),
            *(key for one in both for key in _keys(f"{theirs[one].name}/", ours[one].info, theirs[one].info)),
        ),
        tensors=rows,
    )


def _keys(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"{prefix}{key}" for key in {**old, **new} if key not in old or key not in new or old[key] != new[key]]


class _Sides:
    """The rows of one tensor in two commits."""

    def __init__(self, store: Store, tensor: str, a: Commit, b: Commit) -> None:
        self._store = store
        self._tensor = tensor
        self._branches = (a.branch, b.branch)
        self._rows = (a.state.rows.get(tensor, Rows()), b.state.rows.get(tensor, Rows()))
        self._births = [
            rows.origins.births(rows.live(store), branch)
            for rows, branch in zip(self._rows, self._branches, strict=True)
        ]

    def added(self) -> NDArray[np.int64]:
        """Rows of b that a does not have."""
        return self._logical(1, self._only(1, 0))

    def deleted(self) -> NDArray[np.int64]:
        """Rows of a that b does not have."""
        return self._logical(0, self._only(0, 1))

    def updated(self, changed: Mapping[tuple[str, str], Runs]) -> NDArray[np.int64]:
        """Rows of both, of those that were `changed`, that do not hold the same."""
        found = {}
        for (tensor, branch), runs in changed.items():
            if tensor == self._tensor:
                shared = common(common(self._births[0].get(branch, ()), self._births[1].get(branch, ())), runs)
                found[branch] = tuple(
                    (row, row + 1) for run in shared for row in range(*run) if self._differs(branch, row)
                )
        return self._logical(1, found)

    def _differs(self, branch: str, row: int) -> bool:
        """Whether the row that was born on `branch` as `row` differs."""
        a, b = (self._physical(side, branch, ((row, row + 1),))[0][0] for side in (0, 1))
        return not same_row(self._store, self._rows[0], a, self._rows[1], b)

    def _only(self, side: int, other: int) -> dict[str, Runs]:
        mine, theirs = self._births[side], self._births[other]
        return {branch: without(runs, theirs.get(branch, ())) for branch, runs in mine.items()}

    def _physical(self, side: int, branch: str, runs: Runs) -> Runs:
        return self._rows[side].origins.rows(branch, runs, self._branches[side])

    def _logical(self, side: int, births: Mapping[str, Runs]) -> NDArray[np.int64]:
        runs = [run for branch, born in births.items() for run in self._physical(side, branch, born)]
        rows = np.concatenate([np.zeros(0, np.int64), *(np.arange(*run, dtype=np.int64) for run in runs)])
        return self._rows[side].dead.logical(self._store, np.sort(rows))
