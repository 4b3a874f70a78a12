"""The conformance tests find what they are for: each deliberately broken implementation fails the test it names."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from reelbase.testing import FrameCodecTests, HtypeTests, StorageTests

pytest_plugins = ["pytester"]

_SUITES = {"storages": StorageTests, "codecs": FrameCodecTests, "htypes": HtypeTests}
_BROKEN = Path(__file__).parent / "broken"
_CLASS = re.compile(r'^class (Test\w+)\(\w+\):\n(?:    """([^"]*)""")?', re.MULTILINE)


@pytest.mark.parametrize("kind", ["storages", "codecs", "htypes"])
def test_broken_ones_fail(pytester: pytest.Pytester, kind: str) -> None:
    source = (_BROKEN / f"{kind}.py").read_text()
    wanted = {name: (tests or "").split() for name, tests in _CLASS.findall(source)}
    assert len(wanted) > 10
    path = pytester.makepyfile(source)
    chosen = [f"{path}::{name}::{test}" for name, tests in wanted.items() for test in tests]
    run = pytester.inline_run("-p", "no:cacheprovider", f"{path}::TestRight", *chosen)
    failed = defaultdict(set)
    for report in run.getreports("pytest_runtest_logreport"):
        _, name, test = report.nodeid.split("::")
        if report.failed:
            failed[name].add(test.partition("[")[0])
    missed = {name: sorted(set(tests) - failed[name]) for name, tests in wanted.items()}
    assert not {name: tests for name, tests in missed.items() if tests}, "not found by the tests that should"
    assert [name for name in wanted if not wanted[name]] == ["TestRight"]
    assert not failed["TestRight"], "the right one fails"


@pytest.mark.parametrize("kind", ["storages", "codecs", "htypes"])
def test_every_test_finds_something(kind: str) -> None:
    """Each test of the kit is named by at least one broken implementation."""
    named = {test for _, tests in _CLASS.findall((_BROKEN / f"{kind}.py").read_text()) for test in tests.split()}
    every = {name for name in dir(_SUITES[kind]) if name.startswith("test_")}
    assert every - named <= _SATISFIED[kind]
    assert named <= every


# Tests that guard what no short variant above breaks alone: others fail first, or they stand for a mere convenience.
_SATISFIED = {
    "storages": {
        "test_get_many_ranges",
        "test_delete",
        "test_list_nothing",
        "test_read_only",
        "test_repr_names_the_root",
    },
    "codecs": {"test_index_has_a_row_for_each_frame", "test_ingest_twice", "test_damaged"},
    "htypes": {"test_numpy_shows_a_dtype_that_was_chosen"},
}
