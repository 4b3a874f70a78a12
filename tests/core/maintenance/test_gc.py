"""Expiry and garbage collection: nothing that anybody may need is deleted, and nothing else stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import CommitConflictError, VersionExpiredError
from reelbase.format import keys
from reelbase.maintenance import gc
from reelbase.versions.refs import Refs

NOW = timedelta(0)


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    made = reelbase.empty(tmp_path / "data")
    made.create_tensor("x", dtype="int64")
    for k in range(40):
        made.x.append([k])
    return made


def values(ds: reelbase.Dataset) -> list[int]:
    return [int(one.numpy()[0]) for one in ds.x]


def replaced(ds: reelbase.Dataset) -> reelbase.Dataset:
    """Everything rewritten, so that the old data are needed by old versions alone."""
    ds.x[:] = [[-k] for k in range(len(ds))]
    ds.maintenance.compact()
    return ds


def test_history_stays_unless_it_is_expired(ds: reelbase.Dataset) -> None:
    old = ds.history.current
    replaced(ds)
    assert ds.maintenance.gc(NOW).objects == 0
    assert values(ds.history.at(old)) == list(range(40))


def test_expired_data_go_after_the_grace(ds: reelbase.Dataset) -> None:
    old = ds.history.current
    replaced(ds)
    assert old.ref in ds.maintenance.expire(keep=0)
    assert ds.maintenance.expire(keep=0) == []
    assert ds.maintenance.gc().objects == 0
    assert values(ds.history.at(old)) == list(range(40)), "a reader has the grace"
    would = ds.maintenance.gc(NOW, dry_run=True)
    assert values(ds.history.at(old)) == list(range(40)), "a dry run deletes nothing"
    assert ds.maintenance.gc(NOW) == would
    assert would.objects > 40
    with pytest.raises(VersionExpiredError, match=old.ref):
        ds.history.at(old)
    assert values(ds) == [-k for k in range(40)]
    assert ds.maintenance.stats().orphans.objects == 0
    assert ds.maintenance.verify(deep=True).ok
    assert [one.expired for one in ds.log(all=True)] == [False] + [True] * (len(ds.log(all=True)) - 1)


def test_a_dry_run_of_expiry(ds: reelbase.Dataset) -> None:
    would = ds.maintenance.expire(keep=0, dry_run=True)
    assert ds.maintenance.expire(keep=0) == would != []


def test_what_keep_means(ds: reelbase.Dataset) -> None:
    named = [ds.commit(f"v{k}") for k in range(4)]
    ds.x.append([1])
    gone = ds.maintenance.expire(keep=2, dry_run=True)
    assert [one.ref in gone for one in named] == [True, True, False, False]
    assert ds.maintenance.expire(keep=timedelta(hours=1), dry_run=True) == []
    assert len(ds.maintenance.expire(keep=timedelta(0), dry_run=True)) == len(ds.log(all=True)) - 1
    with pytest.raises(reelbase.errors.UsageError, match="keep=-1"):
        ds.maintenance.expire(keep=-1)
    with pytest.raises(reelbase.errors.UsageError, match="grace=7"):
        ds.maintenance.gc(7)  # type: ignore[arg-type]


def test_tags_and_branches_keep(ds: reelbase.Dataset) -> None:
    ds.history.tag("v1", "main@10")
    ds.history.create_branch("dev", "main@20")
    replaced(ds)
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    assert values(ds.history.at("v1")) == list(range(10))
    assert values(ds.history.at("dev")) == list(range(20))
    ds.history.untag("v1")
    assert values(ds.history.at("main@10")) == list(range(10))
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    with pytest.raises(VersionExpiredError):
        ds.history.at("main@10")
    assert ds.maintenance.verify(deep=True).ok


def test_what_has_expired_gets_no_name(ds: reelbase.Dataset) -> None:
    ds.maintenance.expire(keep=0)
    for act in (
        lambda: ds.history.tag("late", "main@3"),
        lambda: ds.history.create_branch("late", "main@3"),
        lambda: ds.history.revert("main@3"),
    ):
        with pytest.raises(VersionExpiredError, match="main@3 has expired"):
            act()
    assert ds.history.tags == {}
    assert ds.branches == ["main"]


def test_a_tag_made_between_expiry_and_collection_is_seen_or_refused(
    ds: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is second sees the other: here the tag is written just before expiry, and looks just after."""
    check = Refs.check_kept

    def late(self: Refs, *args: object) -> None:
        monkeypatch.setattr(Refs, "check_kept", check)
        ds.maintenance.expire(keep=0)
        check(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Refs, "check_kept", late)
    other = reelbase.load(ds.path)
    # Expiry lists tags first: it sees this one, keeps the version, and the tag stands.
    other.history.tag("kept", "main@3")
    replaced(ds)
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    assert values(ds.history.at("kept")) == list(range(3))


