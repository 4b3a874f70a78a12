"""The index against numpy: any expression must choose what numpy chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from reelbase.errors import SampleIndexError
from reelbase.selection.indexing import Index, Selection, indexed_shape, parse


def slices() -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-8, 8)
    return st.builds(slice, bound, bound, st.none() | st.integers(-3, 3).filter(bool))


def items(length: int) -> st.SearchStrategy[object]:
    inside = st.integers(-length, length - 1) if length else st.nothing()
    lists = st.lists(inside, min_size=1, max_size=3) if length else st.just([])
    masks = st.lists(st.booleans(), min_size=length, max_size=length).map(lambda one: np.array(one, bool))
    grids = st.lists(st.lists(inside, min_size=2, max_size=2), min_size=1, max_size=2) if length else st.nothing()
    return st.one_of(inside, slices(), slices(), lists, masks, grids, st.none(), st.just(Ellipsis))


@st.composite
def expressions(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[object, ...]:
    count = draw(st.integers(0, len(shape)))
    chosen = tuple(draw(items(shape[k])) for k in range(count))
    return chosen if sum(one is Ellipsis for one in chosen) < 2 else (Ellipsis,)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray | None, Selection]:
    """An array, what numpy makes of some expressions (None: IndexError), and the selection of the same expressions."""
    array = np.arange(np.prod(shape := draw(array_shapes(min_dims=1, max_dims=4, max_side=5)))).reshape(shape)
    expected: np.ndarray | None = array
    taken = Selection()
    for _ in range(draw(st.integers(1, 3))):
        if expected is None or expected.ndim == 0:
            break
        key = draw(expressions(expected.shape))
        taken = taken.then(parse(key))
        try:
            expected = expected[key]
        except IndexError:
            expected = None
    return array, expected, taken


@given(cases())
def test_selection_is_numpys(case: tuple[np.ndarray, np.ndarray | None, Selection]) -> None:
    array, expected, taken = case
    if expected is None:
        with pytest.raises(SampleIndexError):
            taken.apply(array)
        return
    assert taken.shape(array.shape) == expected.shape
    np.testing.assert_array_equal(taken.apply(array), expected)
    request, rest = taken.split_frames(array.shape)
    np.testing.assert_array_equal(rest.apply(array[request]), expected)


@given(st.data())
def test_only_needed_frames_are_requested(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 30)), 2, 2)
    step = data.draw(slices())
    request, rest = Selection().then(parse(step)).split_frames(shape)
    np.testing.assert_array_equal(request, np.arange(shape[0])[step])
    assert rest.steps == ()


@given(st.data())
def test_rows_compose_as_numpy(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 12))
    rows, index = np.arange(length), Index()
    for _ in range(data.draw(st.integers(1, 3))):
        if not len(rows):
            break
        key = data.draw(st.one_of(slices(), st.lists(st.integers(-len(rows), len(rows) - 1), min_size=1, max_size=4)))
        rows, index = rows[key], index.then(key)
    assert [row for row, _ in index.resolve(length)] == rows.tolist()


@given(st.data())
def test_two_lists_pair_as_numpy(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    array = np.arange(4 * 6 * 3).reshape(4, 6, 3)
    rows = data.draw(st.lists(st.integers(-4, 3), min_size=count, max_size=count))
    frames = data.draw(st.lists(st.integers(-6, 5), min_size=count, max_size=count))
    index = Index().then((rows, frames))
    got = [taken.apply(array[row]) for row, taken in index.resolve(4)]
    np.testing.assert_array_equal(np.stack(got), array[rows, frames])
    after = index.then(slice(None, None, -1))
    again = [taken.apply(array[row]) for row, taken in after.resolve(4)]
    np.testing.assert_array_equal(np.stack(again), array[rows, frames][::-1])


@pytest.mark.parametrize("key", [1.5, "a", True, [0.5], np.array(["x"]), (Ellipsis, Ellipsis), {1}, object()])
def test_what_is_no_index_is_named(key: object) -> None:
    with pytest.raises(SampleIndexError):
        parse(key)


def test_out_of_range_names_the_value() -> None:
    with pytest.raises(SampleIndexError, match="Row 7 is out of range: there are 3"):
        Index().then(7).resolve(3)
    with pytest.raises(SampleIndexError, match="-9"):
        indexed_shape((5, 2), parse((0, -9)))


def test_no_memory_is_needed_for_shapes() -> None:
    huge = (10**9, 4320, 7680, 3)
    assert indexed_shape(huge, parse((slice(None, None, 2), ..., [0, 0]))) == (5 * 10**8, 4320, 7680, 2)
