"""``reelbase ingest``: what it says, and its exit codes. What it adds is tested with `reelbase.ingest`."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from pathlib import Path

import pytest

import reelbase
from reelbase.cli import main
from reelbase.cli._progress import Lines
from reelbase.testing.clips import ClipRecipe

pytest.importorskip("av")


def call(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def report(capsys, *words: object) -> dict:
    code, out, err = call(capsys, "ingest", "--json", *words)
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ClipRecipe(container="mp4", codec="mpeg4", frames=3, size=(32, 32)).make(path)
    return path


@pytest.fixture
def folder(tmp_path, clip) -> Path:
    """Three clips that differ in their last bytes, one of them in a sub-folder, and files to be left alone."""
    root = tmp_path / "files"
    (root / "more").mkdir(parents=True)
    for mark, name in enumerate(["a.mp4", "b.mp4", "more/c.MP4"]):
        (root / name).write_bytes(clip.read_bytes() + struct.pack(">I4sI", 12, b"free", mark))
    (root / "notes.txt").write_text("no video")
    (root / ".hidden.mp4").write_bytes(b"not one either")
    return root


def names(paths: list) -> list[str]:
    return [Path(path).name for path in paths]


def test_it_continues_where_it_stopped(tmp_path, folder, capsys):
    ds = tmp_path / "ds"
    first = report(capsys, ds, folder / "b.mp4", "--sample-compression", "mp4")
    assert (len(first["added"]), first["rows"], first["bytes"]) == (1, 1, (folder / "b.mp4").stat().st_size)
    second = report(capsys, ds, folder)
    assert names(second["added"]) == ["a.mp4", "c.MP4"]
    assert names(second["skipped"]) == ["b.mp4"]
    third = report(capsys, ds, folder, folder / "a.mp4")
    assert third["added"] == []
    assert third["rows"] == 3
    loaded = reelbase.load(ds)
    assert names([view.data()["path"] for view in loaded.videos_source]) == ["b.mp4", "a.mp4", "c.MP4"]
    assert loaded.videos[2].shape == (3, 32, 32, 3)
    os.utime(folder / "a.mp4", ns=(1, 1))
    again = report(capsys, ds, folder)
    assert (again["rows"], names([same["path"] for same in again["same"]])) == (3, ["a.mp4"])


def test_what_it_says(tmp_path, folder, capsys):
    ds = tmp_path / "ds"
    shutil.copy(folder / "a.mp4", folder / "z.mp4")
    code, out, err = call(capsys, "ingest", ds, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*.[mM][pP]4") if path.name not in ("z.mp4", ".hidden.mp4"))
    assert code == 0
    assert out.splitlines() == [
        f"3 added ({size / 1000:.1f} kB), 1 skipped because they were added before.",
        "1 file with the content of a row, from another place or time:",
        f"  {folder / 'z.mp4'} (row 0, from {folder / 'a.mp4'})",
        "2 passed over: 1 hidden, 1 suffix .txt.",
    ]
    assert err.splitlines()[-1].startswith("ingest: ")  # a line of progress without a terminal
    code, out, err = call(capsys, "ingest", ds, folder, "--list")
    assert (code, err) == (0, "")
    assert f"  passed over {folder / 'notes.txt'}: suffix .txt." in out.splitlines()


def test_a_bad_file_stops_it_or_is_skipped(tmp_path, folder, clip, capsys):
    (folder / "aa.mp4").write_bytes(clip.read_bytes()[:200])
    ds = tmp_path / "ds"
    code, _, err = call(capsys, "ingest", ds, folder)
    assert code == 1
    assert "aa.mp4" in err
    assert "1 files were added before this one. Run again with --skip-bad" in err
    assert len(reelbase.load(ds)) == 1
    found = report(capsys, ds, folder, "--skip-bad")  # the exit code is 0: it did as it was asked
    assert names([file["path"] for file in found["bad"]]) == ["aa.mp4"]
    assert found["rows"] == 3
    code, out, _ = call(capsys, "ingest", ds, folder, "--skip-bad")
    assert (code, "1 bad" in out, "aa.mp4" in out) == (0, True, True)


def test_a_changed_file_is_a_question(tmp_path, folder, capsys):
    ds = tmp_path / "ds"
    report(capsys, ds, folder)
    shutil.copy(folder / "b.mp4", folder / "a.mp4")
    assert report(capsys, ds, folder)["changed"] == []  # it is what row 1 holds
    with (folder / "a.mp4").open("ab") as file:
        file.write(struct.pack(">I4sI", 12, b"free", 77))
    code, out, _ = call(capsys, "ingest", ds, folder)
    assert code == 1
    assert "1 changed" in out
    assert "--changed keep, add or replace" in out
    assert len(report(capsys, ds, folder, "--changed", "keep")["changed"]) == 1
    assert names(report(capsys, ds, folder, "--changed", "replace")["replaced"]) == ["a.mp4"]
    assert reelbase.load(ds).videos[1].tobytes() == (folder / "a.mp4").read_bytes()


def test_beside_other_tensors(tmp_path, folder, capsys):
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("words", htype="text")
    ds.append({"videos": reelbase.read(folder / "b.mp4"), "words": "first"})
    report(capsys, ds.path, folder / "a.mp4")
    ds.refresh()
    assert len(ds.videos) == len(ds.words) == 2
    assert not ds.words[1].exists
    assert not ds.videos_source[0].exists
    assert ds.videos_source[1].data()["size"] == (folder / "a.mp4").stat().st_size


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tensor", "video"], "no tensor 'video'; it has videos, videos_source.(.|\n)*Did you mean 'videos'"),
        (["--tensor", "clips"], "no tensor 'clips'(.|\n)*--create"),
        (["--sample-compression", "mkv"], "compression 'mp4', not 'mkv'"),
        (["--htype", "image"], "htype 'video', not 'image'"),
        (["--tensor", "words", "--create", "--htype", "text"], "does not hold one file in each row"),
        (["--tensor", "words", "--create", "--htype", "vidoe"], "'vidoe'"),
    ],
)
def test_a_tensor_that_does_not_fit_changes_nothing(words, says, tmp_path, folder, capsys):
    ds = tmp_path / "ds"
    report(capsys, ds, folder / "a.mp4", "--sample-compression", "mp4")
    before = reelbase.load(ds).log(all=True)
    code, _, err = call(capsys, "ingest", ds, folder, *words)
    assert code in (1, 2)
    assert re.search(says, err)
    assert reelbase.load(ds).log(all=True) == before


def test_a_new_tensor_of_an_existing_dataset(tmp_path, folder, capsys):
    ds = tmp_path / "ds"
    report(capsys, ds, folder / "a.mp4")
    assert report(capsys, ds, folder, "--tensor", "clips", "--create")["rows"] == 4
    assert len(report(capsys, ds, folder, "--tensor", "links", "--create", "--htype", "link[video]")["added"]) == 3
    assert set(reelbase.load(ds).tensors) == {
        "videos",
        "videos_source",
        "clips",
        "clips_source",
        "links",
        "links_source",
    }


def test_a_name_that_does_not_exist_makes_no_dataset(tmp_path, folder, capsys):
    for wrong in (tmp_path / "none.mp4", f"{folder}/*.mkv", "mem://none/*.mp4"):
        code, _, err = call(capsys, "ingest", tmp_path / "ds", folder, wrong)
        assert (code, reelbase.exists(tmp_path / "ds")) == (1, False)
        assert "Check the" in err


def test_lines_of_progress(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def run(seconds: float, *, says_little: bool) -> list[str]:
        lines = Lines("copy", says_little=says_little)
        lines.total = 4000
        for _ in range(4):
            now[0] += seconds
            lines.update(1000)
        return capsys.readouterr().err.splitlines()

    every = [f"copy: {done}.0 kB of 4.0 kB" for done in (1, 2, 3, 4)]
    assert run(1, says_little=True) == []
    assert run(1, says_little=False) == [every[0], every[3]]
    assert run(6, says_little=True) == [every[1], every[3]]
    assert run(10, says_little=False) == every
