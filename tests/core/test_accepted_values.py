"""Whatever a call accepts can be read back by another process; whatever it refuses leaves the dataset as it was."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

import reelbase
from reelbase.errors import ReelbaseError

TEXTS = st.one_of(
    st.text(st.characters(), max_size=12),  # lone surrogates too
    st.sampled_from(
        ["", "a", "caf\udce9", "\ud800", "\x00", "\n", "a/b", "/", ".", "..", "é", "e\u0301", "x" * 5000, "𝄞"]
    ),
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([s * 2**k + d for k in (31, 32, 53, 61, 62, 63, 64) for s in (1, -1) for d in (-1, 0, 1)]),
    st.sampled_from([True, 1.5, math.nan, math.inf, -0.0, 1e308]),
)
LEAVES = st.one_of(TEXTS, NUMBERS, st.none(), st.booleans(), st.binary(max_size=3), st.just(np.int64(3)))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | NUMBERS, inner, max_size=3),
    max_leaves=6,
)
Act = Callable[[reelbase.Dataset], Callable[[reelbase.Dataset], object]]


def _info(key: Any, value: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.info[key] = value
        mine = ds.info[key]
        return lambda other: _same(other.info[key], mine)

    return act


def _tensor_info(key: Any, value: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.words.info.update({key: value})
        mine = ds.words.info[key]
        return lambda other: _same(other.words.info[key], mine)

    return act


def _message(text: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.commit(text)
        return lambda other: _same(other.log()[0].message, text)

    return act


def _number(name: Any, number: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        assert ds.append({"words": "one"}, txn=(name, number))
        return lambda other: not other.append({"words": "again"}, txn=(name, number))

    return act


def _word(text: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.words.append(text)
        return lambda other: _same(other.words[-1].data(), text)

    return act


def _document(value: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.documents.append(value)
        mine = _read(ds.documents[-1])
        return lambda other: _same(_read(other.documents[-1]), mine)

    return act


def _tensor(name: Any, classes: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        with ds:
            made = ds.create_tensor(name, htype="class_label", class_names=classes)
            if classes:
                made.append([0])
        return lambda other: not classes or _same(other[name][0].data()["text"], classes[:1])

    return act


def _rename(name: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.rename_tensor("spare", name)
        return lambda other: name in other.tensors

    return act


def _branch(name: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.history.create_branch(name)
        return lambda other: other.history.at(name)

    return act


def _tag(name: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.history.tag(name)
        return lambda other: other.history.at(name)

    return act


def _credential(name: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.add_creds_key(name)
        return lambda other: name in other.get_creds_keys()

    return act


def _array(value: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        ds.numbers.append(value)
        mine = ds.numbers[-1].numpy()
        return lambda other: np.array_equal(other.numbers[-1].numpy(), mine, equal_nan=mine.dtype.kind == "f")

    return act


def _author(name: Any) -> Act:
    def act(ds: reelbase.Dataset) -> Callable[[reelbase.Dataset], object]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOGNAME", name)
            version = ds.commit("by somebody")
        return lambda other: other.log()[0] == version

    return act


ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(_info, TEXTS | NUMBERS, JSON),
    st.builds(_tensor_info, TEXTS, JSON),
    st.builds(_message, TEXTS | NUMBERS),
    st.builds(_number, TEXTS, NUMBERS),
    st.builds(_word, TEXTS | NUMBERS),
    st.builds(_document, JSON),
    st.builds(_tensor, TEXTS, st.lists(TEXTS, max_size=3)),
    st.builds(_rename, TEXTS),
    st.builds(_branch, TEXTS),
    st.builds(_tag, TEXTS),
    st.builds(_credential, TEXTS),
    st.builds(_array, NUMBERS | st.lists(NUMBERS, max_size=3)),
    st.builds(
        _author,
        TEXTS.filter(lambda text: "\x00" not in text and not set(text) & {chr(c) for c in range(0xD800, 0xDC80)}),
    ),
)


def _read(view: Any) -> Any:
    """A sample; None where there is none, as after None was appended."""
    return view.data() if view.exists else None


def _same(found: Any, written: Any) -> bool:
    return repr(found) == repr(written)


def _contents(ds: reelbase.Dataset) -> str:
    """Everything that can be seen, as text; NaN is like NaN."""
    samples = {name: [repr(_read(view)) for view in tensor] for name, tensor in ds.tensors.items()}
    infos = {name: dict(tensor.info) for name, tensor in ds.tensors.items()}
    return repr((samples, infos, dict(ds.info), ds.branches, ds.history.tags, ds.get_creds_keys(), ds.log(all=True)))


@settings(max_examples=120, derandomize=True, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACTS, min_size=1, max_size=5))
@example(acts=[_info("caf\udce9", 1)])
@example(acts=[_tensor_info("x" * 3000 + "\udce9", 1)])
@example(acts=[_message("\ud800")])
@example(acts=[_number("job\udce9", 1)])
@example(acts=[_number("job", 2**63)])
@example(acts=[_number("job", -(2**63))])
@example(acts=[_info("key", {"\udce9": ["\udce9", 2**64]})])
@example(acts=[_author("caf\udce9")])
@example(acts=[_word("\udce9")])
@example(acts=[_document({"\udce9": 2**70})])
@example(acts=[_tensor("\udce9", ["\udce9"]), _tensor("labels", ["\udce9", "a"])])
def test_what_is_accepted_is_read_back(acts: list[Act]) -> None:
    path = f"mem://accepted-{uuid.uuid4().hex}"
    ds = reelbase.empty(path)
    ds.create_tensor("words", htype="text")
    ds.create_tensor("documents", htype="json")
    ds.create_tensor("numbers")
    ds.create_tensor("spare")
    for act in acts:
        before = _contents(reelbase.load(path))
        try:
            check = act(ds)
        except (ReelbaseError, TypeError, ValueError):
            assert _contents(reelbase.load(path)) == before
            continue
        assert check(reelbase.load(path))
        assert _contents(ds) == _contents(reelbase.load(path))
        ds.refresh()
    assert reelbase.load(path).maintenance.verify(deep=True).ok
    reelbase.delete(path)
