"""The htype of plain arrays keeps the htype contract."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from reelbase.contracts.htype import Htype
from reelbase.testing import HtypeCase, HtypeTests


class TestGeneric(HtypeTests):
    @pytest.fixture
    def case(self) -> HtypeCase:
        good = [1, 2.5, True, 1j, [1, 2], np.zeros((2, 0, 3), np.uint8), [[1.0, np.nan]]]
        bad = ["text", b"bytes", None, [[1], [1, 2]], {"a": 1}, [1, "a"], object(), dt.date(2020, 1, 1)]
        return HtypeCase(htype=Htype(), good=good, shown=good, bad=bad)
