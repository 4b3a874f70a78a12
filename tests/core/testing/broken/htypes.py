"""Htypes, one of which is right; each other breaks the contract in one way. Run by ../test_testing_kit.py."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from reelbase.contracts.htype import Htype, as_array
from reelbase.errors import HtypeError
from reelbase.plugin import Field, ListOf, Number, Record, Text
from reelbase.testing import HtypeCase, HtypeTests


class Points(Htype):
    """``(n, dims)`` points with names."""

    name = "points"
    dtype = "float32"
    dtypes = ("float32", "float64")

    def __init__(self, *, dims: int = 1, names: list[str] | None = None) -> None:
        if not isinstance(dims, int) or dims < 1:
            raise HtypeError(f"dims={dims!r} is not a number of dimensions.")
        self.dims = dims
        self.names = list(names or [])

    def settings(self):
        return {"dims": self.dims, "names": list(self.names)}

    def check(self, value):
        array = as_array(value)
        if array.ndim != 2 or array.shape[1] != self.dims:
            raise HtypeError(f"{value!r} has shape {array.shape}, not (n, {self.dims}).")
        return array.astype(np.float32)

    def check_many(self, value):
        try:
            return np.stack([self.check(one) for one in value])
        except (HtypeError, ValueError):
            return None


class Base(HtypeTests):
    Kind: ClassVar[type[Points]] = Points

    @pytest.fixture
    def case(self):
        good = [[[1, 2]], np.ones((3, 2)), np.zeros((0, 2))]
        bad = [[1, 2], [[1, 2, 3]], "text", None]
        htype = self.Kind(dims=2, names=["a", "b"])
        foreign = [(Points(dims=2, names=["b", "a"]), [[1, 2]], None)]
        shown = good_floats(good)
        return HtypeCase(htype=htype, good=good, shown=shown, bad=bad, bad_settings=[{"dims": 0}], foreign=foreign)


def good_floats(good: list[Any]) -> list[Any]:
    return [np.asarray(one, np.float32) for one in good]


class TestRight(Base):
    pass


class TestChangesItsOwn(Base):
    """test_takes_samples_of_equal_tensors"""

    class Kind(Points):
        def convert(self, array, source, picture_size):
            return super().convert(array, source, picture_size) + 1


class TestTakesForeignNumbers(Base):
    """test_takes_foreign_samples_by_meaning"""

    class Kind(Points):
        def convert(self, array, source, picture_size):
            return array


class TestForgetsSettings(Base):
    """test_is_deterministic"""

    class Kind(Points):
        def settings(self):
            return {"names": list(self.names)}


class TestSettingsAreNoJson(Base):
    """test_settings_make_an_equal_htype"""

    class Kind(Points):
        def settings(self):
            return {"dims": np.int64(self.dims)}


class TestLendsItsSettings(Base):
    """test_settings_cannot_be_changed_from_outside"""

    class Kind(Points):
        def settings(self):
            return {"dims": self.dims, "names": self.names}


class TestTakesAnySettings(Base):
    """test_bad_settings"""

    class Kind(Points):
        def __init__(self, *, dims=1, names=None, **more):
            self.dims, self.names = dims, list(names or [])


class TestWrongErrorForSettings(Base):
    """test_bad_settings"""

    class Kind(Points):
        def __init__(self, *, dims=1, names=None):
            self.dims, self.names = dims, list(names or [])
            np.zeros((dims - 1,))  # a ValueError of numpy's for 0


class TestCannotBePickled(Base):
    """test_pickled"""

    class Kind(Points):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.shout = lambda text: text.upper()


class TestOddDtype(Base):
    """test_dtypes"""

    class Kind(Points):
        dtype = "float16"


class TestObjects(Base):
    """test_takes_good_values"""

    class Kind(Points):
        def check(self, value):
            return super().check(value).astype(object)


class TestLists(Base):
    """test_takes_good_values"""

    class Kind(Points):
        def check(self, value):
            return super().check(value).tolist()


class TestRefusesGood(Base):
    """test_takes_good_values"""

    class Kind(Points):
        def check(self, value):
            if not len(value):
                raise HtypeError("there are no points")
            return super().check(value)


class TestWritesIntoValues(Base):
    """test_leaves_values_alone"""

    class Kind(Points):
        def check(self, value):
            if isinstance(value, np.ndarray):
                value *= 2
            return super().check(value)


class TestTakesBad(Base):
    """test_refuses_bad_values"""

    class Kind(Points):
        def check(self, value):
            return as_array(value).reshape(-1, 1)[:, [0] * self.dims].astype(np.float32)


class TestWrongError(Base):
    """test_refuses_bad_values"""

    class Kind(Points):
        def check(self, value):
            return np.asarray(value, np.float32).reshape(-1, self.dims)


class TestSaysNothing(Base):
    """test_refuses_bad_values"""

    class Kind(Points):
        def check(self, value):
            try:
                return super().check(value)
            except HtypeError:
                raise HtypeError("bad") from None


class TestRandom(Base):
    """test_is_deterministic"""

    class Kind(Points):
        def check(self, value):
            return super().check(value) + np.random.default_rng().random(1, np.float32)


class TestManyOfAnotherDtype(Base):
    """test_checks_many_as_it_checks_one"""

    class Kind(Points):
        def check_many(self, value):
            many = super().check_many(value)
            return None if many is None else many.astype(np.float64)


class TestManyPassesBad(Base):
    """test_check_many_misses_nothing"""

    class Kind(Points):
        def check_many(self, value):
            try:
                array = as_array(value)
            except HtypeError:
                return None
            return array if array.ndim == 3 else None


class TestManyRaises(Base):
    """test_check_many_misses_nothing"""

    class Kind(Points):
        def check_many(self, value):
            return np.stack([self.check(one) for one in value])


class TestShowsLists(Base):
    """test_numpy"""

    class Kind(Points):
        def numpy(self, array):
            return array.tolist()


class TestShowsSomethingElse(Base):
    """test_numpy"""

    class Kind(Points):
        def numpy(self, array):
            return array + 1


class TestShowsAnotherKind(Base):
    """test_numpy"""

    class Kind(Points):
        shown = "str"


class TestWritesIntoStored(Base):
    """test_numpy test_read_only_arrays"""

    class Kind(Points):
        def numpy(self, array):
            array += 1
            return array


class TestDataChanges(Base):
    """test_data"""

    class Kind(Points):
        def data(self, array):
            self.dims += 1
            return {"dims": self.dims}


class TestPromisesText(Base):
    """test_values_in_filters_are_of_their_type"""

    class Kind(Points):
        def value_type(self, dtype):
            return Text()


class TestCollapsesSequences(Base):
    """test_values_in_filters_are_of_their_type"""

    class Kind(Points):
        def plain(self, array):
            return array.tolist() if array.ndim == 2 else array[0].tolist()

        def value_type(self, dtype):
            return ListOf(ListOf(Number()))


class TestFieldsOfAnotherType(Base):
    """test_values_in_filters_are_of_their_type"""

    class Kind(Points):
        def value_type(self, dtype):
            return ListOf(Record(("a point", "points"), {"x": Field(Text(), lambda point: point[0])}, numbers=2))
