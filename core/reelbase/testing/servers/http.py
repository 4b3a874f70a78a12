"""A web server that misbehaves on request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from reelbase.testing.servers.answers import Answer, Entry, Request, make_answer
from reelbase.testing.servers.proxy import RST_ON_CLOSE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from reelbase.testing.servers.http_faults import Fault


class BadHttpServer:
    """Serves objects over HTTP/1.1 on 127.0.0.1, correctly until a fault is set.

    Args:
        objects: Content of the objects by path; or a folder, to serve its files.

    Attributes:
        objects: The objects; they may be changed while the server runs.
    """

    def __init__(self, objects: Mapping[str, bytes] | Path) -> None:
        self.objects: Mapping[str, bytes] = _Folder(objects) if isinstance(objects, Path) else objects
        self._ledger: list[Entry] = []
        self._fault: Fault | None = None
        self._times: float = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """URL of the server, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ledger(self) -> Sequence[Entry]:
        """The requests since the server was made, or since the last call of `fail`."""
        return tuple(self._ledger)

    def fail(self, fault: Fault | None, times: int | None = None) -> None:
        """Let a fault happen to the next requests, and clear the ledger.

        Args:
            fault: Fault to happen; None for none.
            times: Number of requests; None for all.
        """
        with self._lock:
            self._fault, self._times = fault, float("inf") if times is None else times
            self._ledger.clear()

    def answer(self, request: Request) -> Answer:
        """Answer a request and add it to the ledger."""
        with self._lock:
            fault = self._fault if self._times > 0 else None
            self._times -= 1
        answer = self._make_answer(request) if fault is None else fault.answer(request, self._make_answer)
        size = 0 if request.method == "HEAD" else len(answer.body)
        sent = size if answer.cut is None else min(size, answer.cut)
        self._ledger.append(Entry(request=request, status=answer.status, sent=sent))
        return answer

    def pause(self, seconds: float) -> bool:
        """Wait. Return True, at once, if the server is closed in the meantime."""
        return self._ending.wait(seconds)

    def _make_answer(self, request: Request) -> Answer:
        return make_answer(self.objects, request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """The HTTP server. It keeps track of open connections, to close them when it is closed."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, owner: BadHttpServer) -> None:
        self.owner = owner
        self.resets: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request in self.resets:  # close() then sends RST, and drops what has not been sent
            self.resets.discard(request)
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
            request.close()
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        owner = cast("_Server", self.server).owner
        answer = owner.answer(self._read_request())
        ending = owner.pause(answer.wait)
        if answer.status and not ending:
            self._send(answer)
        if ending or not answer.status or answer.cut is not None:
            self.close_connection = True
        if answer.reset:
            cast("_Server", self.server).resets.add(self.connection)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _read_request(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(method=self.command, target=self.requestline.split()[1], headers=headers)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.cut])

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the requests are in the ledger."""


class _Folder(Mapping[str, bytes]):
    """The files of a folder by their relative paths."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __getitem__(self, path: str) -> bytes:
        file = self._root / path
        if ".." in file.parts or not file.is_file():
            raise KeyError(path)
        return file.read_bytes()

    def __iter__(self) -> Iterator[str]:
        return (str(file.relative_to(self._root)) for file in self._root.rglob("*") if file.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)
