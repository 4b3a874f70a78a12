"""How formats are recognised by their bytes, what bare streams say of times, and recordings that end midway."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

import reelbase
from reelbase.errors import MediaError, UnknownFormatError
from reelbase.testing._corpus import _native, _x264, _x265
from reelbase.testing.clips import Clip, ClipRecipe, read_code
from shared_corpus import shared_corpus

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("av")

CORPUS = shared_corpus()
FORMATS = {
    "h264-b.h264": "h264", "h264-open-gop.264": "h264", "hevc-b.hevc": "hevc", "hevc-open-gop.265": "hevc",
    "av1.obu": "obu", "mpeg4-b.m4v": "m4v", "mpeg2-b.m2v": "mpg", "mpeg1-b.m1v": "mpg", "raw.y4m": "y4m",
    "h264-b.nut": "nut", "apng.apng": "apng", "av1.avif": "mp4", "h264-b.m4v": "mp4", "h264-b-uuid.mp4": "mp4",
    "h264-b-cut-packet.ts": "ts", "h264-b-204.ts": "ts", "h264-b-204-cut-packet.ts": "ts", "mpeg2-b.vob": "mpg",
}  # fmt: skip
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


@pytest.mark.parametrize("suffix", ["bin", "mp4", "ts", "264"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_name_does_not_count(name: str, suffix: str, tmp_path: Path) -> None:
    clip = CORPUS[name](tmp_path / name)
    named = clip.path.rename(tmp_path / f"renamed.{suffix}")
    assert reelbase.read(str(named)).sample_info["format"] == FORMATS[name]


@pytest.mark.parametrize(
    "data",
    [
        np.random.default_rng(0).choice(list(b"ACGT\n"), 5000).astype(np.uint8).tobytes(),
        b"export const answer = 42;\n" * 200,
        b"the skip list of a table is free of charge",
        b"\0\0\0\1" + bytes(4000),
        b"\0\0\1" + b"\x41\x9a" * 2000,
        b"\x12\0" + b"\x77" * 100,
    ],
    ids=["genes", "typescript", "text", "zeros", "a slice alone", "no sequence header"],
)
def test_other_files_are_not_taken_for_videos(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(data)
    with pytest.raises(UnknownFormatError, match="unknown format"):
        reelbase.read(str(tmp_path / "a.ts")).shape  # noqa: B018


@pytest.mark.parametrize("lost", range(0, 188, 17))
def test_transport_streams_cut_anywhere(lost: int, tmp_path: Path) -> None:
    clip = CORPUS["h264-b.ts"](tmp_path / "a.ts")
    clip.path.write_bytes(clip.path.read_bytes()[lost:])
    assert [read_code(frame) for frame in reelbase.read(str(clip.path)).numpy()] == clip.codes.tolist()


@pytest.mark.parametrize(
    ("recipe", "rate"),
    [
        (_x264(container="h264"), 30),
        (_x264(container="h264", fps=Fraction(30000, 1001)), Fraction(30000, 1001)),
        (_x264(container="h264", fps=50, gaps=(1, 3)), 50),
        (_x265(container="hevc", fps=Fraction(24000, 1001)), Fraction(24000, 1001)),
        (_native("mpeg2video", container="mpeg2video", fps=50, bframes=2), 50),
        (_native("mpeg4", container="m4v", fps=15, bframes=2), 15),
        (ClipRecipe(container="obu", codec="libsvtav1", options={"svtav1-params": "lp=1"}), 25),
    ],
    ids=["h264", "h264 29.97", "h264 with gaps", "hevc 23.976", "mpeg2", "mpeg4", "av1 states no rate"],
)
def test_times_of_bare_streams_are_assumed(recipe: ClipRecipe, rate: Fraction, tmp_path: Path) -> None:
    file = reelbase.read(str(recipe.make(tmp_path / "a.bin").path))
    info = file.sample_info
    assert info["times"] == f"assumed: {float(rate):g} frames per second, as the file stores no times"
    assert info["fps"] == pytest.approx(float(rate), rel=1e-5)
    base = Fraction(info["time_base"])
    assert [int(pts) * base for pts in file.pts] == [round(n / rate / base) * base for n in range(40)]
    assert not info["variable_rate"]


def test_times_of_containers_are_not_assumed(tmp_path: Path) -> None:
    for name in ("h264-b.mp4", "raw.y4m", "h264-b.nut"):
        assert "times" not in reelbase.read(str(CORPUS[name](tmp_path / name).path)).sample_info


def list_boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    boxes, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        boxes.append((data[at + 4 : at + 8], at, at + size))
        at += size
    return boxes


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return _x264(mux=FRAGMENTS).make(tmp_path_factory.mktemp("clip") / "a.mp4")


@pytest.mark.parametrize("fragment", [1, 2, 3])
def test_fragments_before_a_cut_are_whole(fragment: int, fragmented: Clip, tmp_path: Path) -> None:
    """The fourth of a recording's fragments, say, was being written when it ended: at any byte of its headers."""
    data = fragmented.path.read_bytes()
    _, start, stop = [box for box in list_boxes(data) if box[0] == b"moof"][fragment]
    ds = reelbase.empty(tmp_path / "dataset")
    ds.create_tensor("links", htype="link[video]")
    for cut in range(start, stop, 13):
        path = tmp_path / f"cut-{cut}.mp4"
        path.write_bytes(data[:cut])
        ds.links.append(reelbase.link(path.as_uri()))
        for view in (reelbase.read(str(path)), ds.links[-1]):
            assert [read_code(frame) for frame in view.numpy()] == list(range(12 * fragment)), cut


def test_a_cut_is_said(fragmented: Clip, tmp_path: Path) -> None:
    data = fragmented.path.read_bytes()
    start = [box for box in list_boxes(data) if box[0] == b"moof"][2][1]
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: start + 120])
    info = reelbase.read(str(path)).sample_info
    assert info["stopped_by"] == "the file ends within the headers of a fragment (moof)"
    assert info["damaged"] == 1


def test_a_cut_before_the_first_frame(fragmented: Clip, tmp_path: Path) -> None:
    data = fragmented.path.read_bytes()
    boxes = list_boxes(data)
    for kind, first, last in (boxes[1], boxes[2]):
        path = tmp_path / f"cut-{kind.decode()}.mp4"
        path.write_bytes(data[: (first + last) // 2])
        with pytest.raises(MediaError, match=path.name):
            reelbase.read(str(path)).numpy()


def test_the_largest_stream_is_picked_and_the_default_before_it(tmp_path: Path) -> None:
    for name in ("second-is-default.mkv", "two-videos.ts"):
        clip = CORPUS[name](tmp_path / name)
        assert reelbase.read(str(clip.path)).sample_info["stream"] == clip.main


def test_covers_are_not_counted_as_streams(tmp_path: Path) -> None:
    clip = CORPUS["cover.mp4"](tmp_path / "cover.mp4")
    file = reelbase.read(str(clip.path))
    assert file.sample_info["stream"] == 0
    assert np.array_equal(reelbase.read(str(clip.path), stream=0).numpy(), file.numpy())
