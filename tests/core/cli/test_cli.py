"""The command line without any media: also run where no extra is installed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import numpy as np
import pytest

import reelbase
from reelbase import cli
from reelbase.cli import main
from reelbase.cli._output import format_size, format_table, to_json
from reelbase.cli._selection import parse_selection, parse_size
from reelbase.cli._sheet import draw_boxes, make_sheet, write_text
from reelbase.errors import PluginLoadError


def call(*words: object) -> int:
    """The exit code, whichever way it comes."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_version_and_module():
    ran = subprocess.run([sys.executable, "-m", "reelbase", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"reelbase {reelbase.__version__}"


def test_help_names_every_command(capsys):
    assert call("--help") == 0
    shown = capsys.readouterr().out
    for name in ("demo", "info", "ls", "ingest", "frames", "plugins", "config", "doctor"):
        assert f"\n    {name} " in shown


@pytest.mark.parametrize("spec", cli.specs, ids=lambda spec: spec.name)
def test_every_command_explains_itself(spec, capsys):
    assert call(spec.name, "--help") == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert spec.help[1:20] in " ".join(shown.split())


@pytest.mark.parametrize("words", [[], ["nonsense"], ["info"], ["info", "a", "b"], ["frames", "a", "1"]])
def test_wrong_usage_is_2(words, capsys):
    assert call(*words) == 2
    assert "usage" in capsys.readouterr().err


def test_config(capsys, monkeypatch):
    from reelbase import config

    monkeypatch.setenv("REELBASE_THREADS", "3")
    config.reset()
    try:
        assert call("config", "--json") == 0
        found = {one["key"]: one for one in json.loads(capsys.readouterr().out)}
        assert found["threads"]["value"] == 3
        assert found["threads"]["origin"] == "REELBASE_THREADS"
        assert call("config") == 0
        assert "security.max_pixels" in capsys.readouterr().out
        monkeypatch.setenv("REELBASE_THREDS", "3")
        config.reset()
        assert call("config") == 0
        assert "Did you mean 'REELBASE_THREADS'?" in capsys.readouterr().err
    finally:
        monkeypatch.undo()
        config.reset()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["inof", "ds"], "'inof' is unknown. Did you mean 'info'?"),
        (["zzz"], "'zzz' is unknown. There are: demo, info, ls,"),
        (["creds", "tset"], "'tset' is unknown. Did you mean 'test'?"),
        (["info", "ds", "--reff", "x"], "unrecognized arguments: --reff x. Did you mean '--ref'?"),
        (["info", "ds", "more"], "reelbase info: error: unrecognized arguments: more."),
    ],
)
def test_a_misspelt_word(words, said, capsys):
    assert call(*words) == 2
    assert said in capsys.readouterr().err


def test_plugins(capsys):
    assert call("plugins", "--json") in (0, 1)
    found = json.loads(capsys.readouterr().out)
    offers = {(one["kind"], one["name"]) for one in found["offers"]}
    assert {("storage", "memory"), ("htype", "generic"), ("htype", "bbox"), ("codec", "png")} <= offers
    assert call("plugins") == (1 if found["failures"] else 0)
    assert "storage" in capsys.readouterr().out


@pytest.fixture
def numbers(tmp_path):
    """A dataset with two tensors of different lengths and a missing sample."""
    path = tmp_path / "numbers"
    ds = reelbase.empty(path)
    ds.create_tensor("arrays")
    ds.create_tensor("one")
    ds.extend({"arrays": [np.zeros((2, 3)), None, np.ones((4, 3))], "one": [np.array([7]), np.array([8]), None]})
    ds.info["made by"] = "a test"
    return path


def test_info_of_a_dataset(numbers, capsys):
    assert call("info", numbers) == 0
    shown = capsys.readouterr().out
    assert "arrays" in shown
    assert "info.made by  a test" in shown
    assert call("info", numbers, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 3
    assert found["tensors"]["arrays"]["shape"] == [3, None, 3]
    assert found["bytes"] == sum(one.stat().st_size for one in numbers.rglob("*") if one.is_file())


def test_ls(numbers, capsys):
    assert call("ls", numbers, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["row"] for one in found] == [0, 1, 2]
    assert [one["arrays"] and one["arrays"]["shape"] for one in found] == [[2, 3], None, [4, 3]]
    assert [one["one"] and one["one"]["value"] for one in found] == [7, 8, None]
    assert call("ls", numbers, "--tensor", "one", "--rows", "1:") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["row", "one"], ["1", "8"], ["2", "-"]]
    assert call("ls", numbers, "--rows", "2,0") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["row", "2", "0"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["info", "{}/none"], 1, "none"),
        (["ls", "{}/none"], 1, "No dataset"),
        (["ls", "{}/numbers", "--tensor", "arays"], 1, "Did you mean 'arrays'"),
        (["ls", "{}/numbers", "--rows", "9"], 1, "Row 9 is out of range"),
        (["ls", "{}/numbers", "--rows", "x"], 2, "'x' is not a selection"),
        (["doctor", "{}/none"], 1, ""),
        (["frames", "{}/numbers", "arrays", "x", "0", "-o", "{}/out"], 2, "'x' is not a selection"),
        (["frames", "{}/numbers", "arrays", "0", "-o", "{}/out"], 2, "does not name frames"),
        (["ingest", "{}/new", "{}/none.mp4"], 1, "none.mp4"),
    ],
)
def test_problems_are_told_without_a_traceback(numbers, words, code, says, capsys):
    assert call(*(word.format(numbers.parent) for word in words)) == code
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert not (numbers.parent / "new").exists()


