"""Rows that are updated, parts of samples that are replaced, and what is refused with a word on what to do."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reelbase
from reelbase.errors import (
    CommitConflictError,
    HtypeError,
    MissingSampleError,
    SampleIndexError,
    TensorNotFoundError,
    UsageError,
)


@pytest.fixture
def ds(path: str) -> reelbase.Dataset:
    ds = reelbase.empty(path)
    ds.create_tensor("x", dtype="int32").extend([[0, 0], [1, 1], [2, 2], [3, 3]])
    ds.create_tensor("y", dtype="float64").extend([0, 10, 20, 30])
    ds.create_tensor("short").extend([5, 6])
    return ds


def _all(ds: reelbase.Dataset) -> dict[str, Any]:
    return {
        name: [None if array is None else array.tolist() for array in tensor.numpy(aslist=True)]
        for name, tensor in ds.tensors.items()
    }


START = {"x": [[0, 0], [1, 1], [2, 2], [3, 3]], "y": [0, 10, 20, 30], "short": [5, 6]}


@pytest.mark.parametrize(
    ("rows", "values", "then"),
    [
        (1, {"x": [9, 9]}, {"x": [[0, 0], [9, 9], [2, 2], [3, 3]]}),
        (-1, {"x": [9, 9], "y": 5}, {"x": [[0, 0], [1, 1], [2, 2], [9, 9]], "y": [0, 10, 20, 5]}),
        (np.int64(0), {"y": None, "short": 1}, {"y": [None, 10, 20, 30], "short": [1, 6]}),
        (slice(1, 3), {"y": [1, 2]}, {"y": [0, 1, 2, 30]}),
        (
            [3, 0],
            {"y": np.array([1, 2]), "x": [[7, 7], None]},
            {"y": [2, 10, 20, 1], "x": [None, [1, 1], [2, 2], [7, 7]]},
        ),
        ([True, False, False, True], {"y": iter([1, 2])}, {"y": [1, 10, 20, 2]}),
        (slice(0, 0), {"y": []}, {}),
        (2, {}, {}),
    ],
)
def test_rows_are_updated(ds: reelbase.Dataset, path: str, rows: Any, values: Any, then: dict[str, Any]) -> None:
    before = ds.history.current.seq
    ds[rows] = values
    assert _all(ds) == _all(reelbase.load(path)) == {**START, **then}
    assert ds.history.current.seq == before + bool(then)


def test_rows_are_updated_from_rows(ds: reelbase.Dataset) -> None:
    ds.short.extend([7, 8])
    ds[0] = ds[3]
    ds[1:3] = ds[:2]
    assert _all(ds) == {"x": [[3, 3], [3, 3], [1, 1], [3, 3]], "y": [30, 30, 10, 30], "short": [8, 8, 6, 8]}


@pytest.mark.parametrize(
    ("rows", "values", "error", "words"),
    [
        (4, {"x": [1, 1]}, SampleIndexError, "Row 4"),
        (2, {"short": 1}, SampleIndexError, "'short' ends before row 2"),
        (0, {"z": 1}, TensorNotFoundError, "'z'"),
        (0, {"x": [9, 9], "y": "text"}, HtypeError, "text"),
        (0, {"x": [9, 9], "y": 1j}, HtypeError, "does not fit"),
        (0, [1, 2], UsageError, "not a row"),
        ("new", [1], UsageError, r"ds\.create_tensor\('new'\)"),
        ([0, 0], {"y": [1, 2]}, UsageError, "Row 0 is named twice"),
        ([0, -4], {"y": [1, 2]}, UsageError, "Row 0 is named twice"),
        (slice(0, 2), {"x": [[9, 9], [9, 9]], "y": [1]}, UsageError, "1 value for 2 rows of 'y'"),
        (slice(0, 2), {"y": 1}, UsageError, "many samples"),
        ("x", [1], UsageError, "cannot be assigned"),
        ((0, 1), {"x": 1}, SampleIndexError, "one axis"),
    ],
)
def test_updates_that_are_refused(
    ds: reelbase.Dataset, rows: Any, values: Any, error: type[Exception], words: str
) -> None:
    before = ds.history.current
    with pytest.raises(error, match=words):
        ds[rows] = values
    assert ds.history.current == before
    with ds:
        ds.y[3] = 40
        with pytest.raises(error, match=words):
            ds[rows] = values
    assert _all(ds) == {**START, "y": [0, 10, 20, 40]}


def test_updates_of_two_writers(ds: reelbase.Dataset, path: str) -> None:
    other = reelbase.load(path)
    ds[0] = {"x": [9, 9]}
    other[0] = {"y": 1}  # another tensor: both stay
    with pytest.raises(CommitConflictError):
        ds[0] = {"x": [4, 4], "y": 4}
    assert {name: column[0] for name, column in _all(reelbase.load(path)).items()} == {"x": [9, 9], "y": 1, "short": 5}


@pytest.mark.parametrize(
    ("key", "value", "then"),
    [
        ((0, 1), 7, [[0, 1, 2], [7, 7, 7]]),
        ((0, 1, 2), 7, [[0, 1, 2], [3, 4, 7]]),
        ((0, slice(None), 0), [7, 8], [[7, 1, 2], [8, 4, 5]]),
        ((0, ..., -1), 9, [[0, 1, 9], [3, 4, 9]]),
        ((-1, slice(None), [0, 2]), [[7, 8]], [[7, 1, 8], [7, 4, 8]]),
        ((0, [True, False]), np.float64(7), [[7, 7, 7], [3, 4, 5]]),
        ((0, slice(2, None)), np.zeros((0, 3)), [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_a_part_of_an_array_is_replaced(path: str, key: Any, value: Any, then: Any) -> None:
    ds = reelbase.empty(path)
    ds.create_tensor("x").append([[0, 1, 2], [3, 4, 5]])
    held, before = ds.x[0], ds.history.current.seq
    ds.x[key] = value
    assert ds.x[0].numpy().tolist() == reelbase.load(path).x[0].numpy().tolist() == then
    assert ds.x[0].numpy().dtype == np.int64
    assert held.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert ds.history.current.seq == before + 1


@settings(max_examples=40)
@given(data=st.data())
def test_parts_are_replaced_as_in_numpy(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    array = np.arange(shape[0] * shape[1]).reshape(shape)
    key = data.draw(st.tuples(*(st.one_of(st.integers(-n, n - 1), st.slices(n)) for n in shape)))
    new = data.draw(st.sampled_from([np.array(-1), -1 - np.arange(array[key].size).reshape(array[key].shape)]))
    ds = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    ds.create_tensor("x").append(array)
    ds.x[(0, *key)] = new
    array[key] = new
    assert ds.x[0].numpy().tolist() == array.tolist()
    reelbase.delete(ds.path)


def test_items_of_a_sequence_are_replaced(path: str) -> None:
    ds = reelbase.empty(path)
    ds.create_tensor("s", htype="sequence[generic]").append([[1, 1], [2, 2, 2], []])
    ds.s[0, 1] = [5]
    ds.s[0, [2, 0]] = [[6, 6], [7]]
    ds.s[0, 2, 1] = 8
    assert [item.tolist() for item in ds.s[0].numpy()] == [[7], [5], [6, 8]]
    ds.s[0, 1:] = [ds.s[0, 0], [9]]
    ds.s[0, -1] = ds.s[0, 0]
    assert ds.s[0].numpy().tolist() == [[7], [7], [7]]
    for key, value, error in (
        ((0, 3), [1], SampleIndexError),
        ((0, slice(0, 2)), [[1]], UsageError),
        ((0, [0, 0]), [[1], [2]], UsageError),
        ((0, slice(0, 2), 0), [1, 1], UsageError),
        ((0, ..., 0), 1, SampleIndexError),
        ((0, [[0, 1]]), [[1], [2]], SampleIndexError),
        ((0, 0, 5), 1, SampleIndexError),
    ):
        with pytest.raises(error):
            ds.s[key] = value
    assert ds.s[0].numpy().tolist() == [[7], [7], [7]]


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (lambda ds: ds.x.__setitem__((0, 5), 1), SampleIndexError, "out of range"),
        (lambda ds: ds.x.__setitem__((9, 0), 1), SampleIndexError, "Row 9"),
        (lambda ds: ds.x.__setitem__((0, 0), 1.5), HtypeError, "does not fit"),
        (lambda ds: ds.x.__setitem__((0, 0), True), HtypeError, "is a bool"),
        (lambda ds: ds.x.__setitem__((0, 0), "a"), HtypeError, "'a'"),
        (lambda ds: ds.x.__setitem__((0, 0), None), HtypeError, "None"),
        (lambda ds: ds.x.__setitem__((0, slice(None)), [1, 2, 3]), UsageError, "does not fit a part of shape"),
        (lambda ds: ds.x.__setitem__((slice(0, 2), 0), 1), UsageError, "parts of several samples"),
        (lambda ds: ds.x.__setitem__(([0, 1], [0, 1]), 1), UsageError, "parts of several samples"),
        (lambda ds: ds.x[0].__setitem__(0, 1), UsageError, r"Write to the tensor: ds\.x\[row\] = value"),
        (lambda ds: ds.x[0:2].__setitem__(0, [1, 1]), UsageError, "read-only"),
        (lambda ds: ds[0].__setitem__("x", [1, 1]), UsageError, r"ds\[row\] = \{name: value\}"),
        (lambda ds: ds[0:2].__setitem__("x", [1, 1]), UsageError, "read-only"),
    ],
)
def test_parts_that_are_refused(
    ds: reelbase.Dataset, write: Callable[[reelbase.Dataset], object], error: type[Exception], words: str
) -> None:
    before = ds.history.current
    with pytest.raises(error, match=words):
        write(ds)
    assert ds.history.current == before
    assert _all(ds) == START


def test_a_part_of_nothing(ds: reelbase.Dataset) -> None:
    ds.x[0] = None
    with pytest.raises(MissingSampleError, match=r"tensor\[row\] = value"):
        ds.x[0, 0] = 1


def test_missing_rows_are_carried_over_and_listed(ds: reelbase.Dataset) -> None:
    ds.x[1] = None
    ds.create_tensor("z").extend(ds.x)
    ds.z.append(ds.x[1])
    ds.z.extend(ds.x[1:3])
    assert [None if array is None else array.tolist() for array in ds.z.numpy(aslist=True)] == [
        [0, 0], None, [2, 2], [3, 3], None, None, [2, 2],
    ]  # fmt: skip
    assert [data and data["value"].tolist() for data in ds.z[4:].data()] == [None, None, [2, 2]]
    assert ds.z[1:2].numpy(aslist=True) == [None]
    with pytest.raises(MissingSampleError):
        ds.z.numpy()
    for read in (lambda: ds.z[1].numpy(aslist=True), lambda: ds.z[1].data()):
        with pytest.raises(MissingSampleError):
            read()


def test_rows_out_of_range_are_refused_when_they_are_named(ds: reelbase.Dataset) -> None:
    for name in (
        lambda: ds[99],
        lambda: ds.x[99],
        lambda: ds.x[-5],
        lambda: ds.x[[0, 99]],
        lambda: ds.x[[True]],
        lambda: ds.x[99, 0],
        lambda: ds.x[1:3][2],
        lambda: ds.x[[2, 0]][2],
        lambda: ds.x[[True, False, True, False]][-3],
        lambda: ds[1:3].x[2],
        lambda: ds.short[2],
    ):
        with pytest.raises(SampleIndexError):
            name()
    assert ds.x[1:3][1].numpy().tolist() == [2, 2]
    assert ds.x[[2, 0]][-1].numpy().tolist() == [0, 0]
    assert len(ds.x[7:9]) == 0
