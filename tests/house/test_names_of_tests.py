"""pytest imports test files by their names alone: two of one name, in any two folders, cannot be collected together."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

_TESTS = Path(__file__).parents[1]


def test_no_two_test_files_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in _TESTS.rglob("*.py"):
        is_package = (path.parent / "__init__.py").exists()
        if path.name not in ("conftest.py", "__init__.py") and not is_package:
            places[path.name].append(path.relative_to(_TESTS).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
