"""A dataset against a plain Python model: any history of operations must leave both the same."""

from __future__ import annotations

import uuid
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import reelbase
from reelbase.errors import MissingSampleError

VALUES = st.one_of(st.none(), st.integers(-(2**40), 2**40), st.lists(st.integers(0, 255), max_size=4))


class RollbackError(Exception):
    """Raised inside a transaction to undo it."""


class DatasetMachine(RuleBasedStateMachine):
    """Two tensors; the model is two lists."""

    @initialize()
    def start(self) -> None:
        self.path = f"mem://{uuid.uuid4().hex}"
        self.ds = reelbase.empty(self.path)
        for name in ("x", "y"):
            self.ds.create_tensor(name, dtype="int64")
        self.model: dict[str, list[Any]] = {"x": [], "y": []}

    @rule(name=st.sampled_from("xy"), value=VALUES, times=st.sampled_from([1, 2, 40]))
    def append(self, name: str, value: Any, times: int) -> None:
        for _ in range(times):
            self.ds[name].append(value)
            self.model[name].append(value)

    @rule(name=st.sampled_from("xy"), values=st.lists(VALUES, max_size=5))
    def extend(self, name: str, values: list[Any]) -> None:
        self.ds[name].extend(values)
        self.model[name] += values

    @rule(x=VALUES, y=VALUES)
    def append_row(self, x: Any, y: Any) -> None:
        self.ds.append({"x": x, "y": y})
        length = max(map(len, self.model.values()))
        for name, value in (("x", x), ("y", y)):
            self.model[name] += [None] * (length - len(self.model[name])) + [value]

    @precondition(lambda self: self.model["x"])
    @rule(data=st.data(), value=VALUES, times=st.sampled_from([1, 35]))
    def update(self, data: st.DataObject, value: Any, times: int) -> None:
        for _ in range(times):
            row = data.draw(st.integers(-len(self.model["x"]), len(self.model["x"]) - 1)) if times == 1 else -1
            self.ds.x[row] = value
            self.model["x"][row] = value

    @precondition(lambda self: self.model["x"])
    @rule(data=st.data())
    def pop(self, data: st.DataObject) -> None:
        row = data.draw(st.integers(-len(self.model["x"]), len(self.model["x"]) - 1))
        self.ds.x.pop(row)
        self.model["x"].pop(row)

    @rule()
    def clear(self) -> None:
        self.ds.y.clear()
        self.model["y"].clear()

    @rule(values=st.lists(VALUES, min_size=1, max_size=3), keep=st.booleans())
    def transaction(self, values: list[Any], keep: bool) -> None:
        wanted = {name: list(held) for name, held in self.model.items()}
        try:
            with self.ds:
                for value in values:
                    self.ds.x.append(value)
                    self.ds.y.append(value)
                self.ds.x[0] = 5
                self.ds.x.pop(0)
                assert len(self.ds.x) == len(wanted["x"]) + len(values) - 1
                if not keep:
                    raise RollbackError  # noqa: TRY301
        except RollbackError:
            return
        wanted = {name: held + values for name, held in wanted.items()}
        self.model = {"x": wanted["x"][1:], "y": wanted["y"]}

    @rule()
    def reopen(self) -> None:
        self.ds = reelbase.load(self.path)

    @rule(value=VALUES)
    def another_writer(self, value: Any) -> None:
        reelbase.load(self.path).y.append(value)
        self.ds.y.append(value)
        self.model["y"] += [value, value]

    @invariant()
    def same(self) -> None:
        for name, held in self.model.items():
            tensor = self.ds[name]
            assert len(tensor) == len(held)
            for row in {0, 1, len(held) // 2, len(held) - 1} & set(range(len(held))):
                if held[row] is None:
                    with pytest.raises(MissingSampleError):
                        tensor[row].numpy()
                else:
                    np.testing.assert_array_equal(tensor[row].numpy(), held[row])

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        for name, held in self.model.items():
            view = reelbase.load(self.path)[name]
            got = [one.numpy().tolist() if one.exists else None for one in view]
            assert got == held
        reelbase.delete(self.path)


TestDataset = DatasetMachine.TestCase
TestDataset.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
