"""What macOS or Windows lacks is taken away here, and datasets work all the same, or say that they cannot."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import StorageError, UsageError

_ROOT = Path(__file__).parents[3]
#: Modules of the standard library that Windows lacks; each may be imported inside the function that needs it.
_POSIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "syslog", "pty", "tty", "curses", "readline"}


def _use(path: Path) -> None:
    """The life of a small dataset, through the public API."""
    ds = reelbase.empty(path)
    ds.create_tensor("x", dtype="int64").extend([np.arange(4), np.arange(4) + 10])
    ds.commit("two rows")
    ds.x[0] = [7, 7, 7, 7]
    again = reelbase.load(path)
    np.testing.assert_array_equal(again.x[:].numpy(), [[7] * 4, [10, 11, 12, 13]])
    assert again.maintenance.verify(deep=True).ok


@pytest.mark.parametrize(
    "names",
    [
        ("os.pread",),
        ("os.O_DIRECTORY", "os.O_CLOEXEC", "os.O_NONBLOCK"),
        ("os.geteuid", "os.killpg"),
        ("os.sched_getaffinity", "os.sched_getscheduler", "os.sched_setscheduler"),
    ],
)
def test_a_dataset_without(names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names:
        monkeypatch.delattr(name, raising=False)
    _use(tmp_path / "ds")


def test_all_of_them_are_missing_from_the_start(tmp_path: Path) -> None:
    """In a process of its own, since some are looked up when modules are imported."""
    program = f"""
        import os, sys
        for name in ("pread", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "register_at_fork", "killpg", "geteuid",
                     "getuid", "sched_getaffinity", "sched_getscheduler", "sched_setscheduler", "fork"):
            if hasattr(os, name):
                delattr(os, name)
        for name in {sorted(_POSIX_ONLY)!r}:
            sys.modules[name] = None
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_portability import _use
        _use(Path({str(tmp_path / "ds")!r}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_without_hard_links_a_commit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "link")
    with pytest.raises(StorageError, match=r"not available on this system\.\n"):
        reelbase.empty(tmp_path / "ds").create_tensor("x")


def test_without_limits_nothing_is_decoded_in_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    from reelbase.isolation.pool import Worker
    from reelbase.plugin import Limits

    monkeypatch.setitem(sys.modules, "resource", None)
    with pytest.raises(UsageError, match="isolate_decode is not available on this system"):
        Worker("mp4", Limits())


@pytest.mark.parametrize("root", ["core", "plugins"])
def test_no_module_imports_what_windows_lacks(root: str) -> None:
    found = [
        f"{path.relative_to(_ROOT)}:{node.lineno}"
        for path in sorted((_ROOT / root).rglob("*.py"))
        for node in ast.parse(path.read_text("utf-8")).body
        if _imported(node) & _POSIX_ONLY
    ]
    assert not found


def _imported(node: ast.stmt) -> set[str]:
    """The top-level modules that a statement imports."""
    if isinstance(node, ast.Import):
        return {name.name.partition(".")[0] for name in node.names}
    return {str(node.module).partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()