def test_a_branch_that_is_being_made_keeps_its_start(ds: reelbase.Dataset) -> None:
    refs = Refs(ds._session.store.storage)
    refs.mark_branch("half", ds._session.log.read(10).header.place)  # type: ignore[union-attr]
    replaced(ds)
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    assert values(ds.history.at("main@10")) == list(range(10))
    assert ds.branches == ["main"]


def test_orphans_are_swept_when_they_are_old_enough(ds: reelbase.Dataset, tmp_path: Path) -> None:
    storage = ds._session.store.storage
    orphan = keys.pack(bytes(range(16)))
    storage.put(orphan, b"of a writer that was killed")
    (tmp_path / "data" / "packs" / "README").write_text("somebody's own")
    assert ds.maintenance.stats().orphans.objects == 1
    assert ds.maintenance.gc().objects == 0
    assert ds.maintenance.gc(NOW).objects == 1
    assert ds.maintenance.stats().orphans.objects == 0
    assert (tmp_path / "data" / "packs" / "README").exists()
    assert values(ds) == list(range(40))


def test_temporary_files_of_killed_writers_are_swept(ds: reelbase.Dataset, tmp_path: Path) -> None:
    code = f"""
import io, time, reelbase
ds = reelbase.load({str(tmp_path / "data")!r})
class Slow(io.BytesIO):
    def read(self, size=-1):
        print("reading", flush=True)
        time.sleep(0.05)
        return b"x" * 1000
ds._session.store.storage.put("blobs/aa/x.mp4", Slow())
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "reading\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert ds.maintenance.stats().leftovers.objects == 1
    assert ds.maintenance.gc().objects == 0
    assert ds.maintenance.gc(NOW).objects == 1
    assert [one for one in (tmp_path / "data").rglob(".*") if one.is_file()] == []


def test_data_of_a_dropped_tensor_go(ds: reelbase.Dataset) -> None:
    ds.create_tensor("y", dtype="uint8").append(np.zeros(100_000, np.uint8) + np.arange(100_000, dtype=np.uint8))
    ds.delete_tensor("y")
    before = ds.maintenance.stats().kinds["packs"].bytes
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    assert ds.maintenance.stats().kinds["packs"].bytes < before
    assert values(ds) == list(range(40))


def test_a_pinned_reader_after_the_grace_is_told_so(ds: reelbase.Dataset) -> None:
    reader = reelbase.load(ds.path, ref="main@30")
    replaced(ds)
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(NOW)
    with pytest.raises(reelbase.ReelbaseError, match=r"is gone|expired|There is no file"):
        values(reader)


@pytest.mark.parametrize("days", [30, -30])
def test_a_clock_step_inside_a_transaction(
    ds: reelbase.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """By the new clock, what the transaction uploaded is a month old and gc takes it: then nothing is committed."""
    before, now = values(ds), time.time
    packs = set((tmp_path / "data").rglob("*.pack"))
    step = timedelta(days=days).total_seconds()

    def write() -> None:
        with ds:
            ds.x.append([100])
            assert len(ds.x) == len(before) + 1
            ds._session.state  # noqa: B018 - which closes the open chunk
            ds._session.store.flush()
            (pack,) = set((tmp_path / "data").rglob("*.pack")) - packs
            os.utime(pack, (now() - step, now() - step))
            monkeypatch.setattr(time, "time", lambda: now() + step)
            reelbase.load(ds.path).maintenance.gc()

    if days > 0:
        with pytest.raises(CommitConflictError, match="was deleted by garbage collection"):
            write()
    else:
        write()
    expected = before if days > 0 else [*before, 100]
    assert values(reelbase.load(ds.path)) == expected
    assert ds.maintenance.verify(deep=True).ok
    ds.x.append([101])
    assert values(reelbase.load(ds.path)) == [*expected, 101]


def test_what_is_committed_while_objects_are_listed_stays(
    ds: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objects of a commit that comes between gathering versions and listing objects are not taken for orphans."""
    find_unneeded = gc._find_unneeded

    def meanwhile(*args: object) -> object:
        reelbase.load(ds.path).x.append([99])
        time.sleep(0.01)
        return find_unneeded(args[0], args[1], args[2] + timedelta(days=1))  # type: ignore[arg-type, operator]

    monkeypatch.setattr(gc, "_find_unneeded", meanwhile)
    ds.maintenance.gc(NOW)
    assert values(reelbase.load(ds.path)) == [*range(40), 99]
