"""What a worker runs (see `reelbase.isolation`): it does what its parent asks, until the parent hangs up."""

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

_FILES = 256


class _Asking:
    """Bytes that the parent reads for us."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()  # codecs read in threads

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return self.get_ranges(key, [(start, -1 if stop is None else stop)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        with self._lock:
            self._wire.send({"read": [[int(start), int(stop)] for start, stop in ranges]})
            head, size = self._wire.head()
            data = self._wire.body(size)
        if "failed" in head:
            raise _ReadFailedError
        ends = [sum(head["sizes"][: at + 1]) for at in range(len(ranges))]
        return [data[end - size : end] for end, size in zip(ends, head["sizes"], strict=True)]


class _ReadFailedError(BaseException):
    """The parent could not read, and knows why: no codec is to make something of it."""


class _Spool(io.RawIOBase):
    """The parent's spool: it writes and reads there for us."""

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
        _, size = self._wire.head()
        view[:size] = self._wire.body(size)
        self._at += size
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def main() -> None:
    """Serve."""
    wire = Wire(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # what libraries print is not a message
    first, _ = wire.head()
    _limit(first["memory"])
    from reelbase.media.media_info import Limits
    from reelbase.registry import registry

    codec = registry().codecs.load(first["codec"])(first["codec"], limits=Limits(**first["limits"]))
    wire.send({"ready": True})
    while True:
        try:
            head, size = wire.head()
            _do(codec, wire, head, wire.body(size))
        except BrokenWireError:
            return


def _limit(memory: int) -> None:
    import resource  # POSIX only; the pool refuses to start a worker without it

    for kind, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0),
                       (resource.RLIMIT_NOFILE, _FILES)):  # fmt: skip
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


def _do(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
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
    except Exception as error:  # noqa: BLE001 - whatever a codec raises of a hostile file; the parent says which file
        wire.send({"error": MediaError.__name__, "what": f"{type(error).__name__}: {error}", "todo": ""})


def _ingest(codec: Any, wire: Wire, head: dict[str, Any], _: bytes) -> None:
    spool = _Spool(wire, head["spool at"])
    found = codec.ingest(_blob(wire, head), spool, **head["how"])
    _found(wire, found, spool.tell())


def _skim(codec: Any, wire: Wire, head: dict[str, Any], _: bytes) -> None:
    found = codec.skim(_blob(wire, head), **head["how"])
    if found is None:
        wire.send({"none": True})
    else:
        _found(wire, found)


def _found(wire: Wire, found: Any, at: int = 0) -> None:
    wire.send({"info": found.info.as_dict(), "at": at}, b"" if found.index is None else found.index.to_bytes())


def _decode(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
    plan = FrameIndex.from_bytes(body).plan(head["frames"]) if body else None
    size = None if head["size"] is None else tuple(head["size"])
    form = {} if head["pixels"] is None else {"pixels": head["pixels"]}
    array = codec.decode(_blob(wire, head), plan, size=size, **form)
    wire.send({"shape": list(array.shape), "dtype": array.dtype.str}, array)


def _planes(codec: Any, wire: Wire, head: dict[str, Any], body: bytes) -> None:
    plan = FrameIndex.from_bytes(body).plan(head["frames"]) if body else None
    planes = codec.decode_planes(_blob(wire, head), plan)
    announced = {name: {"shape": list(plane.shape), "dtype": plane.dtype.str} for name, plane in planes.items()}
    wire.send({"planes": announced}, b"".join(plane.tobytes() for plane in planes.values()))


def _blob(wire: Wire, head: dict[str, Any]) -> Blob:
    return Blob(cast("Any", _Asking(wire)), head["key"], 0, head["bytes"])


_TASKS = {"ingest": _ingest, "skim": _skim, "decode": _decode, "planes": _planes}

if __name__ == "__main__":
    main()
    sys.exit(0)
