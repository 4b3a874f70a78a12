"""Rows and views do what datasets do, and what numpy's users expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import ReelbaseError, SampleIndexError, TensorNotFoundError, TransactionError, UsageError


@pytest.fixture
def ds() -> reelbase.Dataset:
    ds = reelbase.empty("mem://rows", overwrite=True)
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("labels/t1", htype="generic", dtype="float32")
    ds.create_tensor("labels/t2", htype="generic", dtype="uint8")
    for k in range(6):
        ds.append({"x": [k, k + 1], "labels/t1": [k / 2], "labels/t2": np.full((2, 1 + k % 2), k)})
    return ds


def test_a_row_is_a_mapping(ds: reelbase.Dataset) -> None:
    row = ds[2]
    assert list(row) == list(row.keys()) == ["x", "labels/t1", "labels/t2"]
    assert len(row) == 3
    assert "x" in row
    assert "y" not in row
    assert {name: view.numpy().tolist() for name, view in row.items()} == {
        "x": [2, 3], "labels/t1": [1.0], "labels/t2": [[2], [2]],
    }  # fmt: skip
    assert dict(row)["x"].numpy().tolist() == [2, 3]
    assert row.get("y") is None
    assert row.number == 2
    assert list(row.tensors) == list(ds.tensors)
    with pytest.raises(SampleIndexError, match="Name a tensor"):
        row[0]
    with pytest.raises(TensorNotFoundError, match="Did you mean 'x'"):
        row["xx"]


def test_groups_of_a_row(ds: reelbase.Dataset) -> None:
    assert ds[3].labels.t1.numpy().tolist() == [1.5]
    assert ds[3]["labels"]["t2"].shape == (2, 2)
    assert [one.numpy().tolist() for one in ds[1:3].labels.t1] == [[0.5], [1.0]]
    assert list(ds[1:3].labels.tensors) == ["t1", "t2"]


def test_iteration_gives_rows(ds: reelbase.Dataset) -> None:
    assert [row.number for row in ds] == list(range(6))
    assert [row.number for row in ds[4:0:-2]] == [4, 2]
    assert [row.x.numpy()[0] for row in ds.filter("row > 3")] == [4, 5]


def test_selected_rows_are_copied(ds: reelbase.Dataset) -> None:
    chosen = ds.filter("row in [1, 4]")
    one = chosen.copy("mem://rows-1", tensors=["x"])
    other = ds.copy("mem://rows-2", rows=chosen)
    assert one.x.numpy().tolist() == other.x.numpy().tolist() == [[1, 2], [4, 5]]
    assert list(one.tensors) == ["x"]
    assert ds[5].copy("mem://rows-3").x.numpy().tolist() == [[5, 6]]
    assert chosen[1:].copy("mem://rows-4").x.numpy().tolist() == [[4, 5]]
    for place in range(1, 5):
        reelbase.delete(f"mem://rows-{place}")


def test_rows_stay_at_their_version(ds: reelbase.Dataset) -> None:
    chosen, row = ds[1:3], ds[0]
    ds.x[1] = [100, 100]
    ds.x[0] = [7, 7]
    assert chosen.x.numpy().tolist() == [[1, 2], [2, 3]]
    assert row.x.numpy().tolist() == [0, 1]
    assert chosen.copy("mem://rows-5").x.numpy().tolist() == [[1, 2], [2, 3]]
    with pytest.raises(UsageError, match="another dataset or version"):
        ds.copy("mem://rows-6", rows=chosen)
    reelbase.delete("mem://rows-5")


def test_rows_of_a_transaction_are_not_copied(ds: reelbase.Dataset) -> None:
    with ds:
        ds.x[0] = [9, 9]
        with pytest.raises(TransactionError, match="not committed yet"):
            ds[0:2].copy("mem://rows-7")
    assert not reelbase.exists("mem://rows-7")


def test_what_notebooks_show(ds: reelbase.Dataset) -> None:
    shown = ds[2:4]._repr_html_()
    assert shown is not None
    assert "2 rows" in shown
    assert "labels/t1" in shown
    with pytest.raises(UsageError, match="no video to play"):
        ds[0].play()


def test_a_view_is_taken_as_an_array(ds: reelbase.Dataset) -> None:
    view = ds.x[1:3]
    np.testing.assert_array_equal(np.asarray(view), [[1, 2], [2, 3]])
    np.testing.assert_array_equal(np.from_dlpack(view), [[1, 2], [2, 3]])
    np.testing.assert_array_equal(np.asarray(view, dtype=np.float32), np.float32([[1, 2], [2, 3]]))
    interface = view.__array_interface__
    assert (interface["shape"], interface["typestr"]) == ((2, 2), "<i8")
    assert view.dtype == np.int64
    taken = np.asarray(view)
    taken += 100  # it is the caller's own memory
    np.testing.assert_array_equal(view.numpy(), [[1, 2], [2, 3]])
    assert np.stack([ds.x[0], ds.x[1]]).tolist() == [[0, 1], [1, 2]]
    assert np.add(ds.x[0:2], 1).tolist() == [[1, 2], [2, 3]]


def test_numbers(ds: reelbase.Dataset) -> None:
    value = ds["labels/t1"][3]
    assert (float(value), int(value), value.item()) == (1.5, 1, 1.5)
    assert ds.x[2, 1].item() == 3
    assert isinstance(ds.x[2, 1].item(), int)
    for view in (ds.x[2], ds.x[1:3]):
        with pytest.raises(UsageError, match="not a single value"):
            float(view)
    with pytest.raises(UsageError, match="several shapes"):
        np.asarray(ds["labels/t2"][0:2])


def test_texts_are_no_numbers() -> None:
    ds = reelbase.empty("mem://rows-text", overwrite=True)
    ds.create_tensor("t", htype="text").append("12")
    assert ds.t[0].item() == "12"
    with pytest.raises(UsageError, match="is a text"):
        float(ds.t[0])


class Series:
    """An array of another library, such as a Series of pandas, a tensor of PyTorch or an array of Arrow."""

    def __init__(self, values: list[object]) -> None:
        self.values = values

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.asarray(self.values)


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        (Series([3, 1]), [3, 1]), (Series([-1, -6]), [5, 0]),
        (Series([False, True, False, False, True, False]), [1, 4]),
        (np.array([2], np.uint8), [2]), (np.int16(-2), [4]), (np.array(4), [4]), (range(4, 0, -2), [4, 2]), ((), None),
        (Series([]), []),
    ],
)  # fmt: skip
def test_indices_of_other_libraries(ds: reelbase.Dataset, key: object, rows: list[int] | None) -> None:
    found = ds.x[key].numpy()
    expected = [[row, row + 1] for row in (range(6) if rows is None else rows)]
    assert np.reshape(found, (-1, 2)).tolist() == expected
    if rows is not None and np.ndim(key if not isinstance(key, Series) else key.values):
        assert ds[key].numbers == rows


def test_pandas_series_are_indices(ds: reelbase.Dataset) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"row": [4, 2, 0]}, index=[7, 8, 9])
    assert ds[frame["row"]].numbers == [4, 2, 0]
    assert ds.x[frame["row"]].shape == (3, 2)


@pytest.mark.parametrize(
    "key",
    [1.0, b"1", {1, 2}, {0: 1}, object(), [1.5], [None], [[1], [1, 2]], Series([1.5]), Series(["a"]), np.array([1.0]),
     np.array("a"), True, [True], float("nan"), 10**30, -(10**30), [10**30], lambda: 0, (1, 2, 3, 4, "x"), slice(0.5),
     slice("a")],
)  # fmt: skip
def test_what_is_not_an_index(ds: reelbase.Dataset, key: object) -> None:
    for rows in (ds.x, ds, ds.x[1:4], ds[1:4]):
        with pytest.raises(ReelbaseError):
            view = rows[key]
            getattr(view, "numpy", lambda: None)()


@pytest.mark.needs_av
def test_rows_of_videos_are_shown(tmp_path: Path) -> None:
    from reelbase.testing.clips import make_clip

    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("k", dtype="int64")
    ds.append({"videos": None, "k": [0]})
    for k in range(1, 4):
        ds.append({"videos": reelbase.read(make_clip(tmp_path / f"{k}.mp4", frames=6, size=(64, 48)).path), "k": [k]})
    chosen = ds.filter("k in [0, 3]")
    page = chosen._viewer_source().rows("", 0, 10)
    assert [card.row for card in page.rows] == [0, 3]
    assert page.next is None
    assert chosen._viewer_source().overview().rows == 2
    assert chosen._find_video().row == 3
    assert [card.row for card in chosen._viewer_source().rows("k == 3", 0, 10).rows] == [3]
    assert "<img" in (ds[3]._repr_html_() or "")
    assert ds.videos[3].dtype == np.uint8
    frames = ds.videos[1:].numpy(size=np.array([10, 20]), pixels="gray")
    assert frames.shape == (3, 6, 10, 20, 1)
    assert ds.videos[1, 2].numpy(size=np.array([10, 20])).shape == (10, 20, 3)
    for size in ("12", (10.5, 20), (True, b""), 7, [1, 2, 3]):
        with pytest.raises(UsageError):
            ds.videos[1].numpy(size=size)
