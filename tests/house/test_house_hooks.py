"""Every hook is documented with an example that runs, and has a test of its own."""

from __future__ import annotations

import ast
import re
import types
from pathlib import Path

import pytest

from reelbase.plugin import Hooks
from reelbase.registry._loading import REGISTERS, Plugin, _register

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "plugins" / "hooks.md").read_text()
_HOOKS = [name for name in vars(Hooks) if name.startswith("reelbase_")]
_SECTIONS = {part.split("\n", 1)[0]: part for part in re.split(r"^## ", _PAGE, flags=re.MULTILINE)[1:]}


def _examples(section: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def test_there_are_hooks() -> None:
    assert len(_HOOKS) >= 5


def test_the_page_describes_no_other_hooks() -> None:
    assert list(_SECTIONS) == _HOOKS


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_has_an_example_that_runs(hook: str) -> None:
    module = types.ModuleType("example")
    for example in _examples(_SECTIONS[hook]):
        exec(compile(example, f"hooks.md: {hook}", "exec"), vars(module))
    plugin = Plugin(name="example", distribution="", version="")
    _register(plugin, module)
    assert plugin.failures == []
    if hook in REGISTERS:
        (spec,) = plugin.offers[hook]
        assert spec.name in _PAGE
    else:
        assert plugin.call(hook, url="https://vault.example/share/0f/a/b.mp4") == "vault:///shared/0f.db/a/b.mp4"
        assert plugin.call(hook, url="https://elsewhere.example/") is None


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_has_a_docstring(hook: str) -> None:
    assert len(getattr(Hooks, hook).__doc__) > 40


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_has_a_test_of_its_own(hook: str) -> None:
    tree = ast.parse((_ROOT / "tests" / "core" / "registry" / "test_hooks.py").read_text())
    (test,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == f"test_{hook}"]
    assert any(isinstance(node, ast.Assert) for node in ast.walk(test))
    assert f"def {hook}(" in ast.unparse(test), "the test must install a plugin that implements the hook"


def test_every_registering_hook_is_collected() -> None:
    firsts = {name for name in _HOOKS if getattr(Hooks, name).reelbase_spec["firstresult"]}
    assert set(_HOOKS) - firsts == set(REGISTERS)
