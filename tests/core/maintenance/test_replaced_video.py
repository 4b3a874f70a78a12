"""A video that is replaced: the new one is there, older views and versions keep the old."""

from __future__ import annotations

from pathlib import Path

import reelbase
from reelbase.testing.clips import make_clip


def test_a_video_is_replaced(tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / f"{frames}.mp4", frames=frames, gop=4) for frames in (6, 4, 3)]
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video").extend([reelbase.read(one.path) for one in clips[:2]])
    old, view = ds.history.current, ds.videos[0]
    ds.history.create_branch("dev")
    ds.videos[0] = reelbase.read(clips[2].path)
    assert [len(one) for one in ds.videos] == [3, 4]
    assert ds.videos[0].tobytes() == clips[2].path.read_bytes()
    assert view.tobytes() == clips[0].path.read_bytes()
    assert ds.diff(old).tensors["videos"].updated.tolist() == [0]
    dev = reelbase.load(ds.path, ref="dev")
    dev.videos.append(reelbase.read(clips[2].path))
    dev.merge("main")
    assert [len(one) for one in dev.videos] == [3, 4, 3]
    assert dev.videos[0].numpy().shape == (3, 96, 128, 3)
    dev.videos[1:] = [reelbase.read(one.path) for one in clips[:2]]
    ds.refresh()
    ds.merge("dev")
    ds.maintenance.compact()
    assert [one.tobytes() for one in ds.videos] == [clips[k].path.read_bytes() for k in (2, 0, 1)]
    ds.history.revert(old)
    assert [one.tobytes() for one in ds.videos] == [clips[k].path.read_bytes() for k in (0, 1)]
    assert ds.maintenance.verify(deep=True).ok
