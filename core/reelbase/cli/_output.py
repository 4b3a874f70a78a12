"""Output of commands: text for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase._util.printable import printable, printable_json, printable_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

# Steps of 1000, not of 1024.
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json``, which every command that reports something has."""
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def emit(arguments: argparse.Namespace, result: Any, text: str) -> None:
    """Print `result` as JSON with ``--json``, else print `text`.

    Characters that a terminal would obey are escaped: texts of a dataset may come from a stranger.
    """
    print(to_json(result) if arguments.json else printable(text))


def to_json(result: Any) -> str:
    """Return the JSON of a result, which may contain numpy values, mappings and paths."""
    return printable_json(json.dumps(result, ensure_ascii=False, indent=2, default=_convert))


def format_value(value: Any) -> str:
    """Return a value as text on one line: lists and mappings as compact JSON."""
    is_json = isinstance(value, (dict, list))
    return printable_line(json.dumps(value, ensure_ascii=False, default=_convert) if is_json else str(value))


def say(message: str) -> None:
    """Print a message on stderr, where it does not mix with the result."""
    print(printable(message), file=sys.stderr)


def format_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with aligned columns. A row is one line, whatever its cells contain."""
    lines = [tuple(printable_line(str(cell)) for cell in row) for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def format_lines(lines: Iterable[object]) -> str:
    """Return texts below each other, each on one line, whatever it contains."""
    return "\n".join(printable_line(str(line)) for line in lines)


def format_pairs(pairs: Iterable[tuple[str, object]]) -> str:
    """Return names and values, one pair per line, with aligned values."""
    texts = [(printable_line(name), printable_line(str(value))) for name, value in pairs]
    width = max((len(name) for name, _ in texts), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in texts)


def format_size(count: int) -> str:
    """Return a number of bytes with a unit: ``"398.4 kB"``."""
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def format_count(count: int, what: str) -> str:
    """Return a number with a noun in singular or plural: ``"1 row"``, ``"2 rows"``."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _convert(value: object) -> object:
    if isinstance(value, (np.ndarray, np.generic)):
        # By way of str, so that a float32 of 0.1 is printed as 0.1 and not as 0.10000000149011612.
        short = value.astype(str).astype(np.float64) if value.dtype.kind == "f" else value
        return short.tolist()
    if hasattr(value, "items"):
        return dict(value.items())
    return str(value)
