"""Grey pictures that are appended as arrays ``(H, W)`` come back as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reelbase

GREY = (np.arange(48, dtype=np.uint8) * 5).reshape(6, 8)


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "pictures")
    ds.create_tensor("png", htype="image", sample_compression="png")
    ds.create_tensor("jpeg", htype="image", sample_compression="jpeg")
    ds.create_tensor("several", htype="sequence[image]", sample_compression="png")
    ds.create_tensor("array", sample_compression="png")
    return ds


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("name", ["png", "array"])
def test_the_array_comes_back(ds: reelbase.Dataset, name: str, dtype: str) -> None:
    array = GREY.astype(dtype) * (1 if dtype == "uint8" else 257)
    ds[name].append(array)
    view = reelbase.load(ds.path)[name][0]
    assert view.shape == view.numpy().shape == (6, 8)
    assert view.numpy().dtype == dtype
    for key in (slice(None), 2, (slice(1, 5, 2), slice(None, None, -1)), (..., 3), ([0, 5], [7, 1]), (2, 3)):
        assert np.array_equal(view[key].numpy(), array[key])
        assert view[key].shape == array[key].shape
    out = np.empty_like(array)
    assert view.numpy(out=out) is out
    assert np.array_equal(out, array)
    assert np.array_equal(view.data()["value"], array)


def test_a_grey_jpeg(ds: reelbase.Dataset) -> None:
    ds.jpeg.append(np.full((16, 16), 77, np.uint8))
    assert ds.jpeg[0].shape == (16, 16)
    assert np.abs(ds.jpeg[0].numpy().astype(int) - 77).max() <= 1


def test_other_arrays_and_files_keep_their_channels(ds: reelbase.Dataset, tmp_path: Path) -> None:
    ds.png.append(GREY)
    (tmp_path / "grey.png").write_bytes(ds.png[0].tobytes())
    ds.png.extend([GREY[..., None], reelbase.read(tmp_path / "grey.png"), np.stack([GREY] * 3, -1)])
    assert [view.shape for view in ds.png] == [(6, 8), (6, 8, 1), (6, 8, 1), (6, 8, 3)]
    assert all(np.array_equal(view.numpy().reshape(6, 8, -1)[..., 0], GREY) for view in ds.png)


def test_forms_of_pixels_have_channels(ds: reelbase.Dataset) -> None:
    ds.png.append(GREY)
    assert ds.png[0].numpy(size=(3, 4)).shape == (3, 4)
    assert ds.png[0].numpy(pixels="gray").shape == (6, 8, 1)
    assert ds.png[0].numpy(pixels="rgb24").shape == (6, 8, 3)
    assert np.array_equal(ds.png[0].numpy(pixels="yuv")["y"], GREY)


def test_views_of_them_stay_grey(ds: reelbase.Dataset, tmp_path: Path) -> None:
    ds.png.append(GREY)
    ds.several.append([GREY, ds.png[0]])
    ds.several.append(ds.several[0])
    ds.png.append(ds.several[1, 1])
    ds.png[0] = ds.png[1]
    for view in (ds.png[0], ds.png[1], ds.several[1, 0], ds.copy(tmp_path / "copy").png[1]):
        assert np.array_equal(view.numpy(), GREY)
    assert ds.several[1].shape == ds.several.numpy()[1].shape == (2, 6, 8)


def test_they_are_shown(ds: reelbase.Dataset) -> None:
    ds.png.append(GREY)
    assert ds.filter("png.height == 6 and png.width == 8").numbers == [0]
    ds.create_tensor("box", htype="bbox", coords={"type": "fractional", "mode": "LTWH"}).append([0.5, 0.5, 0.25, 0.5])
    ds.create_tensor("pixels", htype="bbox").append(ds.box[0])
    assert ds.pixels[0].numpy().tolist() == [[4, 3, 2, 3]]
