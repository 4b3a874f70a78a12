"""A worker as its parent sees it, and the pool of those that wait for work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from reelbase import errors
from reelbase._util.forks import reset_after_fork
from reelbase._util.processes import kill_group
from reelbase.config import settings
from reelbase.errors import LimitError, MediaError, ReelbaseError, UsageError
from reelbase.isolation.wire import BrokenWireError, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import ReadableBuffer

    from reelbase.io.blob import Blob
    from reelbase.media.media_info import Limits

_PASSED_ON: Final = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
MAX_IDLE_WORKERS: Final = 8
MAX_READS_OF_A_FILE: Final = 4  # a codec that looks at a file four times over is none that we know
EXTRA_BYTES_PER_CALL: Final = 64 << 20


class Worker:
    """A process with one codec in it.

    Args:
        codec: Name of the codec.
        limits: Limits of the codec.
    """

    def __init__(self, codec: str, limits: Limits) -> None:
        if find_spec("resource") is None:
            raise UsageError(
                "isolate_decode is not available on this system: it has no limits on what a process may use.",
                "Switch it off under [security], and decode files from strangers in a container.",
            )
        security = settings().security
        self._seconds = security.isolate_seconds
        self.late = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "reelbase.decode_worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", env=_environment(), start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._wire = Wire(self._process.stdout, self._process.stdin)  # type: ignore[arg-type]
        try:
            with self._in_time():
                self._wire.send({"codec": codec, "limits": vars(limits), "memory": security.isolate_bytes})
                self._wire.head()
        except BrokenWireError:
            fate = self.gone()
            what = f"A process to decode in, with {security.isolate_bytes} bytes of memory, did not start: {fate}."
            raise LimitError(what, "Raise isolate_bytes under [security].") from None

    def call(
        self,
        head: dict[str, Any],
        body: ReadableBuffer,
        blob: Blob,
        take: Callable[[dict[str, Any], int, Wire], Any],
        spool: BinaryIO | None = None,
    ) -> Any:
        """Have something done, and meanwhile read and write for it.

        Args:
            head: The request, as JSON.
            body: The bytes that go with it.
            blob: What it may read.
            take: Reads the answer.
            spool: Where it may write, and read what it wrote.

        Raises:
            ReelbaseError: what the codec raised; what a read raised; LimitError, if it reads or writes without end.
            BrokenWireError: it is gone, and nothing can be asked of it again.
        """
        left = MAX_READS_OF_A_FILE * blob.size + EXTRA_BYTES_PER_CALL
        failure: BaseException | None = None
        self._send({"bytes": blob.size, "key": blob.key, **head}, body)
        while True:
            answer, size = self._heard()
            left -= size
            if "read" in answer:
                parts, failed = _read(blob, answer["read"], left)
                failure = failure or failed
                left -= sum(map(len, parts))
                self._send({"failed": True} if failed else {"sizes": [len(part) for part in parts]}, b"".join(parts))
            elif "spool" in answer and spool is not None and left >= 0:
                with self._in_time():
                    data = self._wire.body(size)
                spool.seek(_place(answer["spool"]))
                spool.write(data)
            elif "unspool" in answer and spool is not None and left >= 0:
                start, stop = map(_place, answer["unspool"])
                spool.seek(start)
                data = spool.read(max(0, min(stop - start, left)))
                left -= len(data)
                self._send({}, data)
            elif "read failed" in answer and failure is not None:
                raise failure
            elif "error" in answer:
                raise _error(answer)
            elif left < 0 and "shape" not in answer:
                raise LimitError(f"{blob.key}: it is read again and again, or makes far more than it has.", None)
            else:
                with self._in_time():
                    return take(answer, size, self._wire)

    def _send(self, head: dict[str, Any], body: ReadableBuffer) -> None:
        with self._in_time():
            self._wire.send(head, body)

    def _heard(self) -> tuple[dict[str, Any], int]:
        with self._in_time():
            return self._wire.head()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """It is ended if it does not do its part in time; reading and writing end then."""
        watch = threading.Timer(self._seconds, self._overdue)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _overdue(self) -> None:
        self.late = True
        self.end()

    def end(self) -> None:
        """Kill the worker."""
        kill_group(self._process)

    def gone(self) -> str:
        """After a `BrokenWireError`: what became of it."""
        self.end()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if self.late:
            return f"it took more than {self._seconds:g} s"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _environment() -> dict[str, str]:
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    plugins = settings().plugins
    found["HOME"] = "/"  # there is no configuration of the user's
    found["REELBASE_SECURITY__ISOLATE_DECODE"] = "false"
    if plugins.allow is not None:
        found["REELBASE_PLUGINS__ALLOW"] = ",".join(plugins.allow)
    if plugins.deny:
        found["REELBASE_PLUGINS__DENY"] = ",".join(plugins.deny)
    return found


def _place(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise BrokenWireError
    return value


def _read(blob: Blob, ranges: Any, left: int) -> tuple[list[bytes], BaseException | None]:
    """Parts of a blob, and why there are none."""
    try:
        spans = [(max(0, int(start)), blob.size if stop < 0 else min(int(stop), blob.size)) for start, stop in ranges]
        if sum(stop - start for start, stop in spans) > left:
            raise LimitError(f"{blob.key}: it is read again and again.", "It is hostile, or damaged in a rare way.")
        parts = blob.read_ranges([(start, max(start, stop)) for start, stop in spans])
        return [bytes(part) for part in parts], None
    except (ReelbaseError, ValueError, TypeError, OSError) as error:
        return [], error


def _error(answer: dict[str, Any]) -> ReelbaseError:
    """The error that the codec raised; of our own kinds only."""
    kind = getattr(errors, str(answer["error"]), None)
    if not isinstance(kind, type) or not issubclass(kind, ReelbaseError):
        kind = MediaError
    return kind(str(answer.get("what")), str(answer.get("todo") or "") or None)


class Workers:
    """The workers of one codec that wait for work; a fork's child has its own."""

    def __init__(self, codec: str, limits: Limits) -> None:
        self._codec = codec
        self._limits = limits
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """None."""
        self._idle: deque[Worker] = deque()
        weakref.finalize(self, _end_all, os.getpid(), self._idle)

    def call(self, *what: Any) -> Any:
        """As `Worker.call`, by one that is free, or a new one.

        Raises:
            LimitError: it took too long.
            MediaError: it crashed.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = None
        try:
            worker = worker or Worker(self._codec, self._limits)
            done = worker.call(*what)
        except BrokenWireError:
            assert worker is not None  # noqa: S101 - one that does not start says so in another way
            raise _lost(what[2].key, worker.gone(), late=worker.late) from None
        except LimitError:
            if worker:
                worker.gone()
            raise
        except ReelbaseError:
            self._keep(worker)
            raise
        except BaseException:  # in the middle of a message: nothing more can be said to it
            if worker:
                worker.gone()
            raise
        self._keep(worker)
        return done

    def _keep(self, worker: Worker | None) -> None:
        if worker is not None and len(self._idle) < MAX_IDLE_WORKERS:
            self._idle.append(worker)
        elif worker is not None:
            worker.gone()


def _end_all(pid: int, idle: deque[Worker]) -> None:
    while idle and pid == os.getpid():  # in a forked child they are the parent's
        idle.pop().gone()


def _lost(key: str, fate: str, *, late: bool) -> ReelbaseError:
    if late:
        return LimitError(f"{key} was given up: {fate}.", "Raise isolate_seconds under [security] if you trust it.")
    return MediaError(f"{key} ended the process that decoded it: {fate}.", "The file is damaged, or hostile.")
