"""What networks, proxies and services do to the reply of a request for bytes."""

from __future__ import annotations

import gzip
import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

from faulty_proxy import Trouble, half_a_body, lost_reply, says

HASTE = {"timeout": 0.8, "tries": 3, "deadline": 12.0}  # what the storages of the tests are given
SILENCE = 1.2  # seconds; more than the timeout


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: For the table.
        trouble: What does it.
        passes: Whether a reader that tries again gets the right bytes once it has stopped.
    """

    name: str
    trouble: Trouble
    passes: bool = True


def _altered(change: Any) -> Trouble:
    """The reply, but for what `change` makes of its status, headers (lower case) and body."""

    def trouble(handler: Any) -> None:
        status, headers, body = handler.ask()
        status, named, body = change(status, {name.lower(): value for name, value in headers}, body)
        handler.give(status, list(named.items()), body)

    return trouble


def _range_ignored(handler: Any) -> None:
    """All of the object, and the status of success."""
    for name in ("Range", "x-goog-range"):
        del handler.headers[name]
    status, headers, body = handler.ask()
    handler.give(status, headers, body)


def _shifted(status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", ""))
    if found:
        first, last, size = map(int, found.groups())
        headers["content-range"] = f"bytes {first + 1}-{last + 1}/{size}"
    return status, headers, body


def _other_bytes_elsewhere(handler: Any) -> None:
    """Bytes of another place, said to be of there: a proxy that mixes replies up."""
    span = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range") or "")
    if span:
        first, last = map(int, span.groups())
        del handler.headers["Range"]
        handler.headers["Range"] = f"bytes={first + 1}-{last + 1}"
    status, headers, body = handler.ask()
    handler.give(status, headers, body)


def _silence(handler: Any) -> None:
    time.sleep(SILENCE)
    handler.close_connection = True


def _reset(handler: Any) -> None:
    """Half of the body, then the connection is gone as after a crash."""
    half_a_body(handler)
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _changed(handler: Any) -> None:
    """As if another object had been put there: what was asked for is not there any more."""
    headers = [("ETag", '"another"'), ("x-goog-generation", "99")]
    handler.give(412, headers, b"")


_HTML = b"<!doctype html><title>Log in to this network</title>"

FAULTS = [
    Fault("access denied", says(403, b""), passes=False),
    Fault("nobody known", says(401, b""), passes=False),
    Fault("not found", says(404, b""), passes=False),
    Fault("throttled", says(429, b"", Retry_After="1")),
    Fault("busy", says(503, b"", Retry_After="0")),
    Fault("failed", says(500, b"")),
    Fault("a gateway failed", says(502, _HTML, Content_Type="text/html")),
    Fault("changed", _changed, passes=False),
    Fault("a page in place of the data", says(200, _HTML, Content_Type="text/html"), passes=False),
    Fault("nothing in place of the data", says(200, b""), passes=False),
    Fault("another service's data", says(200, b'{"some": "thing"}', Content_Type="application/json"), passes=False),
    Fault("no content", says(204, b""), passes=False),
    Fault("range ignored", _range_ignored, passes=False),
    Fault("wrong range said", _altered(_shifted), passes=False),
    Fault("no range said", _altered(lambda status, headers, body: (
        status, {name: value for name, value in headers.items() if name != "content-range"}, body)), passes=False),
    Fault("bytes of another place", _other_bytes_elsewhere, passes=False),
    Fault("a short body", _altered(lambda status, headers, body: (status, headers, body[:-1])), passes=False),
    Fault("a long body", _altered(lambda status, headers, body: (status, headers, body + b"x")), passes=False),
    Fault("packed", _altered(lambda status, headers, body: (
        status, {**headers, "content-encoding": "gzip"}, gzip.compress(body))), passes=False),
    Fault("a broken connection", half_a_body),
    Fault("a reset", _reset),
    Fault("no reply", lost_reply),
    Fault("silence", _silence),
]  # fmt: skip
