"""`reelbase.ingest` from a bucket: patterns, folders, and what the etags of S3 tell."""

from __future__ import annotations

from pathlib import Path

import reelbase
from reelbase.testing.clips import make_clip
from reelbase_plugins.s3.storage import S3Storage


def test_patterns_folders_and_moved_objects(storage: S3Storage, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / f"{mark}.mp4", frames=2, first=mark).path.read_bytes() for mark in range(3)]
    keys = ["a.mp4", "b c#1.mp4", "sub/d?.mp4"]
    for key, data in zip(keys, clips, strict=True):
        storage.put(key, data)
    storage.put("notes.txt", b"text")
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    root, options = storage.root, storage.options
    assert reelbase.ingest(ds, f"{root}/*.mp4", options=options).added == [f"{root}/a.mp4", f"{root}/b c#1.mp4"]
    report = reelbase.ingest(ds, f"{root}/", options=options)
    assert (len(report.added), len(report.skipped)) == (1, 2)
    assert [file.reason for file in report.passed_over] == ["suffix .txt"]
    assert [view.tobytes() for view in ds.videos] == clips
    storage.delete("a.mp4")
    storage.put("moved/e.mp4", clips[0])
    storage.put("sub/d?.mp4", clips[2])
    report = reelbase.ingest(ds, f"{root}/**/*.mp4", options=options)
    assert (report.added, [(file.row, file.path) for file in report.same]) == ([], [(0, f"{root}/moved/e.mp4")])
    storage.put("sub/d?.mp4", clips[0] + b"\0" * 8)
    report = reelbase.ingest(ds, f"{root}/sub/*", options=options)
    assert [file.row for file in report.changed] == [2]
