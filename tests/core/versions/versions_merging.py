"""What merges and differences should be, on the plain Python model of versions."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from versions_model import (
    Commit,
    Create,
    Delete,
    Drop,
    Rename,
    SetInfo,
    SetTxn,
    State,
    Table,
    Touched,
    Tx,
    Update,
    did,
    new_row,
)


class Merge:
    """What a merge does: `tx` is on top of ours what theirs did since the two met."""

    def __init__(self, ours: Commit, theirs: Commit) -> None:
        self.theirs = theirs
        self._brought = did(theirs.history - ours.history)
        self._own = did(ours.history - theirs.history)
        self.tx = Tx(ours)

    @property
    def clashes(self) -> bool:
        """Whether both sides changed the same thing, and made something else of it."""
        ours, theirs = self.tx.base.state, self.theirs.state
        return (
            _dropped_and_written(ours, theirs, self._own, self._brought)
            or _dropped_and_written(theirs, ours, self._brought, self._own)
            or any(self._names_clash(tensor) for tensor in theirs.tables)
            or any(_info(ours, *key) != _info(theirs, *key) for key in self._own.info & self._brought.info)
            or any(self._rows_clash(*row) for row in self._own.changed & self._brought.changed)
        )

    def _names_clash(self, tensor: int) -> bool:
        ours, theirs = self.tx.base.state.tables, self.theirs.state.tables
        renamed = tensor in ours and ours[tensor].name != theirs[tensor].name and tensor in self._brought.schema
        if renamed and tensor in self._own.schema:
            return True
        comes = tensor not in ours and tensor not in self._own.schema
        stay = {one for one in ours if one not in self._brought.schema}
        moved = {one for one in theirs if one in ours and one in self._brought.schema}
        taken = {ours[one].name for one in stay} | {theirs[one].name for one in moved - {tensor}}
        return (comes or renamed) and theirs[tensor].name in taken

    def _rows_clash(self, tensor: int, birth: int) -> bool:
        tables = [one.tables.get(tensor, Table("")) for one in (self.tx.base.state, self.theirs.state)]
        rows = [one.known.get(birth) for one in tables]
        seen = {(row.alive, row.value if row.alive else None) for row in rows if row is not None}
        return len(seen) > 1

    def run(self) -> None:
        """Work it out."""
        self._schemas()
        self._info()
        self._changes()
        places = self._places()
        for tensor in self.theirs.state.tables:
            if tensor in self.tx.state.tables:
                self._rows(tensor, places)

    def _schemas(self) -> None:
        ours, theirs = self.tx.base.state, self.theirs.state
        for tensor in self._brought.schema & ours.tables.keys():
            if tensor not in theirs.tables:
                self.tx.do(Drop(tensor))
            elif ours.tables[tensor].name != theirs.tables[tensor].name:
                self.tx.do(Rename(tensor, theirs.tables[tensor].name))
        for tensor, table in theirs.tables.items():
            if tensor not in ours.tables and tensor not in self._own.schema:
                self.tx.do(Create(tensor, Table(table.name, info=table.info)))

    def _info(self) -> None:
        for app, number in self.theirs.state.txns.items():
            if number > self.tx.base.state.txns.get(app, number - 1):
                self.tx.do(SetTxn(app, number))
        for tensor, key in sorted(self._brought.info):
            if not tensor:
                self.tx.do(SetInfo(0, key, self.theirs.state.info.get(key)))
            elif tensor in self.tx.state.tables and tensor in self.theirs.state.tables:
                self.tx.do(SetInfo(tensor, key, self.theirs.state.tables[tensor].info.get(key)))

    def _changes(self) -> None:
        """Rows of both that were replaced, deleted or brought back there."""
        updated, gone, back = [], [], []
        for tensor, birth in sorted(self._brought.changed):
            table = self.tx.state.tables.get(tensor, Table(""))
            ours = table.known.get(birth)
            theirs = self.theirs.state.tables.get(tensor, Table("")).known.get(birth)
            if ours is not None and theirs is not None:
                updated += [(tensor, birth, theirs.value)] if ours.alive and theirs.alive else []
                gone += [(tensor, birth)] if ours.alive and not theirs.alive else []
                back += [(tensor, replace(ours, alive=True, value=theirs.value))] if theirs.alive > ours.alive else []
        for tensor, birth, value in updated:
            if self.tx.state.tables[tensor].known[birth].value != value:
                self.tx.do(Update(tensor, birth, value))
        for tensor, birth in [*gone, *self._beside(gone)]:
            self.tx.do(Delete(tensor, frozenset([birth])))
        for tensor, row in back:
            self.tx.state = self.tx.state.having(tensor, self.tx.state.tables[tensor].put(row.birth, row))
            self.tx.touch_rows(tensor, [row.birth])

    def _beside(self, gone: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What only this branch has beside rows that go in all tensors of both."""
        tables, there = self.tx.state.tables, self.theirs.state.tables
        whole = [
            at
            for at in range(len(self.tx.state))
            if all(
                (one, tables[one].rows[at].birth) in gone
                for one in tables.keys() & there.keys()
                if at < len(tables[one].rows)
            )
        ]
        at_all = {at for at in whole if any(at < len(tables[one].rows) for one in tables.keys() & there.keys())}
        own = [one for one in tables if one not in there]
        return [(one, tables[one].rows[at].birth) for one in own for at in at_all if at < len(tables[one].rows)]

    def _places(self) -> list[int | None]:
        """Of each row of the other dataset: the row here that it is, or else is to be; None: it was deleted here."""
        behind = itertools.count(len(self.tx.state))
        places: list[int | None] = []
        for at in range(len(self.theirs.state)):
            known = [one for one in (self._place(tensor, at) for tensor in self.theirs.state.tables) if one != "new"]
            there = [one for one in known if isinstance(one, int)]
            places.append(there[0] if there else None if known else next(behind))
        return places

    def _place(self, tensor: int, at: int) -> int | str:
        """Where one tensor has one row of the other dataset."""
        rows, table = self.theirs.state.tables[tensor].rows, self.tx.state.tables.get(tensor)
        if table is None or at >= len(rows) or rows[at].birth not in table.known:
            return "new"
        return table.births.get(rows[at].birth, "deleted")

    def _rows(self, tensor: int, places: list[int | None]) -> None:
        """Rows of one tensor that only theirs has: into an empty place that is theirs, or else behind."""
        table, told = self.tx.state.tables[tensor], {row.birth for row in self.tx.state.tables[tensor].ever}
        new = [(place, row) for place, row in zip(places, self.theirs.state.tables[tensor].rows, strict=False)]
        held, appended = table.rows, []
        for place, row in sorted(
            (one for one in new if one[0] is not None and one[1].birth not in told), key=lambda one: one[0] or 0
        ):
            if place is not None and place < len(held):
                if row.value is None:
                    continue
                if held[place].value is None:
                    self.tx.touch_rows(tensor, [held[place].birth])
                    table = table.put(held[place].birth, row)
                    held = table.rows
                    continue
            gap = max((place or 0) - len(held) - len(appended), 0)
            appended += [*(new_row(None) for _ in range(gap)), row]
        self.tx.state = self.tx.state.having(tensor, table.append(appended))
        if appended:
            self.tx.touch(Touched(appended=frozenset([tensor])))


def _dropped_and_written(here: State, there: State, wrote: Touched, dropped: Touched) -> bool:
    """Whether a tensor was written to that the other side dropped."""
    return bool((here.tables.keys() - there.tables.keys()) & dropped.schema & wrote.tables)


def _info(state: State, tensor: int, key: str) -> Any:
    if not tensor:
        return state.info.get(key)
    return state.tables[tensor].info.get(key) if tensor in state.tables else None


def diff(a: State, b: State) -> dict[str, tuple[list[int], list[int], list[int]]]:
    """Rows added, updated (both as in b) and deleted (as in a), by the tensor's name in b."""
    found = {}
    for tensor, new in b.tables.items():
        old = a.tables.get(tensor, Table(""))
        was, now = old.births, new.births
        added = [at for birth, at in now.items() if birth not in was]
        deleted = [at for birth, at in was.items() if birth not in now]
        both = ((was[birth], at) for birth, at in now.items() if birth in was)
        updated = [at for before, at in both if old.rows[before].value != new.rows[at].value]
        if added or updated or deleted:
            found[new.name] = (added, updated, deleted)
    return found
