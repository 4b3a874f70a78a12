"""What filters ask of videos and pictures."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import reelbase
from reelbase.errors import FilterError
from reelbase.testing.clips import make_clip
from reelbase_plugins.video.htype import Video

#: Keys of ``sample_info`` that filters leave out, and what to ask instead.
LEFT_OUT = {"duration"}


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory) -> reelbase.Dataset:
    folder = tmp_path_factory.mktemp("filtered")
    ds = reelbase.empty("mem://filtered-videos", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("takes", htype="sequence[video]")
    ds.create_tensor("pictures", htype="image")
    ds.create_tensor("masks", htype="generic", sample_compression="png")
    short = reelbase.read(make_clip(folder / "short.mp4", frames=10, fps=Fraction(25), size=(64, 96)).path)
    long = reelbase.read(make_clip(folder / "long.mp4", frames=40, fps=Fraction(10), size=(96, 64)).path)
    ds.extend({
        "videos": [short, long, None], "takes": [[short, long], [short], []],
        "pictures": [np.zeros((4, 5, 3), np.uint8), None, None], "masks": [np.zeros((6, 7), np.uint8), None, None],
    })  # fmt: skip
    return ds


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("videos.seconds > 1", [1]),
        ("videos.seconds == 0.4 and videos.frames == 10", [0]),
        ("len(videos) == 40", [1]),
        ("videos.fps * 2 > 30", [0]),
        ("videos.frames / videos.fps == videos.seconds", [0, 1]),
        ("videos.width > videos.height", [0]),
        ("videos.codec == 'h264' and videos.has_audio == False", [0, 1]),
        ("videos.variable_rate or 'long' in videos.filename", [1]),
        ("videos.shape[1] == 96", [1]),
        ("videos is None", [2]),
        ("len(takes) == 2 and sum(takes.frames) == 50", [0]),
        ("all(takes.fps == 25)", [1, 2]),
        ("pictures.width == 5 and pictures.height == 4 and pictures.format == 'png'", [0]),
        ("masks.height == 6", [0]),
    ],
)
def test_rows_by_facts_of_media(ds: reelbase.Dataset, where: str, rows: list[int]) -> None:
    assert ds.filter(where).numbers == rows


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("videos.fpss > 3", "videos has no field 'fpss'.\n    Did you mean 'fps'"),
        ("videos.duration > 3", "Write seconds or frames."),
        ("pictures.frames == 4", "pictures has no field 'frames'"),
        ("len(pictures) == 4", "pictures is a picture: it has no length"),
        ("videos > 3", "videos is a video"),
        ("videos.codec > 3", "They cannot be compared"),
        ("masks == 0", "masks is a picture"),
    ],
)
def test_what_media_cannot_be_asked(ds: reelbase.Dataset, where: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        ds.filter(where)
    assert message in str(caught.value)


def test_all_that_sample_info_shows_can_be_asked(ds: reelbase.Dataset) -> None:
    fields = Video().file_type().fields
    assert set(ds.videos[0].sample_info) - set(fields) == LEFT_OUT
    assert set(ds.pictures[0].sample_info) <= set(ds.pictures[0]._one().plain())
    for name, value in ds.videos[0].sample_info.items():
        if name not in LEFT_OUT and value is not None and value != []:
            assert ds.filter(f"videos.{name} == {value!r}").numbers[:1] == [0], name
