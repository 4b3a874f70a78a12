"""Datasets that were written once, in each format that is still read: they read the same for ever."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.errors import CorruptObjectError
from reelbase.testing.clips import read_code

pytestmark = pytest.mark.needs_av
FORMATS = (2, 3)


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).parent / "golden" / f"format-{request.param}.zip") as archive:
        archive.extractall(tmp_path / "ds")
    return tmp_path / "ds"


def test_it_reads_the_same(folder: Path) -> None:
    ds = reelbase.load(folder, read_only=True)
    assert ds.numbers.numpy().tolist() == [1, 2, -3, *range(4, 20)]
    assert [view.text() for view in ds.words] == ["one", "zwei", "три", "four"]
    assert [view.data()["text"] for view in ds.labels] == [["dog"], ["cat"]]
    assert [np.asarray(boxes).tolist() for boxes in ds.boxes[0].numpy(aslist=True)] == [
        [[1, 2, 3, 4]], [], [[5, 6, 7, 8], [1, 1, 2, 2]],
    ]  # fmt: skip
    assert [read_code(frame) for frame in ds.videos[0].numpy()] == list(range(6))
    assert ds.pictures[0].numpy().ravel().tolist() == list(range(8 * 8 * 3))
    assert dict(ds.info) == {"origin": "golden"}
    assert [version.message for version in ds.log()] == ["second", "first"]
    for ref in ("v1", "side"):
        old = reelbase.load(folder, ref=ref, read_only=True)
        assert old.numbers.numpy().tolist() == list(range(20))
        assert len(old.words) == 3
    assert ds.maintenance.verify(deep=True).ok


def test_it_is_written_on(folder: Path) -> None:
    ds = reelbase.load(folder)
    ds.numbers.append(99)
    ds.checkout("side")
    ds.words.append("five")
    ds.checkout("main")
    ds.merge("side")
    again = reelbase.load(folder)
    assert again.numbers.numpy().tolist() == [1, 2, -3, *range(4, 20), 99]
    assert again.maintenance.verify(deep=True).ok


def test_a_flipped_bit_of_its_video(folder: Path) -> None:
    """Format 3 keeps a checksum of every packet."""
    if not next(folder.glob("log/main/*/*.rbc")).read_bytes().startswith(b"RBC3"):
        return
    ds = reelbase.load(folder, read_only=True)
    cell = ds.videos[0]._one().cell
    index, blob = cell.frame_index(), cell.packets
    path = folder / blob.key
    data = bytearray(path.read_bytes())
    data[blob.offset + int(index.pos[4]) + 9] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptObjectError, match=r"Packet 4 .* is damaged"):
        reelbase.load(folder, read_only=True).videos[0, 4].numpy()
