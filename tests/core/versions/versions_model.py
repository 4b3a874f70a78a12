"""What versions should do, in plain Python: rows are tuples, every row has a birth that nothing else has.

There are no runs, no physical rows and no files here. A commit holds its whole state and the set of all commits that it
builds on; whether two commits go together is a matter of set intersections.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

_births = itertools.count(1)


class ConflictError(Exception):
    """The model says that two commits do not go together."""


@dataclass(frozen=True)
class Row:
    """One row of one tensor, also after it was deleted.

    Attributes:
        birth: Its identity.
        value: Its sample; None: it has none.
        whole: The same in all tensors that got it as one row of the dataset; 0: it was appended to its tensor alone.
        alive: It was not deleted.
    """

    birth: int
    value: int | None
    whole: int = 0
    alive: bool = True


def new_row(value: int | None, whole: int = 0) -> Row:
    """A row that was never there."""
    return Row(next(_births), value, whole)


@dataclass(frozen=True)
class Table:
    """One tensor.

    Attributes:
        name: Its name.
        ever: All rows that it ever had.
        info: Metadata.
    """

    name: str
    ever: tuple[Row, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """Those that live."""
        return [row for row in self.ever if row.alive]

    @property
    def values(self) -> list[int | None]:
        """Their samples."""
        return [row.value for row in self.rows]

    @property
    def births(self) -> dict[int, int]:
        """Where each row is that lives."""
        return {row.birth: at for at, row in enumerate(self.rows)}

    @property
    def known(self) -> dict[int, Row]:
        """All rows that it ever had, by birth."""
        return {row.birth: row for row in self.ever}

    def append(self, rows: Iterable[Row]) -> Table:
        """With further rows."""
        return replace(self, ever=(*self.ever, *rows))

    def put(self, birth: int, row: Row) -> Table:
        """With another row in the place of one."""
        return replace(self, ever=tuple(row if one.birth == birth else one for one in self.ever))

    def delete(self, births: Collection[int]) -> Table:
        """Without some rows."""
        return replace(self, ever=tuple(replace(one, alive=False) if one.birth in births else one for one in self.ever))

    def back_to(self, old: Table) -> Table:
        """As it was; what came since is deleted, and who rows are does not change."""
        ever = [replace(row, birth=now.birth) for row, now in zip(old.ever, self.ever, strict=False)]
        since = [replace(row, alive=False, value=None) for row in self.ever[len(ever) :]]
        return replace(old, ever=(*ever, *since))


@dataclass(frozen=True)
class State:
    """A dataset; `ghosts` are tensors that were dropped, and may come back."""

    tables: Mapping[int, Table] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    txns: Mapping[str, int] = field(default_factory=dict)
    ghosts: Mapping[int, Table] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, int]:
        """Tensor ids by name."""
        return {one.name: tensor for tensor, one in self.tables.items()}

    def having(self, tensor: int, table: Table) -> State:
        """With one tensor replaced."""
        return replace(self, tables={**self.tables, tensor: table})

    def without(self, tensor: int) -> State:
        """With one tensor dropped."""
        tables = {one: table for one, table in self.tables.items() if one != tensor}
        return replace(self, tables=tables, ghosts={**self.ghosts, tensor: self.tables[tensor]})

    def __len__(self) -> int:
        return max((len(one.rows) for one in self.tables.values()), default=0)


@dataclass(frozen=True)
class Touched:
    """What a commit did, as far as it matters to others."""

    created: frozenset[str] = frozenset()
    schema: frozenset[int] = frozenset()
    appended: frozenset[int] = frozenset()
    changed: frozenset[tuple[int, int]] = frozenset()
    info: frozenset[tuple[int, str]] = frozenset()
    txns: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # the lowest and the highest number

    @property
    def tables(self) -> set[int]:
        """Every tensor it concerns."""
        changed = {tensor for tensor, _ in self.changed}
        return {*self.schema, *self.appended, *changed, *(tensor for tensor, _ in self.info if tensor)}

    def __or__(self, other: Touched) -> Touched:
        return Touched(
            self.created | other.created,
            self.schema | other.schema,
            self.appended | other.appended,
            self.changed | other.changed,
            self.info | other.info,
            {**self.txns, **{app: _span(self.txns.get(app, span), span) for app, span in other.txns.items()}},
        )

    def clashes(self, theirs: Touched) -> bool:
        """Whether it cannot come after `theirs`."""
        return bool(
            self.created & theirs.created
            or self.tables & theirs.schema
            or self.schema & theirs.tables
            or self.changed & theirs.changed
            or self.info & theirs.info
            or any(theirs.txns[app][1] >= low for app, (low, _) in self.txns.items() if app in theirs.txns)
        )


def _span(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return min(a[0], b[0]), max(a[1], b[1])


NOTHING = Touched()


@dataclass(frozen=True, eq=False, repr=False)
class Commit:
    """One version."""

    branch: str
    seq: int
    state: State
    touched: Touched = NOTHING
    parent: Commit | None = None
    builds_on: frozenset[Commit] = frozenset()  # without itself
    merged: bool = False
    message: str | None = None

    @property
    def ref(self) -> str:
        """Its name."""
        return f"{self.branch}@{self.seq}"

    def __repr__(self) -> str:
        return self.ref

    @property
    def history(self) -> frozenset[Commit]:
        """Itself and all that it builds on."""
        return self.builds_on | {self}

    def back(self) -> Iterator[Commit]:
        """Itself, its parent, and so on."""
        one: Commit | None = self
        while one is not None:
            yield one
            one = one.parent


def did(commits: Iterable[Commit]) -> Touched:
    """What several commits did; merges only repeat what others did."""
    return functools.reduce(operator.or_, (one.touched for one in commits if not one.merged), NOTHING)


class Op(Protocol):
    """One operation. It names rows by their births, so it can be done on another state as well."""

    def apply(self, tx: Tx) -> None:
        """Do it."""


@dataclass
class Tx:
    """Operations on a commit."""

    base: Commit
    ops: list[Op] = field(default_factory=list)
    touched: Touched = NOTHING

    def __post_init__(self) -> None:
        self.state = self.base.state

    def do(self, *ops: Op) -> Tx:
        """Some more."""
        for op in ops:
            op.apply(self)
            self.ops.append(op)
        return self

    def on(self, base: Commit) -> Tx:
        """The same on another commit."""
        return Tx(base).do(*self.ops)

    def touch(self, touched: Touched) -> None:
        """An operation did this."""
        self.touched = self.touched | touched

    def touch_rows(self, tensor: int, births: Iterable[int]) -> None:
        """An operation changed these rows; those that it appended itself concern nobody."""
        held = self.base.state.tables.get(tensor)
        if held is not None:
            self.touch(Touched(changed=frozenset((tensor, birth) for birth in births if birth in held.known)))


@dataclass
class Append:
    """Rows of one tensor, or of several side by side."""

    rows: Mapping[int, list[Row]]
    pads: dict[int, tuple[int, list[Row]]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)  # of rows that only filled up, and are other ones by now

    def apply(self, tx: Tx) -> None:
        start = max(len(tx.state.tables[tensor].rows) for tensor in self.rows)
        for tensor, rows in self.rows.items():
            table = tx.state.tables[tensor]
            pads = self._pads(tensor, len(table.ever), start - len(table.rows))
            tx.state = tx.state.having(tensor, table.append([*pads, *rows]))
        tx.touch(Touched(appended=frozenset(self.rows)))

    def _pads(self, tensor: int, at: int, count: int) -> list[Row]:
        first = self.pads.setdefault(tensor, (at, [new_row(None) for _ in range(count)]))
        if first[0] == at and len(first[1]) == count:
            return first[1]
        self.lost |= {row.birth for row in first[1]}
        return [new_row(None) for _ in range(count)]


def _check_there(tx: Tx, births: Iterable[int]) -> None:
    lost = {birth for op in tx.ops if isinstance(op, Append) for birth in op.lost}
    if lost & set(births):
        raise ConflictError


@dataclass
class Update:
    """A row replaced."""

    tensor: int
    birth: int
    value: int | None

    def apply(self, tx: Tx) -> None:
        _check_there(tx, [self.birth])
        table = tx.state.tables[self.tensor]
        row = replace(table.known[self.birth], value=self.value)
        tx.state = tx.state.having(self.tensor, table.put(self.birth, row))
        tx.touch_rows(self.tensor, [self.birth])


@dataclass
class Delete:
    """Rows removed."""

    tensor: int
    births: frozenset[int]

    def apply(self, tx: Tx) -> None:
        _check_there(tx, self.births)
        tx.state = tx.state.having(self.tensor, tx.state.tables[self.tensor].delete(self.births))
        tx.touch_rows(self.tensor, self.births)


@dataclass
class Unreached:
    """Rows that are deleted are after the end of this tensor, and must go on to do so."""

    tensor: int
    ever: int

    def apply(self, tx: Tx) -> None:
        if self.tensor in tx.state.tables and len(tx.state.tables[self.tensor].ever) != self.ever:
            raise ConflictError


@dataclass
class Create:
    """A new tensor, or one that comes back."""

    tensor: int
    table: Table

    def apply(self, tx: Tx) -> None:
        ghosts = dict(tx.state.ghosts)
        ever = ghosts.pop(self.tensor, self.table).ever
        dead = tuple(replace(row, alive=False, value=None) for row in ever)
        tx.state = replace(tx.state, ghosts=ghosts).having(self.tensor, replace(self.table, ever=dead))
        tx.touch(Touched(created=frozenset([self.table.name])))


@dataclass
class Drop:
    """A tensor removed."""

    tensor: int

    def apply(self, tx: Tx) -> None:
        tx.state = tx.state.without(self.tensor)
        tx.touch(Touched(schema=frozenset([self.tensor])))


@dataclass
class Rename:
    """A tensor renamed."""

    tensor: int
    name: str

    def apply(self, tx: Tx) -> None:
        tx.state = tx.state.having(self.tensor, replace(tx.state.tables[self.tensor], name=self.name))
        tx.touch(Touched(created=frozenset([self.name]), schema=frozenset([self.tensor])))


@dataclass
class SetInfo:
    """One key written, or (value None) removed; of a tensor, or (0) of the dataset."""

    tensor: int
    key: str
    value: Any

    def apply(self, tx: Tx) -> None:
        held = tx.state.tables[self.tensor].info if self.tensor else tx.state.info
        info = {key: value for key, value in {**held, self.key: self.value}.items() if value is not None}
        if self.tensor:
            tx.state = tx.state.having(self.tensor, replace(tx.state.tables[self.tensor], info=info))
        else:
            tx.state = replace(tx.state, info=info)
        tx.touch(Touched(info=frozenset([(self.tensor, self.key)])))


@dataclass
class SetTxn:
    """An application's number."""

    app: str
    number: int

    def apply(self, tx: Tx) -> None:
        known = max(self.number, tx.state.txns.get(self.app, self.number))
        tx.state = replace(tx.state, txns={**tx.state.txns, self.app: known})
        tx.touch(Touched(txns={self.app: (self.number, self.number)}))


