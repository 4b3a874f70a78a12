"""Whatever is damaged is named, with the rows it takes along; all else stays readable."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.maintenance.verify import verify as verify_storage


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with every kind of object: a segment, packs, a blob, a tag."""
    path = tmp_path_factory.mktemp("whole") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reelbase.samples.media_layout.MIN_BLOB_BYTES", 100)
        ds = reelbase.empty(path)
        ds.create_tensor("x", dtype="int64")
        ds.create_tensor("image", dtype="uint8", sample_compression="png")
        for k in range(40):
            ds.x.append([k] * (1 + k % 3))
        ds.image.append(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8))
        ds.image.append(np.zeros((1, 1, 3), np.uint8))
        ds.pop(7)
        ds.commit("v1")
        ds.history.tag("v1")
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


def missing(file: Path) -> None:
    file.unlink()


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flipped(file: Path) -> None:
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 4
    file.write_bytes(body)


def swapped(file: Path) -> None:
    file.write_bytes(b"\0" * file.stat().st_size)


HARM = [missing, truncated, flipped, swapped]


def test_nothing_is_wrong_with_a_whole_one(path: Path) -> None:
    found = reelbase.load(path).maintenance.verify(deep=True)
    assert (found.ok, found.damages) == (True, ())
    assert found.versions == len(reelbase.load(path).log(all=True))
    data = [one for kind in ("packs", "blobs", "index") for one in path.glob(f"{kind}/*/*")]
    assert found.objects == len(data)
    assert 0 < found.bytes <= sum(one.stat().st_size for one in data)
    assert reelbase.load(path).maintenance.verify().bytes == 0


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("kind", ["packs", "blobs", "index"])
def test_every_data_object(path: Path, kind: str, harm: Callable[[Path], None]) -> None:
    for file in sorted(path.glob(f"{kind}/*/*")):
        body = file.read_bytes()
        harm(file)
        found = reelbase.load(path).maintenance.verify(deep=True)
        assert not found.ok
        assert {one.key for one in found.damages} == {str(file.relative_to(path))}
        assert all(one.tensor in ("x", "image") for one in found.damages)
        if harm in (missing, truncated) or kind == "index":
            assert not reelbase.load(path).maintenance.verify().ok, "sizes and the index are looked at every time"
        file.write_bytes(body)
    assert reelbase.load(path).maintenance.verify(deep=True).ok


@pytest.mark.parametrize("harm", HARM)
def test_the_rows_are_those_that_cannot_be_read(path: Path, harm: Callable[[Path], None]) -> None:
    for file in sorted(path.glob("packs/*/*"))[::5]:
        body = file.read_bytes()
        harm(file)
        ds = reelbase.load(path)
        newest = ds.log(all=True)[0].ref
        named = {
            (one.tensor, row)
            for one in ds.maintenance.verify(deep=True).damages
            if one.version == newest
            for row in one.rows
        }
        assert named == unreadable(reelbase.load(path))
        file.write_bytes(body)


def unreadable(ds: reelbase.Dataset) -> set[tuple[str, int]]:
    found = set()
    for name, tensor in ds.tensors.items():
        for row in range(len(tensor)):
            try:
                tensor[row].numpy()
            except reelbase.errors.MissingSampleError:
                continue
            except reelbase.ReelbaseError:
                found.add((name, row))
    return found


@pytest.mark.parametrize("harm", HARM)
def test_a_commit_in_the_middle(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path / "log" / "main" / "000000" / "000000012.rbc")
    ds = reelbase.load(path)
    found = ds.maintenance.verify()
    assert [one.key for one in found.damages] == ["log/main/000000/000000012.rbc"]
    assert len(ds.x) == 39
    assert len(reelbase.load(path, ref="main@11").x) == 10
    with pytest.raises(reelbase.ReelbaseError, match=r"main@12|000000012"):
        reelbase.load(path, ref="main@12")


@pytest.mark.parametrize("harm", [truncated, flipped, swapped])
def test_the_newest_commit(path: Path, harm: Callable[[Path], None]) -> None:
    newest = max(path.glob("log/main/*/*.rbc"))
    harm(newest)
    (path / "log" / "main" / "latest").unlink()
    with pytest.raises(reelbase.errors.CorruptObjectError, match=newest.name):
        reelbase.load(path)
    assert len(reelbase.load(path, ref=f"main@{int(newest.stem) - 1}").x) == 39
    storage = reelbase.load(path, ref="v1" if harm is None else "main@3")._session.store.storage
    found = verify_storage(storage, deep=True)
    assert [one.key for one in found.damages] == [str(newest.relative_to(path))]


@pytest.mark.parametrize("harm", HARM)
def test_the_root(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path / "reelbase.json")
    ds = reelbase.load(path)
    assert "reelbase.json" in [one.key for one in ds.maintenance.verify().damages]
    assert len(ds.x) == 39
    with pytest.raises(reelbase.ReelbaseError):
        ds.x.append([1])


@pytest.mark.parametrize("harm", [truncated, flipped, swapped])
def test_a_tag(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path / "refs" / "tags" / "v1.json")
    with pytest.raises(reelbase.errors.CorruptObjectError, match=r"refs/tags/v1\.json"):
        reelbase.load(path, ref="v1")
    assert len(reelbase.load(path).x) == 39


def test_every_bit_of_a_tag(path: Path) -> None:
    """A flipped bit is an error, or changes nothing: never another version."""
    file = path / "refs" / "tags" / "v1.json"
    whole = file.read_bytes()
    place = reelbase.load(path).history.tags["v1"]
    for bit in range(8 * len(whole)):
        body = bytearray(whole)
        body[bit // 8] ^= 1 << bit % 8
        file.write_bytes(body)
        try:
            found = reelbase.load(path).history.tags["v1"]
        except reelbase.errors.CorruptObjectError:
            continue
        assert found == place, (bit, bytes(body))


def test_a_large_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is read by pages: damage of one page takes its rows along and no others."""
    monkeypatch.setattr("reelbase.format.segment._MAX_BYTES_READ_WHOLE", 1000)
    monkeypatch.setattr("reelbase.format.chunk.MAX_SAMPLES", 2)
    ds = reelbase.empty(tmp_path / "data")
    ds.create_tensor("x", dtype="int64").extend([[k] for k in range(2000)])
    segment = next((tmp_path / "data").glob("index/*/*"))
    body = bytearray(segment.read_bytes())
    body[-48 * 200] ^= 1
    segment.write_bytes(body)
    again = reelbase.load(tmp_path / "data")
    bad = unreadable(again)
    assert 0 < len(bad) <= 2 * 128
    assert not again.maintenance.verify().ok
