"""How commands write their results: text for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase._util.printable import printable, printable_json, printable_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that every reporting command has."""
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def emit(arguments: argparse.Namespace, result: Any, text: str) -> None:
    """Write `result` as JSON if that was asked for, else `text`, with what a terminal would obey escaped."""
    print(as_json(result) if arguments.json else printable(text))


def as_json(result: Any) -> str:
    """JSON of a result that may hold numpy values, mappings and paths."""
    return printable_json(json.dumps(result, ensure_ascii=False, indent=2, default=_plain))


def one_line(value: Any) -> str:
    """A value for a line of text: lists and mappings as compact JSON; no line break in it begins another line."""
    return printable_line(_compact(value))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, (dict, list)) else str(value)


def say(message: str) -> None:
    """A message for the person who waits, on stderr."""
    print(printable(message), file=sys.stderr)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns under a head; a row is one line, whatever is in it."""
    cells = [tuple(printable_line(str(cell)) for cell in row) for row in (head, *rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(head))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(line.rstrip() for line in padded)


def lines(each: Iterable[object]) -> str:
    """The texts below each other, each on one line."""
    return "\n".join(printable_line(str(line)) for line in each)


def pairs(facts: Iterable[tuple[str, object]]) -> str:
    """Names and values, one a line, values aligned."""
    listed = [(printable_line(name), printable_line(str(value))) for name, value in facts]
    width = max((len(name) for name, _ in listed), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in listed)


def size(count: int) -> str:
    """Bytes for people: ``"398.4 kB"``."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def several(count: int, what: str) -> str:
    """How many of something: ``"1 row"``, ``"2 rows"``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _plain(value: object) -> object:
    if isinstance(value, (np.ndarray, np.generic)):
        # A float32 of 0.1 shall read 0.1, not 0.10000000149011612.
        short = value.astype(str).astype(np.float64) if value.dtype.kind == "f" else value
        return short.tolist()
    if hasattr(value, "items"):
        return dict(value.items())
    return str(value)
