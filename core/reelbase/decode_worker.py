"""The process that decodes in isolation (see `reelbase.isolation`).

It carries out the requests that its parent sends over a pipe, and ends when the parent closes the pipe. It has no
storage and no credentials: the parent reads and writes for it.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from reelbase.errors import MediaError, ReelbaseError
from reelbase.io.blob import Blob
from reelbase.isolation.wire import BrokenWireError, Wire
from reelbase.media.frame_index import FrameIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_OPEN_FILES = 256


class _ParentSource:
    """A byte source that asks the parent process to read. Reads are of the one file that the request is about."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()  # codecs read in several threads, and requests must not mix on the pipe

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return self.get_ranges(key, [(start, -1 if stop is None else stop)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        with self._lock:
            self._wire.send({"read": [[int(start), int(stop)] for start, stop in ranges]})
            head, size = self._wire.read_head()
            data = self._wire.read_body(size)
        if "failed" in head:
            raise _ReadFailedError
        ends = [sum(head["sizes"][: at + 1]) for at in range(len(ranges))]
        return [data[end - size : end] for end, size in zip(ends, head["sizes"], strict=True)]


class _ReadFailedError(BaseException):
    """The parent could not read. It keeps the error itself.

    Not an Exception, so that no codec catches it and takes the file for damaged.
    """


class _ParentSpool(io.RawIOBase):
    """A temporary file that the parent holds: writes and reads are sent to it."""

    def __init__(self, wire: Wire, at: int) -> None:
        self._wire = wire
        self._at = self._size = at

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._wire.send({"spool": self._at}, view)
        self._at += view.nbytes
        self._size = max(self._size, self._at)
        return view.nbytes

    def readinto(self, target: Any) -> int:
        view = memoryview(target).cast("B")
        self._wire.send({"unspool": [self._at, min(self._at + view.nbytes, self._size)]})
        _, size = self._wire.read_head()
        view[:size] = self._wire.read_body(size)
        self._at += size
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def main() -> None:
    """Carry out the parent's requests until it closes the pipe."""
    wire = Wire(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # libraries that print to stdout must not write between messages
    first, _ = wire.read_head()
    _limit_resources(first["memory"])  # before any codec is imported: importing runs plugin code
    from reelbase.media.media_info import Limits
    from reelbase.registry import registry

    codec = registry().codecs.load(first["codec"])(first["codec"], limits=Limits(**first["limits"]))
    wire.send({"ready": True})
    while True:
        try:
            head, size = wire.read_head()
            _run_request(codec, wire, head, wire.read_body(size))
        except BrokenWireError:
            return


def _limit_resources(memory: int) -> None:
    """Limit this process to `memory` bytes of data, a few open files, and no files written."""
    import resource  # POSIX only; the pool refuses to start a worker without it

    for kind, limit in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0),
                        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES)):  # fmt: skip
        _, hard = resource.getrlimit(kind)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))  # the hard limit too, so that the process cannot raise it again


def _run_request(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
    """Carry out one request, and send its result or its error."""
    try:
        _TASKS[head["do"]](codec, wire, head, body)
    except BrokenWireError:
        raise
    except _ReadFailedError:
        wire.send({"read failed": True})
    except ReelbaseError as error:
        what, _, todo = str(error).partition("\n")
        wire.send({"error": type(error).__name__, "what": what, "todo": todo.strip()})
    except MemoryError:
        wire.send({"error": "LimitError", "what": "It takes more memory than a worker may have.", "todo": ""})
    except Exception as error:  # noqa: BLE001 - a codec may raise anything for a hostile file; the parent names the file
        wire.send({"error": MediaError.__name__, "what": f"{type(error).__name__}: {error}", "todo": ""})


def _ingest(codec: Any, wire: Wire, head: dict[str, Any], _: bytes) -> None:
    spool = _ParentSpool(wire, head["spool at"])
    ingested = codec.ingest(_make_blob(wire, head), spool, **head["how"])
    _send_ingested(wire, ingested, spool.tell())


def _skim(codec: Any, wire: Wire, head: dict[str, Any], _: bytes) -> None:
    ingested = codec.skim(_make_blob(wire, head), **head["how"])
    if ingested is None:
        wire.send({"none": True})
    else:
        _send_ingested(wire, ingested)


def _send_ingested(wire: Wire, found: Any, at: int = 0) -> None:
    wire.send({"info": found.info.as_dict(), "at": at}, b"" if found.index is None else found.index.to_bytes())


def _decode(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
    plan = FrameIndex.from_bytes(body).plan(head["frames"]) if body else None
    size = None if head["size"] is None else tuple(head["size"])
    form = {} if head["pixels"] is None else {"pixels": head["pixels"]}
    array = codec.decode(_make_blob(wire, head), plan, size=size, **form)
    wire.send({"shape": list(array.shape), "dtype": array.dtype.str}, array)


def _decode_planes(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
    plan = FrameIndex.from_bytes(body).plan(head["frames"]) if body else None
    planes = codec.decode_planes(_make_blob(wire, head), plan)
    announced = {name: {"shape": list(plane.shape), "dtype": plane.dtype.str} for name, plane in planes.items()}
    wire.send({"planes": announced}, b"".join(plane.tobytes() for plane in planes.values()))


def _make_blob(wire: Wire, head: dict[str, Any]) -> Blob:
    return Blob(cast("Any", _ParentSource(wire)), head["key"], 0, head["bytes"])


_TASKS = {"ingest": _ingest, "skim": _skim, "decode": _decode, "planes": _decode_planes}

if __name__ == "__main__":
    main()
    sys.exit(0)
