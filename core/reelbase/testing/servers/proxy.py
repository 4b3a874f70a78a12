"""A proxy that passes bytes between a client and a server, badly on request."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

RST_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER
_BYTES_PER_CHUNK: Final = 16384


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with the connection.

    Attributes:
        latency: Seconds that a request takes to the server, and again its reply to the client.
        bandwidth: Bytes per second from the server, for all connections together; None for no limit.
        cut_after: Number of bytes from the server after which the connection is closed; None for never.
        reset: Whether it is closed as after a crash (RST), and not in order (FIN).
        drop_reply: Whether the request is passed on, and the connection closed instead of a reply.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    cut_after: int | None = None
    reset: bool = False
    drop_reply: bool = False


class FaultProxy:
    """Listens on 127.0.0.1 and passes bytes on. It works with any protocol.

    Args:
        port: Port of the server on 127.0.0.1.

    Attributes:
        connections: Number of connections so far.
        carried: Number of bytes passed from the server to clients.
    """

    def __init__(self, port: int) -> None:
        self.connections = 0
        self.carried = 0
        self._trouble, self._times = Trouble(), 0.0
        self._free = 0.0
        self._target = ("127.0.0.1", port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def port(self) -> int:
        """Port that the proxy listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """URL of the proxy, without a slash at its end, for use with a web server."""
        return f"http://127.0.0.1:{self.port}"

    def fail(self, trouble: Trouble | None, times: int | None = None) -> None:
        """Let the next connections have a trouble.

        Args:
            trouble: What is wrong with them; None for nothing.
            times: Number of connections; None for all.
        """
        with self._lock:
            self._trouble = trouble or Trouble()
            self._times = float("inf") if times is None else times

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        _shut_down(self._listener)
        self._threads[0].join()  # there are no new connections after this
        self._listener.close()
        for connection in list(self._open):
            _shut_down(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # raised when the listener is closed
            while True:
                client, _ = self._listener.accept()
                self._open.add(client)
                self.connections += 1
                self._start(lambda client=client: self._carry(client))  # type: ignore[misc]

    def _start(self, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _carry(self, client: socket.socket) -> None:
        """Pass on the bytes of one connection in both directions."""
        trouble = self._take_trouble()
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            direction = _Direction()
            up = self._start(lambda: self._send_up(client, server, trouble, direction))
            try:
                reset = self._send_down(server, client, trouble, direction) and trouble.reset
            finally:
                _shut_down(server)
                # This ends the other thread, which must not use the socket after it is closed. It sends nothing.
                _shut_down(client, socket.SHUT_RD)
                up.join()
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        self._open.discard(client)

    def _reserve_line(self, seconds: float) -> float:
        """Return the seconds to wait until bytes are sent that take `seconds`, after those of other connections."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + seconds
            return self._free - time.monotonic()

    def _take_trouble(self) -> Trouble:
        """Return the trouble of the next connection."""
        with self._lock:
            self._times -= 1
            return self._trouble if self._times >= 0 else Trouble()

    def _send_up(self, client: socket.socket, server: socket.socket, trouble: Trouble, direction: _Direction) -> None:
        with suppress(OSError):
            while chunk := client.recv(_BYTES_PER_CHUNK):
                if direction.changes_to("up"):
                    self._ending.wait(trouble.latency)
                server.sendall(chunk)
        _shut_down(server, socket.SHUT_WR)

    def _send_down(self, server: socket.socket, client: socket.socket, trouble: Trouble, direction: _Direction) -> bool:
        """Pass on the reply. Return True if it was cut."""
        left = 0 if trouble.drop_reply else trouble.cut_after
        most = max(1, min(_BYTES_PER_CHUNK, int((trouble.bandwidth or _BYTES_PER_CHUNK) / 20)))
        with suppress(OSError):
            while chunk := server.recv(most):
                if direction.changes_to("down"):
                    self._ending.wait(trouble.latency)
                part = chunk[:left]
                self.carried += len(part)  # before it is sent: the client may check this as soon as it has the bytes
                client.sendall(part)
                if left is not None and (left := left - len(part)) <= 0:
                    return True
                if trouble.bandwidth:
                    self._ending.wait(self._reserve_line(len(part) / trouble.bandwidth))
        return False


class _Direction:
    """The direction of the last bytes of a connection. The latency is applied once each time it changes."""

    def __init__(self) -> None:
        self._last = ""

    def changes_to(self, direction: str) -> bool:
        """Return True if the last bytes went in the other direction."""
        last, self._last = self._last, direction
        return last != direction


def _shut_down(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with suppress(OSError):
        connection.shutdown(how)
