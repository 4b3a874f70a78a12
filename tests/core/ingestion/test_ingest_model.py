"""Any sequence of changes in a folder, with an ingest after each, compared with a model: a set of contents."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_files import Files

import reelbase

NAMES = ["a.mp4", "b.mp4", "sub/a.mp4", "sub/c.mp4"]
_numbers = itertools.count()


def _write(files: Files, name: str, _: str, mark: int) -> None:
    files.put(name, mark)


def _move(files: Files, name: str, other: str, _: int) -> None:
    if (files.root / name).exists():
        (files.root / other).parent.mkdir(exist_ok=True)
        (files.root / name).replace(files.root / other)


def _copy(files: Files, name: str, other: str, _: int) -> None:
    if (files.root / name).exists() and name != other:
        (files.root / other).parent.mkdir(exist_ok=True)
        shutil.copy(files.root / name, files.root / other)


def _touch(files: Files, name: str, _: str, __: int) -> None:
    if (files.root / name).exists():
        os.utime(files.root / name, ns=(0, next(_numbers)))


def _delete(files: Files, name: str, _: str, __: int) -> None:
    (files.root / name).unlink(missing_ok=True)


Change = tuple[Callable[[Files, str, str, int], None], str, str, int]
_change = st.tuples(
    st.sampled_from([_write, _write, _move, _copy, _touch, _delete]),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.integers(1, 4),
)


@given(st.lists(st.lists(_change, min_size=1, max_size=3), min_size=1, max_size=6))
@settings(max_examples=25, derandomize=True)
def test_every_content_is_one_row(clip_bytes: bytes, steps: list[list[Change]]) -> None:
    """With ``changed="add"`` the rows are all contents that there were at an ingest, each once."""
    with tempfile.TemporaryDirectory() as folder:
        files, seen = Files(Path(folder), clip_bytes), set[bytes]()
        ds = _make_dataset()
        for step in steps:
            _apply(files, step)
            found = [path for path in files.root.rglob("*") if path.is_file()]
            seen |= {path.read_bytes() for path in found}
            report = reelbase.ingest(ds, files.root, changed="add", check="none")
            assert sorted(view.tobytes() for view in ds.videos) == sorted(seen)
            assert len(report.added) + len(report.skipped) == len(found)
            assert not report.changed


@given(st.lists(st.lists(_change, min_size=1, max_size=3), min_size=1, max_size=6))
@settings(max_examples=25, derandomize=True)
def test_what_is_not_a_row_is_reported(clip_bytes: bytes, steps: list[list[Change]]) -> None:
    """By default the content of each file is that of a row, or it is listed as changed; rows never change."""
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder), clip_bytes)
        ds = _make_dataset()
        for step in steps:
            before = [view.tobytes() for view in ds.videos]
            _apply(files, step)
            report = reelbase.ingest(ds, files.root, check="none")
            rows = [view.tobytes() for view in ds.videos]
            assert rows[: len(before)] == before
            assert len(set(rows)) == len(rows)
            missing = {str(path) for path in files.root.rglob("*") if path.is_file() and path.read_bytes() not in rows}
            assert {file.path for file in report.changed} == missing


def _make_dataset() -> reelbase.Dataset:
    ds = reelbase.empty(f"mem://model{next(_numbers)}")
    ds.create_tensor("videos", htype="video")
    return ds


def _apply(files: Files, step: list[Change]) -> None:
    for change, name, other, mark in step:
        change(files, name, other, mark)
