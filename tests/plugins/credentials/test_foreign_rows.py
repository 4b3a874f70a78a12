"""A dataset from a stranger names credentials and URLs as it likes: no credential leaves its scope."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import reelbase
from reelbase.contracts.credentials import CredentialProvider, CredentialRequest, Credentials
from reelbase.credentials.resolver import resolver
from reelbase.errors import LinkRefusedError, ReelbaseError, ScopeError
from reelbase.links.local import Home
from reelbase.links.source import open_link
from reelbase.media.stored_link import Pin
from reelbase.testing.clips import Clip
from reelbase.testing.servers import Answer, BadHttpServer, Fault, Honest, Redirect, Request

TOKEN = "c4nary-of-corp"


@dataclass(frozen=True)
class Moved(Fault):
    """One path is elsewhere on the same server."""

    path: str
    to: str

    def answer(self, request: Request, honest: Honest) -> Answer:
        return Answer(status=302, headers={"Location": self.to}) if request.path == self.path else honest(request)


class Watched(CredentialProvider):
    """Counts how often it is asked."""

    asked = 0

    def get(self, request: CredentialRequest) -> Credentials:
        Watched.asked += 1
        return Credentials({"token": TOKEN})


@pytest.fixture
def home(clip: Clip) -> Iterator[BadHttpServer]:
    """Whom the credentials are for, in its folder ``train``."""
    data = clip.path.read_bytes()
    with BadHttpServer({"train/clip.mp4": data, "trainX/clip.mp4": data, "clip.mp4": data}) as server:
        yield server


@pytest.fixture
def attacker(clip: Clip) -> Iterator[BadHttpServer]:
    with BadHttpServer({"clip.mp4": clip.path.read_bytes(), "train/clip.mp4": clip.path.read_bytes()}) as server:
        yield server


@pytest.fixture
def foreign(tmp_path: Path, home: BadHttpServer) -> Callable[[str], reelbase.Dataset]:
    """A dataset with one link, as its reader loads it who has bound "corp"."""
    numbers = itertools.count()

    def make(url: str) -> reelbase.Dataset:
        path = tmp_path / f"foreign {next(numbers)}"
        theirs = reelbase.empty(path)
        theirs.add_creds_key("corp")
        theirs.create_tensor("links", htype="link[video]")
        theirs.links.append(reelbase.link(url, creds_key="corp", verify=False))
        ds = reelbase.load(path)
        ds.populate_creds("corp", Watched("corp", {}), prefixes=[f"{home.url}/train"])
        Watched.asked = 0
        return ds

    return make


def tokens(*servers: BadHttpServer) -> list[str]:
    sent = [one.request.headers.get("authorization") for server in servers for one in server.ledger]
    return [one for one in sent if one]


def test_what_is_in_scope(foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer) -> None:
    """So that the others say something."""
    assert foreign(f"{home.url}/train/clip.mp4").links[0].shape == (24, 64, 96, 3) or tokens(home)
    assert set(tokens(home)) == {f"Bearer {TOKEN}"}


def test_another_host(foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer, attacker: BadHttpServer) -> None:
    port = home.url.rpartition(":")[2]
    urls = [
        f"{attacker.url}/train/clip.mp4",
        f"{home.url}/trainX/clip.mp4",
        f"{home.url}/clip.mp4",
        f"{home.url}/Train/clip.mp4",
        f"http://localhost:{port}/train/clip.mp4",
        f"https://127.0.0.1:{port}/train/clip.mp4",
        f"{home.url}0/train/clip.mp4",
        f"{home.url}.evil.example/train/clip.mp4",
    ]
    for url in urls:
        with pytest.raises(ReelbaseError) as caught:
            foreign(url).links[0].numpy()
        assert isinstance(caught.value, ScopeError) or "evil" in url or url.startswith(f"{home.url}0"), url
        assert TOKEN not in str(caught.value)
        assert Watched.asked == 0, f"{url}: the provider was asked"
    assert not home.ledger
    assert not attacker.ledger


FORMS = [
    "{}/train/../clip.mp4", "{}/train/%2e%2e/clip.mp4", "{}/train%2fclip.mp4", "{}/train\\clip.mp4",
    "{}/train/..;/clip.mp4", "{}/train/%252e%252e/clip.mp4", "{}/train/%c0%ae%c0%ae/clip.mp4",
    "{}/train/..%20/clip.mp4",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_are_read_in_two_ways(home: BadHttpServer, tmp_path: Path, form: str) -> None:
    with pytest.raises(LinkRefusedError):
        reelbase.link(form.format(home.url), creds_key="corp")


@pytest.mark.parametrize("form", FORMS)
def test_credentials_do_not_go_there(
    configured: Callable[[str], None], home: BadHttpServer, tmp_path: Path, form: str
) -> None:
    """Not by a row that was written without our rules, and not by `read` with the name of credentials."""
    file = tmp_path / "corp.toml"
    file.touch(0o600)
    file.write_text(f'token = "{TOKEN}"')
    configured(f'[credentials.corp]\nprovider = "static"\nfile = "{file}"\nprefixes = ["{home.url}/train/"]')
    url = form.format(home.url)
    for ask in (
        lambda: reelbase.read(url, creds="corp").numpy(),
        lambda: reelbase.load(url, creds="corp"),
        lambda: open_link(Pin(url, "corp", 10, "etag"), Home(str(tmp_path))).read(),
    ):
        with pytest.raises((ScopeError, LinkRefusedError)):
            ask()
    with contextlib.suppress(ReelbaseError):
        reelbase.read(url).numpy()  # without a name: the configuration's, if they are for that URL
    assert not tokens(home)


def test_a_redirect_to_another_host(
    foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer, attacker: BadHttpServer
) -> None:
    """It is followed, anonymously."""
    home.fail(Redirect(attacker.url))
    foreign(f"{home.url}/train/clip.mp4").links[0].numpy()
    assert tokens(home)
    assert attacker.ledger
    assert not tokens(attacker)


def test_a_redirect_out_of_scope(foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer) -> None:
    """On the same host, another folder: anonymously, too."""
    home.fail(Moved("train/clip.mp4", "/clip.mp4"))
    foreign(f"{home.url}/train/clip.mp4").links[0].numpy()
    sent = {one.request.path: one.request.headers.get("authorization") for one in home.ledger}
    assert sent == {"train/clip.mp4": f"Bearer {TOKEN}", "clip.mp4": None}


@pytest.mark.parametrize(
    "to", ["/train/..;/x.mp4", "/train/%252e%252e/x.mp4", "/train/%c0%ae%c0%ae/x.mp4", "/train/%2e%2e/x"]
)
def test_a_redirect_that_is_read_in_two_ways(
    foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer, to: str
) -> None:
    """It is followed, anonymously: it may lead out of the folder."""
    home.fail(Moved("train/clip.mp4", f"/train/{to}"))
    with contextlib.suppress(ReelbaseError):
        foreign(f"{home.url}/train/clip.mp4").links[0].numpy()
    sent = {
        bool(one.request.headers.get("authorization")) for one in home.ledger if one.request.path != "train/clip.mp4"
    }
    assert sent <= {False}
    assert tokens(home)


def test_a_redirect_within_scope(foreign: Callable[[str], reelbase.Dataset], home: BadHttpServer) -> None:
    """Not away from what they are for, so with them."""
    home.fail(Moved("train/old.mp4", "/train/clip.mp4"))
    foreign(f"{home.url}/train/old.mp4").links[0].numpy()
    assert {one.request.headers.get("authorization") for one in home.ledger} == {f"Bearer {TOKEN}"}


def test_names_of_the_configuration_are_as_safe(
    configured: Callable[[str], None], tmp_path: Path, home: BadHttpServer, attacker: BadHttpServer
) -> None:
    """A stranger who guesses a name of yours gets nothing by it."""
    file = tmp_path / "lab.toml"
    file.touch(0o600)
    file.write_text(f'token = "{TOKEN}"')
    configured(f'[credentials.corp]\nprovider = "static"\nfile = "{file}"\nprefixes = ["{home.url}/train"]\n')
    ds = reelbase.empty(tmp_path / "theirs")
    ds.create_tensor("links", htype="link[video]")
    ds.links.append(reelbase.link(f"{attacker.url}/clip.mp4", creds_key="corp", verify=False))
    with pytest.raises(ScopeError, match=r"'corp' are not for .*clip.mp4: they are for"):
        reelbase.load(tmp_path / "theirs").links[0].numpy()
    reelbase.read(f"{attacker.url}/clip.mp4").shape  # noqa: B018 - no prefix is that of this URL
    assert not tokens(attacker)


def test_an_endpoint_comes_from_no_row(tmp_path: Path) -> None:
    """A row has a URL and a name; where a service is, only the user says."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    ds.links.append(reelbase.link("s3://bucket/a.mp4?endpoint_url=http://evil.example", creds_key="ENV", verify=False))
    storage, _ = resolver().follow("s3://bucket/a.mp4?endpoint_url=http://evil.example", None, ds._session.store.names)
    assert storage.settings.endpoint_url is None  # type: ignore[attr-defined]
