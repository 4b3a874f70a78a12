"""A dataset whose names and texts would move the cursor, fake a line or turn the writing round: nothing is obeyed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase import dataset as datasets
from reelbase.cli import main
from reelbase.errors import ReelbaseError
from reelbase.testing.clips import make_clip

pytestmark = pytest.mark.needs_av

EVIL = "e\x1b]0;owned\x07\x9b2J\r\u202ev\n1@main  forged"
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written without our rules for names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "_TENSOR_NAME", re.compile(r".+", re.DOTALL))
        patch.setenv("LOGNAME", EVIL)
        folder = tmp_path_factory.mktemp("hostile")
        path = folder / "ds"
        clip = folder / f"{EVIL.replace('/', '')}.mp4"
        shutil.copy(make_clip(folder / "clip.mp4", frames=4).path, clip)
        ds = reelbase.empty(path)
        ds.create_tensor(EVIL, htype="text")
        ds.create_tensor("videos", htype="video")
        ds.create_tensor("labels", htype="class_label", class_names=[EVIL])
        ds.create_tensor("note", htype="json")
        ds.append({EVIL: EVIL, "videos": reelbase.read(clip), "labels": [0], "note": {EVIL: EVIL}})
        ds.info[EVIL] = {EVIL: [EVIL]}
        ds.info["plain"] = EVIL
        ds.commit(EVIL)
        ds.history.tag("first")
        ds.append({EVIL: EVIL, "videos": None, "labels": [0], "note": 1})
        ds.info[EVIL] = 2
        ds.commit(f"{EVIL} again")
        ds.history.create_branch("fix", "first")
    return path


COMMANDS: list[tuple[str, ...]] = [
    ("info", "DS"), ("ls", "DS"), ("log", "DS"), ("log", "DS", "--all"), ("diff", "DS", "first"), ("branch", "DS"),
    ("tag", "DS"), ("verify", "DS", "--deep"), ("doctor", "DS"), ("info", "CLIP"), ("gc", "DS", "--dry-run"),
    ("ls", "DS", "--tensor", EVIL), ("copy", "DS", "OUT"), ("creds", "ls"), ("config",), ("plugins",),
]  # fmt: skip
WRONG: list[tuple[str, ...]] = [
    ("info", EVIL), ("ls", "DS", "--ref", EVIL), ("ls", "DS", "--tensor", f"{EVIL}x"), ("diff", "DS", EVIL, EVIL),
    (EVIL,), ("ls", "DS", f"--{EVIL}"), ("ls", "DS", "--rows", EVIL), ("frames", EVIL, EVIL, "-o", "x.png"),
    ("play", "DS", EVIL, "0"), ("tag", "DS", EVIL), ("creds", "test", EVIL), ("ingest", "NEW", EVIL), ("compact", EVIL),
    ("frames", "DS", EVIL, "0", "0", "-o", "x.png"), ("verify", EVIL), ("view", EVIL),
]  # fmt: skip


@pytest.fixture
def run(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        clip = next(one for one in path.parent.iterdir() if "owned" in one.name)
        names = {"DS": str(path), "CLIP": str(clip), "OUT": str(tmp_path / "out"), "NEW": str(tmp_path / "new")}
        try:
            code = main([names.get(word, word) for word in words])
        except SystemExit as stop:
            code = int(str(stop.code or 0))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_commands_print(run: Callable[..., tuple[int, str, str]], words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert code == 0, err
    assert not _OBEYED.findall(out + err)
    assert not [line for line in (out + err).splitlines() if line.startswith("1@main")], (
        "a value made a line of its own"
    )


@pytest.mark.parametrize("words", WRONG, ids=lambda words: f"{words[0]!a} {len(words)}")
def test_what_commands_complain_of(run: Callable[..., tuple[int, str, str]], words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert code != 0
    assert err
    assert not _OBEYED.findall(out + err)


@pytest.mark.parametrize("words", [one for one in COMMANDS if one != ("copy", "DS", "OUT")], ids=" ".join)
def test_json_is_exact(run: Callable[..., tuple[int, str, str]], words: tuple[str, ...]) -> None:
    """And safe to print, too."""
    code, out, _ = run(*words, "--json")
    assert code == 0
    assert not _OBEYED.findall(out)
    found = json.loads(out)
    if words[0] == "info" and words[1] == "DS":
        assert found["info"]["plain"] == EVIL
        assert EVIL in found["tensors"]
        assert found["version"]["message"] == f"{EVIL} again"
    if words[:2] == ("log", "DS"):
        assert {EVIL, f"{EVIL} again"} <= {version["message"] for version in found}
        assert {version["author"] for version in found} == {EVIL}
    if words[0] == "diff":
        assert found["info"] == [EVIL]


def _shown(path: Path) -> list[Callable[[], Any]]:
    ds = reelbase.load(path)
    return [
        ds.summary,
        lambda: repr(ds), lambda: repr(ds[0]), lambda: repr(ds[EVIL][0]), lambda: repr(ds[EVIL]), lambda: repr(ds.info),
        lambda: str(ds.log()), lambda: str(ds.diff("first")), lambda: repr(ds.history.current),
        lambda: ds["labels"][EVIL], lambda: ds[EVIL][0, 9].numpy(), lambda: ds["videos"][1].numpy(),
        lambda: ds[f"{EVIL}x"], lambda: ds.filter(EVIL), lambda: ds.append({EVIL: 3}),
        lambda: reelbase.read(EVIL).numpy(),
    ]  # fmt: skip


@pytest.mark.parametrize("at", range(16))
def test_what_python_prints(path: Path, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Reprs, tables and messages of errors: a traceback prints them."""
    show = _shown(path)[at]
    try:
        text = str(show())
    except ReelbaseError as error:
        text = str(error)
    assert not _OBEYED.findall(text + capsys.readouterr().out)


def test_values_themselves_are_as_they_were_written(path: Path) -> None:
    ds = reelbase.load(path)
    assert ds[EVIL][0].data() == EVIL
    assert ds.info["plain"] == EVIL
    assert ds["labels"].meta["class_names"] == [EVIL]
    assert np.array_equal(ds["labels"][0].numpy(), [0])
