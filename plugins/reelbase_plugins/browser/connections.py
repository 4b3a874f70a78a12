"""A bound for the number of open connections, and for the time that a request may take to arrive.

Any page and any program of this machine can open connections. Each of them takes a thread and a descriptor of the
user's own process. A connection that sends its request byte by byte is treated like one that sends nothing.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Final

#: Browsers open six for one page.
MAX_CONNECTIONS: Final = 64
#: Time in which a request must have arrived, from the end of the answer before it.
MAX_IDLE_SECONDS: Final = 30.0
#: How long a new connection waits until the thread of a dropped one has closed it.
MAX_SECONDS_FOR_ROOM: Final = 1.0


class Connections:
    """The open connections of one server; any thread may call it.

    Args:
        maximum: How many may be open at a time.
        max_idle: Seconds in which a request must have arrived.
    """

    def __init__(self, maximum: int = MAX_CONNECTIONS, max_idle: float = MAX_IDLE_SECONDS) -> None:
        self._maximum = maximum
        self._max_idle = max_idle
        #: Since when each waits for a request, in that order.
        self._waiting: dict[socket.socket, float] = {}
        self._answering: set[socket.socket] = set()
        self._dropped: set[socket.socket] = set()  # but not closed yet by their threads
        self._changed = threading.Condition()
        self._closing = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._answering) + len(self._dropped)

    def add(self, connection: socket.socket) -> bool:
        """Add a new connection. If there are too many, drop the one that has waited longest for a request.

        Returns:
            False if all of them are being answered.
        """
        with self._changed:
            if len(self) >= self._maximum and not self._dropped:
                if not self._waiting:
                    return False
                self._drop(next(iter(self._waiting)))
            if not self._changed.wait_for(lambda: len(self) < self._maximum, MAX_SECONDS_FOR_ROOM):
                return False
            self._waiting[connection] = time.monotonic()
            return True

    def wait(self, connection: socket.socket) -> None:
        """Note that a connection waits for its next request."""
        with self._changed:
            if connection in self._answering:
                self._answering.remove(connection)
                self._waiting[connection] = time.monotonic()
                if self._closing:
                    self._drop(connection)

    def answer(self, connection: socket.socket) -> bool:
        """Note that a whole request has arrived. Return False if the connection was dropped in the meantime."""
        with self._changed:
            if self._waiting.pop(connection, None) is None:
                return False
            self._answering.add(connection)
            return True

    def remove(self, connection: socket.socket) -> None:
        """Forget a connection that is about to be closed."""
        with self._changed:
            self._waiting.pop(connection, None)
            self._answering.discard(connection)
            self._dropped.discard(connection)
            self._changed.notify_all()

    def drop_late(self) -> None:
        """Drop connections whose request has not come in time."""
        late = time.monotonic() - self._max_idle
        with self._changed:
            for connection in [each for each, since in self._waiting.items() if since < late]:
                self._drop(connection)

    def close(self) -> None:
        """Drop the connections that wait for a request now, and each of the others when it has its answer."""
        with self._changed:
            self._closing = True
            for connection in [*self._waiting]:
                self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        """Shut a connection down. Its thread, which waits for bytes, then gets an end of file and closes it."""
        self._waiting.pop(connection, None)
        self._answering.discard(connection)
        self._dropped.add(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
