"""A file is known by what it is: nothing that moves, touches or copies files makes `reelbase.ingest` add one twice."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from ingest_files import Files

import reelbase
from reelbase.errors import LinkRefusedError, MediaError, ObjectNotFoundError, TensorNotFoundError, UsageError
from reelbase.ingestion.add import add_files
from reelbase.ingestion.contents import Contents
from reelbase.ingestion.find import find_files
from reelbase.ingestion.found import Wanted


def names(paths: list[str]) -> list[str]:
    return [Path(path).name for path in paths]


def test_files_of_a_folder_are_rows_in_the_order_of_their_names(ds: reelbase.Dataset, files: Files) -> None:
    for mark, name in enumerate(["b.mp4", "c/a.MP4", "a.mp4"]):
        files.put(name, mark)
    report = reelbase.ingest(ds, files.root)
    assert names(report.added) == ["a.mp4", "b.mp4", "a.MP4"]
    assert report.bytes == 3 * len(files.content(0))
    source = ds.videos_source[0].data()
    assert source["path"] == str(files.root / "a.mp4")
    assert source["mtime_ns"] == (files.root / "a.mp4").stat().st_mtime_ns


def _move_to(files: Files, old: str, new: str) -> None:
    (files.root / old).rename(files.root / new)


def _move(files: Files) -> None:
    _move_to(files, "a.mp4", "z.mp4")


def _move_folder(files: Files) -> None:
    _move_to(files, "sub", "other")


def _touch(files: Files) -> None:
    os.utime(files.root / "a.mp4", ns=(1, 1))


def _copy(files: Files) -> None:
    shutil.copytree(files.root, files.root / "copy")


def _swap_names(files: Files) -> None:
    for old, new in (("a.mp4", "t"), ("b.mp4", "a.mp4"), ("t", "b.mp4")):
        _move_to(files, old, new)


def _link(files: Files) -> None:
    (files.root / "link.mp4").symlink_to(files.root / "a.mp4")
    os.link(files.root / "b.mp4", files.root / "hard.mp4")


CHANGES = [_move, _move_folder, _touch, _copy, _swap_names, _link]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["videos", "links"])
def test_whatever_is_done_to_places_and_times_adds_nothing(
    kind: str, seed: int, ds: reelbase.Dataset, files: Files
) -> None:
    ds.create_tensor("links", htype="link[video]")
    for mark, name in enumerate(["a.mp4", "b.mp4", "sub/c.mp4"]):
        files.put(name, mark)
    assert len(reelbase.ingest(ds, files.root, kind).added) == 3
    for change in random.Random(seed).sample(CHANGES, 2):
        change(files)
        report = reelbase.ingest(ds, files.root, kind)
        assert (report.added, report.changed, len(ds[kind])) == ([], [], 3)
        assert len(report.skipped) == sum(path.is_file() for path in files.root.rglob("*"))
        assert reelbase.ingest(ds, files.root, kind).same == []  # the new places are known from now on
    assert kind == "videos" or ds.links.links.survey().ok  # links lead to where the files are now
    assert sorted(view.tobytes() for view in ds[kind]) == [files.content(mark) for mark in range(3)]


def test_a_link_that_is_broken_follows_its_file(ds: reelbase.Dataset, files: Files) -> None:
    links = ds.create_tensor("links", htype="link[video]")
    files.put("a.mp4")
    reelbase.ingest(ds, files.root, "links")
    _move_to(files, "a.mp4", "b.mp4")
    assert not links.links.survey().ok
    report = reelbase.ingest(ds, files.root, "links")
    assert [(Path(file.path).name, file.row) for file in report.relinked] == [("b.mp4", 0)]
    assert links[0].numpy().shape == (3, 32, 32, 3)
    _copy(files)
    report = reelbase.ingest(ds, files.root, "links")
    assert (len(report.same), report.relinked) == (1, [])  # it is not broken: it stays as it is


def test_a_known_file_is_not_read(ds: reelbase.Dataset, files: Files) -> None:
    path = files.put("a.mp4")
    reelbase.ingest(ds, files.root)
    path.rename(files.root / "b.mp4")
    reelbase.ingest(ds, files.root)
    stat = (files.root / "b.mp4").stat()
    files.put_bytes("b.mp4", b"\0" * stat.st_size)  # reading it would be an error
    os.utime(files.root / "b.mp4", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    report = reelbase.ingest(ds, files.root)
    assert (len(report.skipped), report.same) == (1, [])


def test_of_equal_files_one_is_added(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4")
    files.put("b.mp4")
    report = reelbase.ingest(ds, files.root)
    assert names(report.added) == ["a.mp4"]
    (same,) = report.same
    assert (Path(same.path).name, same.row, Path(same.origin).name) == ("b.mp4", 0, "a.mp4")
    assert [Path(other["path"]).name for other in ds.videos_source[0].data()["also"]] == ["b.mp4"]


def test_a_file_that_is_named_twice_is_added_once(ds: reelbase.Dataset, files: Files) -> None:
    path = files.put("a.mp4")
    report = reelbase.ingest(ds, [path, str(path), files.root, path.as_uri()])
    assert (len(report.added), len(report.skipped), report.same) == (1, 3, [])


def test_rows_of_a_program_are_known(ds: reelbase.Dataset, files: Files) -> None:
    files.put("other.mp4", 1)
    ds.videos.append(None)
    ds.videos.append(reelbase.read(files.put("a.mp4")))
    report = reelbase.ingest(ds, files.root)
    assert names(report.added) == ["other.mp4"]
    assert [(same.row, same.origin) for same in report.same] == [(1, "")]
    assert not ds.videos_source[0].exists
    assert Path(ds.videos_source[1].data()["path"]).name == "a.mp4"
    assert reelbase.ingest(ds, files.root).same == []


def test_a_changed_file_is_kept_added_or_replaced(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4", 1)
    reelbase.ingest(ds, files.root)
    files.put("a.mp4", 2)
    for _ in range(2):
        report = reelbase.ingest(ds, files.root)
        assert (names([file.path for file in report.changed]), report.changed[0].row) == (["a.mp4"], 0)
        assert (report.added, len(ds.videos)) == ([], 1)
    assert names(reelbase.ingest(ds, files.root, changed="add").added) == ["a.mp4"]
    assert [view.tobytes() for view in ds.videos] == [files.content(1), files.content(2)]
    files.put("a.mp4", 3)
    report = reelbase.ingest(ds, files.root, changed="replace")
    assert (names(report.replaced), report.added) == (["a.mp4"], [])
    assert [view.tobytes() for view in ds.videos] == [files.content(1), files.content(3)]
    report = reelbase.ingest(ds, files.root)
    assert (len(report.skipped), report.changed) == (1, [])
    files.put("a.mp4", 2)  # what was replaced is not in the dataset any more
    assert len(reelbase.ingest(ds, files.root).changed) == 1
    with pytest.raises(UsageError, match="changed='overwrite'"):
        reelbase.ingest(ds, files.root, changed="overwrite")


def test_a_recorder_that_renames_its_files(ds: reelbase.Dataset, files: Files) -> None:
    """The newest file always has the same name: it is a new row, because what it was before has another name now."""
    for mark in range(4):
        for number in range(mark, 0, -1):
            (files.root / f"rec.{number - 1}.mp4").rename(files.root / f"rec.{number}.mp4")
        files.put("rec.0.mp4", mark)
        report = reelbase.ingest(ds, files.root)
        assert (names(report.added), report.changed) == (["rec.0.mp4"], [])
    assert [view.tobytes() for view in ds.videos] == [files.content(mark) for mark in range(4)]


@pytest.mark.parametrize("kind", ["videos", "links"])
def test_names_that_are_not_utf8(kind: str, ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("links", htype="link[video]")
    name = os.fsdecode(b"caf\xe9.mp4")
    files.put(name)
    for _ in range(2):
        reelbase.ingest(ds, files.root, kind)
    assert len(ds[kind]) == 1
    assert ds[kind][0].numpy().shape == (3, 32, 32, 3)
    assert ds[f"{kind}_source"][0].data()["path"] == (files.root / name).as_uri()
    (files.root / name).rename(files.root / "cafe.mp4")
    report = reelbase.ingest(ds, files.root, kind)
    assert report.same[0].origin.endswith("/caf%E9.mp4")


def test_names_that_cannot_be_linked(ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("links", htype="link[video]")
    odd = files.put("a\\b.mp4", 1)
    files.put("c.mp4", 2)
    report = reelbase.ingest(ds, files.root, "links")
    assert (names(report.added), report.passed_over[0].reason) == (["c.mp4"], "name that cannot be linked")
    with pytest.raises(LinkRefusedError, match=r"backslash|escaped"):
        reelbase.ingest(ds, odd, "links")
    assert len(reelbase.ingest(ds, files.root).added) == 2


def test_a_file_that_is_bad(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4", 1)
    files.put_bytes("b.mp4", files.clip[:200])
    files.put("c.mp4", 2)
    with pytest.raises(MediaError, match=r"b\.mp4"):
        reelbase.ingest(ds, files.root)
    assert len(ds.videos) == 1
    report = reelbase.ingest(ds, files.root, skip_bad=True)
    assert (names(report.added), names([file.path for file in report.bad])) == (["c.mp4"], ["b.mp4"])
    assert "b.mp4" in report.bad[0].error


def test_inside_a_transaction(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4")
    files.put("b.mp4")
    before = len(ds.log(all=True))
    with ds:
        assert len(reelbase.ingest(ds, files.root).added) == 1
        assert len(reelbase.ingest(ds, files.root).skipped) == 2
    assert len(ds.log(all=True)) == before + 1
    with pytest.raises(RuntimeError, match="taken back"), ds:
        files.put("c.mp4", 3)
        reelbase.ingest(ds, files.root)
        raise RuntimeError("taken back")
    assert len(reelbase.ingest(ds, files.root).added) == 1


def test_progress_counts_bytes_of_files_that_are_not_known(ds: reelbase.Dataset, files: Files) -> None:
    calls: list[tuple[int, int]] = []
    files.put("a.mp4", 1)
    reelbase.ingest(ds, files.root)
    size = (files.put("b.mp4", 2)).stat().st_size
    files.put("c.mp4", 3)
    reelbase.ingest(ds, files.root, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(size, 2 * size), (2 * size, 2 * size)]


def test_tensors_that_hold_no_files(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4")
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.create_tensor("clips", htype="sequence[video]")
    for name in ("boxes", "clips"):
        with pytest.raises(UsageError, match="does not hold one file in each row"):
            reelbase.ingest(ds, files.root, name)
    with pytest.raises(TensorNotFoundError, match="typo"):
        reelbase.ingest(ds, files.root, "typo")
    ds.create_tensor("videos_source", htype="text")
    with pytest.raises(UsageError, match="'videos_source' is 'text'"):
        reelbase.ingest(ds, files.root)
    assert len(ds) == 0


def test_values_of_others_in_the_source_tensor(ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("videos_source", htype="json")
    values = [{"path": 1, "size": 2}, {"path": "a"}, [], {"path": "a", "size": None, "also": [1]}]
    for mark, value in enumerate(values):
        ds.append({"videos": reelbase.read(files.put("x.mp4", mark)), "videos_source": value})
    files.put("new.mp4", 9)
    report = reelbase.ingest(ds, files.root)
    assert names(report.added) == ["new.mp4"]
    assert [same.row for same in report.same] == [3]


def test_files_that_change_after_they_were_found(ds: reelbase.Dataset, files: Files) -> None:
    """A search of a large folder is old when its last file is added."""
    wanted = Wanted.of("video")
    for mark, name in enumerate(["a.mp4", "b.mp4", "c.mp4"]):
        files.put(name, mark)
    found = find_files([str(files.root)], wanted)
    (files.root / "a.mp4").unlink()
    longer = files.put_bytes("b.mp4", files.content(7) + files.content(8)[len(files.clip) :])
    report = reelbase.IngestReport()
    contents = Contents(wanted.items, "sample", None, None, None)
    add_files(ds, "videos", found, contents, report, changed="keep", skip_bad=False)
    assert (names(report.added), report.passed_over[0].reason) == (["b.mp4", "c.mp4"], "not readable")
    assert ds.videos_source[0].data()["size"] == longer.stat().st_size
    assert len(reelbase.ingest(ds, files.root).skipped) == 2
    found = find_files([str(files.put("d.mp4", 5))], wanted)
    (files.root / "d.mp4").unlink()
    with pytest.raises(ObjectNotFoundError, match=r"d\.mp4"):
        add_files(ds, "videos", found, contents, report, changed="keep", skip_bad=False)


def test_a_sample_that_was_replaced_is_not_what_was_recorded(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4", 1)
    reelbase.ingest(ds, files.root)
    ds.videos[0] = reelbase.read(files.put("b.mp4", 2))
    _move_to(files, "a.mp4", "z.mp4")  # the content of no row: it is added
    report = reelbase.ingest(ds, files.root)
    assert (names(report.added), [same.row for same in report.same]) == (["z.mp4"], [0])
