"""The servers of the testing kit do what they say: seen with the standard library's own client."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reelbase.testing import servers
from reelbase.testing.servers import BadHttpServer, ChangingETag, Cut, FaultProxy, NoLength, NoReply, Slow, Trouble

DATA = bytes(range(256)) * 40


@pytest.fixture
def server() -> Iterator[BadHttpServer]:
    with BadHttpServer({"a b/key": DATA, "empty": b""}) as server:
        yield server


@pytest.fixture
def proxy(server: BadHttpServer) -> Iterator[FaultProxy]:
    with FaultProxy(_port(server.url)) as proxy:
        yield proxy


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _ask(
    url: str, target: str = "/a%20b/key", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", _port(url), timeout=10)
    try:
        connection.request(method, target, headers={name.replace("_", "-"): headers[name] for name in headers})
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()
    finally:
        connection.close()


def _connected(server: BadHttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", _port(server.url)), 10)


# Honest


@pytest.mark.parametrize(
    ("asked", "status", "said", "body"),
    [
        ("bytes=0-0", 206, "bytes 0-0/10240", DATA[:1]), ("bytes=5-9", 206, "bytes 5-9/10240", DATA[5:10]),
        ("bytes=10000-", 206, "bytes 10000-10239/10240", DATA[10000:]), ("bytes=10240-", 416, "bytes */10240", b""),
        ("bytes=10000-99999", 206, "bytes 10000-10239/10240", DATA[10000:]), ("lines=1-2", 200, None, DATA),
    ],
)  # fmt: skip
def test_ranges(server: BadHttpServer, asked: str, status: int, said: str | None, body: bytes) -> None:
    got, headers, came = _ask(server.url, Range=asked)
    assert (got, headers.get("Content-Range"), came) == (status, said, body)


def test_head_and_etags(server: BadHttpServer) -> None:
    status, headers, body = _ask(server.url, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10240", b"")
    assert _ask(server.url, If_Match=headers["ETag"])[0] == 200
    assert _ask(server.url, If_Match='"other"')[0] == 412
    assert _ask(server.url, "/empty")[2] == b""
    assert _ask(server.url, "/nothing")[0] == 404
    assert [str(one) for one in server.ledger[:2]] == ["HEAD a b/key - 200 0", "GET a b/key - 200 10240"]


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "key").write_bytes(DATA)
    with BadHttpServer(tmp_path) as server:
        assert _ask(server.url, "/in/key")[2] == DATA
        assert list(server.objects) == ["in/key"]
        for target in ("/in", "/", "/in/../in/key"):
            assert _ask(server.url, target)[0] == 404


# With faults


def test_a_fault_ends(server: BadHttpServer) -> None:
    server.fail(ChangingETag(), times=2)
    tags = [_ask(server.url)[1]["ETag"] for _ in range(4)]
    assert tags[:2] == ['"0"', '"1"']
    assert tags[2] == tags[3] not in tags[:2]


def test_cut(server: BadHttpServer) -> None:
    server.fail(Cut(after=100))
    with pytest.raises(http.client.IncompleteRead) as caught:
        _ask(server.url)
    assert caught.value.partial == DATA[:100]
    server.fail(Cut(after=100, reset=True))
    with pytest.raises(ConnectionResetError):
        _ask(server.url)
    server.fail(NoReply(reset=True))
    with pytest.raises(ConnectionResetError):
        _ask(server.url)
    server.fail(NoReply())
    with pytest.raises(http.client.RemoteDisconnected):
        _ask(server.url)
    server.fail(NoLength())
    assert _ask(server.url)[2] == DATA


def test_a_server_ends_with_open_connections_and_slow_answers() -> None:
    with ExitStack() as running, ExitStack() as clients:
        server = running.enter_context(BadHttpServer({"key": DATA}))
        idle, waiting = (clients.enter_context(_connected(server)) for _ in range(2))
        server.fail(Slow(60))
        waiting.sendall(b"GET /key HTTP/1.1\r\n\r\n")
        while not server.ledger:
            time.sleep(0.01)
        start = time.monotonic()
        running.close()
        assert time.monotonic() - start < 5
        assert (idle.recv(1), waiting.recv(1)) == (b"", b"")


# The proxy


def test_a_proxy_carries(server: BadHttpServer, proxy: FaultProxy) -> None:
    assert _ask(proxy.url)[2] == DATA
    assert (proxy.connections, proxy.carried > len(DATA)) == (1, True)


@pytest.mark.parametrize("reset", [False, True])
def test_a_proxy_cuts(server: BadHttpServer, proxy: FaultProxy, reset: bool) -> None:
    proxy.fail(Trouble(cut_after=1000, reset=reset), times=1)
    with pytest.raises(ConnectionResetError if reset else http.client.IncompleteRead):
        _ask(proxy.url)
    assert proxy.carried == 1000
    assert _ask(proxy.url)[2] == DATA


def test_a_proxy_drops_the_reply(server: BadHttpServer, proxy: FaultProxy) -> None:
    proxy.fail(Trouble(drop_reply=True), times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        _ask(proxy.url)
    assert len(server.ledger) == 1, "the request must have come"
    assert proxy.carried == 0


def test_a_proxy_is_slow(server: BadHttpServer, proxy: FaultProxy) -> None:
    start = time.monotonic()
    assert _ask(proxy.url)[2] == DATA
    fast = time.monotonic() - start
    for trouble in (Trouble(latency=0.2), Trouble(bandwidth=len(DATA) / 0.4)):
        proxy.fail(trouble)
        start = time.monotonic()
        assert _ask(proxy.url)[2] == DATA
        assert time.monotonic() - start > max(0.3, fast)


def test_all_names_are_there() -> None:
    assert sorted(servers.__all__) == servers.__all__
    assert all(hasattr(servers, name) for name in servers.__all__)
