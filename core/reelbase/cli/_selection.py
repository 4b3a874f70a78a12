"""Parsing of selections on the command line: ``100:200:5``, ``7``, ``1,5,9``."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.dataset import Dataset
    from reelbase.rows import Row, RowsView

Selection = int | slice | list[int]

_PART = r"[+-]?\d+"
_SLICE = re.compile(rf"({_PART})?:({_PART})?(?::({_PART})?)?")


def parse_selection(text: str) -> Selection:
    """Parse an index or a slice in Python's syntax, or a list of indices.

    Raises:
        argparse.ArgumentTypeError: it is not a selection.
    """
    text = text.strip()
    if sliced := _SLICE.fullmatch(text):
        start, stop, step = (None if part is None else int(part) for part in sliced.groups())
        if step != 0:
            return slice(start, stop, step)
    if re.fullmatch(_PART, text):
        return int(text)
    if re.fullmatch(rf"{_PART}(,{_PART})*,?", text):
        return [int(part) for part in text.strip(",").split(",")]
    raise argparse.ArgumentTypeError(f"{text!r} is not a selection; write 7, 100:200, 100:200:5 or 1,5,9")


def parse_size(text: str) -> tuple[int, int]:
    """Parse ``WIDTHxHEIGHT`` to ``(height, width)``.

    Raises:
        argparse.ArgumentTypeError: it is not a size.
    """
    found = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write WIDTHxHEIGHT, such as 320x180")
    return int(found[2]), int(found[1])


def parse_count(text: str) -> int:
    """Parse a whole number from 1 on.

    Raises:
        argparse.ArgumentTypeError: it is not such a number.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; write 1 or more")
    return int(text)


def accept_minus(parser: argparse.ArgumentParser) -> None:
    """Let arguments such as ``-50:`` and ``-3,-1`` be values: to argparse, only plain negative numbers are."""
    parser._negative_number_matcher = re.compile(r"-\d[\d:,+-]*$")


def add_rows(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options that select rows: by number, and by a filter.

    Args:
        parser: The parser of the command.
        what: What is done to the rows, for the help: "list".
    """
    accept_minus(parser)
    parser.add_argument("--rows", type=parse_selection, help=f"{what} only these rows, such as 100:200, -10: or 1,5,9")
    parser.add_argument("--where", metavar="FILTER", help=f"{what} only rows that a filter selects")


def select_rows(dataset: Dataset, arguments: argparse.Namespace) -> RowsView[Dataset] | Row[Dataset]:
    """Return the rows that the options of `add_rows` select; with both options, those of `--rows` that match.

    Raises:
        SampleIndexError: there is no such row.
        FilterError: the filter is not valid.
    """
    rows = arguments.rows
    keep = [rows] if isinstance(rows, int) else slice(None) if rows is None else rows
    chosen: RowsView[Dataset] = dataset[keep]
    return chosen if arguments.where is None else chosen.filter(arguments.where)
