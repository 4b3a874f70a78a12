"""Large local files are copied while they are looked through; one that changes meanwhile leaves nothing behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.errors import ObjectChangedError
from reelbase.samples import media_layout
from reelbase.testing.clips import Clip, make_clip, read_code

RATE = {"b": "60M", "minrate": "60M", "maxrate": "60M", "bufsize": "1M", "nal-hrd": "cbr", "preset": "ultrafast"}
OLD = 60  # seconds


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Of more than 8 MiB."""
    made = make_clip(tmp_path / "clip.mp4", frames=60, gop=15, options=RATE)
    assert made.path.stat().st_size > 9 << 20
    return made


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    return ds


@pytest.mark.parametrize("age", [OLD, 0])
def test_the_bytes_are_those_of_the_file(clip: Clip, ds: reelbase.Dataset, age: int) -> None:
    os.utime(clip.path, (time.time() - age,) * 2)
    ds.videos.append(reelbase.read(clip.path))
    assert ds.videos[0].tobytes() == clip.path.read_bytes()
    assert read_code(ds.videos[0, 41].numpy()) == clip.codes[41]


@pytest.mark.parametrize("how", ["overwritten", "appended to", "replaced"])
def test_a_file_that_changes_meanwhile(
    clip: Clip, ds: reelbase.Dataset, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(clip.path, (time.time() - OLD,) * 2)
    real = media_layout._run_codec

    def changed(*arguments: Any) -> Any:
        found = real(*arguments)
        if how == "replaced":
            other = clip.path.with_name("other")
            other.write_bytes(clip.path.read_bytes())
            other.replace(clip.path)
        else:
            with clip.path.open("r+b" if how == "overwritten" else "ab") as file:
                file.write(b"x" * 100)
        return found

    monkeypatch.setattr(media_layout, "_run_codec", changed)
    with pytest.raises(ObjectChangedError, match=r"clip\.mp4"):
        ds.videos.append(reelbase.read(clip.path, check="none"))
    monkeypatch.undo()
    assert len(ds) == len(reelbase.load(ds.path)) == 0
    again = make_clip(clip.path, frames=60, gop=15, options=RATE)
    ds.videos.append(reelbase.read(again.path))
    assert len(reelbase.load(ds.path)) == 1
    assert ds.maintenance.verify(deep=True).ok


def test_frames_of_a_stream_are_the_readers_own(clip: Clip) -> None:
    """They lie where they were converted to; nothing comes to lie there again while somebody has them."""
    video = reelbase.read(clip.path)
    kept = list(video.frames())
    assert all(one.flags.writeable and one.flags.c_contiguous for one in kept)
    for number, one in enumerate(kept):
        assert read_code(one) == clip.codes[number]
        one[:] = number % 251
    assert all((one == number % 251).all() for number, one in enumerate(kept))
    np.testing.assert_array_equal([read_code(one) for one in video.frames()], clip.codes)
