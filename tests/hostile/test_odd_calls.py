"""Public calls with odd values: each works or raises an error of ours, and the dataset opens afterwards."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.errors import ReelbaseError

CALLS = 400
pytestmark = pytest.mark.needs_av


class Raises:
    """A value whose every method raises."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise ZeroDivisionError("array")

    def __index__(self) -> int:
        raise ZeroDivisionError("index")

    def __iter__(self) -> Any:
        raise ZeroDivisionError("iter")

    def __len__(self) -> int:
        raise ZeroDivisionError("len")

    def __fspath__(self) -> str:
        raise ZeroDivisionError("fspath")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def describe(value: object) -> str:
    try:
        return repr(value)[:60]
    except RecursionError:
        return f"a deep {type(value).__name__}"


#: Made when they are used: some are used up or changed.
VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 1,
    lambda: 7,
    lambda: 2**63,
    lambda: -(2**70),
    lambda: 10**400,
    lambda: 0.5,
    lambda: -0.0,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: 1e308,
    lambda: 1j,
    lambda: "",
    lambda: "x",
    lambda: "videos",
    lambda: "\ud800",
    lambda: "a\0b",
    lambda: "a/b",
    lambda: "../x",
    lambda: "é",
    lambda: "e\u0301",
    lambda: b"",
    lambda: b"\xff\xfe",
    lambda: bytearray(b"abc"),
    lambda: memoryview(b"abcd"),
    list,
    dict,
    set,
    lambda: {1, 2},
    lambda: {"a": 1},
    lambda: {1: 2},
    lambda: [None],
    lambda: [1, 2],
    lambda: [[1], [1, 2]],
    lambda: ["a", 1],
    lambda: nested(50),
    lambda: nested(3000),
    lambda: (1, 2, 3),
    lambda: slice(None),
    lambda: slice(0, 10, 0),
    lambda: slice("a"),
    lambda: Ellipsis,
    lambda: range(3),
    lambda: (x for x in [1, 2]),
    lambda: iter([]),
    lambda: object(),
    lambda: object,
    lambda: Raises(),
    lambda: len,
    lambda: print,
    lambda: Decimal("1.5"),
    lambda: Decimal("NaN"),
    lambda: Fraction(1, 3),
    lambda: Path("x"),
    lambda: np.zeros(3),
    lambda: np.zeros((2, 3, 4), np.uint8),
    lambda: np.zeros((4, 8, 8, 3), np.uint8),
    lambda: np.float32(29.97),
    lambda: np.int8(3),
    lambda: np.array("x"),
    lambda: np.array([object()]),
    lambda: np.datetime64("2020-01-01"),
    lambda: np.bool_(True),
    lambda: np.array([True, False]),
    lambda: np.zeros((0, 4)),
    lambda: np.ma.masked_array([1], [True]),
    lambda: np.void(b"abc"),
    lambda: np.array([float("nan")]),
    lambda: NotImplemented,
    lambda: Exception("x"),
    lambda: type("T", (), {})(),
]