class Repository:
    """All branches."""

    def __init__(self) -> None:
        self.branches: dict[str, list[Commit]] = {"main": []}
        self.tags: dict[str, Commit] = {}

    def head(self, branch: str) -> Commit:
        """A branch's newest commit."""
        return self.branches[branch][-1]

    @property
    def commits(self) -> list[Commit]:
        """Every commit."""
        return [one for branch in self.branches.values() for one in branch]

    def commit(self, tx: Tx, *, message: str | None = None, theirs: Commit | None = None) -> Commit:
        """A transaction, on top of whatever came since its base."""
        newer = self.branches[tx.base.branch][tx.base.seq + 1 :]
        if any(tx.touched.clashes(one.touched) for one in newer):
            raise ConflictError
        tx = tx.on(newer[-1]) if newer else tx
        made = Commit(
            tx.base.branch,
            tx.base.seq + 1,
            tx.state,
            tx.touched,
            tx.base,
            tx.base.history | (theirs.history if theirs else frozenset()),
            theirs is not None,
            message,
        )
        self.branches[made.branch].append(made)
        return made

    def start(self, state: State) -> Commit:
        """The first commit of all."""
        self.branches["main"].append(Commit("main", 0, state))
        return self.head("main")

    def fork(self, name: str, source: Commit) -> Commit:
        """A branch."""
        self.branches[name] = [Commit(name, 0, source.state, NOTHING, source, source.history)]
        return self.head(name)

    def revert(self, branch: str, old: Commit, message: str) -> Commit:
        """The state of an older commit of the branch, as a new one."""
        now = self.head(branch)
        since = list(itertools.takewhile(lambda one: one is not old, now.back()))
        had = {**now.state.ghosts, **now.state.tables}
        tables = {tensor: had[tensor].back_to(one) for tensor, one in old.state.tables.items()}
        ghosts = {tensor: one for tensor, one in had.items() if tensor not in tables}
        tx = Tx(now)
        tx.state = State(tables, old.state.info, old.state.txns, ghosts)
        for one in since:
            tx.touch(one.touched)
        for tensor, table in tables.items():
            first = len(old.state.tables[tensor].ever) if tensor in now.state.tables else 0
            tx.touch(Touched(changed=frozenset((tensor, row.birth) for row in table.ever[first:])))
        tx.touch(_schemas(now.state, old.state))
        return self.commit(tx, message=message)


def _schemas(before: State, after: State) -> Touched:
    gone = before.tables.keys() - after.tables.keys()
    names = {tensor: one.name for tensor, one in before.tables.items()}
    named = {tensor for tensor, one in after.tables.items() if names.get(tensor) != one.name}
    created = frozenset(after.tables[tensor].name for tensor in named)
    return Touched(created=created, schema=frozenset(gone | (named & before.tables.keys())))


def values(tensor: Any) -> list[int | None]:
    """What a tensor of the library holds."""
    return [int(one.numpy()) if one.exists else None for one in tensor]
