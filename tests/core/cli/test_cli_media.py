"""The command line on real media: the clip that ships with the package."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.cli import main

pytest.importorskip("av")
CLIP = Path(str(files("reelbase.cli") / "clip" / "bunny.mp4"))


def call(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def report(capsys, *words: object) -> dict:
    code, out, err = call(capsys, words[0], "--json", *words[1:])
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return reelbase.read(CLIP).numpy()


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("made") / "demo"
    assert main(["demo", str(path)]) == 0
    return path


@pytest.fixture
def demo(made, tmp_path) -> Path:
    """The demo's dataset, in a folder of the test's own."""
    return shutil.copytree(made, tmp_path / "demo")


def test_demo(tmp_path, truth, capsys):
    found = report(capsys, "demo", tmp_path / "demo")
    assert found["video"]["shape"] == [132, 360, 640, 3]
    assert found["boxes"]["shape"] == [132, 1, 4]
    np.testing.assert_allclose(found["timestamps"], np.array(found["frames"]) / 25, atol=1e-6)
    assert 12 <= found["took"]["packets"] < found["took"]["packets_of"] == 132
    assert 0 < found["one_frame"]["bytes"] < found["one_frame"]["bytes_of"] / 4
    assert found["one_frame"]["bytes_of"] == CLIP.stat().st_size
    ds = reelbase.load(tmp_path / "demo")
    assert ds.videos[0].tobytes() == CLIP.read_bytes()
    np.testing.assert_array_equal(ds.videos[0, 100].numpy(), truth[100])
    sheet = reelbase.read(found["sheet"]).numpy()
    assert sheet.shape[2] == 3
    cell = sheet[8:100, 200:320].astype(int)  # of frame 0, where no box is drawn
    small = reelbase.read(CLIP)[0].numpy(size=(180, 320))[2:94, 194:314]
    assert np.abs(cell - small).max() == 0


def test_demo_does_not_overwrite_unasked(demo, capsys):
    code, _, err = call(capsys, "demo", demo)
    assert code == 1
    assert "--overwrite" in err
    code, out, _ = call(capsys, "demo", demo, "--overwrite")
    assert code == 0
    assert "of 132 packets" in out
    assert len(reelbase.load(demo)) == 1


def test_the_boxes_of_the_demo_lie_in_the_picture(demo):
    boxes = reelbase.load(demo).boxes[0].numpy()[:, 0]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= [640, 360]).all()
    assert (boxes[:, 2:] > 50).all()


def test_info_of_a_file(capsys):
    found = report(capsys, "info", CLIP)
    assert found["shape"] == [132, 360, 640, 3]
    assert found["packets"] == 132
    assert found["codec"] == "h264"
    _, out, _ = call(capsys, "info", CLIP)
    assert "[132, 360, 640, 3]" in out


def test_info_and_ls_of_the_demo(demo, capsys):
    assert report(capsys, "info", demo)["tensors"]["boxes"]["coords"]["mode"] == "LTWH"
    (row,) = report(capsys, "ls", demo)
    assert row["videos"]["shape"] == [132, 360, 640, 3]
    assert row["videos"]["filename"].endswith("bunny.mp4")
    assert row["boxes"] == {"shape": [132, 1, 4]}


def test_frames_to_a_folder(demo, tmp_path, truth, capsys):
    found = report(capsys, "frames", demo, "videos", 0, "100:110:4", "-o", tmp_path / "out")
    assert found["frames"] == 3
    assert found["timestamps"] == [4.0, 4.16, 4.32]
    for name, frame in zip(found["written"], truth[100:110:4], strict=True):
        np.testing.assert_array_equal(reelbase.read(name).numpy(), frame)


def test_one_frame_of_a_file_to_a_picture(tmp_path, truth, capsys):
    report(capsys, "frames", CLIP, -1, "-o", tmp_path / "last.png")
    np.testing.assert_array_equal(reelbase.read(tmp_path / "last.png").numpy(), truth[-1])
    report(capsys, "frames", CLIP, "0", "--size", "64x36", "-o", tmp_path / "small.jpg")
    assert reelbase.read(tmp_path / "small.jpg").numpy().shape == (36, 64, 3)


def test_frames_of_several_rows(tmp_path, truth, capsys):
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("k", dtype="int64")
    for k in range(3):
        ds.append({"videos": reelbase.read(CLIP), "k": [k]})
    where = ("--where", "k != 1")
    done = report(capsys, "frames", tmp_path / "ds", "videos", ":", "-2:", "-o", tmp_path / "out", *where)
    assert [(one["row"], one["frames"]) for one in done] == [(0, 2), (2, 2)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["row-000000", "row-000002"]
    assert [one["row"] for one in report(capsys, "ls", tmp_path / "ds", "--rows", "-2:")] == [1, 2]
    assert [one["row"] for one in report(capsys, "ls", tmp_path / "ds", "--rows", "-2:", *where)] == [2]
    assert report(capsys, "copy", tmp_path / "ds", tmp_path / "copy", *where)["rows"] == 2
    assert reelbase.load(tmp_path / "copy").k.numpy().tolist() == [[0], [2]]
    code, _, said = call(capsys, "frames", tmp_path / "ds", "videos", "0", "0", "-o", tmp_path / "one", *where)
    assert code != 0
    assert "--where needs several rows" in said
    code, _, said = call(capsys, "frames", tmp_path / "ds", "videos", "0:2", "0", "-o", tmp_path / "one.png")
    assert code != 0
    assert "Name a folder" in said


def test_several_frames_to_a_sheet(tmp_path, capsys):
    report(capsys, "frames", "-o", tmp_path / "sheet.png", "--size", "160x90", "--", CLIP, "-3:")
    assert reelbase.read(tmp_path / "sheet.png").numpy().shape[1] > 2 * 160


def test_frames_to_a_clip(tmp_path, truth, capsys):
    report(capsys, "frames", CLIP, "10:50:2", "-o", tmp_path / "clip.mp4")
    clip = reelbase.read(tmp_path / "clip.mp4")
    assert clip.shape == (20, 360, 640, 3)
    assert clip.sample_info["fps"] == pytest.approx(12.5)
    wrong = np.abs(clip.numpy().astype(int) - truth[10:50:2]).mean()
    assert wrong < np.abs(truth[11:51:2].astype(int) - truth[10:50:2]).mean()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["500", "-o", "{}/x.png"], 1, "500 is out of range"),
        (["5:5", "-o", "{}/x.png"], 2, "empty"),
        (["5", "-o", "{}/x.xyz"], 2, "Known are"),
        (["5", "-o", "{}/x", "--format", "mp4"], 2, "not a picture format"),
        (["5", "-o", "{}/file/x.png"], 1, "file"),
    ],
)
def test_frames_that_cannot_be_exported(words, code, says, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    got, _, err = call(capsys, "frames", CLIP, *(word.format(tmp_path) for word in words))
    assert got == code
    assert says in err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file"]


def test_doctor_decodes_every_frame(demo, capsys):
    found = report(capsys, "doctor", demo, "--full")
    assert all(one["ok"] is not False for one in found)
    named = {one["what"]: one for one in found}
    assert named["tensor videos"]["ok"]
    assert "decoded again" in named["encode mp4"]["found"]
    (pack,) = (demo / "packs").rglob("*.pack")
    data = bytearray(pack.read_bytes())
    at = data.find(CLIP.read_bytes()[200_000:200_100])
    data[at : at + 20_000] = bytes(20_000)
    pack.write_bytes(data)
    code, out, _ = call(capsys, "doctor", demo, "--full")
    assert code == 1
    assert "WRONG  videos[0]" in out


def test_a_missing_package_is_named(demo, capsys, monkeypatch):
    from reelbase import registry

    monkeypatch.setattr("reelbase.registry._kind.is_installed", lambda name: name != "av")
    registry.reset()
    try:
        code, _, err = call(capsys, "frames", demo, "videos", 0, 0, "-o", demo.parent / "x.png")
        assert code == 1
        assert "pip install 'reelbase[av]'" in err
        code, _, err = call(capsys, "demo", demo.parent / "another")
        assert code == 1
        assert "pip install 'reelbase[av]'" in err
        assert not (demo.parent / "another").exists()
    finally:
        monkeypatch.undo()
        registry.reset()
