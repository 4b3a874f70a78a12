"""Tests of the contract of `reelbase.plugin.Htype`."""

# ruff: noqa: D102 - names and messages of the tests are their documentation

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reelbase.contracts.htype import Htype
from reelbase.errors import HtypeError
from reelbase.media.sample import Encode, Sample
from reelbase.selection.value_types import SEQUENCE, ListOf, ValueType
from reelbase.testing._value_types import find_misfit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HtypeCase", "HtypeTests"]


@dataclass(kw_only=True)
class HtypeCase:
    """Values to test an htype with.

    Attributes:
        htype: Htype to test.
        good: Values that it must accept; at least one.
        bad: Values that it must refuse.
        shown: Expected result of ``.numpy()`` for each of `good`; empty if it is not known.
        bad_settings: Keyword arguments that its class must refuse.
        foreign: Samples of tensors with other settings, or of other htypes: the htype there, a value that it accepts,
            and the value that means the same here, or None if it must be refused. Needed if the htype has settings.
        picture_size: ``(height, width)`` of the picture that the samples of `foreign` belong to; None: not known.
    """

    htype: Htype
    good: Sequence[Any]
    bad: Sequence[Any] = ()
    shown: Sequence[Any] = ()
    bad_settings: Sequence[Mapping[str, Any]] = field(default_factory=list)
    foreign: Sequence[tuple[Htype, Any, Any]] = ()
    picture_size: tuple[int, int] | None = None


