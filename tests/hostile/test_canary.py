"""Secrets are planted wherever one can be given; then every byte, log line, repr, pickle and traceback is searched."""

from __future__ import annotations

import base64
import io
import json
import logging
import pickle
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import reelbase
from reelbase import config, registry
from reelbase.cli import main
from reelbase.credentials import resolver
from reelbase.errors import ReelbaseError
from reelbase.io.cache import cached_source
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer, Expired, Refused

SECRETS = [f"c4nary{random.Random(seed).getrandbits(64):016x}" for seed in range(10)]
PASSWORD, TOKEN, HEADER, IN_FILE, ROLE, SIGNED, STORED, NESTED, KEY, SESSION = SECRETS


def spellings(secret: str) -> list[bytes]:
    """As it may stand somewhere: plain, in base64 at any place, in hex, in UTF-16."""
    raw = secret.encode()
    bases = [base64.b64encode(bytes(pad) + raw)[(0, 2, 3)[pad] :].rstrip(b"=")[:-2] for pad in range(3)]
    return [raw, raw[::-1], raw.hex().encode(), secret.encode("utf-16-le"), quote(secret).encode(), *bases]


def found_in(data: bytes) -> list[str]:
    return [secret for secret in SECRETS for one in spellings(secret) if one in data]


def test_the_search_finds() -> None:
    """Each spelling, wherever it stands."""
    for secret in SECRETS:
        assert secret in found_in(b"x" + secret.encode() + b"y")
        for pad in range(3):
            assert secret in found_in(base64.b64encode(b"p" * pad + b"user:"[:pad] + secret.encode() + b"tail"))
        assert secret in found_in(repr({"password": secret}).encode())


