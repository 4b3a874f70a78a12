"""Keep encoders from making a process real-time.

SVT-AV1 tries once per process whether it may schedule threads as SCHED_FIFO with priority 99. The try is made on the
thread that opens the encoder and is never undone; where it succeeds, all threads of the encoder are real-time too
(SVT-AV1 2.3, ``svt_create_thread`` in Source/Lib/Globals/svt_threads.c). Every process started from such a thread
inherits the policy, and two of them are enough to starve a machine with two processors.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAP_SYS_NICE: Final = 23  # capabilities(7): the right to choose real-time policies
_CAPABILITY_VERSION_3: Final = 0x20080522  # capget(2): 64 capabilities in two words of 32


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Word(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_Words = _Word * 2


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Open or run an encoder so that no thread becomes real-time by it.

    Inside the block the calling thread lacks CAP_SYS_NICE, and so do the threads that it starts: an encoder that
    wants a real-time policy is refused and goes on without. At the end the thread has the capabilities and the policy
    it had before. Where a resource limit (RLIMIT_RTPRIO) grants real-time priorities without the capability, threads
    that became real-time inside the block are made ordinary at its end.

    Does nothing on systems other than Linux. Other threads of the process are not touched, unless they were started
    meanwhile and are real-time.
    """
    if sys.platform != "linux":
        yield
        return
    policy = _get_policy(0)
    threads = _list_threads()
    try:
        with _without_sys_nice():
            yield
    finally:
        _restore_policies(policy, threads)


def is_realtime(thread: int) -> bool:
    """Return True if the thread (0: the calling one) has a real-time policy; False if it has ended."""
    policy = _get_policy(thread)
    return policy is not None and policy[0] in (os.SCHED_FIFO, os.SCHED_RR)


@contextmanager
def _without_sys_nice() -> Iterator[None]:
    """Take CAP_SYS_NICE from what the calling thread may do now; it stays permitted, so it can be taken back."""
    header, words = _Header(_CAPABILITY_VERSION_3, 0), _Words()
    libc = _libc()
    if libc is None or libc.capget(ctypes.byref(header), words) or not words[0].effective >> _CAP_SYS_NICE & 1:
        yield
        return
    words[0].effective &= ~(1 << _CAP_SYS_NICE)
    libc.capset(ctypes.byref(header), words)
    try:
        yield
    finally:
        words[0].effective |= 1 << _CAP_SYS_NICE
        libc.capset(ctypes.byref(header), words)


@cache
def _libc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "capget") else None


def _list_threads() -> set[int]:
    """The threads of this process; none where /proc is not mounted."""
    try:
        return {int(task.name) for task in Path("/proc/self/task").iterdir()}
    except OSError:
        return set()


def _get_policy(thread: int) -> tuple[int, int] | None:
    try:
        return os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
    except ProcessLookupError:
        return None


def _restore_policies(policy: tuple[int, int] | None, threads: set[int]) -> None:
    if policy is not None and _get_policy(0) != policy:
        os.sched_setscheduler(0, policy[0], os.sched_param(policy[1]))
    if policy is not None and policy[0] in (os.SCHED_FIFO, os.SCHED_RR):
        return  # the caller is real-time by choice, and new threads inherit that
    for thread in _list_threads() - threads:
        if is_realtime(thread):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
