"""Where links may lead: not to what only this machine reaches, if the user says so."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import reelbase
from reelbase.errors import ConfigError, LinkRefusedError
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import Answer, BadHttpServer, Fault, Honest, Request
from reelbase_plugins.http.guard import Guard

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1", "2001:0:4136:e378:8000:63bf:5601:5601",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    guard = Guard.of("public")
    assert guard is not None
    assert not guard.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    guard = Guard.of("public")
    assert guard is not None
    assert guard.allows(ipaddress.ip_address(address))


def test_networks() -> None:
    guard = Guard.of("10.2.0.0/16, fd00::/8")
    assert guard is not None
    allowed = {one: guard.allows(ipaddress.ip_address(one)) for one in ("10.2.3.4", "10.3.0.1", "fd00::1", "8.8.8.8")}
    assert allowed == {"10.2.3.4": True, "10.3.0.1": False, "fd00::1": True, "8.8.8.8": False}
    assert guard.allows(ipaddress.ip_address("::ffff:10.2.3.4"))


def test_what_is_no_network() -> None:
    with pytest.raises(ConfigError, match="is not a list of networks"):
        Guard.of("10.2.0.1/16")
    assert Guard.of("any") is None


@pytest.fixture
def server(clip: Clip) -> Iterator[BadHttpServer]:
    with BadHttpServer({"clip.mp4": clip.path.read_bytes()}) as server:
        yield server


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("links", htype="link[video]")
    return ds


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Every name has these addresses, one after the other; gives what was asked for."""
    asked: list[str] = []
    left = list(answers)

    def find(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        address = host  # an address is itself
        if not host.replace(".", "").isdigit() and ":" not in host:
            asked.append(host)
            address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    return asked


def test_loopback(ds: reelbase.Dataset, server: BadHttpServer, security: Callable[..., None]) -> None:
    """Also for a link that is there already; by default it is allowed."""
    ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
    security(network="public")
    seen = len(server.ledger)
    for url in (server.url, server.url.replace("127.0.0.1", "localhost"), server.url.replace("127.0.0.1", "[::1]")):
        with pytest.raises(LinkRefusedError, match=r"leads to .*, and only public addresses may be reached"):
            ds.links.append(reelbase.link(f"{url}/clip.mp4"))
    with pytest.raises(LinkRefusedError, match="Row 0"):
        ds.links[0, 3].numpy()
    assert len(server.ledger) == seen


def test_a_network_that_is_allowed(
    ds: reelbase.Dataset, server: BadHttpServer, clip: Clip, security: Callable[..., None]
) -> None:
    security(network="127.0.0.0/8")
    ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
    assert read_code(ds.links[0, 3].numpy()) == clip.codes[3]
    with pytest.raises(LinkRefusedError, match=r"leads to 10.0.0.1, and only 127.0.0.0/8 may be reached"):
        ds.links.append(reelbase.link("http://10.0.0.1/clip.mp4"))


def test_what_is_read_by_its_url_is_not_limited(
    server: BadHttpServer, clip: Clip, security: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    security(network="public")
    assert read_code(reelbase.read(f"{server.url}/clip.mp4")[3].numpy()) == clip.codes[3]
    with pytest.raises(LinkRefusedError):
        reelbase.read(f"{server.url}/clip.mp4", options={"network": "public"})[3].numpy()


def test_a_name_that_leads_to_loopback(
    ds: reelbase.Dataset, server: BadHttpServer, security: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    security(network="public")
    resolving(monkeypatch, "127.0.0.1")
    port = server.url.rpartition(":")[2]
    with pytest.raises(LinkRefusedError, match=r"http://public.example:\d+/clip.mp4 leads to 127.0.0.1"):
        ds.links.append(reelbase.link(f"http://public.example:{port}/clip.mp4"))
    assert not server.ledger


def test_a_name_that_changes_its_mind(
    ds: reelbase.Dataset, server: BadHttpServer, security: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: looked up once, and connected to what was found; the next time it is looked at again."""
    security(network="127.0.0.2/32")
    asked = resolving(monkeypatch, "127.0.0.2", "127.0.0.1")
    port = server.url.rpartition(":")[2]
    with pytest.raises(LinkRefusedError, match=r"leads to 127.0.0.1"):
        ds.links.append(reelbase.link(f"http://rebinding.example:{port}/clip.mp4"))
    assert not server.ledger, "what answers at 127.0.0.1 was asked"
    assert set(asked) == {"rebinding.example"}


def test_the_host_is_named(
    ds: reelbase.Dataset,
    server: BadHttpServer,
    clip: Clip,
    security: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connected to an address, the server is told the name all the same."""
    security(network="127.0.0.0/8")
    resolving(monkeypatch, "127.0.0.1")
    port = server.url.rpartition(":")[2]
    ds.links.append(reelbase.link(f"http://videos.example:{port}/clip.mp4"))
    assert read_code(ds.links[0, 3].numpy()) == clip.codes[3]
    assert {one.request.headers["host"] for one in server.ledger} == {f"videos.example:{port}"}


@dataclass(frozen=True)
class Sends(Fault):
    """Everybody elsewhere."""

    to: str

    def answer(self, request: Request, honest: Honest) -> Answer:
        return Answer(status=302, headers={"Location": self.to})


@pytest.mark.parametrize(
    "to",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/a.mp4", "http://[::1]/a.mp4", "http://[fd00::1]/a"],
)
def test_redirects(ds: reelbase.Dataset, server: BadHttpServer, security: Callable[..., None], to: str) -> None:
    """To a cloud's metadata service, for example."""
    security(network="127.0.0.1/32")
    server.fail(Sends(to))
    with pytest.raises(LinkRefusedError, match="leads to"):
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "data:,a", "//::::"])
def test_redirects_out_of_the_web(ds: reelbase.Dataset, server: BadHttpServer, to: str) -> None:
    server.fail(Sends(to))
    with pytest.raises(reelbase.errors.StorageError, match="invalid web address"):
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))


def test_a_storage_that_cannot_be_limited(ds: reelbase.Dataset, security: Callable[..., None]) -> None:
    """Those of one service go where the user says; of others nobody knows."""
    security(network="public")
    from reelbase.contracts.specs import StorageSpec
    from reelbase.credentials.resolver import _limit_network
    from reelbase_plugins.http.storage import HttpStorage

    spec = StorageSpec(name="webdav", target="x:y", schemes=("dav",))
    with pytest.raises(LinkRefusedError, match="'webdav' cannot limit its addresses"):
        _limit_network("dav://host/a.mp4", HttpStorage, spec)
