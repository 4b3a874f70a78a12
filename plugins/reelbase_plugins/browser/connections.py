"""How many connections a server has, and which of them it drops: those that say nothing must not keep others out.

Any page and any program of this machine can open connections. Each costs a thread and a descriptor of the user's own
process, so there is a bound; and a connection that sends its request slowly counts as one that sends none.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Final

#: Browsers open six for a page.
MAX_CONNECTIONS: Final = 64
#: Seconds that a request may take to come, from the moment that the last one was answered.
MAX_IDLE_SECONDS: Final = 30.0
#: Seconds to wait until the thread of a dropped connection has let go of it.
_ROOM_WITHIN: Final = 1.0


class Connections:
    """The open connections of one server; any thread may call it.

    Args:
        most: Connections at a time.
        patience: Seconds that one may wait for a request.
    """

    def __init__(self, most: int = MAX_CONNECTIONS, patience: float = MAX_IDLE_SECONDS) -> None:
        self._most = most
        self._patience = patience
        #: When each began to wait for a request, in that order.
        self._waiting: dict[socket.socket, float] = {}
        self._answering: set[socket.socket] = set()
        self._dropped: set[socket.socket] = set()  # their threads have not let go of them yet
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._answering) + len(self._dropped)

    def add(self, connection: socket.socket) -> bool:
        """Take in a new connection, and drop the one that has waited longest if there are too many.

        Returns:
            False if all of them are being answered.
        """
        with self._changed:
            if len(self) >= self._most and not self._dropped:
                if not self._waiting:
                    return False
                self._drop(next(iter(self._waiting)))
            if not self._changed.wait_for(lambda: len(self) < self._most, _ROOM_WITHIN):
                return False
            self._waiting[connection] = time.monotonic()
            return True

    def wait(self, connection: socket.socket) -> None:
        """Note that a connection waits for its next request."""
        with self._changed:
            if connection in self._answering:
                self._answering.remove(connection)
                self._waiting[connection] = time.monotonic()

    def answer(self, connection: socket.socket) -> bool:
        """Note that a whole request has come; False if the connection was dropped meanwhile."""
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
        late = time.monotonic() - self._patience
        with self._changed:
            for connection in [each for each, since in self._waiting.items() if since < late]:
                self._drop(connection)

    def drop_all(self) -> None:
        """Drop all, also those that are being answered."""
        with self._changed:
            for connection in [*self._waiting, *self._answering]:
                self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        """End a connection. Its thread, which waits for bytes or sends some, sees the end and closes it."""
        self._waiting.pop(connection, None)
        self._answering.discard(connection)
        self._dropped.add(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
