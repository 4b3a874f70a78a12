"""The corpus is what it says: checked with nothing but PyAV's own demuxer and decoder."""

from __future__ import annotations

import numpy as np
import pytest

from reelbase.errors import MediaError, UsageError
from reelbase.testing.clips import UPRIGHT, Clip, corpus, draw_code, make_clip, read_code, upright
from shared_corpus import shared_corpus

av = pytest.importorskip("av")

CORPUS = shared_corpus()
TURNS = [(a, b, c, d) for a, d in [(1, 1), (1, -1), (-1, 1), (-1, -1)] for b, c in [(0, 0)]] + [
    (0, b, c, 0) for b in (1, -1) for c in (1, -1)
]


def packets(clip):
    with av.open(str(clip.path)) as file:
        return [packet for packet in file.demux(file.streams.video[clip.main]) if packet.size]


def decoded(clip):
    with av.open(str(clip.path)) as file:
        yield from file.decode(file.streams.video[clip.main])


def made(tmp_path, name):
    return CORPUS[name](tmp_path / name)


@pytest.mark.parametrize("size", [(48, 64), (95, 127), (96, 128), (480, 720)])
def test_codes_are_read_back(size):
    assert [read_code(draw_code(code, size)) for code in range(0, 1024, 11)] == [*range(0, 1024, 11)]


@pytest.mark.parametrize("matrix", [matrix for matrix in TURNS if matrix != UPRIGHT])
def test_a_turned_picture_has_no_code(matrix):
    with pytest.raises(MediaError, match="No code"):
        read_code(upright(draw_code(77, (96, 128)), matrix))


def test_swapped_colours_blends_and_plain_pictures_have_no_code():
    one, other = draw_code(5, (96, 128)), draw_code(6, (96, 128))
    for picture in (one[..., ::-1], one // 2 + other // 2, np.zeros_like(one), np.full_like(one, 128)):
        with pytest.raises(MediaError, match="No code"):
            read_code(picture)


def test_one_wrong_cell_is_noticed():
    picture = draw_code(5, (96, 128))
    for row in range(4):
        for column in range(6):
            cell = np.s_[24 * row : 24 * row + 24, 128 * column // 6 : 128 * (column + 1) // 6]
            wrong = picture.copy()
            wrong[cell] = 255 - picture[cell]
            with pytest.raises(MediaError, match="No code"):
                read_code(wrong)


def test_a_turn_and_its_inverse_cancel():
    picture = draw_code(3, (95, 127))
    for a, b, c, d in TURNS:
        assert np.array_equal(upright(upright(picture, (a, c, b, d)), (a, b, c, d)), picture)


def test_more_frames_than_codes_are_refused(tmp_path):
    with pytest.raises(UsageError, match="1030"):
        make_clip(tmp_path / "long.mp4", frames=1030)


@pytest.mark.parametrize("name", ["h264-pyramid.mp4", "hevc-open-gop.ts", "vp9.webm", "h264-fields.ts", "cover.mp4"])
def test_the_same_bytes_every_time(tmp_path, name):
    first, second = (corpus()[name](tmp_path / f"{turn}-{name}").path.read_bytes() for turn in (1, 2))
    assert first == second


@pytest.mark.parametrize("name", CORPUS)
def test_a_sequential_decode_shows_the_codes(tmp_path, name):
    clip = made(tmp_path, name)
    frames = list(decoded(clip))
    shown = [upright(frame.to_ndarray(format="rgb24"), clip.matrix) for frame in frames]
    assert [read_code(picture) for picture in shown] == clip.codes.tolist()
    assert shown[0].shape == (*clip.size, 3)
    assert clip.resized == (len({picture.shape for picture in shown}) > 1)
    if clip.pts is not None and None not in (times := [frame.pts for frame in frames]):
        check_times(name, times, clip)


def check_times(name: str, times: list[int], clip: Clip) -> None:
    """Compare the expected times with those that libavformat gives, which knows clocks and AVI in another way."""
    assert clip.pts is not None
    if name.endswith(".avi"):
        assert np.diff(sorted(times)).tolist() == np.diff(clip.pts).tolist()
    elif name.startswith(("clock-restarts", "clock-goes")):
        assert (np.diff(times) != np.diff(clip.pts)).sum() == 1
    else:
        assert sorted(times) == clip.pts.tolist()


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith("turned-")])
def test_turned_clips_carry_their_matrix(tmp_path, name):
    clip = made(tmp_path, name)
    matrix = np.frombuffer(next(decoded(clip)).side_data.get("DISPLAYMATRIX"), "<i4") >> 16
    assert tuple(matrix[[0, 1, 3, 4]]) == clip.matrix


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith("edit-")])
def test_edit_lists_give_packets_that_are_decoded_and_not_shown(tmp_path, name):
    assert any(packet.is_discard for packet in packets(made(tmp_path, name)))


def test_field_coded_frames_are_two_packets(tmp_path):
    for name in ("h264-fields.ts", "h264-fields-apart.mkv"):
        clip = made(tmp_path, name)
        assert len(packets(clip)) == 2 * len(clip.codes)
        assert all(frame.interlaced_frame for frame in decoded(clip))


@pytest.mark.parametrize("name", [name for name in CORPUS if "-b." in name or "pyramid" in name])
def test_b_frames_are_where_they_are_promised(tmp_path, name):
    kinds = {int(frame.pict_type) for frame in decoded(made(tmp_path, name))}
    assert av.video.frame.PictureType.B in kinds


def test_vfr_clips_are_variable(tmp_path):
    for name in ("vfr.mp4", "vfr.mkv", "vfr.ts", "gif-vfr.gif"):
        assert len(set(np.diff(made(tmp_path, name).pts).tolist())) > 2


def test_offset_clips_start_late(tmp_path):
    for name in ("offset.mp4", "offset.mkv", "offset.flv", "offset.ts"):
        assert made(tmp_path, name).times[0] > 1


def test_hidden_frames_have_packets(tmp_path):
    clip = made(tmp_path, "vp8-hidden.webm")
    assert len(packets(clip)) > len(clip.codes)


def test_missing_and_double_pts_are_there(tmp_path):
    assert any(packet.pts is None for packet in packets(made(tmp_path, "missing-pts.ts")))
    times = [packet.pts for packet in packets(made(tmp_path, "double-pts.ts"))]
    assert len(set(times)) < len(times)
