"""A dataset as plain Python lists and dicts, with the calls of a real one; and a real one as the same plain values.

A step of a scripted history is run on both. A call that the model lacks is one method more here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np

import reelbase
from reelbase.errors import MissingSampleError

Plain = dict[str, Any]
Shown = Plain | None  # None: there is no dataset


class ModelTensor:
    """One tensor: its rows as they read, None where a sample is missing."""

    def __init__(self, htype: str) -> None:
        self.htype = htype
        self.rows: list[Any] = []
        self.info: Plain = {}

    def copy(self) -> ModelTensor:
        again = ModelTensor(self.htype)
        again.rows, again.info = list(self.rows), dict(self.info)
        return again

    def append(self, value: Any) -> None:
        self.rows.append(self._shown(value))

    def extend(self, values: Iterable[Any]) -> None:
        self.rows += map(self._shown, values)

    def pop(self, index: int = -1) -> None:
        self.rows.pop(index)

    def clear(self) -> None:
        self.rows.clear()

    def __setitem__(self, row: int, value: Any) -> None:
        self.rows[row] = self._shown(value)

    def __len__(self) -> int:
        return len(self.rows)

    def _shown(self, value: Any) -> Any:
        """What a sample reads as."""
        if value is None:
            return None
        if self.htype == "video":
            blob = value.open()
            return bytes(blob.source.get(blob.key, blob.offset, blob.offset + blob.size))
        if self.htype == "class_label":
            return [value]
        return np.asarray(value).tolist() if self.htype == "generic" else value


class Picture:
    """What one branch shows at one time."""

    def __init__(self) -> None:
        self.tensors: dict[str, ModelTensor] = {}
        self.info: Plain = {}

    def copy(self) -> Picture:
        again = Picture()
        again.tensors = {name: one.copy() for name, one in self.tensors.items()}
        again.info = dict(self.info)
        return again

    def shown(self) -> Plain:
        return {
            "rows": {name: one.rows for name, one in self.tensors.items()},
            "infos": {name: one.info for name, one in self.tensors.items()},
            "info": self.info,
        }


class Model:
    """A dataset: its branches and tags, standing on one branch."""

    def __init__(self) -> None:
        self.on = "main"
        self.branches = {"main": Picture()}
        self.tags: dict[str, Picture] = {}
        self.forks: dict[str, Picture] = {}  # what a branch and main last had in common
        self._before: Picture | None = None

    def copy(self) -> Model:
        again = Model()
        again.branches = {name: one.copy() for name, one in self.branches.items()}
        again.tags, again.forks = dict(self.tags), dict(self.forks)
        return again

    def shown(self) -> Plain:
        """Everything in it, as `look_at` gives it."""
        return {
            "branches": {name: one.shown() for name, one in self.branches.items()},
            "tags": {name: one.shown() for name, one in self.tags.items()},
        }

    @property
    def now(self) -> Picture:
        return self.branches[self.on]

    @property
    def tensors(self) -> dict[str, ModelTensor]:
        return self.now.tensors

    @property
    def info(self) -> Plain:
        return self.now.info

    def create_tensor(self, name: str, htype: str = "generic", **_: Any) -> None:
        self.tensors[name] = ModelTensor(htype)

    def delete_tensor(self, name: str) -> None:
        del self.tensors[name]

    def rename_tensor(self, name: str, new: str) -> None:
        self.now.tensors = {new if one == name else one: held for one, held in self.tensors.items()}

    def append(self, row: Mapping[str, Any]) -> None:
        self.extend({name: [value] for name, value in row.items()})

    def extend(self, columns: Mapping[str, Iterable[Any]]) -> None:
        start = max(len(self.tensors[name]) for name in columns)
        for name, values in columns.items():
            self.tensors[name].extend([None] * (start - len(self.tensors[name])))
            self.tensors[name].extend(values)

    def delete_rows(self, rows: list[int]) -> None:
        for one in self.tensors.values():
            one.rows = [value for row, value in enumerate(one.rows) if row not in rows]

    def refresh(self) -> None:
        pass

    def commit(self, message: str) -> None:
        pass

    def checkout(self, ref: str) -> None:
        self.on = ref

    def merge(self, branch: str) -> None:
        """Rows that the branch appended are appended side by side, those that it replaced replaced; it deletes none."""
        common, theirs = self.forks[branch], self.branches[branch]
        added = {}
        for name, tensor in theirs.tensors.items():
            old = common.tensors[name].rows
            for row, value in enumerate(old):
                if tensor.rows[row] != value:
                    self.tensors[name].rows[row] = tensor.rows[row]
            added[name] = tensor.rows[len(old) :]
        start = max(len(self.tensors[name]) for name in added)
        for name, held in added.items():
            padding = [None] * (start - len(self.tensors[name]) if held else 0)
            self.tensors[name].rows += padding + held
        self.info.update({key: value for key, value in theirs.info.items() if common.info.get(key) != value})
        self.forks[branch] = theirs.copy()

    @property
    def history(self) -> Self:
        return self

    def create_branch(self, name: str) -> None:
        self.branches[name], self.forks[name] = self.now.copy(), self.now.copy()

    def tag(self, name: str) -> None:
        self.tags[name] = self.now.copy()

    def untag(self, name: str) -> None:
        del self.tags[name]

    def revert(self, ref: str) -> None:
        self.branches[self.on] = self.tags[ref].copy()

    @property
    def maintenance(self) -> Self:
        return self

    def compact(self) -> None:
        pass

    def expire(self, keep: Any) -> None:
        pass

    def gc(self, grace: Any) -> None:
        pass

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __getitem__(self, name: str) -> ModelTensor:
        return self.tensors[name]

    def __enter__(self) -> Self:
        self._before = self.now.copy()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None and self._before is not None:
            self.branches[self.on] = self._before


def look(ds: reelbase.Dataset) -> Plain:
    """Everything that a dataset shows where it stands, read sample by sample."""
    tensors = ds.tensors
    return {
        "rows": {name: rows(one) for name, one in tensors.items()},
        "infos": {name: dict(one.info) for name, one in tensors.items()},
        "info": dict(ds.info),
    }


def look_at(path: str) -> Shown:
    """Everything in the dataset that is there, opened again: each branch, and each tagged version."""
    if not reelbase.exists(path):
        return None
    ds = reelbase.load(path, read_only=True)
    return {
        "branches": {name: look(reelbase.load(path, ref=name) if name != "main" else ds) for name in ds.branches},
        "tags": {name: look(ds.history.at(name)) for name in ds.history.tags},
    }


def rows(tensor: reelbase.Tensor) -> list[Any]:
    """All rows of a tensor, None where a sample is missing."""
    return [_sample(view, tensor.htype) for view in tensor]


def glance(ds: reelbase.Dataset) -> Plain:
    """What a dataset shows at the ends of its tensors, and its metadata: a look that costs little."""
    ends = {
        name: [len(one), *(_sample(one[row], one.htype) for row in sorted({0, len(one) - 1} & {*range(len(one))}))]
        for name, one in ds.tensors.items()
    }
    return {"ends": ends, "info": dict(ds.info), "infos": {name: dict(one.info) for name, one in ds.tensors.items()}}


def glance_of(shown: Plain) -> Plain:
    """What `glance` gives of a branch that shows this."""
    ends = {name: [len(one), *(one[:1] if len(one) < 2 else (one[0], one[-1]))] for name, one in shown["rows"].items()}
    return {"ends": ends, "info": shown["info"], "infos": shown["infos"]}


def _sample(view: reelbase.View, htype: str) -> Any:
    try:
        if htype == "video":
            return view.tobytes() if len(view.pts) else None
        if htype == "generic":
            return view.numpy().tolist()
        return view.data()["text"] if htype == "class_label" else view.data()
    except MissingSampleError:
        return None


def difference(found: Any, wanted: Any, where: str = "") -> str:
    """The first thing in which two differ, briefly."""
    if not isinstance(found, dict) or not isinstance(wanted, dict):
        return f"{where or 'it'} is {_brief(found)}, not {_brief(wanted)}"
    if [*found] != [*wanted]:
        return f"{where or 'it'} has {[*found]}, not {[*wanted]}"
    return next(
        (difference(held, wanted[name], f"{where}/{name}") for name, held in found.items() if held != wanted[name]),
        "no difference",
    )


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:140]} … {text[-140:]}"
