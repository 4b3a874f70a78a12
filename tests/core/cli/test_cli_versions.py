"""The commands that deal with versions and upkeep: output, JSON, exit codes and errors."""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys
import termios
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.cli import main
from reelbase.cli._duration import parse_count_or_duration, parse_duration
from reelbase.cli._selection import parse_count


def call(*words: object) -> int:
    """The exit code, whichever way it comes."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture
def shown(capsys):
    """What a command that ends well writes to stdout, line by line, each line in words."""

    def run(*words: object) -> list[list[str]]:
        assert call(*words) == 0, capsys.readouterr().err
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.fixture
def report(capsys):
    """What a command that ends well writes as JSON."""

    def run(*words: object) -> Any:
        assert call(*words, "--json") == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Six rows on main, named and tagged; branch "fix" changes one and deletes two."""
    path = tmp_path / "letters"
    ds = reelbase.empty(path)
    ds.create_tensor("x")
    ds.create_tensor("label", htype="text")
    for at in range(6):
        ds.append({"x": [at], "label": "abcdef"[at]})
    ds.commit("six rows")
    ds.history.tag("v1")
    ds.history.create_branch("fix")
    ds.checkout("fix")
    ds.label[0] = "A"
    ds.delete_rows([2, 3])
    ds.commit("capital")
    return path


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A dataset to which nothing was ever written."""
    reelbase.empty(tmp_path / "nothing")
    return tmp_path / "nothing"


def objects(path: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def labels(path: Path, ref: str | None = None) -> list[str]:
    return [view.data() for view in reelbase.load(path, read_only=True, ref=ref).label]


def test_help_names_the_commands(shown):
    listed = {line[0] for line in shown("--help") if line}
    assert {"log", "diff", "branch", "tag", "verify", "gc", "compact", "copy"} <= listed


def test_log_lists_named_versions(path, shown):
    head, *lines = shown("log", path)
    assert head == ["version", "time", "author", "tags", "message"]
    assert [(line[0], *line[-3:]) for line in lines] == [("main@8", "v1", "six", "rows")]


def test_log_goes_where_it_is_told(path, report):
    assert [one["ref"] for one in report("log", path, "--ref", "fix")] == ["fix@3", "main@8"]
    assert [one["ref"] for one in report("log", path, "--ref", "fix", "-n", 1)] == ["fix@3"]
    assert [one["ref"] for one in report("log", path, "--ref", "main@2", "--all")] == ["main@2", "main@1", "main@0"]
    every = report("log", path, "--ref", "fix", "--all")
    assert [one["ref"] for one in every] == [f"fix@{n}" for n in (3, 2, 1, 0)] + [f"main@{n}" for n in range(8, -1, -1)]
    (fork,) = (one for one in every if one["ref"] == "fix@0")
    assert (fork["branch"], fork["seq"], fork["parent"], fork["message"]) == ("fix", 0, "main@8", None)


def test_log_json_is_the_api(path, report):
    (found,) = report("log", path)
    (version,) = reelbase.load(path).log()
    assert found["id"] == version.id
    assert found["time"] == version.time.isoformat(timespec="seconds")
    assert found["tags"] == ["v1"]
    assert found["expired"] is False
    assert report("log", path, "--ref", found["id"][:8]) == [found]


def test_log_of_little(path, nothing, shown, report):
    assert shown("log", path, "--ref", "main@3") == [["No", "named", "version;", "see", "--all."]]
    assert shown("log", nothing, "--all") == [["No", "version", "yet."]]
    assert report("log", nothing, "--all") == []


def test_diff(path, shown, report):
    assert shown("diff", path, "v1", "fix") == [
        ["main@8", "->", "fix@3"],
        ["x:", "2", "deleted", "(2:4)"],
        ["label:", "1", "updated", "(0),", "2", "deleted", "(2:4)"],
    ]
    found = report("diff", path, "fix")
    assert (found["a"], found["b"]) == ("fix@3", "main@8")
    assert found["tensors"]["label"] == {"added": [2, 3], "updated": [0], "deleted": []}
    assert shown("diff", path, "v1")[1:] == [["no", "difference"]]


def test_diff_of_tensors_and_metadata(path, shown, report):
    ds = reelbase.load(path)
    ds.rename_tensor("label", "letter")
    ds.delete_tensor("x")
    ds.create_tensor("y").extend(range(100))
    ds.delete_rows(np.arange(0, 100, 5))
    ds.info["a"] = 1
    ds.letter.info["b"] = 2
    found = report("diff", path, "v1")
    assert (found["created"], found["dropped"], found["renamed"]) == (["y"], ["x"], {"label": "letter"})
    assert sorted(found["info"]) == ["a", "letter/b"]
    assert found["tensors"]["y"]["added"] == list(range(80))
    lines = [" ".join(line) for line in shown("diff", path, "v1")]
    assert "tensor y created" in lines
    assert "tensor x deleted" in lines
    assert "tensor label renamed letter" in lines
    assert "info letter/b changed" in lines
    assert "y: 80 added (0:80)" in lines


def test_diff_shows_no_more_rows_than_a_line_holds(path, shown):
    ds = reelbase.load(path)
    ds.x.extend(range(30))
    ds.commit("more")
    ds.x[::3] = [[-1]] * 12
    (line,) = (line for line in shown("diff", path, ds.log()[0]) if line[0] == "x:")
    assert " ".join(line) == "x: 12 updated (0, 3, 6, 9, 12, 15, 18, 21, …)"


def test_branches_are_listed(path, nothing, shown, report):
    head, *lines = shown("branch", path)
    assert head == ["branch", "newest", "time", "message"]
    assert [(*line[:2], line[-1]) for line in lines] == [("main", "main@8", "rows"), ("fix", "fix@3", "capital")]
    assert [(one["name"], one["newest"]["ref"]) for one in report("branch", path)] == [
        ("main", "main@8"),
        ("fix", "fix@3"),
    ]
    assert shown("branch", nothing)[1:] == [["main", "-"]]
    assert report("branch", nothing) == [{"name": "main", "newest": None}]


def test_a_branch_is_made(path, nothing, shown, report):
    assert shown("branch", path, "more") == [["Branch", "more", "starts", "at", "main@8."]]
    assert report("branch", path, "early", "--at", "main@4")["parent"] == "main@4"
    assert report("branch", path, "fixes", "--at", "fix")["parent"] == "fix@3"
    assert labels(path, "early") == list("abc")
    assert labels(path, "fixes") == list("Abef")
    assert reelbase.load(path).branches == ["main", "early", "fix", "fixes", "more"]
    assert shown("branch", nothing, "first") == [["Branch", "first", "starts", "at", "nothing."]]


def test_tags(path, nothing, shown, report):
    assert shown("tag", path) == [["tag", "version"], ["v1", "main@8"]]
    assert shown("tag", path, "v0", "--at", "main@4") == [["Tag", "v0", "names", "main@4."]]
    assert report("tag", path, "now") == {"now": "main@8"}
    assert report("tag", path) == {"v0": "main@4", "v1": "main@8", "now": "main@8"}
    assert labels(path, "v0") == list("abc")
    assert shown("tag", path, "--delete", "v0") == [["Tag", "v0", "is", "removed."]]
    assert report("tag", path, "--delete", "now") == {"deleted": "now"}
    assert reelbase.load(path).history.tags == {"v1": "main@8"}
    assert shown("tag", nothing) == [["No", "tags."]]
    assert report("tag", nothing) == {}


def test_verify(path, shown, report):
    assert shown("verify", path) == [["13", "versions,", "7", "data", "objects:", "all", "is", "well."]]
    found = report("verify", path, "--deep")
    assert found["ok"]
    assert found["damages"] == []
    assert found["bytes"] > 0
    assert shown("verify", path, "--deep")[0][5:] == f"{found['bytes']} bytes of samples read: all is well.".split()


def test_verify_names_what_is_damaged(path, capsys):
    before = set(path.rglob("*.pack"))
    reelbase.load(path).label.append("g")
    (pack,) = set(path.rglob("*.pack")) - before
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")
    assert call("verify", path) == 0
    capsys.readouterr()
    assert call("verify", path, "--deep") == 1
    damage, last = capsys.readouterr().out.splitlines()
    assert damage.startswith(f"main@9, tensor 'label', row 6: packs/{pack.parent.name}/{pack.name}: ")
    assert last.endswith(": 1 damage.")
    pack.unlink()
    assert call("verify", path, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    (one,) = found["damages"]
    assert (one["tensor"], one["rows"], one["version"]) == ("label", [6], "main@9")
    assert one["key"].endswith(pack.name)


def test_verify_goes_on_where_nothing_can_be_loaded(path, capsys):
    (newest,) = path.rglob("000000008.rbc")
    newest.write_bytes(newest.read_bytes()[:-1])
    newest.parents[1].joinpath("latest").unlink()
    assert call("log", path) == 1
    assert "000000008.rbc is damaged" in capsys.readouterr().err
    assert call("verify", path) == 1
    damage, last = capsys.readouterr().out.splitlines()
    assert damage.startswith("main@8: log/main/000000/000000008.rbc: ")
    assert last == "12 versions, 7 data objects: 1 damage."


def test_compact(path, shown, report):
    before = labels(path), labels(path, "fix")
    ((*_, word),) = shown("compact", path)
    assert word == "rewritten."
    assert shown("compact", path) == [["Nothing", "to", "compact."]]
    assert report("compact", path)["tensors"] == []
    found = report("compact", path, "--branch", "fix")
    assert found["tensors"] == ["x", "label"]
    assert found["entries"] < found["entries_before"]
    assert (labels(path), labels(path, "fix")) == before
    assert reelbase.load(path).log(all=True)[0].ref == "main@9"


def test_gc_deletes_what_has_expired(path, shown, report):
    reelbase.load(path).maintenance.compact()
    reelbase.load(path, ref="fix").maintenance.compact()
    reelbase.load(path).history.untag("v1")
    tried = report("gc", path, "--grace", 0, "--dry-run")
    assert (tried["objects"], tried["versions"], tried["dry_run"]) == (0, [], True)
    assert shown("gc", path, "--expire", 0, "--dry-run")[0] == ["13", "versions", "would", "expire."]
    assert shown("gc", path, "--expire", 0)[0] == ["13", "versions", "expired."]
    assert report("gc", path, "--dry-run")["versions"] == []  # a grace of a week has not passed
    before = objects(path)
    tried = report("gc", path, "--grace", "0", "--dry-run")
    assert objects(path) == before
    assert tried["objects"] > 0
    assert len(tried["versions"]) == 13
    done = report("gc", path, "--grace", "0")
    assert {**done, "dry_run": True} == tried
    gone = before.keys() - objects(path).keys()
    assert done["objects"] == len([key for key in gone if key.startswith(("packs/", "index/"))])
    assert labels(path) == list("abcdef")
    assert labels(path, "fix") == list("Abef")
    assert [one["ref"] for one in report("log", path, "--all") if not one["expired"]] == ["main@9"]
    assert shown("log", path, "--all")[-1][-1] == "(expired)"
    assert shown("verify", path)[0][0] == "2"


@pytest.mark.parametrize(("kept", "expected"), [("1", 11), ("0", 11), ("2", 11), ("1d", 0), ("0s", 11)])
def test_gc_lets_versions_go(path, kept, expected, report):
    before = objects(path)
    tried = report("gc", path, "--expire", kept, "--dry-run")
    assert objects(path) == before
    found = report("gc", path, "--expire", kept)
    assert found == {**tried, "dry_run": False}
    assert len(found["expired"]) == expected
    assert "main@8" not in found["expired"]
    assert found["objects"] == 0
    assert labels(path, "main@3") == list("ab")


def test_copy_of_some(path, tmp_path, shown, report):
    found = report("copy", path, tmp_path / "some", "--tensor", "label", "--rows", "1:3", "--ref", "fix")
    assert (found["rows"], found["tensors"], found["branches"]) == (2, ["label"], ["main"])
    assert found["path"] == str(tmp_path / "some")
    assert found["bytes"] > 0
    assert labels(tmp_path / "some") == list("be")
    (line,) = shown("copy", path, tmp_path / "all", "--rows=-2:")
    assert line[:5] == ["2", "rows", "of", "2", "tensors"]
    assert labels(tmp_path / "all") == list("ef")


def test_copy_of_everything(path, tmp_path, report):
    found = report("copy", path, tmp_path / "all", "--history")
    assert found["branches"] == ["main", "fix"]
    assert report("tag", tmp_path / "all") == {"v1": "main@8"}
    assert report("log", tmp_path / "all", "--all") == report("log", path, "--all")
    assert labels(tmp_path / "all", "fix") == list("Abef")


@pytest.mark.parametrize(("terminal", "drawn"), [(True, find_spec("tqdm") is not None), (False, False)])
def test_copy_draws_a_bar_where_somebody_looks(path, tmp_path, terminal, drawn):
    command = [sys.executable, "-m", "reelbase", "copy", path, tmp_path / "copy", "--history"]
    ours, theirs = pty.openpty() if terminal else os.pipe()
    try:
        if terminal:
            termios.tcsetwinsize(theirs, (24, 80))
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
        os.write(theirs, b"end\n")
        drew = os.read(ours, 100_000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (b"copy: 100%" in drew) == drawn
    assert ran.stdout.startswith("6 rows of 2 tensors (")


def test_older_versions_are_looked_at(path, shown, report, capsys):
    assert shown("ls", path, "--tensor", "label", "--ref", "fix", "--rows", ":2") == [
        ["row", "label"],
        ["0", "'A'"],
        ["1", "'b'"],
    ]
    found = report("info", path, "--ref", "main@4")
    assert found["rows"] == 3
    assert found["version"]["ref"] == "main@4"
    assert report("info", path)["version"]["message"] == "six rows"
    assert call("info", path, "--ref", "fix") == 0
    (line,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("version"))
    assert (line[1], line[-1]) == ("fix@3", "capital")


def test_info_before_anything_was_written(nothing, shown, report):
    assert ["version", "none", "yet"] in shown("info", nothing)
    assert report("info", nothing)["version"] is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["log", "{}/none"], 1, "No dataset at"),
        (["log", "{}/letters", "--ref", "fxi"], 1, "Did you mean 'fix'?"),
        (["log", "{}/letters", "-n", "0"], 2, "'0' is not a number"),
        (["diff", "{}/letters"], 2, "required: A"),
        (["diff", "{}/letters", "main@99"], 1, "There is no version main@99"),
        (["diff", "{}/letters", "v1", "v2"], 1, "There is no branch, tag or version 'v2'"),
        (["branch", "{}/letters", "fix"], 1, "There is a branch 'fix' already"),
        (["branch", "{}/letters", "v1"], 1, "There is a tag 'v1'"),
        (["branch", "{}/letters", "Fix"], 2, "'Fix' cannot name a branch"),
        (["branch", "{}/letters", "new", "--at", "v9"], 1, "There is no branch, tag or version 'v9'"),
        (["branch", "{}/letters", "--at", "v1"], 2, "--at says where a new branch starts"),
        (["tag", "{}/letters", "v1"], 1, "There is a tag 'v1' already"),
        (["tag", "{}/letters", "fix"], 1, "There is a branch 'fix'"),
        (["tag", "{}/letters", "--delete", "v2"], 1, "There is no tag 'v2'"),
        (["tag", "{}/letters", "v2", "--delete", "v1"], 2, "--delete removes a tag"),
        (["tag", "{}/letters", "--at", "v1"], 2, "--at says what a new tag names"),
        (["tag", "{}/nothing", "v1"], 1, "no version yet"),
        (["verify", "{}/none"], 1, "No dataset at"),
        (["compact", "{}/letters", "--branch", "v1"], 1, "is at version main@8"),
        (["compact", "{}/letters", "--branch", "none"], 1, "There is no branch"),
        (["gc", "{}/letters", "--grace", "soon"], 2, "'soon' is not a time"),
        (["gc", "{}/letters", "--expire", "all"], 2, "'all' is neither a number nor a time"),
        (["gc", "{}/none"], 1, "No dataset at"),
        (["copy", "{}/letters", "{}/nothing", "--history"], 1, "holds something else"),
        (["copy", "{}/letters", "{}/letters"], 1, "holds something else"),
        (["copy", "{}/letters", "{}/new", "--tensor", "lable"], 1, "Did you mean 'label'?"),
        (["copy", "{}/letters", "{}/new", "--rows", "9"], 1, "9"),
        (["copy", "{}/letters", "{}/new", "--history", "--ref", "v1"], 2, "--history copies everything"),
        (["info", "{}/letters", "--ref", "v2"], 1, "'v2'"),
        (["info", "{}/file", "--ref", "v1"], 2, "--ref v1"),
        (["ls", "{}/letters", "--ref", "v2"], 1, "'v2'"),
        (["frames", "{}/letters", "x", "0", "0", "-o", "{}/new", "--ref", "v2"], 1, "'v2'"),
        (["frames", "{}/file", "0", "-o", "{}/new", "--ref", "v1"], 2, "--ref v1"),
    ],
)
def test_problems_are_told_and_nothing_is_done(path, nothing, words, code, says, capsys):
    (path.parent / "file").write_bytes(b"no dataset")
    before = objects(path.parent)
    assert call(*(word.format(path.parent) for word in words)) == code
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert objects(path.parent) == before


@pytest.mark.parametrize(
    "words",
    [["log", "--all"], ["diff", "v1"], ["branch"], ["tag"], ["verify", "--deep"], ["gc", "--grace", "0", "--dry-run"]],
)
def test_commands_that_only_look_change_nothing(path, words, capsys):
    before = objects(path)
    assert call(words[0], path, *words[1:]) == 0
    assert objects(path) == before


def test_as_a_program(path, tmp_path):
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reelbase", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert json.loads(run("tag", path, "v2", "--json").stdout) == {"v2": "main@8"}
    ran = run("tag", path, "v2")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[0] == "There is a tag 'v2' already."
    for pack in path.rglob("*.pack"):
        pack.unlink()
    ran = run("verify", path)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ": it is gone" in ran.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("90s", timedelta(seconds=90)),
        ("0", timedelta(0)),
        ("0d", timedelta(0)),
    ],
)
def test_times(text, expected):
    assert parse_duration(text) == expected


def test_numbers_and_times():
    assert parse_count_or_duration("10") == 10
    assert parse_count_or_duration("0") == 0
    assert parse_count_or_duration("30d") == timedelta(days=30)
    assert parse_count("12") == 12


@pytest.mark.parametrize("text", ["", "7", "-1d", "1.5d", "7 d", "d", "7w", "1d12h", "9" * 12 + "d"])
def test_times_that_are_none(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "7w"])
def test_numbers_that_are_none(text):
    for kind in (parse_count_or_duration, parse_count):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)
