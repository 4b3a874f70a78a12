"""Writing: values of users become rows; rows, and parts of samples, are replaced and removed."""

from __future__ import annotations

from reelbase.writing.append import append_rows, delete_rows
from reelbase.writing.once import run_once
from reelbase.writing.pairing import check_pairable, check_shift
from reelbase.writing.replace import add_class_names, check_distinct, iterate_values, replace_part, replace_rows

__all__ = [
    "add_class_names", "append_rows", "check_distinct", "check_pairable", "check_shift", "delete_rows",
    "iterate_values", "replace_part", "replace_rows", "run_once",
]  # fmt: skip
