"""Attributes that nothing would read cannot be assigned, and names of other libraries lead to ours."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

import reelbase
from reelbase.errors import AssignmentError, TensorNotFoundError


@pytest.fixture
def filled(ds: reelbase.Dataset) -> reelbase.Dataset:
    ds.create_tensor("x").extend([1, 2, 3])
    ds.create_tensor("train/y")
    return ds


@pytest.mark.parametrize(
    ("find", "name", "words"),
    [
        (lambda ds: ds, "x", r"ds\.x\.append\(value\)"),
        (lambda ds: ds, "new", r"ds\.create_tensor\('new'\)"),
        (lambda ds: ds, "info", r"ds\.info\[key\] = value"),
        (lambda ds: ds, "path", "path"),
        (lambda ds: ds, "append", "append"),
        (lambda ds: ds.x, "info", r"tensor\.info\[key\] = value"),
        (lambda ds: ds.x, "class_names", "add_class_names"),
        (lambda ds: ds.x, "name", "rename_tensor"),
        (lambda ds: ds.x, "dtype", "create_tensor"),
        (lambda ds: ds.x, "anything", r"tensor\.info\[key\]"),
        (lambda ds: ds.x[0], "label", r"ds\.x\[row\] = value"),
        (lambda ds: ds.x[0:2], "shape", "read-only"),
        (lambda ds: ds[0], "x", r"ds\[row\] = \{name: value\}"),
        (lambda ds: ds[0:2], "tags", "read-only"),
        (lambda ds: ds.train, "y", 'create_tensor\\("train/y"\\)'),
        (lambda ds: ds.info, "author", r"info\['author'\] = value"),
        (lambda ds: ds.x.info, "author", r"info\['author'\] = value"),
        (lambda ds: ds.history, "branch", "branch"),
        (lambda ds: ds.maintenance, "grace", "grace"),
    ],
)
def test_nothing_can_be_assigned(
    filled: reelbase.Dataset, find: Callable[[reelbase.Dataset], object], name: str, words: str
) -> None:
    before = filled.history.current
    with pytest.raises(AssignmentError, match=words) as caught:
        setattr(find(filled), name, 1)
    assert isinstance(caught.value, (AttributeError, ValueError))
    assert filled.history.current == before
    assert filled.x.numpy().tolist() == [1, 2, 3]


def test_sealed_objects_can_be_copied_and_pickled(filled: reelbase.Dataset) -> None:
    for again in (copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
        assert again(filled.x).numpy().tolist() == [1, 2, 3]
        assert again(filled.x[1]).numpy() == 2
        assert again(filled[1:]).x.numpy().tolist() == [2, 3]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("query", r"ds\.filter"),
        ("match", r"ds\.filter"),
        ("dataloader", "numpy_loader"),
        ("pytorch", "numpy_loader"),
        ("map", "Worker processes"),
        ("select", r"ds\[10:20\]"),
        ("add_samples", r"ds\.append"),
        ("add_column", r"ds\.create_tensor"),
        ("column_names", r"ds\.tensors"),
        ("num_rows", r"len\(ds\)"),
        ("flush", "durable"),
        ("train_test_split", "permutation"),
        ("concatenate", r"ds\.extend\(other\)"),
        ("create_group", "makes a group"),
        ("launch_app", r"ds\.visualize"),
        ("rechunk", "compact"),
        ("tag", r"ds\.history\.tag"),
        ("gc", r"ds\.maintenance\.gc"),
        ("class_names", "belong to a tensor"),
        ("nothing_like_it", "It has: x, train/y"),
    ],
)
def test_names_of_other_libraries(filled: reelbase.Dataset, name: str, words: str) -> None:
    with pytest.raises(TensorNotFoundError, match=words):
        getattr(filled, name)
    assert not hasattr(filled, name)


def test_a_tensor_of_such_a_name_is_found(filled: reelbase.Dataset) -> None:
    filled.create_tensor("query").append(1)
    assert filled.query.numpy().tolist() == [1]
    with pytest.raises(TensorNotFoundError, match="Did you mean 'query'"):
        filled["querry"]
