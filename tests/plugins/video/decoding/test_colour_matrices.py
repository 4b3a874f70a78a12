"""Every colour matrix of ITU-T H.273 can be read, and `sample_info` says where colours are approximated."""

from __future__ import annotations

import numpy as np
import pytest
from known_values import make_frame, tag_bitstream, write_frames

import reelbase
from reelbase.testing.clips import make_clip, read_code

av = pytest.importorskip("av")

NAMES = {
    1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c",
    11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp", 15: "ipt-c2", 16: "ycgco-re",
    17: "ycgco-ro",
}  # fmt: skip
#: What is converted with another matrix, where no primaries are stated.
APPROXIMATED = {10: 9} | dict.fromkeys((11, 12, 13, 14, 15, 16, 17), 6)
FILTERS = {"libx264": "h264_metadata", "libx265": "hevc_metadata"}


@pytest.fixture(scope="module", params=FILTERS)
def clip(request, tmp_path_factory):
    """A frame-coded clip, and what tags its bitstream."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    options = {"x265-params": "log-level=none"} if request.param == "libx265" else {}
    clip = make_clip(path, codec=request.param, frames=5, size=(96, 128), options=options)
    data = path.read_bytes()

    def tag(matrix, primaries=2):
        return tag_bitstream(
            data, f"{FILTERS[request.param]}=matrix_coefficients={matrix}:colour_primaries={primaries}"
        )

    return clip, tag


@pytest.mark.parametrize("matrix", range(18))
def test_every_matrix_is_read(clip, tmp_path, matrix):
    coded, tag = clip
    path = tmp_path / "tagged.mp4"
    path.write_bytes(tag(matrix))
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("links", htype="link[video]")
    ds.videos.append(reelbase.read(path))
    ds.links.append(reelbase.link(path.as_uri()))
    if matrix != 8:  # YCgCo is exact, and these pictures were not coded as YCgCo
        assert [read_code(frame) for frame in ds.videos[0].numpy()] == coded.codes.tolist()
    luma = reelbase.read(coded.path).numpy(pixels="yuv")["y"]
    np.testing.assert_array_equal(ds.videos[0].numpy(pixels="yuv")["y"], luma)
    np.testing.assert_array_equal(ds.links[0].numpy(), ds.videos[0].numpy())
    for pixels in ("rgba", "gray", "rgb48", "gray16"):
        assert ds.videos[0, 2].numpy(pixels=pixels).shape[:2] == coded.size
        assert ds.videos[0, 2].numpy(pixels=pixels, size=(10, 12)).shape[:2] == (10, 12)
    for view in (ds.videos[0], ds.links[0]):
        info = view.sample_info
        assert info["color_space"] == NAMES.get(matrix) or matrix not in NAMES
        assert info.get("color_approximated_as") == (NAMES[APPROXIMATED[matrix]] if matrix in APPROXIMATED else None)


@pytest.mark.parametrize(
    ("matrix", "primaries", "same_as", "exact"),
    [
        (10, 2, 9, False),
        (10, 9, 9, False),
        (14, 9, 6, False),
        (11, 9, 6, False),
        (12, 1, 1, True),
        (12, 9, 9, True),
        (12, 4, 4, True),
        (12, 6, 7, True),
        (12, 5, 6, False),
        (13, 1, 1, False),
        (13, 9, 9, False),
    ],
)
def test_what_a_matrix_is_converted_as(clip, tmp_path, matrix, primaries, same_as, exact):
    _, tag = clip
    videos = []
    for name, data in (("meant", tag(matrix, primaries)), ("known", tag(same_as, primaries))):
        (tmp_path / f"{name}.mp4").write_bytes(data)
        videos.append(reelbase.read(tmp_path / f"{name}.mp4"))
    meant, known = videos
    np.testing.assert_array_equal(meant.numpy(), known.numpy())
    approximated = None if exact else NAMES[same_as]
    assert meant.sample_info.get("color_approximated_as") == approximated


def to_ycgco(rgb, bits, *, is_full_range):
    """H.273 8.3, MatrixCoefficients 8, for RGB of values from 0 to 1; rounding apart."""
    top = (1 << bits) - 1
    red, green, blue = np.moveaxis(rgb * (top if is_full_range else 219 << bits - 8), -1, 0) + (
        0 if is_full_range else 16 << bits - 8
    )
    half = 1 << bits - 1
    planes = 0.5 * green + 0.25 * (red + blue), 0.5 * green - 0.25 * (red + blue) + half, 0.5 * (red - blue) + half
    return [np.rint(plane).clip(0, top).astype(np.uint8 if bits == 8 else np.uint16) for plane in planes]


@pytest.mark.parametrize("is_full_range", [True, False], ids=["full", "limited"])
@pytest.mark.parametrize(("pix_fmt", "bits"), [("yuv444p", 8), ("yuv444p10le", 10)])
def test_ycgco_is_exact(tmp_path, pix_fmt, bits, is_full_range):
    colours = np.random.default_rng(0).random((48, 64, 3))
    colours[:2] = [[[0, 0, 0]], [[1, 1, 1]]]
    colours[2, :3] = np.eye(3)
    frame = make_frame(pix_fmt, to_ycgco(colours, bits, is_full_range=is_full_range))
    tags = {"colorspace": 8, "color_range": 2 if is_full_range else 1}
    path = write_frames(tmp_path / "ycgco.mp4", [frame] * 2, codec="libx264", options={"qp": "0"}, tags=tags)
    video = reelbase.read(path)
    assert (video.sample_info["color_space"], "color_approximated_as" in video.sample_info) == ("ycgco", False)
    step = 255 / ((1 << bits) - 1 if is_full_range else 219 << bits - 8)  # of a stored value
    # each of three values is up to one half off, of what is stored; and the result is rounded
    assert np.abs(video[1].numpy() - colours * 255).max() <= 1.5 * step + 0.5
    assert np.abs(video[1].numpy(pixels="rgb48") - colours * 65535).max() <= 1.5 * step * 257 + 0.5
    rgba = video[1].numpy(pixels="rgba")
    np.testing.assert_array_equal(rgba[..., :3], video[1].numpy())
    assert (rgba[..., 3] == 255).all()