def make(path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(path, overwrite=True)
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("any")
    ds.create_tensor("labels", htype="class_label", class_names=["a", "b"])
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.create_tensor("text", htype="text")
    ds.create_tensor("note", htype="json")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("group/picture", htype="image")
    row = dict.fromkeys(ds.tensors)
    ds.append({**row, "x": [1, 2], "labels": ["a"], "text": "t", "note": {"k": 1}, "boxes": [[[0, 0, 1, 1]], []]})
    ds.append({**row, "videos": np.zeros((4, 16, 16, 3), np.uint8), "group/picture": np.zeros((8, 8, 3), np.uint8)})
    return ds


#: Public calls; `v` gives an odd value.
CALLED: list[Callable[[reelbase.Dataset, Callable[[], Any], Path], Any]] = [
    lambda ds, v, p: ds.create_tensor(v()),
    lambda ds, v, p: ds.create_tensor("new", htype=v()),
    lambda ds, v, p: ds.create_tensor("new", dtype=v()),
    lambda ds, v, p: ds.create_tensor("new", sample_compression=v()),
    lambda ds, v, p: ds.create_tensor("new", htype="class_label", class_names=v()),
    lambda ds, v, p: ds.create_tensor("new", htype="bbox", coords=v()),
    lambda ds, v, p: ds.create_tensor("new", odd=v()),
    lambda ds, v, p: ds.delete_tensor(v()),
    lambda ds, v, p: ds.rename_tensor(v(), v()),
    lambda ds, v, p: ds.append(v()),
    lambda ds, v, p: ds.append(dict.fromkeys(ds.tensors, None) | {"x": v(), "text": v()}),
    lambda ds, v, p: ds.extend(v()),
    lambda ds, v, p: ds.append(dict.fromkeys(ds.tensors, None), txn=v()),
    lambda ds, v, p: ds.pop(v()),
    lambda ds, v, p: ds.delete_rows(v()),
    lambda ds, v, p: ds.commit(v()),
    lambda ds, v, p: ds.log(limit=v()),
    lambda ds, v, p: ds.checkout(v()),
    lambda ds, v, p: ds.merge(v()),
    lambda ds, v, p: ds.diff(v()),
    lambda ds, v, p: ds.diff(v(), v()),
    lambda ds, v, p: ds.copy(p / "copy", rows=v()),
    lambda ds, v, p: ds.copy(p / "copy", tensors=v()),
    lambda ds, v, p: ds.add_creds_key(v()),
    lambda ds, v, p: ds.update_creds_key(v(), v()),
    lambda ds, v, p: ds.populate_creds(v(), v()),
    lambda ds, v, p: ds.populate_creds("ENV", v(), prefixes=v()),
    lambda ds, v, p: ds.filter(v()),
    lambda ds, v, p: ds[v()],
    lambda ds, v, p: ds[0][v()],
    lambda ds, v, p: ds[0:2][v()],
    lambda ds, v, p: v() in ds,
    lambda ds, v, p: ds.info.__setitem__(v(), v()),
    lambda ds, v, p: ds.info.update(v()),
    lambda ds, v, p: ds.info.get(v()),
    lambda ds, v, p: ds.history.tag(v()),
    lambda ds, v, p: ds.history.tag("t", v()),
    lambda ds, v, p: ds.maintenance.expire(keep=v()),
    lambda ds, v, p: ds.maintenance.gc(v()),
    lambda ds, v, p: reelbase.load(v()),
    lambda ds, v, p: reelbase.exists(v()),
    lambda ds, v, p: reelbase.read(v()),
    lambda ds, v, p: reelbase.load(ds.path, ref=v()),
    lambda ds, v, p: reelbase.load(ds.path, options=v()),
    lambda ds, v, p: reelbase.load(ds.path, creds=v()),
    lambda ds, v, p: reelbase.link(v()),
    lambda ds, v, p: reelbase.link("http://127.0.0.1:9/x", v()),
    lambda ds, v, p: ds.videos.append(reelbase.encode(v())),
    lambda ds, v, p: ds.videos.append(reelbase.encode(np.zeros((2, 16, 16, 3), np.uint8), fps=v())),
    lambda ds, v, p: ds.videos.append(reelbase.encode(np.zeros((2, 16, 16, 3), np.uint8), quality=v())),
    lambda ds, v, p: ds.videos.append(reelbase.encode(np.zeros((2, 16, 16, 3), np.uint8), codec=v())),
    *[
        call
        for name in ("x", "any", "labels", "boxes", "text", "note", "videos", "group/picture")
        for call in (
            lambda ds, v, p, name=name: ds[name].append(v()),
            lambda ds, v, p, name=name: ds[name].extend(v()),
            lambda ds, v, p, name=name: ds[name].extend([v(), v()]),
            lambda ds, v, p, name=name: ds[name].__setitem__(v(), v()),
            lambda ds, v, p, name=name: ds[name].__setitem__(0, v()),
            lambda ds, v, p, name=name: ds[name].pop(v()),
            lambda ds, v, p, name=name: ds[name][v()].numpy(),
            lambda ds, v, p, name=name: ds[name][1, v()].numpy(),
            lambda ds, v, p, name=name: ds[name][0][v()].data(),
            lambda ds, v, p, name=name: ds[name][1].numpy(size=v()),
            lambda ds, v, p, name=name: ds[name][1].numpy(out=v()),
            lambda ds, v, p, name=name: ds[name][1].numpy(pixels=v()),
            lambda ds, v, p, name=name: ds[name][1].at(v()),
            lambda ds, v, p, name=name: ds[name][1].at(0.0, tolerance=v()),
            lambda ds, v, p, name=name: list(ds[name][1].frames(size=v())),
            lambda ds, v, p, name=name: ds[name].info.update({"k": v()}),
        )
    ],
]


class Odd:
    """Gives odd values, and remembers which."""

    def __init__(self, chosen: random.Random) -> None:
        self._chosen = chosen
        self.given: list[str] = []

    def __call__(self) -> Any:
        value = self._chosen.choice(VALUES)()
        self.given.append(describe(value))
        return value


def call_oddly(path: Path, calls: int, seed: int) -> Counter[str]:
    """Make so many calls; return how each ended, with the calls that ended badly."""
    chosen = random.Random(seed)
    found: Counter[str] = Counter()
    ds = make(path / "ds")
    for _ in range(calls):
        number, odd = chosen.randrange(len(CALLED)), Odd(chosen)
        try:
            CALLED[number](ds, odd, path)
        except (ReelbaseError, ZeroDivisionError):  # what a value of the caller raises is the caller's
            found["refused"] += 1
        except Exception as error:
            found[f"call {number} of {odd.given}: {type(error).__name__}: {error}"[:300]] += 1
        else:
            found["worked"] += 1
        if chosen.random() < 0.05:
            again = reelbase.load(path / "ds")
            again.maintenance.verify()
            ds = make(path / "ds") if len(again) > 50 or chosen.random() < 0.3 else again
    return found


def test_odd_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = call_oddly(tmp_path, CALLS, seed=1)
    assert found.pop("worked") > 0
    assert found.pop("refused") > CALLS / 2
    assert not found, "\n".join(found)
