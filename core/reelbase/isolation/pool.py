"""The parent's side of a worker process, and the pool of idle workers."""

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

_VARIABLES_PASSED: Final = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
MAX_IDLE_WORKERS: Final = 8
#: No codec that we know reads a file more often, so a worker that does is hostile or has a hostile file.
MAX_READS_OF_A_FILE: Final = 4
EXTRA_BYTES_PER_CALL: Final = 64 << 20


class Worker:
    """A worker process that runs one codec.

    Args:
        codec: Name of the codec.
        limits: Limits of the codec.

    Raises:
        UsageError: this system cannot limit what a process uses.
        LimitError: the process did not start with the memory that it may use.
    """

    def __init__(self, codec: str, limits: Limits) -> None:
        if find_spec("resource") is None:
            raise UsageError(
                "isolate_decode is not available on this system: it has no limits on what a process may use.",
                "Switch it off under [security], and decode files from strangers in a container.",
            )
        security = settings().security
        self._max_seconds = security.isolate_seconds
        self.is_late = False
        # With -P and cwd="/" no module is imported from the user's working directory.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "reelbase.decode_worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", env=_make_environment(), start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._wire = Wire(self._process.stdout, self._process.stdin)  # type: ignore[arg-type]
        try:
            with self._in_time():
                self._wire.send({"codec": codec, "limits": vars(limits), "memory": security.isolate_bytes})
                self._wire.read_head()
        except BrokenWireError:
            fate = self.reap()
            what = f"A decoding process with {security.isolate_bytes} bytes of memory did not start: {fate}."
            raise LimitError(what, "Raise isolate_bytes under [security].") from None

    def call(
        self,
        head: dict[str, Any],
        body: ReadableBuffer,
        blob: Blob,
        take: Callable[[dict[str, Any], int, Wire], Any],
        spool: BinaryIO | None = None,
    ) -> Any:
        """Send a request to the worker, and read and write for it until it answers.

        Args:
            head: The head of the request, JSON-able.
            body: The bytes that belong to the request.
            blob: The file that the worker may read.
            take: Reads the answer: called with its head, the size of its body in bytes, and the wire.
            spool: A temporary file that the worker may write to and read from; None: no such file.

        Returns:
            What `take` returned.

        Raises:
            ReelbaseError: what the codec raised, or what a read of `blob` raised; LimitError, if the worker reads or
                writes without end.
            BrokenWireError: the worker has ended or misbehaved; it cannot be used again.
        """
        # What the worker may still read and write, in bytes. It may do so in many small steps, each of them in time.
        left = MAX_READS_OF_A_FILE * blob.size + EXTRA_BYTES_PER_CALL
        failure: BaseException | None = None
        self._send({"bytes": blob.size, "key": blob.key, **head}, body)
        while True:
            answer, size = self._receive()
            left -= size
            if "read" in answer:
                parts, failed = _read_ranges(blob, answer["read"], left)
                failure = failure or failed
                left -= sum(map(len, parts))
                self._send({"failed": True} if failed else {"sizes": [len(part) for part in parts]}, b"".join(parts))
            elif "spool" in answer and spool is not None and left >= 0:
                with self._in_time():
                    data = self._wire.read_body(size)
                spool.seek(_check_position(answer["spool"]))
                spool.write(data)
            elif "unspool" in answer and spool is not None and left >= 0:
                start, stop = map(_check_position, answer["unspool"])
                spool.seek(start)
                data = spool.read(max(0, min(stop - start, left)))
                left -= len(data)
                self._send({}, data)
            elif "read failed" in answer and failure is not None:
                raise failure
            elif "error" in answer:
                raise _make_error(answer)
            elif left < 0 and "shape" not in answer:
                raise LimitError(f"{blob.key} is read again and again, or gives far more output than its size.", None)
            else:
                with self._in_time():
                    return take(answer, size, self._wire)

    def _send(self, head: dict[str, Any], body: ReadableBuffer) -> None:
        with self._in_time():
            self._wire.send(head, body)

    def _receive(self) -> tuple[dict[str, Any], int]:
        with self._in_time():
            return self._wire.read_head()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Kill the worker if the block takes too long. Reading and writing on its pipes then fail."""
        timer = threading.Timer(self._max_seconds, self._kill_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill_late(self) -> None:
        self.is_late = True
        self.end()

    def end(self) -> None:
        """Kill the worker."""
        kill_group(self._process)

    def reap(self) -> str:
        """Kill the worker, wait for its end, close its pipes, and return how it ended: "exit code 1"."""
        self.end()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if self.is_late:
            return f"it took more than {self._max_seconds:g} s"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _make_environment() -> dict[str, str]:
    found = {name: os.environ[name] for name in _VARIABLES_PASSED if name in os.environ}
    plugins = settings().plugins
    found["HOME"] = "/"  # so that the worker finds no configuration, and with it no credentials, of the user
    found["REELBASE_SECURITY__ISOLATE_DECODE"] = "false"  # a worker decodes itself, and starts no other worker
    if plugins.allow is not None:
        found["REELBASE_PLUGINS__ALLOW"] = ",".join(plugins.allow)
    if plugins.deny:
        found["REELBASE_PLUGINS__DENY"] = ",".join(plugins.deny)
    return found


def _check_position(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise BrokenWireError
    return value


def _read_ranges(blob: Blob, ranges: Any, left: int) -> tuple[list[bytes], BaseException | None]:
    """Return the parts of a blob that a worker asks for, or an empty list and the error.

    Args:
        blob: The blob to read.
        ranges: ``[start, stop]`` of each part, as the worker sent them: not trusted. A negative stop is the end.
        left: How many bytes the worker may still read.
    """
    try:
        spans = [(max(0, int(start)), blob.size if stop < 0 else min(int(stop), blob.size)) for start, stop in ranges]
        if sum(stop - start for start, stop in spans) > left:
            raise LimitError(
                f"{blob.key} is read again and again while it is decoded.", "The file is hostile, or damaged."
            )
        parts = blob.read_ranges([(start, max(start, stop)) for start, stop in spans])
        return [bytes(part) for part in parts], None
    except (ReelbaseError, ValueError, TypeError, OSError) as error:
        return [], error


def _make_error(answer: dict[str, Any]) -> ReelbaseError:
    """Return the error that the codec raised in the worker; MediaError if it is not an error of reelbase."""
    kind = getattr(errors, str(answer["error"]), None)
    if not isinstance(kind, type) or not issubclass(kind, ReelbaseError):
        kind = MediaError
    return kind(str(answer.get("what")), str(answer.get("todo") or "") or None)


class Workers:
    """The idle workers of one codec. A forked child starts with none: the parent's workers are not its own.

    Args:
        codec: Name of the codec.
        limits: Limits of the codec.
    """

    def __init__(self, codec: str, limits: Limits) -> None:
        self._codec = codec
        self._limits = limits
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """Start without workers."""
        self._idle: deque[Worker] = deque()
        weakref.finalize(self, _reap_all, os.getpid(), self._idle)

    def call(self, *what: Any) -> Any:
        """As `Worker.call`, with an idle worker or a new one.

        Raises:
            LimitError: the worker took too long, or read or wrote too much.
            MediaError: the worker crashed; the file is damaged, or hostile.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = None
        try:
            worker = worker or Worker(self._codec, self._limits)
            done = worker.call(*what)
        except BrokenWireError:
            assert worker is not None  # noqa: S101 - a worker that does not start raises LimitError
            raise _lost_error(what[2].key, worker.reap(), is_late=worker.is_late) from None
        except LimitError:
            if worker:
                worker.reap()
            raise
        except ReelbaseError:
            self._keep(worker)
            raise
        except BaseException:  # possibly in the middle of a message, after which the next one could not be understood
            if worker:
                worker.reap()
            raise
        self._keep(worker)
        return done

    def _keep(self, worker: Worker | None) -> None:
        if worker is not None and len(self._idle) < MAX_IDLE_WORKERS:
            self._idle.append(worker)
        elif worker is not None:
            worker.reap()


def _reap_all(pid: int, idle: deque[Worker]) -> None:
    while idle and pid == os.getpid():  # in a forked child the workers are the parent's
        idle.pop().reap()


def _lost_error(key: str, fate: str, *, is_late: bool) -> ReelbaseError:
    """Return the error about a file whose worker ended; `fate` says how."""
    if is_late:
        return LimitError(
            f"Decoding {key} was stopped: {fate}.", "Raise isolate_seconds under [security] if you trust it."
        )
    return MediaError(f"{key} ended the process that decoded it: {fate}.", "The file is damaged, or hostile.")
