"""Rescue: commits that nobody can read are repaired or replaced, and nothing else is lost."""

from __future__ import annotations

import json
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

import reelbase
from reelbase.cli import main
from reelbase.errors import CommitConflictError, CorruptObjectError, ReelbaseError, VersionExpiredError
from reelbase.format import keys
from reelbase.maintenance.rescue import rescue
from reelbase.registry import registry

GOLDEN = Path(__file__).parents[1] / "golden" / "poisoned.zip"
ROWS = 6


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def fix(folder: Path, apply: bool = True) -> dict[str, str]:
    """Rescue a dataset; the outcomes, by version."""
    found = rescue(registry().open_storage(str(folder)), apply=apply)
    return {one.version: one.outcome for one in found.unreadable}


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """Written by a reelbase that did not read commits back: see `golden/make.py`."""
    with zipfile.ZipFile(GOLDEN) as archive:
        archive.extractall(tmp_path / "ds")
    return tmp_path / "ds"


def test_what_an_older_reelbase_wrote_is_repaired(poisoned: Path) -> None:
    before = files(poisoned)
    with pytest.raises(ReelbaseError):
        reelbase.load(poisoned)
    assert set(fix(poisoned, apply=False).values()) == {"repaired"}
    assert files(poisoned) == before, "without apply, nothing is changed"
    fix(poisoned)
    ds = reelbase.load(poisoned)
    assert ds.n.numpy().tolist() == list(range(8))
    assert dict(ds.info) == {"plain": "caf\udce9", "caf\\udce9": 1}
    assert "clip\\udcff" in [version.message for version in ds.log()]
    assert not ds.append({"n": 99}, txn=("job\\udce9", 5)), "what was recorded as done still is"
    assert not ds.append({"n": 99}, txn=("big", 12))
    ds.n.append(8)
    side = reelbase.load(poisoned, ref="side")
    assert side.n.numpy().tolist() == [*range(4), 70]
    assert reelbase.load(poisoned, ref="late").n.numpy().tolist() == list(range(8))
    ds.merge("side")
    assert ds.n.numpy().tolist() == [*range(9), 70]
    assert ds.maintenance.verify(deep=True).ok
    assert ds.maintenance.gc(grace=timedelta(0)).objects == 2, "the schema's old index objects"
    assert reelbase.load(poisoned, ref="late").n.numpy().tolist() == list(range(8))
    assert ds.maintenance.verify(deep=True).ok
    (aside,) = (poisoned / "refs" / "aside").iterdir()
    kept = files(aside)
    assert kept
    assert all(before[name] == data for name, data in kept.items())
    assert fix(poisoned) == {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One row a commit, in commits 1 to 6."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("n", dtype="int64")
    for number in range(ROWS):
        ds.n.append(number)
    ds._session.log.flush_hint()
    return tmp_path / "ds"


def commit_file(folder: Path, seq: int) -> Path:
    return folder / keys.commit("main", seq)


def spoil(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("how", ["gone", "damaged"])
@pytest.mark.parametrize("seq", range(ROWS + 1))
def test_any_one_commit(folder: Path, seq: int, how: str) -> None:
    """With the hint, nothing is lost at all: it has a copy of the newest, and every commit holds the whole state."""
    spoil(commit_file(folder, seq), how)
    assert fix(folder) == {f"main@{seq}": "copied from the hint" if seq == ROWS else "lost"}
    ds = reelbase.load(folder)
    assert ds.n.numpy().tolist() == list(range(ROWS))
    ds.n.append(ROWS)
    (folder / keys.latest("main")).unlink()
    ds = reelbase.load(folder)
    assert ds.n.numpy().tolist() == list(range(ROWS + 1))
    assert ds.maintenance.verify(deep=True).ok
    assert ds.maintenance.gc(grace=timedelta(0), dry_run=True).objects <= 1
    assert len(ds.log(all=True)) == ROWS + 2
    if seq < ROWS:
        with pytest.raises(VersionExpiredError, match=f"main@{seq}"):
            ds.history.at(f"main@{seq}")


@pytest.mark.parametrize("first", range(1, ROWS + 1))
def test_the_newest_commits_are_lost(folder: Path, first: int) -> None:
    data = {seq: commit_file(folder, seq).read_bytes()[:-1] for seq in range(first, ROWS + 1)}
    for seq in range(first, ROWS + 1):
        spoil(commit_file(folder, seq), "damaged")
    (folder / keys.latest("main")).unlink()
    with pytest.raises(CorruptObjectError):
        reelbase.load(folder)
    found = reelbase.load(folder, ref=f"main@{first - 1}").maintenance.rescue(apply=True)
    assert found.newest == {"main": f"main@{first - 1}"}
    ds = reelbase.load(folder)
    assert [int(view.numpy()) for view in ds.n] == list(range(first - 1))
    assert ds.history.current.message == f"Rescue: back to main@{first - 1}"
    ds.n.append(77)
    assert reelbase.load(folder).n.numpy().tolist() == [*range(first - 1), 77]
    assert ds.maintenance.verify(deep=True).ok
    ds.maintenance.expire(keep=0)
    assert ds.maintenance.gc(grace=timedelta(0)).versions
    for seq, spoiled in data.items():
        assert (folder / (found.aside or "") / keys.commit("main", seq)).read_bytes() == spoiled


def test_a_merge_across_a_lost_commit_brings_what_it_changed(folder: Path) -> None:
    """What the lost commit touched is not known, so a merge looks at every row."""
    ds = reelbase.load(folder)
    ds.history.create_branch("side", "main@3")
    ds.n[0] = 100
    ds.n.append(6)
    lost = ds.history.current.ref.rpartition("@")[2]
    spoil(commit_file(folder, int(lost) - 1), "damaged")
    fix(folder)
    side = reelbase.load(folder, ref="side")
    side.merge("main")
    assert side.n.numpy().tolist() == [100, *range(1, 7)]
    other = reelbase.load(folder)
    other.history.create_branch("late", "main@3")
    other.checkout("late")
    other.n[0] = 55
    with pytest.raises(CommitConflictError, match="row 0"):
        other.merge("main")


def test_a_branch_that_builds_on_what_is_lost(folder: Path) -> None:
    """Row numbers would be given out twice: a merge would then take one row for another."""
    ds = reelbase.load(folder)
    ds.history.create_branch("side")
    spoil(commit_file(folder, ROWS), "damaged")
    (folder / keys.latest("main")).unlink()
    before = files(folder)
    with pytest.raises(CorruptObjectError, match=f"Branch 'side' builds on main@{ROWS}, which is lost"):
        fix(folder)
    assert files(folder) == before


def test_a_newer_version_is_not_damage(folder: Path) -> None:
    path = commit_file(folder, ROWS)
    path.write_bytes(path.read_bytes().replace(b"RBC3", b"RBC9", 1))
    with pytest.raises(ReelbaseError, match="format 9"):
        fix(folder)


def test_nothing_to_rescue_and_nothing_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    assert main(["rescue", str(folder), "--apply"]) == 0
    assert capsys.readouterr().out == "All versions can be read.\n"
    assert files(folder) == before
    for seq in range(ROWS + 1):
        spoil(commit_file(folder, seq), "damaged")
    (folder / keys.latest("main")).unlink()
    assert main(["rescue", str(folder)]) == 1
    assert "No version of branch 'main' can be read" in capsys.readouterr().err


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(commit_file(folder, ROWS), "damaged")
    (folder / keys.latest("main")).unlink()
    assert main(["rescue", str(folder)]) == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "main@6: is damaged: lost"
    assert second == "Branch 'main' would go back to main@5."
    assert last == "1 version could not be read. Nothing was changed; see --apply."
    assert main(["rescue", str(folder), "--apply", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["newest"] == {"main": "main@5"}
    assert (folder / found["aside"]).is_dir()
    assert main(["log", str(folder), "--all"]) == 0
    assert "Rescue: back to main@5" in capsys.readouterr().out


def test_a_rescue_that_was_cut_short_is_done_again(folder: Path) -> None:
    """After any of its writes, another rescue ends in the same state."""
    for seq in (2, 5, 6):
        spoil(commit_file(folder, seq), "damaged")
    (folder / keys.latest("main")).unlink()
    shutil.copytree(folder, folder.parent / "copy")
    fix(folder)
    written = sorted(files(folder).keys() - files(folder.parent / "copy").keys())
    for count in range(len(written)):
        target = folder.parent / f"cut{count}"
        shutil.copytree(folder.parent / "copy", target)
        storage = registry().open_storage(str(target))
        left = [count]

        def put(*args: object, real: object = storage.put, left: list[int] = left, **more: object) -> None:
            if not left[0]:
                raise CorruptObjectError("cut", "cut")
            left[0] -= 1
            real(*args, **more)  # type: ignore[operator]

        storage.put = put  # type: ignore[method-assign, assignment]
        with pytest.raises(CorruptObjectError, match="cut"):
            rescue(storage, apply=True)
        fix(target)
        ds = reelbase.load(target)
        assert ds.n.numpy().tolist() == list(range(4))
        assert ds.maintenance.verify(deep=True).ok
