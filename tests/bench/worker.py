"""A process for each peer, so that libraries with FFmpegs of their own do not meet, and one that crashes falls alone.

The parent sends a task and waits for the answer; a worker that has nothing to do costs nothing. Run as a program,
this file is the worker: ``worker.py PEER THREADS FILE DATASET``, with pickles on its standard input and output.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

import peers

if TYPE_CHECKING:
    from looks import Looks


T = TypeVar("T")
_REST: Final = 0.02  # seconds


@dataclass(frozen=True)
class Task:
    """What to read.

    Attributes:
        asked: Frame numbers of each call, one call after another.
        reopen: Open the video again before every call, and time that too.
        walk: Read the whole video from its start as well.
        size: ``(height, width)`` that frames are wanted in; None: their own.
    """

    asked: Sequence[Sequence[int]] = ()
    reopen: bool = False
    walk: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Spent:
    """Seconds a task took.

    Attributes:
        wall: By the clock.
        processor: Of this process and its children, over all threads; also what they go on with once the answer is
            there, such as decoding ahead.
    """

    wall: float
    processor: float


class Worker:
    """The parent's end."""

    def __init__(self, peer: str, place: peers.Place, threads: int) -> None:
        self._process = subprocess.Popen(
            command(peer, place, threads), env=environment(peer), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def spent(self, task: Task) -> Spent | None:
        """Do a task, and time it; None: it failed."""
        return self._ask("spent", task)

    def looks(self, task: Task) -> list[Looks | None]:
        """What the frames of each call look like; None for a call that failed. The walk is the last."""
        return self._ask("looks", task) or [None] * (len(task.asked) + task.walk)

    def opens(self) -> bool:
        """Whether the peer can open the video at all."""
        return bool(self._ask("opens", None))

    def version(self) -> str:
        """Of the library."""
        return self._ask("version", None) or "unknown"

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, what: str, task: Task | None) -> Any:
        """The answer; None where the peer failed, also where it took its process with it."""
        try:
            pickle.dump((what, task), self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError):
            return None


def command(peer: str, place: peers.Place, threads: int) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, str(Path(__file__).resolve()), peer, str(threads), place.file, place.dataset]


def environment(peer: str) -> dict[str, str]:
    """Its environment: torchcodec brings no FFmpeg and gets PyAV's; decord2 has a folder of its own.

    Compiled Python is kept, whatever the caller's environment says, so that a new process does not compile sources.
    """
    more = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(_SCRATCH.name, "pycache"))}
    if peer.startswith("torchcodec") and (folder := ffmpeg()):
        more["LD_LIBRARY_PATH"] = folder
    if peer == "decord2":
        more["PYTHONPATH"] = os.environ["DECORD2"]
    return {**os.environ, **more}


_SCRATCH: Final = tempfile.TemporaryDirectory(prefix="reelbase-bench-")


def ffmpeg() -> str:
    """Folders with the FFmpeg libraries in PyAV's wheel, under the names that torchcodec looks for; "" if none are."""
    import av

    found = Path(av.__file__).parent.parent / "av.libs"
    for library in found.glob("lib[as][vw]*.so.*"):
        stem, _, rest = library.name.partition("-")
        link = Path(_SCRATCH.name, f"{stem}.so.{rest.split('.so.')[1].split('.')[0]}")
        if not link.exists():
            link.symlink_to(library)
    return f"{_SCRATCH.name}:{found}" if found.is_dir() else ""


class _Inside:
    """The worker's end."""

    def __init__(self, peer: str, place: peers.Place, threads: int) -> None:
        self._open = functools.partial(peers.opened, peer, place, threads)
        self._peers: dict[tuple[int, int] | None, peers.Peer] = {}
        self._name = peer

    def version(self, _: None) -> str:
        return peers.PEERS[self._name].version()

    def opens(self, _: None) -> bool:
        return self._peer(None) is not None

    def _peer(self, size: tuple[int, int] | None) -> peers.Peer | None:
        if size not in self._peers:
            found = _tried(lambda: self._open(size))
            if found is not None:
                self._peers[size] = found
        return self._peers.get(size)

    def spent(self, task: Task) -> Spent | None:
        peer = self._peer(task.size)
        if peer is None:
            return None
        gc.collect()
        return _tried(lambda: self._timed(peer, task))

    def _timed(self, peer: peers.Peer, task: Task) -> Spent:
        wall, processor = time.perf_counter(), _processor()
        for numbers in task.asked:
            (self._open(task.size) if task.reopen else peer).frames(numbers)
        if task.walk:
            for _ in peer.walk():
                pass
        return Spent(time.perf_counter() - wall, _at_rest() - processor)

    def looks(self, task: Task) -> list[Looks | None] | None:
        from looks import looks

        peer = self._peer(task.size)
        if peer is None:
            return None
        calls = [lambda n=numbers: looks(peer.frames(n)) for numbers in task.asked]
        if task.walk:
            calls.append(lambda: looks(frame for some in peer.walk() for frame in some))
        return [_tried(call) for call in calls]


def _processor() -> float:
    """Seconds of processor time so far, of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _at_rest() -> float:
    """The same, once nothing goes on any more behind the caller's back."""
    before = _processor()
    while True:
        time.sleep(_REST)
        now = _processor()
        if now - before < _REST / 4:
            return before
        before = now


def _tried(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except Exception as error:  # whatever a peer raises is a wrong answer, not the end of the run
        print(f"{type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        return None


def _serve(inside: _Inside, asks: IO[bytes], answers: IO[bytes]) -> None:
    while True:
        try:
            what, task = pickle.load(asks)
        except EOFError:
            return
        pickle.dump(_tried(functools.partial(getattr(inside, what), task)), answers)
        answers.flush()


def _main() -> None:
    peer, threads, file, dataset = sys.argv[1:]
    if threads == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to stderr
    _serve(_Inside(peer, peers.Place(file, dataset), int(threads)), sys.stdin.buffer, answers)


if __name__ == "__main__":
    # Pickles name classes by module: the parent knows this one as `worker`.
    sys.modules["worker"] = sys.modules["__main__"]
    for one in (Task, Spent):
        one.__module__ = "worker"
    _main()