class Log(logging.Handler):
    """Everything that is logged, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Log]:
    """Of every library, at its most talkative."""
    handler, root = Log(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    def reset() -> None:
        cached_source.forget()
        config.reset()
        registry.reset()
        resolver.reset()

    reset()
    yield
    reset()


class Mine(CredentialProvider):
    def get(self, request: CredentialRequest) -> Credentials:
        return Credentials({"token": NESTED})


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def use(url: str) -> None:
        secret = tmp_path / "secrets" / "lab.toml"
        secret.parent.mkdir()
        secret.touch(0o600)
        secret.write_text(f'token = "{IN_FILE}"')
        program = f'import json; print(json.dumps(dict(fields=dict(token="{ROLE}"))))'
        own = tmp_path / "secrets" / "config.toml"
        own.write_text(
            f'cache_dir = "{tmp_path / "cache"}"\n'
            f'[credentials.lab]\nprovider = "static"\nfile = "{secret}"\nprefixes = ["{url}/lab"]\n'
            f'[credentials.program]\nprovider = "exec"\ncommand = {json.dumps([sys.executable, "-c", program])}\n'
            f'prefixes = ["{url}/program"]\n[storage.gcs]\nsecret = "{STORED}"\n'
            f'[storage.s3]\nendpoint_url = "{url}"\nregion = "us-east-1"\naddressing_style = "path"\ntries = 2\n'
        )
        monkeypatch.setenv("REELBASE_CONFIG", str(own))

    return use


@pytest.mark.parametrize("trouble", [None, Refused(), Expired()], ids=["well", "refused", "expired"])
def test_no_secret_anywhere(
    trouble: Any,
    clip: Clip,
    tmp_path: Path,
    log: Log,
    configured: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """When all goes well, and when the server says no."""
    data = clip.path.read_bytes()
    names = ("basic", "token", "header", "lab", "program", "mine", "signed", "bucket")
    shown: list[str] = []
    with BadHttpServer({f"{name}/clip.mp4": data for name in names}) as server:
        configured(server.url)
        server.fail(trouble)
        ds = reelbase.empty(tmp_path / "ds")
        ds.create_tensor("links", htype="link[video]")
        ds.create_tensor("videos", htype="video")
        given: dict[str, Any] = {
            "basic": {"username": "lab", "password": PASSWORD},
            "token": {"token": TOKEN},
            "header": {"headers": {"X-Key": HEADER}},
            "mine": Mine("mine", {}),
        }
        for name, creds in given.items():
            ds.add_creds_key(name)
            ds.populate_creds(name, creds, prefixes=[f"{server.url}/{name}"])
        keys = {"aws_access_key_id": "anybody", "aws_secret_access_key": KEY, "aws_session_token": SESSION}
        ds.add_creds_key("session")
        ds.populate_creds("session", keys, prefixes=["s3://bucket"])
        given["session"] = keys
        acts: list[Callable[[], Any]] = []
        for name in (*given, "lab", "program"):
            url = "s3://bucket/clip.mp4" if name == "session" else f"{server.url}/{name}/clip.mp4"
            acts += [
                lambda url=url, name=name: ds.links.append(reelbase.link(url, creds_key=name)),
                lambda url=url, name=name: ds.links.append(reelbase.link(url, creds_key=name, verify=False)),
                lambda url=url, name=name: reelbase.read(url, creds=given.get(name, name))[3].numpy(),
                lambda url=url, name=name: ds.videos.append(reelbase.read(url, creds=given.get(name, name))),
            ]
        signed = f"{server.url}/signed/clip.mp4?X-Amz-Signature={SIGNED}"
        acts += [
            lambda: reelbase.read(signed)[3].numpy(),
            lambda: ds.videos.append(reelbase.read(signed)),
            lambda: reelbase.link(signed),
            lambda: reelbase.load(signed),
            lambda: [row.numpy() for row in ds.links],
            lambda: read_code(ds.links[0, 7].numpy()),
            lambda: print(ds.links.links.survey()),
            lambda: ds.links.links.reindex(),
            lambda: ds.copy(tmp_path / "copy"),
            lambda: ds.commit("with links"),
            lambda: ds.summary(),
            lambda: ds.maintenance.verify(deep=True),
            lambda: reelbase.read(f"{server.url}/clip.mp4", creds=TOKEN),
            lambda: reelbase.load(f"{server.url}/ds", creds={"token": TOKEN, "wrong": PASSWORD}),
            lambda: ds.populate_creds("token", TOKEN),
            lambda: main(["creds", "ls"]),
            lambda: main(["creds", "test", "lab"]),
            lambda: main(["creds", "test", "program", f"{server.url}/program/clip.mp4"]),
            lambda: main(["config"]),
            lambda: main(["info", str(tmp_path / "ds")]),
            lambda: main(["doctor"]),
        ]
        done = sum(_done(act, shown) for act in acts)
        assert server.ledger
        assert done >= (len(acts) - 6 if trouble is None else 8), shown
        values = [ds, ds.links, resolver.resolver(), reelbase.read(signed), *given.values(), Mine("x", {})]
        values += [Credentials({"token": TOKEN}), *resolver.resolver().configured.values(), config.settings()]
        for value in [*values, *(vars(one) for one in values if hasattr(one, "__dict__"))]:
            if not isinstance(value, dict) or not any(value is one for one in given.values()):
                shown += [_shown(value)] if not isinstance(value, dict) else []
        sent = [_pickled(value) for value in (ds, ds.links, ds.links[0:1], reelbase.read(f"{server.url}/lab/clip.mp4"))]
    written = [one for one in tmp_path.rglob("*") if one.is_file() and one.parent.name != "secrets"]
    assert len(written) > 10
    said = capsys.readouterr()
    assert found_in("\n".join([*shown, said.out, said.err]).encode("utf-8", "replace")) == []
    assert found_in("\n".join(log.lines).encode("utf-8", "replace")) == []
    assert [one for one in written if found_in(one.read_bytes())] == []
    assert found_in(b"".join(sent)) == []
    assert len(log.lines) > 0


def _done(act: Callable[[], Any], shown: list[str]) -> bool:
    """Whether it went well; else what a user would see of it, to the last chained exception, is kept."""
    try:
        act()
    except ReelbaseError as error:
        text = io.StringIO()
        traceback.print_exception(error, file=text)
        shown += [text.getvalue(), str(error), repr(error), repr(error.args)]
        context: BaseException | None = error
        while context is not None:
            shown += [str(context), repr(context)]
            context = context.__cause__ or context.__context__
        return False
    return True


def _shown(value: Any) -> str:
    return f"{value!r} {value} {dir(value)}"


def _pickled(value: Any) -> bytes:
    """Nothing, where it refuses."""
    try:
        return pickle.dumps(value)
    except ReelbaseError:
        return b""
