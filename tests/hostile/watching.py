"""What a test opens, starts, or asks the network for; seen by an audit hook (PEP 578), which sees all threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EVENTS = ("open", "socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.system", "urllib.", "import")
_watching: list[list[tuple[str, str]]] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if _watching and event.startswith(_EVENTS):
        for seen in _watching:
            seen.append((event, str(args[0] if args else "")))


sys.addaudithook(_hook)  # for good: hooks cannot be taken away


class Seen:
    """What was seen."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def files(self, *allowed: str | Path) -> list[str]:
        """Files opened that are in none of the folders that are allowed, nor in Python's own."""
        folders = [
            os.path.realpath(one) for one in (*allowed, sys.prefix, sys.base_prefix, "/usr", "/proc", "/dev", _HERE)
        ]
        opened = [path for event, path in self.events if event == "open" and not path.isdigit()]
        return [path for path in opened if not os.path.realpath(path).startswith(tuple(folders))]

    @property
    def network(self) -> list[tuple[str, str]]:
        """Connections and look-ups."""
        return [
            one for one in self.events if one[0].startswith(("socket.connect", "socket.getaddrinfo", "socket.bind"))
        ]

    @property
    def programs(self) -> list[tuple[str, str]]:
        """Programs started."""
        return [one for one in self.events if one[0].startswith(("subprocess.", "os.exec", "os.posix", "os.system"))]


_HERE = Path(__file__).parents[2]


@contextmanager
def watched() -> Iterator[Seen]:
    """Watch while the block runs."""
    seen = Seen()
    _watching.append(seen.events)
    try:
        yield seen
    finally:
        _watching.remove(seen.events)
