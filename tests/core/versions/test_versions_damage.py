"""Datasets that are removed, damaged, older or newer: every error is exact, and what is whole stays readable."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reelbase
from reelbase.errors import (
    CorruptObjectError,
    DatasetNotFoundError,
    FormatError,
    NewerFormatError,
    ObjectNotFoundError,
    ReelbaseError,
)

_HEAD = struct.Struct("<4sIII")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset on disk: main@0 makes x, each later version appends a number to it."""
    folder = tmp_path / "ds"
    ds = reelbase.empty(folder)
    ds.create_tensor("x", dtype="int64")
    for k in range(4):
        ds.x.append(k)
    return folder


def commit_of(folder: Path, seq: int, branch: str = "main") -> Path:
    """The file of one commit."""
    return folder / f"log/{branch}/{seq // 1000:06d}/{seq:09d}.rbc"


def rewrite(path: Path, change: Callable[[dict[str, Any]], object], magic: bytes | None = None) -> None:
    """A commit with another JSON part, its checksum right."""
    data = path.read_bytes()
    found, size, inline_size, _ = _HEAD.unpack_from(data)
    head = json.loads(data[_HEAD.size : _HEAD.size + size])
    change(head)
    body, inline = json.dumps(head).encode(), data[_HEAD.size + size :]
    path.write_bytes(
        _HEAD.pack(magic or found, len(body), inline_size, zlib.crc32(inline, zlib.crc32(body))) + body + inline
    )


