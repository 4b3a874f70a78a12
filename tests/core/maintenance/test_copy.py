"""Copies: whole, in part, with all versions; cut short anywhere and gone on with."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import DatasetExistsError
from reelbase.testing import clips


@pytest.fixture
def ds(monkeypatch: pytest.MonkeyPatch) -> reelbase.Dataset:
    made = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    made.create_tensor("x", dtype="int64")
    made.create_tensor("image", dtype="uint8", sample_compression="png")
    made.create_tensor("parts", htype="sequence[generic]", dtype="int8")
    made.info["about"] = {"k": 1}
    made.x.info["unit"] = "m"
    for k in range(20):
        made.append({"x": [k] * (k % 3), "image": _picture(k), "parts": [[1] * n for n in range(k % 3)]})
    made.commit("v1")
    made.delete_rows([3, 4])
    made.x[5] = [77]
    made.x.append([99])
    made.history.create_branch("dev", "main@10")
    made.history.tag("t", "main@12")
    return made


def _picture(k: int) -> Any:
    return None if k % 4 == 0 else np.full((4, 4, 3), k, np.uint8)


@pytest.fixture
def dest() -> str:
    return f"mem://{uuid.uuid4().hex}"


def content(ds: reelbase.Dataset) -> dict[str, list[Any]]:
    return {name: [_data(one) if one.exists else None for one in tensor] for name, tensor in ds.tensors.items()}


def _data(view: Any) -> Any:
    value = view.data()
    return repr(value["value"] if isinstance(value, dict) else value)


def test_the_version_where_it_stands(ds: reelbase.Dataset, dest: str) -> None:
    steps: list[tuple[int, int]] = []
    made = ds.copy(dest, progress=lambda done, total: steps.append((done, total)))
    assert content(made) == content(ds) == content(reelbase.load(dest))
    assert [one.meta for one in made.tensors.values()] == [one.meta for one in ds.tensors.values()]
    assert (dict(made.info), dict(made.x.info)) == (dict(ds.info), dict(ds.x.info))
    assert made.maintenance.verify(deep=True).ok
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1] > 0
    made.append({"x": [1], "image": None, "parts": []})
    assert len(made) == len(ds) + 1


def test_an_older_version(ds: reelbase.Dataset, dest: str) -> None:
    assert content(ds.history.at("t").copy(dest)) == content(ds.history.at("t"))


def test_some_tensors_and_rows_in_any_order(ds: reelbase.Dataset, dest: str) -> None:
    made = ds.copy(dest, tensors=["parts", "x"], rows=[18, 2, 7])
    assert list(made.tensors) == ["parts", "x"]
    assert [one.numpy().tolist() for one in made.x] == [ds.x[row].numpy().tolist() for row in (18, 2, 7)]
    assert len(made.parts) == 3
    assert not made.parts[0].exists, "this tensor ends before row 18"
    with pytest.raises(reelbase.errors.TensorNotFoundError, match="'z'"):
        ds.copy(f"mem://{uuid.uuid4().hex}", tensors=["z"])
    with pytest.raises(reelbase.errors.SampleIndexError):
        ds.copy(f"mem://{uuid.uuid4().hex}", rows=[100])
    with pytest.raises(reelbase.errors.UsageError, match="copies everything"):
        ds.copy(f"mem://{uuid.uuid4().hex}", rows=[1], history=True)


def test_videos_keep_bytes_and_index(tmp_path: Any, dest: str) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4")
    ds = reelbase.empty(tmp_path / "data")
    ds.create_tensor("video", htype="video").append(reelbase.read(clip.path))
    made = ds.copy(dest)
    np.testing.assert_array_equal(made.video[0, 3:6].numpy(), ds.video[0, 3:6].numpy())


def test_all_versions(ds: reelbase.Dataset, dest: str) -> None:
    made = ds.copy(dest, history=True)
    assert made.log(all=True) == ds.log(all=True)
    assert made.branches == ds.branches
    assert made.history.tags == ds.history.tags
    for ref in ("main", "dev", "t", "main@7"):
        assert content(made.history.at(ref)) == content(ds.history.at(ref))
    assert made.maintenance.verify(deep=True).ok
    assert made.maintenance.stats().orphans.objects == 0
    made.checkout("dev")
    made.pop()
    assert ds.branches == ["main", "dev"]


@pytest.mark.parametrize("history", [False, True])
def test_something_else_stands_there(ds: reelbase.Dataset, dest: str, history: bool) -> None:
    other = reelbase.empty(dest)
    other.create_tensor("mine", dtype="int8").append([1])
    with pytest.raises(DatasetExistsError, match="nothing was changed"):
        ds.copy(dest, history=history)
    assert content(reelbase.load(dest)) == content(other)
    with pytest.raises(DatasetExistsError):
        ds.copy(ds.path, history=history)


class Cut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_cut_short_at_every_write(
    ds: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch, history: bool, after: bool
) -> None:
    monkeypatch.setattr("reelbase.maintenance.copy.MAX_BATCH_ROWS", 4)
    wanted, real, points = content(ds), MemoryStorage.put, 0
    while True:
        dest = f"mem://{uuid.uuid4().hex}"
        left = points

        def put(self: MemoryStorage, key: str, data: Any, dest: str = dest, **named: Any) -> None:
            nonlocal left
            left -= self.root == dest
            if left == -1 and after:
                real(self, key, data, **named)
            if left < 0 and self.root == dest:
                raise Cut
            real(self, key, data, **named)

        monkeypatch.setattr(MemoryStorage, "put", put)
        try:
            ds.copy(dest, history=history)
            break
        except Cut:
            points += 1
        finally:
            monkeypatch.setattr(MemoryStorage, "put", real)
        made = ds.copy(dest, history=history) if not (history and reelbase.exists(dest)) else reelbase.load(dest)
        assert content(made) == wanted
        assert made.maintenance.verify(deep=True).ok
        reelbase.delete(dest)
    assert points > 10
