"""Writes that can be done to a dataset and to its model alike, drawn at random."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import nullcontext

import hypothesis.strategies as st
from versions_model import (
    Append,
    Create,
    Delete,
    Drop,
    Op,
    Rename,
    Row,
    SetInfo,
    State,
    Table,
    Unreached,
    Update,
    new_row,
)

import reelbase

NAMES = ("x", "y", "z", "group/w")
KEYS = ("k", "l/m")
Step = tuple[Callable[[reelbase.Dataset], object], list[Op]]


class Steps:
    """Single writes: what is done to the dataset, and the operations that the model does for it."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.in_transaction = False
        self._ids = itertools.count(3)
        self._kinds = [kind for times, kind in self._weighed() for _ in range(times)]

    def draw(self, data: st.DataObject, state: State) -> Step | None:
        """Any write that makes sense in a state."""
        number = data.draw(st.integers(0, len(self._kinds) - 1), label="write")
        return self._kinds[number](data, state)

    def _weighed(self) -> list[tuple[int, Callable[[st.DataObject, State], Step | None]]]:
        return [
            (4, self._append_rows),
            (2, self._extend),
            (1, self._append_a_gap),
            (3, self._update),
            (2, self._update_slice),
            (2, self._pop),
            (2, self._delete_rows),
            (1, self._clear),
            (2, self._create),
            (1, self._rename),
            (1, self._drop),
            (2, self._info),
        ]

    def number(self) -> int:
        """A number that was not used before."""
        return next(self._numbers)

    def _tensor(self, data: st.DataObject, state: State) -> int | None:
        """One of the tensors."""
        return data.draw(st.sampled_from(list(state.tables)), label="tensor") if state.tables else None

    def _rows(self, data: st.DataObject, table: Table, most: int = 1) -> slice | None:
        """Some successive rows."""
        if not table.rows:
            return None
        start = data.draw(st.integers(0, len(table.rows) - 1), label="row")
        return slice(start, min(start + data.draw(st.integers(1, most), label="rows"), len(table.rows)))

    def _extend(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        if tensor is None:
            return None
        new = [self.number() for _ in range(data.draw(st.sampled_from([1, 1, 3, 40]), label="count"))]
        name = state.tables[tensor].name
        if len(new) == 1:
            return lambda ds: ds[name].append(new[0]), [Append({tensor: [new_row(new[0])]})]
        return lambda ds: ds[name].extend(new), [Append({tensor: list(map(new_row, new))})]

    def _append_rows(self, data: st.DataObject, state: State) -> Step | None:
        if not state.tables:
            return None
        new = [self.number() for _ in range(data.draw(st.sampled_from([1, 1, 2]), label="count"))]
        rows = {tensor: [new_row(number, number) for number in new] for tensor in state.tables}
        names = state.names
        if len(new) == 1:
            return lambda ds: ds.append(dict.fromkeys(names, new[0])), [Append(rows)]
        return lambda ds: ds.extend(dict.fromkeys(names, new)), [Append(rows)]

    def _append_a_gap(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        if tensor is None:
            return None
        name = state.tables[tensor].name
        return lambda ds: ds[name].append(None), [Append({tensor: [new_row(None)]})]

    def _update(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        chosen = None if tensor is None else self._rows(data, state.tables[tensor])
        if tensor is None or chosen is None:
            return None
        table = state.tables[tensor]
        row, value = chosen.start, data.draw(st.sampled_from([self.number()] * 5 + [None]), label="value")
        key = data.draw(st.sampled_from([row, row - len(table.rows)]))
        return lambda ds: ds[table.name].__setitem__(key, value), [Update(tensor, table.rows[row].birth, value)]

    def _update_slice(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        chosen = None if tensor is None else self._rows(data, state.tables[tensor], 4)
        if tensor is None or chosen is None:
            return None
        table = state.tables[tensor]
        new = {row.birth: self.number() for row in table.rows[chosen]}
        updates: list[Op] = [Update(tensor, birth, value) for birth, value in new.items()]
        return lambda ds: ds[table.name].__setitem__(chosen, list(new.values())), updates

    def _pop(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        chosen = None if tensor is None else self._rows(data, state.tables[tensor])
        if tensor is None or chosen is None:
            return None
        table = state.tables[tensor]
        return lambda ds: ds[table.name].pop(chosen.start), [Delete(tensor, births(table.rows[chosen]))]

    def _delete_rows(self, data: st.DataObject, state: State) -> Step | None:
        """Rows of the whole dataset, by an int, a slice, a list or a mask."""
        most = data.draw(st.sampled_from([1, 1, 3]), label="most")
        tensor = self._tensor(data, state)
        chosen = None if tensor is None else self._rows(data, state.tables[tensor], most)
        if chosen is None:
            return None
        picked = range(len(state))[chosen]
        keys = [chosen, list(picked), [row in picked for row in range(len(state))]]
        key = data.draw(st.sampled_from(keys), label="key")
        gone: list[Op] = []
        for tensor, one in state.tables.items():
            gone += [Delete(tensor, births(one.rows[chosen]))] if one.rows[chosen] else []
            gone += [Unreached(tensor, len(one.ever))] if len(one.rows) < chosen.stop else []
        if most == 1:
            return lambda ds: ds.pop(chosen.start), gone
        return lambda ds: ds.delete_rows(key), gone

    def _clear(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        if tensor is None or data.draw(st.integers(0, 2), label="spare"):
            return None
        table = state.tables[tensor]
        return lambda ds: ds[table.name].clear(), [Delete(tensor, births(table.rows))] if table.rows else []

    def _create(self, data: st.DataObject, state: State) -> Step | None:
        """A new tensor; half the time with a sample for each row that is there."""
        name = data.draw(st.sampled_from([*NAMES, f"t{self.number()}"]), label="name")
        if name in state.names:
            return None
        tensor = next(self._ids)
        longest = max((one.rows for one in state.tables.values()), key=len, default=[])
        new = [new_row(self.number(), row.whole) for row in longest] if data.draw(st.booleans(), label="fill") else []

        def create(ds: reelbase.Dataset) -> None:
            with nullcontext() if self.in_transaction else ds:
                ds.create_tensor(name, dtype="int64").extend([row.value for row in new])

        return create, [Create(tensor, Table(name)), *([Append({tensor: new})] if new else [])]

    def _rename(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        new = data.draw(st.sampled_from([*NAMES, f"t{self.number()}"]), label="name")
        if tensor is None or new in state.names:
            return None
        name = state.tables[tensor].name
        return lambda ds: ds.rename_tensor(name, new), [Rename(tensor, new)]

    def _drop(self, data: st.DataObject, state: State) -> Step | None:
        tensor = self._tensor(data, state)
        if tensor is None or data.draw(st.integers(0, 2), label="spare"):
            return None
        name = state.tables[tensor].name
        return lambda ds: ds.delete_tensor(name), [Drop(tensor)]

    def _info(self, data: st.DataObject, state: State) -> Step | None:
        tensor = data.draw(st.sampled_from([0, 0, *state.tables]), label="tensor")
        name = state.tables[tensor].name if tensor else ""
        held = state.tables[tensor].info if tensor else state.info
        key, value = data.draw(st.sampled_from(KEYS), label="key"), self.number()
        if key in held and data.draw(st.booleans(), label="remove"):
            return lambda ds: (ds[name] if name else ds).info.pop(key), [SetInfo(tensor, key, None)]
        return lambda ds: (ds[name] if name else ds).info.update({key: value}), [SetInfo(tensor, key, value)]


def births(rows: list[Row]) -> frozenset[int]:
    """Who they are."""
    return frozenset(row.birth for row in rows)
