"""``reelbase creds``: names, whether they can be had, and never what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reelbase.cli import main
from reelbase.testing.clips import Clip
from reelbase.testing.servers import BadHttpServer

SECRET = "c4nary-of-cli"


@pytest.fixture
def table(tmp_path: Path, configured: Callable[[str], None]) -> Callable[..., None]:
    """Configures "lab", for some URLs."""

    def use(*prefixes: str, mode: int = 0o600) -> None:
        file = tmp_path / "lab.toml"
        file.write_text(f'token = "{SECRET}"')
        file.chmod(mode)
        configured(
            f'[credentials.lab]\nprovider = "static"\nfile = "{file}"\nprefixes = {json.dumps(prefixes)}\n'
            '[credentials.odd]\nprovider = "keyring"\n'
            '[credentials.mine]\nprovider = "env"\n'
        )

    return use


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out = capsys.readouterr()
    assert SECRET not in out.out + out.err
    return out.out + out.err


def test_none(capsys: pytest.CaptureFixture[str], configured: Callable[[str], None]) -> None:
    configured("")
    assert main(["creds", "ls"]) == 0
    assert "No credentials are configured: add a table" in said(capsys)


def test_ls(capsys: pytest.CaptureFixture[str], table: Callable[..., None]) -> None:
    table("https://host/videos/")
    assert main(["creds", "ls"]) == 0
    lines = said(capsys).splitlines()
    assert lines[0].split() == ["name", "provider", "prefixes", "usable"]
    assert lines[1].split() == ["lab", "static", "https://host/videos/", "yes"]
    assert lines[2].split(maxsplit=3) == ["odd", "keyring", "-", "credentials.odd.service is not set."]
    assert lines[3].split() == ["mine", "env", "-", "yes"]


def test_ls_as_json(capsys: pytest.CaptureFixture[str], table: Callable[..., None]) -> None:
    table("https://host/videos/")
    assert main(["creds", "ls", "--json"]) == 0
    found = json.loads(said(capsys))
    assert found[0] == {"name": "lab", "provider": "static", "prefixes": ["https://host/videos/"], "usable": "yes"}


def test_test(capsys: pytest.CaptureFixture[str], table: Callable[..., None]) -> None:
    table("https://host/videos/")
    assert main(["creds", "test", "lab"]) == 0
    assert said(capsys) == "lab: token; they do not say when they expire.\n"
    assert main(["creds", "test", "mine", "--json"]) == 0
    assert json.loads(said(capsys)) == {"name": "mine", "fields": [], "expires_at": None}


def test_test_with_a_file(capsys: pytest.CaptureFixture[str], table: Callable[..., None], clip: Clip) -> None:
    with BadHttpServer({"clip.mp4": clip.path.read_bytes()}) as server:
        table(server.url)
        assert main(["creds", "test", "lab", f"{server.url}/clip.mp4"]) == 0
        assert said(capsys) == f"lab: the file is there, {clip.path.stat().st_size} bytes.\n"
        assert server.ledger[0].request.headers["authorization"] == f"Bearer {SECRET}"
        assert main(["creds", "test", "lab", "https://elsewhere/clip.mp4"]) == 1
        assert "'lab' are not for https://elsewhere/clip.mp4" in said(capsys)


def test_what_is_wrong(capsys: pytest.CaptureFixture[str], table: Callable[..., None]) -> None:
    table(mode=0o644)
    assert main(["creds", "test", "lab"]) == 1
    assert "other users can access it (mode 644)" in said(capsys)
    assert main(["creds", "test"]) == 2
    assert "needs a name" in said(capsys)
    assert main(["creds", "ls", "lab"]) == 2
    assert main(["creds", "test", "nobody"]) == 2
    assert "lab, mine, odd" in said(capsys)
