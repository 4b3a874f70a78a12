"""Does an htype keep the contract of `reelbase.plugin.Htype`?"""

# ruff: noqa: D102 - the names of tests and their messages say what they test

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reelbase.errors import HtypeError
from reelbase.media.sample import Encode, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.contracts.htype import Htype

__all__ = ["HtypeCase", "HtypeTests"]


@dataclass(kw_only=True)
class HtypeCase:
    """Values to test an htype with.

    Attributes:
        htype: The htype.
        good: Values it must take; at least one.
        bad: Values it must refuse.
        shown: What ``.numpy()`` must show for each of `good`; empty: not known.
        bad_settings: Keyword arguments its class must refuse.
    """

    htype: Htype
    good: Sequence[Any]
    bad: Sequence[Any] = ()
    shown: Sequence[Any] = ()
    bad_settings: Sequence[Mapping[str, Any]] = field(default_factory=list)


class HtypeTests:
    """Subclass it and give a fixture `case`, which may be parametrised with several settings."""

    @pytest.fixture
    def case(self) -> HtypeCase:
        """An htype and values."""
        raise NotImplementedError("give a fixture `case` that returns an HtypeCase")

    # Settings

    def test_settings_make_an_equal_htype(self, case: HtypeCase) -> None:
        stored = json.dumps(dict(case.htype.settings()), allow_nan=False)
        again = type(case.htype)(**json.loads(stored))
        assert json.dumps(dict(again.settings())) == stored, (
            f"settings() {stored} came back as {dict(again.settings())}: they are stored as JSON and given to __init__"
        )
        assert repr(again) == repr(case.htype), "an htype made from settings() has another repr"

    def test_settings_cannot_be_changed_from_outside(self, case: HtypeCase) -> None:
        before = json.dumps(dict(case.htype.settings()))
        _spoil(case.htype.settings())
        assert json.dumps(dict(case.htype.settings())) == before, "writing into settings() changed the htype"

    def test_bad_settings(self, case: HtypeCase) -> None:
        for settings in [*case.bad_settings, {"no_such_setting": 1}]:
            with pytest.raises((HtypeError, TypeError)) as caught:
                type(case.htype)(**settings)
            if "no_such_setting" not in settings:
                assert isinstance(caught.value, HtypeError), f"{settings} raised {caught.value!r}, not an HtypeError"

    def test_pickled(self, case: HtypeCase) -> None:
        again = pickle.loads(pickle.dumps(case.htype))  # noqa: S301 - our own bytes
        assert repr(again) == repr(case.htype), "a pickled htype came back as another"

    def test_dtypes(self, case: HtypeCase) -> None:
        named = [one for one in (case.htype.dtype, *case.htype.dtypes) if one is not None]
        for one in named:
            assert np.dtype(one).kind in "biufc", f"dtype {one!r} is not of plain numbers"
        if case.htype.dtype is not None and case.htype.dtypes:
            assert case.htype.dtype in case.htype.dtypes, "the usual dtype is none of those that users may choose"

    # Values

    def test_takes_good_values(self, case: HtypeCase) -> None:
        assert case.good, "give at least one good value"
        for value in case.good:
            stored = case.htype.check(value)
            assert isinstance(stored, np.ndarray | Sample | Encode), (
                f"check({value!r}) gave a {type(stored).__name__}, not an array, Sample or Encode"
            )
            if isinstance(stored, np.ndarray):
                assert stored.dtype.kind in "biufc", (
                    f"check({value!r}) gave dtype {stored.dtype}: only numbers are stored"
                )

    def test_leaves_values_alone(self, case: HtypeCase) -> None:
        for value in case.good:
            before = copy.deepcopy(value)
            case.htype.check(value)
            assert _equal(value, before), f"check changed the value that it was given: {before!r} became {value!r}"

    def test_refuses_bad_values(self, case: HtypeCase) -> None:
        for value in case.bad:
            said = _refusal(case.htype, value)
            assert said is not None, f"check({value!r}) passed: it must raise an HtypeError"
            assert len(said) > 10, f"the error for {value!r} says nothing but {said!r}"

    def test_is_deterministic(self, case: HtypeCase) -> None:
        again = type(case.htype)(**json.loads(json.dumps(dict(case.htype.settings()))))
        for value in case.good:
            assert _equal(case.htype.check(value), again.check(value)), f"two equal htypes store {value!r} differently"

    def test_checks_many_as_it_checks_one(self, case: HtypeCase) -> None:
        for value in case.good:
            one = case.htype.check(value)
            many = case.htype.check_many([value, value, value])
            if many is not None and isinstance(one, np.ndarray):
                assert many.dtype == one.dtype, f"check_many gives {many.dtype}, check {one.dtype}, for {value!r}"
                assert _equal(many, np.stack([one] * 3)), f"check_many stores {value!r} as check does not"

    def test_check_many_misses_nothing(self, case: HtypeCase) -> None:
        for bad in case.bad:
            for stack in ([bad], [case.good[0], bad], [bad, case.good[0]]):
                assert case.htype.check_many(stack) is None, f"check_many passed {bad!r}, which check refuses"

    # Showing

    def test_numpy(self, case: HtypeCase) -> None:
        for place, (value, stored) in enumerate(_stored(case)):
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
            for value, stored in _stored(case):
                if np.can_cast(stored.dtype, dtype, "same_kind"):
                    shown = case.htype.numpy(stored.astype(dtype))
                    assert isinstance(shown, np.ndarray), f".numpy() of {value!r} as {dtype} is not an array"

    def test_data(self, case: HtypeCase) -> None:
        for value, stored in _stored(case):
            first, second = case.htype.data(stored), case.htype.data(stored)
            assert repr(first) == repr(second), f".data() of {value!r} changes from call to call"

    def test_read_only_arrays(self, case: HtypeCase) -> None:
        for _, stored in _stored(case):
            stored.flags.writeable = False  # as they come from a cache
            case.htype.numpy(stored)
            case.htype.data(stored)


def _refusal(htype: Htype, value: Any) -> str | None:
    try:
        htype.check(value)
    except HtypeError as error:
        return str(error)
    return None


def _stored(case: HtypeCase) -> list[tuple[Any, NDArray[Any]]]:
    """The good values and how they come back from a dataset: contiguous, with a memory of their own."""
    checked = [(value, case.htype.check(value)) for value in case.good]
    return [(value, np.array(one, order="C")) for value, one in checked if isinstance(one, np.ndarray)]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
            return False
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    return bool(type(one) is type(other) and repr(one) == repr(other))


def _spoil(value: Any) -> None:
    """Write into a nest of containers wherever that is possible."""
    if isinstance(value, Mapping):
        for inner in list(value.values()):
            _spoil(inner)
        if isinstance(value, dict):
            value["spoilt"] = True
    elif isinstance(value, list):
        for inner in value:
            _spoil(inner)
        value.append("spoilt")
