"""Small servers to test storages with, on 127.0.0.1 and a free port. They only need the standard library.

`BadHttpServer` serves bytes over HTTP correctly until a fault is set. Its ledger has every request::

    with BadHttpServer({"clip.mp4": data}) as server:
        storage = MyStorage(server.url)
        server.fail(Cut(after=100, reset=True), times=1)
        assert storage.get("clip.mp4", 0, 1000) == data[:1000]
        assert [entry.status for entry in server.ledger] == [206, 206]

`FaultProxy` is a proxy in front of any server: it delays, throttles, cuts and loses bytes, whatever the protocol.
`DriveServer`, in `reelbase.testing.servers.drive`, imitates Google Drive.
"""

from __future__ import annotations

from reelbase.testing.servers.answers import Answer, Entry, Honest, Request
from reelbase.testing.servers.http import BadHttpServer
from reelbase.testing.servers.http_faults import (
    ChangingETag,
    Cut,
    Encoded,
    Endless,
    Expired,
    Fault,
    Headless,
    HtmlForMissing,
    NoLength,
    NoRange,
    NoReply,
    Redirect,
    RedirectLoop,
    Refused,
    Short,
    Slow,
    Status,
    Throttled,
    WrongContentRange,
)
from reelbase.testing.servers.proxy import FaultProxy, Trouble

__all__ = [
    "Answer", "BadHttpServer", "ChangingETag", "Cut", "Encoded", "Endless", "Entry", "Expired", "Fault", "FaultProxy",
    "Headless", "Honest", "HtmlForMissing", "NoLength", "NoRange", "NoReply", "Redirect", "RedirectLoop", "Refused",
    "Request", "Short", "Slow", "Status", "Throttled", "Trouble", "WrongContentRange",
]  # fmt: skip
