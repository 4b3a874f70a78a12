"""What lies about in folders of videos does not stop `reelbase.ingest`: it is passed over, with a reason."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from ingest_files import Files

import reelbase
from reelbase.errors import MediaError, ObjectNotFoundError, ReelbaseError, StorageError, UsageError
from reelbase.registry import registry


def reasons(report: reelbase.IngestReport, root: Path) -> dict[str, str]:
    return {os.path.relpath(file.path, root): file.reason for file in report.passed_over}


def write_picture(path: Path) -> None:
    path.write_bytes(registry().codec("jpeg").encode(np.zeros((16, 16, 3), np.uint8)))


def write_sound(path: Path) -> None:
    import av

    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode()])


def write_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


OTHER = "content that is not video"
ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "thumb.jpg": (write_picture, "suffix .jpg"),
    "thumb.mp4": (write_picture, OTHER),
    "sound.mp4": (write_sound, OTHER),
    "types.ts": (lambda path: path.write_text("export type A = string;\n"), OTHER),
    "notes.txt": (lambda path: path.write_text("x"), "suffix .txt"),
    "README": (lambda path: path.write_text("x"), "name without a suffix"),
    "empty.mp4": (lambda path: path.touch(), "empty"),
    "half.mp4.part": (lambda path: path.write_bytes(b"x"), "unfinished download (.part)"),
    "half.crdownload": (lambda path: path.write_bytes(b"x"), "unfinished download (.crdownload)"),
    ".hidden.mp4": (lambda path: path.write_bytes(b"x"), "hidden"),
    ".folder": (lambda path: path.mkdir(), "hidden"),
    "folder.mp4": (lambda path: path.mkdir(), "folder named like a file"),
    "broken.mp4": (lambda path: path.symlink_to("nothing"), "link to nothing"),
    "loop.mp4": (lambda path: path.symlink_to(path.name), "link to nothing"),
    "linked": (lambda path: path.symlink_to("."), "link to a folder"),
    "pipe.mp4": (os.mkfifo, "pipe"),
    "socket.mp4": (write_socket, "socket"),
}


@pytest.mark.parametrize("htype", ["video", "link[video]"])
def test_what_lies_about_is_passed_over_with_its_reason(htype: str, tmp_path: Path, files: Files) -> None:
    ds = reelbase.empty(tmp_path / "other")
    ds.create_tensor("videos", htype=htype)
    files.put("b.mp4", 1)
    for name, (make, _) in ODD.items():
        make(files.root / name)
    files.put("folder.mp4/inside.mp4", 2)
    report = reelbase.ingest(ds, files.root)
    assert [Path(path).name for path in report.added] == ["b.mp4", "inside.mp4"]
    assert reasons(report, files.root) == {name: reason for name, (_, reason) in ODD.items()}
    assert len(ds) == 2


@pytest.mark.parametrize("name", sorted(set(ODD) - {"folder.mp4", ".folder", "linked"}))
def test_what_the_user_named_is_an_error(name: str, ds: reelbase.Dataset, files: Files) -> None:
    ODD[name][0](files.root / name)
    with pytest.raises(ReelbaseError, match=name.lstrip(".")):
        reelbase.ingest(ds, files.root / name)
    assert len(ds) == 0


@pytest.mark.parametrize("name", ["thumb.mp4", "sound.mp4", "types.ts", "empty.mp4"])
def test_bad_files_that_were_named_are_skipped_as_asked(name: str, ds: reelbase.Dataset, files: Files) -> None:
    ODD[name][0](files.root / name)
    report = reelbase.ingest(ds, [files.root / name, files.put("a.mp4")], skip_bad=True)
    assert ([Path(file.path).name for file in report.bad], len(report.added)) == ([name], 1)


def test_a_video_of_an_unusual_name_is_added_if_it_is_named(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.dat", 1)
    assert reasons(reelbase.ingest(ds, files.root), files.root) == {"a.dat": "suffix .dat"}
    assert len(reelbase.ingest(ds, files.root / "a.dat").added) == 1
    files.put("b.dat", 2)
    assert len(reelbase.ingest(ds, files.root / "*.dat").added) == 1


def test_a_tensor_of_images_takes_pictures_and_passes_videos(ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("pictures", htype="image")
    files.put("a.mp4")
    write_picture(files.root / "b.jpg")
    report = reelbase.ingest(ds, files.root, "pictures")
    assert [Path(path).name for path in report.added] == ["b.jpg"]
    assert reasons(report, files.root) == {"a.mp4": "suffix .mp4"}


def test_a_tensor_of_one_compression_passes_other_containers(tmp_path: Path, files: Files) -> None:
    ds = reelbase.empty(tmp_path / "mkv")
    ds.create_tensor("videos", htype="video", sample_compression="mkv")
    files.put("a.mp4")
    assert reasons(reelbase.ingest(ds, files.root), files.root) == {"a.mp4": OTHER}


def test_datasets_in_the_folder_are_left_alone(ds: reelbase.Dataset, files: Files, tmp_path: Path) -> None:
    """Their large samples are files that any player opens, and that a search would find."""
    files.put("a.mp4")
    reelbase.ingest(ds, files.root)
    (Path(ds.path) / "blobs").mkdir()
    (Path(ds.path) / "blobs" / "x.mp4").write_bytes(files.content(1))
    for place in (tmp_path, f"{tmp_path}/*", f"{tmp_path}/**/*.mp4"):
        report = reelbase.ingest(ds, place)
        assert (report.added, reasons(report, tmp_path)) == ([], {"ds": "reelbase dataset"})
    with pytest.raises(UsageError, match="is a dataset"):
        reelbase.ingest(ds, ds.path)


@contextmanager
def without_rights_of_root() -> Iterator[None]:
    """Run the block as a user for whom permissions count."""
    user, nobody = os.geteuid(), 65534
    if user == 0:
        os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_cannot_be_read_is_passed_over(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not in pytest's own, which no other user may enter
        Path(folder).chmod(0o777)
        files.root = Path(folder) / "files"
        ds = reelbase.empty(f"{folder}/ds")
        ds.create_tensor("videos", htype="video")
        locked = ["a.mp4", "closed/c.mp4", "listed/d.mp4"]
        for mark, name in enumerate(["b.mp4", *locked]):
            files.put(name, mark)
        reelbase.ingest(ds, files.root / "b.mp4")  # imports what it takes
        files.put("new.mp4", 9)
        for path in Path(f"{folder}/ds").rglob("*"):
            path.chmod(0o777)
        Path(f"{folder}/ds").chmod(0o777)
        for name, mode in (("a.mp4", 0), ("closed", 0), ("listed", 0o744)):
            (files.root / name).chmod(mode)
        with without_rights_of_root():
            report = reelbase.ingest(ds, files.root)
            for name in [*locked, "closed"]:
                with pytest.raises(StorageError, match=f"{name}.*[Pp]ermission denied"):
                    reelbase.ingest(ds, files.root / name)
        for name in ("closed", "listed"):
            (files.root / name).chmod(0o755)
    assert [Path(path).name for path in report.added] == ["new.mp4"]
    assert reasons(report, files.root) == {
        "a.mp4": "not readable", "closed": "folder that cannot be read", "listed/d.mp4": "not readable",
    }  # fmt: skip


def test_a_name_that_does_not_exist_adds_nothing(ds: reelbase.Dataset, files: Files) -> None:
    files.put("a.mp4")
    for wrong in (files.root / "none.mp4", files.root / "*.mkv", "mem://nothing/a.mp4", "mem://nothing/*.mp4"):
        with pytest.raises(ObjectNotFoundError):
            reelbase.ingest(ds, [files.root, wrong])
    assert len(ds) == 0


def test_a_damaged_video_is_not_passed_over(ds: reelbase.Dataset, files: Files) -> None:
    files.put_bytes("a.mp4", files.clip[:200])
    with pytest.raises(MediaError, match=r"a\.mp4"):
        reelbase.ingest(ds, files.root)


def test_patterns(ds: reelbase.Dataset, files: Files) -> None:
    for mark, name in enumerate(["a1.mp4", "b1.mp4", "a2.mkv", "sub/a3.mp4", "sub/b3.mp4"]):
        files.put(name, mark)
    shutil.copy(files.root / "a1.mp4", files.root / "a[1].mp4")
    assert len(reelbase.ingest(ds, files.root / "a*.mp4").added) == 1
    assert len(reelbase.ingest(ds, f"{files.root}/**/a*.mp4").added) == 1
    assert len(reelbase.ingest(ds, files.root / "a[1].mp4").skipped) == 1  # there is a file of that name
    assert len(reelbase.ingest(ds, files.root / "*").added) == 3  # of folders, too