class HtypeTests:
    """Tests of an htype. Subclass this and define a fixture `case`; it may be parametrised with several settings."""

    @pytest.fixture
    def case(self) -> HtypeCase:
        """The htype to test, and values for it."""
        raise NotImplementedError("define a fixture `case` that returns an HtypeCase")

    # Settings

    def test_settings_make_an_equal_htype(self, case: HtypeCase) -> None:
        stored = json.dumps(dict(case.htype.settings()), allow_nan=False)
        again = type(case.htype)(**json.loads(stored))
        assert json.dumps(dict(again.settings())) == stored, (
            f"settings() {stored} became {dict(again.settings())}: they are stored as JSON and passed to __init__"
        )
        assert repr(again) == repr(case.htype), "an htype made from settings() has another repr"

    def test_settings_cannot_be_changed_from_outside(self, case: HtypeCase) -> None:
        before = json.dumps(dict(case.htype.settings()))
        _modify(case.htype.settings())
        assert json.dumps(dict(case.htype.settings())) == before, "writing into settings() changed the htype"

    def test_bad_settings(self, case: HtypeCase) -> None:
        for settings in [*case.bad_settings, {"no_such_setting": 1}]:
            with pytest.raises((HtypeError, TypeError)) as caught:
                type(case.htype)(**settings)
            if "no_such_setting" not in settings:
                assert isinstance(caught.value, HtypeError), f"{settings} raised {caught.value!r}, not an HtypeError"

    def test_pickled(self, case: HtypeCase) -> None:
        again = pickle.loads(pickle.dumps(case.htype))  # noqa: S301 - our own bytes
        assert repr(again) == repr(case.htype), "an htype has another repr after pickling"

    def test_dtypes(self, case: HtypeCase) -> None:
        dtypes = [dtype for dtype in (case.htype.dtype, *case.htype.dtypes) if dtype is not None]
        for dtype in dtypes:
            assert np.dtype(dtype).kind in "biufc", f"dtype {dtype!r} is not a dtype of numbers"
        if case.htype.dtype is not None and case.htype.dtypes:
            assert case.htype.dtype in case.htype.dtypes, "the default dtype is not among those that users may choose"

    # Values

    def test_takes_good_values(self, case: HtypeCase) -> None:
        assert case.good, "the case needs at least one good value"
        for value in case.good:
            stored = case.htype.check(value)
            assert isinstance(stored, np.ndarray | Sample | Encode), (
                f"check({value!r}) returned a {type(stored).__name__}, not an array, Sample or Encode"
            )
            if isinstance(stored, np.ndarray):
                assert stored.dtype.kind in "biufc", (
                    f"check({value!r}) returned dtype {stored.dtype}: only numbers can be stored"
                )

    def test_leaves_values_alone(self, case: HtypeCase) -> None:
        for value in case.good:
            before = copy.deepcopy(value)
            case.htype.check(value)
            assert _equal(value, before), f"check changed the value that it was passed: {before!r} became {value!r}"

    def test_refuses_bad_values(self, case: HtypeCase) -> None:
        for value in case.bad:
            message = _get_refusal(case.htype, value)
            assert message is not None, f"check({value!r}) accepts the value: it must raise an HtypeError"
            assert len(message) > 10, f"the message for {value!r} is only {message!r}"

    def test_is_deterministic(self, case: HtypeCase) -> None:
        again = type(case.htype)(**json.loads(json.dumps(dict(case.htype.settings()))))
        for value in case.good:
            assert _equal(case.htype.check(value), again.check(value)), f"two equal htypes store {value!r} differently"

    def test_checks_many_as_it_checks_one(self, case: HtypeCase) -> None:
        for value in case.good:
            single = case.htype.check(value)
            many = case.htype.check_many([value, value, value])
            if many is not None and isinstance(single, np.ndarray):
                assert many.dtype == single.dtype, (
                    f"check_many returns {many.dtype}, check {single.dtype}, for {value!r}"
                )
                assert _equal(many, np.stack([single] * 3)), f"check_many and check store {value!r} differently"

    def test_check_many_misses_nothing(self, case: HtypeCase) -> None:
        for bad in case.bad:
            for stack in ([bad], [case.good[0], bad], [bad, case.good[0]]):
                assert case.htype.check_many(stack) is None, f"check_many accepts {bad!r}, which check refuses"

    # Samples of other tensors

    def test_takes_samples_of_equal_tensors(self, case: HtypeCase) -> None:
        again = type(case.htype)(**json.loads(json.dumps(dict(case.htype.settings()))))
        for value, stored in _store_values(case):
            stored.flags.writeable = False  # it belongs to the other tensor
            taken = case.htype.convert(stored, again, lambda: None)
            assert _equal(taken, stored), f"convert changed {value!r}, which comes from a tensor with equal settings"

    def test_takes_foreign_samples_by_meaning(self, case: HtypeCase) -> None:
        assert case.foreign or not case.htype.settings(), "the case needs foreign values: the htype has settings"
        for source, value, wanted in case.foreign:
            stored = np.asarray(source.check(value))
            stored.flags.writeable = False
            if wanted is None:
                with pytest.raises(HtypeError):
                    case.htype.convert(stored, source, lambda: case.picture_size)
                continue
            taken = case.htype.convert(stored, source, lambda: case.picture_size)
            right = case.htype.check(wanted)
            assert _equal(taken, right), f"{value!r} of {source!r} became {taken!r}; it means {right!r} here"

    # Showing

    def test_numpy(self, case: HtypeCase) -> None:
        for place, (value, stored) in enumerate(_store_values(case)):
            kept = stored.copy()
            shown = case.htype.numpy(stored)
            assert isinstance(shown, np.ndarray), f".numpy() of {value!r} is a {type(shown).__name__}, not an array"
            assert _equal(stored, kept), f".numpy() of {value!r} changed the stored array"
            if case.shown:
                right = case.shown[place]
                assert _equal(shown, np.asarray(right)), f".numpy() of {value!r} shows {shown!r}, not {right!r}"
            if case.htype.shown is not None:
                wanted = np.dtype(case.htype.shown)
                assert shown.dtype.kind == wanted.kind, f".numpy() of {value!r} is {shown.dtype}, not {wanted}"

    def test_numpy_shows_a_dtype_that_was_chosen(self, case: HtypeCase) -> None:
        for dtype in case.htype.dtypes:
            for value, stored in _store_values(case):
                if np.can_cast(stored.dtype, dtype, "same_kind"):
                    shown = case.htype.numpy(stored.astype(dtype))
                    assert isinstance(shown, np.ndarray), f".numpy() of {value!r} as {dtype} is not an array"

    def test_data(self, case: HtypeCase) -> None:
        for value, stored in _store_values(case):
            first, second = case.htype.data(stored), case.htype.data(stored)
            assert repr(first) == repr(second), f".data() of {value!r} changes from call to call"

    # Filters

    def test_values_in_filters_are_of_their_type(self, case: HtypeCase) -> None:
        assert isinstance(case.htype.value_type(None), ValueType), "value_type(None) is not a type of values"
        for value, stored in _store_values(case):
            declared = case.htype.value_type(stored.dtype.name)
            misfit = find_misfit(case.htype.plain(stored), declared)
            assert not misfit, f".plain() of {value!r} is not of the type that value_type() declares: {misfit}"
            if type(case.htype).numpy is Htype.numpy:  # a sequence of them may be passed as one array
                several = case.htype.plain(np.stack([stored, stored]))
                misfit = find_misfit(several, ListOf(declared, SEQUENCE))
                assert not misfit, f".plain() of two items {value!r} in one array is not a list of two: {misfit}"

    def test_read_only_arrays(self, case: HtypeCase) -> None:
        for _, stored in _store_values(case):
            stored.flags.writeable = False  # arrays from a cache are read-only
            case.htype.numpy(stored)
            case.htype.data(stored)


def _get_refusal(htype: Htype, value: Any) -> str | None:
    try:
        htype.check(value)
    except HtypeError as error:
        return str(error)
    return None


def _store_values(case: HtypeCase) -> list[tuple[Any, NDArray[Any]]]:
    """Return the good values with the arrays that a dataset returns for them: contiguous copies."""
    checked = [(value, case.htype.check(value)) for value in case.good]
    return [(value, np.array(array, order="C")) for value, array in checked if isinstance(array, np.ndarray)]


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        left, right = np.asarray(left), np.asarray(right)
        if left.shape != right.shape or left.dtype.kind != right.dtype.kind:
            return False
        return np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
    return bool(type(left) is type(right) and repr(left) == repr(right))


def _modify(value: Any) -> None:
    """Change nested containers wherever that is possible."""
    if isinstance(value, Mapping):
        for inner in list(value.values()):
            _modify(inner)
        if isinstance(value, dict):
            value["spoilt"] = True
    elif isinstance(value, list):
        for inner in value:
            _modify(inner)
        value.append("spoilt")
