"""Runs the examples of a page of the documentation, top to bottom, as its reader would.

- ``python`` blocks share one namespace. A ``text`` block right after one is what it prints; and, as in a notebook, the
  value of its last expression. ``...`` stands for anything. Without a ``text`` block, what is printed is not compared.
- A block that raises fails the page, unless the ``text`` block after it starts with ``SomeError: message``.
- ``console`` blocks: lines that start with ``$ reelbase`` are run, in this process (``--version`` in one of its own, to
  see that the program starts); what follows up to the next ``$`` is compared in the same way. Other commands are not
  run.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase import cli, config, registry
from reelbase.errors import ReelbaseError

if TYPE_CHECKING:
    from pathlib import Path

_FENCE = re.compile(
    r"^```(?:\{code-block\} )?(\w+)[^\n]*\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
_CHECKER = doctest.OutputChecker()
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        kind: Its language.
        source: What it holds.
        shown: The ``text`` block right after it, or None.
        line: Where its first line is in the page.
    """

    kind: str
    source: str
    shown: str | None
    line: int


def blocks(page: str) -> list[Block]:
    """The blocks of a page that can be run."""
    return [
        Block(found[1], found[2], found[3], page.count("\n", 0, found.start(2)) + 1)
        for found in _FENCE.finditer(page)
        if found[1] in ("python", "console")
    ]


def run_page(path: Path) -> int:
    """Run a page's blocks in the working directory; how many there were.

    Raises:
        AssertionError: a block shows something else than the page says; it names page and line.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = blocks(path.read_text())
    for block in found:
        where = f"{path.name}:{block.line}"
        if block.kind == "console":
            _run_commands(block.source, where)
        else:
            compare(block.shown, _run(block, namespace, where), where)
    return len(found)


def compare(shown: str | None, got: str, where: str) -> None:
    """See that `got` is what the page shows."""
    if shown is not None and not _CHECKER.check_output(shown, got, _LOOSE):
        raise AssertionError(f"{where} shows\n{shown}\nand gives\n{got}")


def _run(block: Block, namespace: dict[str, Any], where: str) -> str:
    tree = ast.parse("\n" * (block.line - 1) + block.source, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(tree, where, "exec"), namespace)
            value = eval(compile(ast.Expression(last.value), where, "eval"), namespace) if last else None
    except ReelbaseError as error:
        if block.shown is None:
            raise
        return f"{said.getvalue()}{type(error).__name__}: {error}\n"
    return said.getvalue() + ("" if value is None else f"{value!r}\n")


def _run_commands(source: str, where: str) -> None:
    for part in re.split(r"^\$ ", source, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command, comments=True)
        settings = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        words = words[len(settings) :]
        if words[:1] != ["reelbase"]:
            continue
        code, said = _run_process(words, settings) if "--version" in words else _run_here(words[1:], settings)
        if code and not shown:
            raise AssertionError(f"{where}: `{command}` ended with {code}:\n{said}")
        compare(shown or None, said, f"{where}: `{command}`")


def _run_process(words: list[str], settings: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, env=os.environ | settings, check=False
    )
    return done.returncode, done.stdout + done.stderr


def _run_here(arguments: list[str], settings: dict[str, str]) -> tuple[int, str]:
    """Run a command as a new process would: with the configuration read again, before and after."""
    stdout, stderr, before = io.StringIO(), io.StringIO(), dict(os.environ)
    os.environ.update(settings)
    _forget_settings()
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = cli.main(arguments)
    except SystemExit as error:  # argparse
        code = error.code if isinstance(error.code, int) else 1
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget_settings()
    return code, stdout.getvalue() + stderr.getvalue()


def _forget_settings() -> None:
    config.reset()
    registry.reset()