def test_doctor_finds_what_is_wrong_with_a_dataset(numbers, capsys):
    assert call("doctor", numbers, "--json") == 0
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["a dataset in a temporary folder"]["ok"]
    assert found["tensor arrays"]["ok"]
    (pack,) = (numbers / "packs").rglob("*.pack")
    pack.write_bytes(b"\0" * pack.stat().st_size)
    assert call("doctor", numbers) == 1
    assert "WRONG" in capsys.readouterr().out


def test_output_that_nobody_reads(numbers):
    command = f"{sys.executable} -m reelbase ls {numbers} | true"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def test_commands_of_plugins(monkeypatch, capsys):
    def setup(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--twice", action="store_true")
        parser.set_defaults(run=lambda arguments: 7 if arguments.twice else 3)

    def broken() -> None:
        raise PluginLoadError("The command 'worse' cannot be used.", "Ask its authors.")

    offered = {"better": ("do better", lambda: setup), "worse": ("do worse", broken), "ls": ("not ours", broken)}
    monkeypatch.setattr(cli, "_find_plugin_commands", lambda: offered)
    assert call("better") == 3
    assert call("better", "--twice") == 7
    assert call("worse") == 1
    assert "Ask its authors" in capsys.readouterr().err
    assert call("--help") == 0
    shown = capsys.readouterr().out
    assert "do better" in shown
    assert "not ours" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("-1", -1),
        ("1,5,9", [1, 5, 9]),
        ("4,", [4]),
        (":", slice(None)),
        ("100:200:5", slice(100, 200, 5)),
        ("::-1", slice(None, None, -1)),
        ("-5:", slice(-5, None)),
    ],
)
def test_selections(text, expected):
    assert parse_selection(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1:2:3:4", "::0", "1.5", "1,,2", ",", "1-2", "--1"])
def test_selections_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_selection(text)


def test_sizes():
    assert parse_size("320x180") == (180, 320)
    for text in ("0x5", "5", "axb", "-5x5"):
        with pytest.raises(argparse.ArgumentTypeError):
            parse_size(text)
    assert [format_size(n) for n in (0, 999, 1000, 1_500_000, 10**16)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "10.0 PB",
    ]


def test_json_shows_floats_as_they_were_meant():
    shown = json.loads(to_json({"a": np.array([0.1, 1.76], np.float32), "b": np.int64(3), "c": np.float32(0.1)}))
    assert shown == {"a": [0.1, 1.76], "b": 3, "c": 0.1}


def test_tables_are_aligned():
    assert format_table(("a", "long"), [(1, 2), ("wide one", "")]).splitlines() == [
        "a         long",
        "1         2",
        "wide one",
    ]


def test_a_sheet_holds_every_frame_where_it_belongs():
    frames = [np.full((20, 30, 3), 40 * at, np.uint8) for at in range(5)]
    whole = make_sheet(frames, ["#1 2.0s"] * 5, columns=2)
    assert whole.shape == (3 * (20 + 6 + 14 + 6) + 6, 2 * 36 + 6, 3)
    for at, frame in enumerate(frames):
        row, column = divmod(at, 2)
        top, left = 6 + row * 46, 6 + column * 36
        np.testing.assert_array_equal(whole[top : top + 20, left : left + 30], frame)


def test_boxes_are_outlined_and_cut_at_the_edge():
    frame = np.zeros((40, 50, 3), np.uint8)
    drawn = draw_boxes(frame, np.array([[10, 5, 30, 25], [-20, 30, 200, 90], [60, 60, 70, 70]], float))
    assert not frame.any()
    red = drawn[..., 0] > 0
    assert red[5, 10:30].all()
    assert red[5:25, 10].all()
    assert red[24, 10:30].all()
    assert not red[7:23, 12:28].any()
    assert red[30, :].all()


def test_letters_differ_and_are_legible():
    pictures = [write_text(letter) for letter in "0123456789.-s# "]
    assert all(picture.shape == (14, 12) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    one = write_text("1")[::2, ::2]
    assert ["".join(".#"[dot] for dot in row) for row in one.astype(int)] == [
        "..#...",
        ".##...",
        "..#...",
        "..#...",
        "..#...",
        "..#...",
        ".###..",
    ]
