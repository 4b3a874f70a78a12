"""Connections that say nothing, little, or nothing in time: they are bounded, and the page goes on."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

import reelbase
from reelbase_plugins.browser import server as servers
from reelbase_plugins.browser.connections import MAX_CONNECTIONS, MAX_IDLE_SECONDS, Connections

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted by /proc")


@pytest.fixture
def url(serve: Callable[..., str]) -> str:
    ds = reelbase.empty("mem://connections", overwrite=True)
    ds.create_tensor("x").append(np.arange(3))
    return serve(ds)


def about(url: str) -> int:
    """The status of a good request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=20)
    connection.request("GET", f"{parts.path}data/about")
    status = connection.getresponse().status
    connection.close()
    return status


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


@contextlib.contextmanager
def idle(url: str, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    port = urlsplit(url).port or 0
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            made.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            if said:
                made[-1].sendall(said)
        yield made
    finally:
        for one in made:
            one.close()


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "], ids=["no", "half", "most"]
)
def test_many_that_say_little(url: str, said: bytes) -> None:
    """A thousand took every descriptor of the process; and the page answered nobody any more."""
    before = descriptors()
    with idle(url, 300, said):
        assert about(url) == 200
        ours = descriptors() - before - 300
        assert ours <= MAX_CONNECTIONS + 10, "their other ends"
        assert threads() <= MAX_CONNECTIONS + 2


def test_those_that_work_stay(url: str) -> None:
    """The one that has waited longest goes first, and that is none whose request was just answered."""
    parts = urlsplit(url)
    kept = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=20)
    with idle(url, MAX_CONNECTIONS - 1) as others:
        for _ in range(20):
            kept.request("GET", f"{parts.path}data/about")
            assert kept.getresponse().read()
            with idle(url, 1):
                pass
        assert kept.sock is not None, "it was closed"
        assert len(others) == MAX_CONNECTIONS - 1
    kept.close()


def test_too_late(serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte after byte, each in time: the request as a whole is not."""
    monkeypatch.setattr(servers, "Connections", lambda: Connections(max_idle=1.0))
    ds = reelbase.empty("mem://late", overwrite=True)
    ds.create_tensor("x").append(np.arange(3))
    url = serve(ds)
    began = time.monotonic()
    with idle(url, 1) as (slow,), pytest.raises(OSError, match=r"reset|Broken pipe"):
        for byte in b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000:
            slow.sendall(bytes([byte]))
            time.sleep(0.05)
    assert 0.9 < time.monotonic() - began < 10
    assert about(url) == 200
    assert MAX_IDLE_SECONDS <= 60


def test_all_at_work(serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a new one is told to come again."""
    monkeypatch.setattr(servers, "Connections", lambda: Connections(maximum=3))
    ds = reelbase.empty("mem://busy", overwrite=True)
    ds.create_tensor("x").append(np.arange(3))
    url = serve(ds)
    go, at_work = threading.Event(), threading.Semaphore(0)
    answer = servers._Handler._answer

    def slow(self: object, path: str, query: str) -> None:
        at_work.release()
        go.wait(20)
        answer(self, path, query)  # type: ignore[arg-type]

    monkeypatch.setattr(servers._Handler, "_answer", slow)
    statuses: list[int] = []
    workers = [threading.Thread(target=lambda: statuses.append(about(url))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert at_work.acquire(timeout=20)
    assert about(url) == 503
    go.set()
    for worker in workers:
        worker.join(20)
    assert statuses == [200] * 3
    assert about(url) == 200


def test_closing_ends_what_is_open() -> None:
    ds = reelbase.empty("mem://closing", overwrite=True)
    ds.create_tensor("x").append(np.arange(3))
    shown = ds.visualize(open_browser=False)
    with idle(str(shown.url), 5) as made:
        time.sleep(0.3)
        shown.close()
        for one in made:
            assert one.recv(10) == b""
    assert threads() == 0 or (not time.sleep(1) and threads() == 0)
