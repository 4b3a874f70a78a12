"""A proxy that carries bytes between a client and a server, and does it badly when it is asked to."""

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
_CHUNK: Final = 16384


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is wrong with the way.

    Attributes:
        latency: Seconds that a request takes to come across, and its reply as many.
        bandwidth: Bytes a second from the server, of all connections together; None: as fast as they come.
        cut_after: Bytes from the server after which a connection ends; None: never.
        reset: End it as after a crash (RST), not in order (FIN).
        drop_reply: Pass the request on, and end the connection in place of the reply.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    cut_after: int | None = None
    reset: bool = False
    drop_reply: bool = False


class FaultProxy:
    """Listens on 127.0.0.1 and passes on what comes, knowing nothing of what it means.

    Args:
        port: Of the server, on 127.0.0.1.

    Attributes:
        connections: How many there were.
        carried: Bytes that went from the server to clients.
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
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """For a web server: where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def fail(self, trouble: Trouble | None, times: int | None = None) -> None:
        """Let the next `times` connections (all, by default) have a trouble."""
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
        _end(self._listener)
        self._threads[0].join()  # from here on there are no new connections
        self._listener.close()
        for one in list(self._open):
            _end(one)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed: this is the end
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
        """One connection, both ways, to its end."""
        trouble = self._take()
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            way = _Way()
            up = self._start(lambda: self._up(client, server, trouble, way))
            try:
                reset = self._down(server, client, trouble, way) and trouble.reset
            finally:
                _end(server)
                # The other thread must let go of the socket before it is closed; this sends nothing.
                _end(client, socket.SHUT_RD)
                up.join()
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        self._open.discard(client)

    def _until_sent(self, seconds: float) -> float:
        """How long to wait for bytes that take that long, after those of others that are on the line."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + seconds
            return self._free - time.monotonic()

    def _take(self) -> Trouble:
        """The trouble of one more connection."""
        with self._lock:
            self._times -= 1
            return self._trouble if self._times >= 0 else Trouble()

    def _up(self, client: socket.socket, server: socket.socket, trouble: Trouble, way: _Way) -> None:
        with suppress(OSError):
            while chunk := client.recv(_CHUNK):
                if way.turns("up"):
                    self._ending.wait(trouble.latency)
                server.sendall(chunk)
        _end(server, socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket, trouble: Trouble, way: _Way) -> bool:
        """Carry the reply; whether it was cut."""
        left = 0 if trouble.drop_reply else trouble.cut_after
        most = max(1, min(_CHUNK, int((trouble.bandwidth or _CHUNK) / 20)))
        with suppress(OSError):
            while chunk := server.recv(most):
                if way.turns("down"):
                    self._ending.wait(trouble.latency)
                part = chunk[:left]
                self.carried += len(part)  # first: who has it may look
                client.sendall(part)
                if left is not None and (left := left - len(part)) <= 0:
                    return True
                if trouble.bandwidth:
                    self._ending.wait(self._until_sent(len(part) / trouble.bandwidth))
        return False


class _Way:
    """Who of a connection spoke last: what follows at once is on its way at the same time."""

    def __init__(self) -> None:
        self._last = ""

    def turns(self, direction: str) -> bool:
        """Whether the other side spoke before."""
        last, self._last = self._last, direction
        return last != direction


def _end(one: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with suppress(OSError):
        one.shutdown(how)