def flip(path: Path) -> None:
    """One byte in the middle is another one."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def without_hint(folder: Path) -> None:
    """Take the copy of the newest commit away: it is read from the log."""
    (folder / "log/main/latest").unlink()


WRITES: dict[str, Callable[[reelbase.Dataset], object]] = {
    "append": lambda ds: ds.x.append(9),
    "create": lambda ds: ds.create_tensor("y"),
    "commit": lambda ds: ds.commit("no"),
    "branch": lambda ds: ds.history.create_branch("b"),
    "tag": lambda ds: ds.history.tag("t"),
}
LOOKS: dict[str, Callable[[reelbase.Dataset], object]] = {  # at what is gone, before they write
    "merge": lambda ds: ds.merge("dev"),
    "revert": lambda ds: ds.history.revert("main@1"),
    "compact": lambda ds: ds.maintenance.compact(),
}


def with_a_branch(folder: Path) -> reelbase.Dataset:
    """A writer on main; there is a branch dev with something to merge."""
    writer = reelbase.load(folder)
    writer.history.create_branch("dev")
    reelbase.load(folder, ref="dev").x.append(5)
    return writer


@pytest.mark.parametrize("what", [*WRITES, *LOOKS])
@pytest.mark.parametrize("remove", [reelbase.delete, shutil.rmtree])
def test_a_dataset_removed_under_its_writer(folder: Path, remove: Callable[[Path], object], what: str) -> None:
    writer = with_a_branch(folder)
    remove(folder)
    with pytest.raises(DatasetNotFoundError if what in WRITES else ReelbaseError):
        {**WRITES, **LOOKS}[what](writer)
    assert not reelbase.exists(folder)
    assert not [one for one in folder.rglob("*") if one.is_file()]
    reelbase.empty(folder)


def test_the_error_says_that_it_was_removed(folder: Path) -> None:
    writer = reelbase.load(folder)
    shutil.rmtree(folder)
    with pytest.raises(DatasetNotFoundError, match=r"is gone: it was removed after you opened it(.|\n)*Nothing was"):
        writer.x.append(9)
    with pytest.raises(DatasetNotFoundError, match="is gone"), writer:
        writer.x.append(9)


@pytest.mark.parametrize("what", [*WRITES, *LOOKS])
def test_a_dataset_made_anew_under_its_writer(folder: Path, what: str) -> None:
    writer = with_a_branch(folder)
    reelbase.delete(folder)
    fresh = reelbase.empty(folder)
    fresh.create_tensor("fresh").extend([1, 2])
    before = {one for one in folder.rglob("*") if one.is_file()}
    with pytest.raises(DatasetNotFoundError if what in WRITES else ReelbaseError):
        {**WRITES, **LOOKS}[what](writer)
    assert {one for one in folder.rglob("*") if one.is_file()} == before
    assert reelbase.load(folder).maintenance.verify(deep=True).ok
    fresh.fresh.append(3)
    assert reelbase.load(folder).fresh.numpy().tolist() == [1, 2, 3]


def test_the_error_says_that_it_is_another_one(folder: Path) -> None:
    writer = reelbase.load(folder)
    reelbase.delete(folder)
    reelbase.empty(folder)
    with pytest.raises(DatasetNotFoundError, match=r"is another one now: it was removed"):
        writer.x.append(9)


def test_a_newer_root(folder: Path) -> None:
    writer = reelbase.load(folder)
    root = json.loads((folder / "reelbase.json").read_text())
    (folder / "reelbase.json").write_text(json.dumps({**root, "format": 99}))
    without_hint(folder)
    with pytest.raises(NewerFormatError, match=r"has format 99; this reelbase reads \d+\.\n.*pip install -U"):
        reelbase.load(folder)
    assert writer.x.numpy().tolist() == [0, 1, 2, 3]
    with pytest.raises(NewerFormatError, match="format 99"):
        writer.x.append(4)
    assert not commit_of(folder, 5).exists()


def test_an_older_root(folder: Path) -> None:
    root = json.loads((folder / "reelbase.json").read_text())
    (folder / "reelbase.json").write_text(json.dumps({**root, "format": 1}))
    without_hint(folder)
    with pytest.raises(
        FormatError, match=r"has format 1, which is older than the first(.|\n)*Create the dataset again"
    ) as one:
        reelbase.load(folder)
    assert not isinstance(one.value, NewerFormatError)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format": 2}', b"\xff\xfe"])
def test_a_root_that_is_none(folder: Path, data: bytes) -> None:
    (folder / "reelbase.json").write_bytes(data)
    without_hint(folder)
    with pytest.raises(CorruptObjectError, match=r"reelbase\.json of .* cannot be read(.|\n)*copy"):
        reelbase.load(folder)


NEWER: dict[str, tuple[Callable[[dict[str, Any]], object], bytes | None, type[FormatError], str]] = {
    "a newer magic": (lambda head: None, b"RBC9", NewerFormatError, "format 9"),
    "an older magic": (lambda head: None, b"RBC1", FormatError, "format 1, which is older than the first release"),
    "a newer number": (lambda head: head.update(format=99), None, NewerFormatError, "format 99"),
    "a number that is none": (lambda head: head.update(format="x"), None, NewerFormatError, "format x"),
    "a feature": (lambda head: head.update(features=["wings"]), None, NewerFormatError, "uses wings, which this"),
    "two features": (lambda head: head.update(features=["b", "a"]), None, NewerFormatError, "uses a, b, which this"),
    "no schema": (lambda head: head.pop("schema"), None, CorruptObjectError, "cannot be read"),
    "no header": (lambda head: head.pop("parent"), None, CorruptObjectError, "cannot be read"),
    "another number": (lambda head: head.update(seq=2), None, CorruptObjectError, "holds commit main@2"),
    "another branch": (lambda head: head.update(branch="b"), None, CorruptObjectError, "holds commit b@4"),
    "rows that are none": (lambda head: head.update(rows=3), None, CorruptObjectError, "cannot be read"),
    "another magic": (lambda head: None, b"ABCD", CorruptObjectError, "is damaged"),
}


@pytest.mark.parametrize(("change", "magic", "error", "words"), NEWER.values(), ids=list(NEWER))
def test_a_newest_commit_that_cannot_be_read(
    folder: Path, change: Callable[[dict[str, Any]], object], magic: bytes | None, error: type[FormatError], words: str
) -> None:
    reader = reelbase.load(folder, ref="main@3")
    rewrite(commit_of(folder, 4), change, magic)
    without_hint(folder)
    with pytest.raises(error, match=rf"000000004\.rbc.*{words}"):
        reelbase.load(folder)
    assert reader.x.numpy().tolist() == [0, 1, 2]
    for seq in range(1, 4):
        assert reelbase.load(folder, ref=f"main@{seq}").x.numpy().tolist() == [*range(seq)]
    with pytest.raises(error, match=words):
        reelbase.load(folder, ref="main@4")


def test_a_newer_commit_met_midway(folder: Path) -> None:
    reader, writer = reelbase.load(folder), reelbase.load(folder)
    reelbase.load(folder).x.append(4)
    rewrite(commit_of(folder, 5), lambda head: head.update(features=["wings"]))
    for meet in (reader.refresh, lambda: writer.x.append(5), lambda: writer.commit("no")):
        with pytest.raises(NewerFormatError, match="uses wings"):
            meet()
    assert reader.x.numpy().tolist() == [0, 1, 2, 3]
    assert not commit_of(folder, 6).exists()


def test_a_newer_hint(folder: Path) -> None:
    rewrite(folder / "log/main/latest", lambda head: head.update(features=["wings"]))
    with pytest.raises(NewerFormatError, match="log/main/latest uses wings"):
        reelbase.load(folder)


@pytest.mark.parametrize("spoil", [flip, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"RBC2")])
def test_a_torn_hint_is_only_a_hint(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(folder / "log/main/latest")
    ds = reelbase.load(folder)
    assert ds.x.numpy().tolist() == [0, 1, 2, 3]
    ds.x.append(4)
    assert reelbase.load(folder).x.numpy().tolist() == [0, 1, 2, 3, 4]


def test_an_old_hint_is_only_a_hint(folder: Path) -> None:
    (folder / "log/main/latest").write_bytes(commit_of(folder, 1).read_bytes())
    assert reelbase.load(folder).x.numpy().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("spoil", [flip, lambda path: path.write_bytes(path.read_bytes()[:-3])])
def test_a_damaged_commit(folder: Path, spoil: Callable[[Path], object]) -> None:
    reelbase.load(folder).history.tag("old", "main@2")
    spoil(commit_of(folder, 4))
    without_hint(folder)
    with pytest.raises(CorruptObjectError, match=r"log/main/000000/000000004\.rbc is damaged(.|\n)*Restore") as error:
        reelbase.load(folder)
    assert "Restore" in str(error.value)
    for ref in ("main@3", "old"):
        older = reelbase.load(folder, ref=ref)
        assert older.x.numpy().tolist() == [*range(older.history.current.seq)]
    reelbase.load(folder, ref="main@3").history.create_branch("rescue")
    rescue = reelbase.load(folder, ref="rescue")
    rescue.x.append(9)
    assert rescue.x.numpy().tolist() == [0, 1, 2, 9]
    found = reelbase.load(folder, ref="rescue").maintenance.verify(deep=True)
    assert [one.key for one in found.damages] == ["log/main/000000/000000004.rbc"]


def test_a_damaged_commit_in_between(folder: Path) -> None:
    flip(commit_of(folder, 2))
    ds = reelbase.load(folder)
    ds.x.append(4)
    assert ds.x.numpy().tolist() == [0, 1, 2, 3, 4]
    for ask in (lambda: ds.log(all=True), lambda: ds.history.at("main@2"), lambda: ds.history.revert("main@1")):
        with pytest.raises(CorruptObjectError, match=r"000000002\.rbc is damaged"):
            ask()
    assert ds.history.at("main@1").x.numpy().tolist() == [0]


def test_a_missing_pack(folder: Path) -> None:
    packs = {one: one.stat().st_mtime_ns for one in folder.glob("packs/*/*.pack")}
    assert len(packs) == 4
    gone = sorted(packs, key=packs.__getitem__)[1]
    gone.unlink()
    ds = reelbase.load(folder)
    key = gone.relative_to(folder).as_posix()
    bad = [row for row in range(4) if not _readable(ds, row)]
    assert len(bad) == 1
    with pytest.raises(ObjectNotFoundError, match=gone.name):
        ds.x[bad[0]].numpy()
    with pytest.raises(ObjectNotFoundError, match=gone.name):
        ds.x.numpy()
    rest = [row for row in range(4) if row != bad[0]]
    assert ds.x[rest].numpy().tolist() == rest
    (damage,) = ds.maintenance.verify().damages
    assert (damage.key, damage.tensor, damage.rows) == (key, "x", (bad[0],))
    ds.x[bad[0]] = 7
    ds.x.append(8)
    assert len(ds.x.numpy()) == 5
    assert ds.history.at("main@1").history.current.ref == "main@1"


def _readable(ds: reelbase.Dataset, row: int) -> bool:
    try:
        ds.x[row].numpy()
    except ObjectNotFoundError:
        return False
    return True


def test_a_damaged_pack(folder: Path) -> None:
    ds = reelbase.load(folder)
    for pack in folder.glob("packs/*/*.pack"):
        flip(pack)
        break
    assert len(ds.maintenance.verify(deep=True).damages) == 1
    assert ds.maintenance.verify().ok
    fresh = reelbase.load(folder)
    errors = 0
    for row in range(4):
        try:
            assert fresh.x[row].numpy() == row
        except CorruptObjectError as error:
            assert pack.name in str(error)  # noqa: PT017 - one of the four rows, which one is not known
            errors += 1
    assert errors == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"place": 3}', b'{"place": ["main"]}'])
def test_a_damaged_tag(folder: Path, data: bytes) -> None:
    ds = reelbase.load(folder)
    ds.history.tag("v1")
    (folder / "refs/tags/v1.json").write_bytes(data)
    with pytest.raises(CorruptObjectError, match=r"refs/tags/v1\.json"):
        reelbase.load(folder, ref="v1")
    assert reelbase.load(folder).x.numpy().tolist() == [0, 1, 2, 3]
    assert reelbase.load(folder, ref="main@4").x.numpy().tolist() == [0, 1, 2, 3]


def test_a_missing_commit(folder: Path) -> None:
    ds = reelbase.load(folder)
    ds.history.create_branch("dev", "main@3")
    commit_of(folder, 2).unlink()
    with pytest.raises(CorruptObjectError, match=r"main@2 is gone from the log(.|\n)*copy"):
        ds.log(all=True)
    dev = reelbase.load(folder, ref="dev")
    assert dev.x.numpy().tolist() == [0, 1, 2]
