"""Commands about a dataset on a web server, which cannot list its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import reelbase
from reelbase.cli import main
from reelbase.errors import ListingNotSupportedError


@pytest.fixture
def url(place: tuple[str, Path]) -> str:
    """Of a dataset with two versions that have a name."""
    address, folder = place
    ds = reelbase.empty(folder / "ds")
    ds.create_tensor("x")
    for number in range(2):
        ds.x.append([number])
        ds.commit(f"number {number}")
    ds.history.tag("first")
    return f"{address}/ds"


def test_info(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without sizes; and it says so."""
    assert main(["info", url, "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["rows"], found["bytes"], found["objects"]) == (2, None, None)
    assert "takes a listing: Web servers cannot list files" in said.err
    assert main(["info", url]) == 0
    assert "stored   unknown" in capsys.readouterr().out


def test_log(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without tags, which would have to be listed."""
    assert main(["log", url, "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [(one["message"], one["tags"]) for one in found] == [("number 1", None), ("number 0", None)]
    assert "takes a listing" in said.err
    assert main(["log", url, "--all", "--ref", "first"]) == 0
    assert "number 0" in capsys.readouterr().out


def test_what_is_nothing_but_a_listing(url: str) -> None:
    with pytest.raises(ListingNotSupportedError):
        reelbase.load(url, read_only=True).maintenance.size()
