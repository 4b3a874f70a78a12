"""An HTTP proxy in front of a server that does to some requests what networks and services do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import urlsplit

Trouble = Callable[["_Handler"], None]
Answer = tuple[int, list[tuple[str, str]], bytes]


class Knows(Protocol):
    """Answers some requests, from what it has heard."""

    def answer(self, handler: _Handler) -> Answer | None: ...

    def heard(self, handler: _Handler, answer: Answer) -> None: ...


class FaultyProxy:
    """Forwards to `target`; each request that `fits` meets the next of the troubles that wait.

    Args:
        target: A URL of a server.

    Attributes:
        knows: What to answer in place of the server; None: nothing.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.knows: Knows | None = None
        self.met = 0
        self._waiting: list[tuple[str, str, Trouble]] = []
        self._lock = threading.Lock()

    def expect(self, method: str, trouble: Trouble, *, times: int = 1, part: str = "") -> None:
        """Let that happen to the next requests with the method, whose path holds `part`."""
        self._waiting += [(method, part, trouble)] * times

    def calm(self) -> None:
        """No trouble waits any more."""
        with self._lock:
            self._waiting.clear()

    def next_for(self, method: str, path: str) -> Trouble:
        with self._lock:
            for at, (wanted, part, trouble) in enumerate(self._waiting):
                if wanted == method and part in path:
                    del self._waiting[at]
                    self.met += 1
                    return trouble
        return forward

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL, while the block runs."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.next_for(self.command, self.path)(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815

    def ask(self) -> Answer:
        """What the server answers, or the proxy in its place."""
        knows = self.proxy.knows
        answer = knows and knows.answer(self)
        if answer is None:
            answer = self._forwarded()
            if knows is not None:
                knows.heard(self, answer)
        return answer

    def _forwarded(self) -> Answer:
        connection = http.client.HTTPConnection(self.proxy.target, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    connection.putheader(name, value)
            connection.endheaders(self.body)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()

    def give(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: int | None = None) -> None:
        self.send_response_only(status)
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", lengths[0] if lengths and self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        self.close_connection = cut is not None

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def forward(handler: _Handler) -> None:
    """No trouble."""
    handler.give(*handler.ask())


def lost_reply(handler: _Handler) -> None:
    """The server does it, and nobody hears of it."""
    handler.ask()
    handler.close_connection = True


def half_a_body(handler: _Handler) -> None:
    """The connection breaks in the middle of a reply."""
    status, headers, body = handler.ask()
    handler.give(status, headers, body, cut=len(body) // 2)


def silence(handler: _Handler) -> None:
    """No answer for a second."""
    time.sleep(1)
    handler.close_connection = True


def says(status: int, body: bytes, **headers: str) -> Trouble:
    """The service refuses without having done anything."""
    return lambda handler: handler.give(status, [(k.replace("_", "-"), v) for k, v in headers.items()], body)
