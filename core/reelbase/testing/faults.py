"""A storage that fails on purpose at one chosen operation: what does software make of it?

Run a piece of work once to count its operations, then again for each of them and each fault::

    storage = FaultyStorage(inner)
    work(storage)
    for number, call in enumerate(storage.calls):
        if fault.fits(call):
            storage.arm(fault, at=number)
            ...  # put the inner storage back as it was, work again, and look at what is there

What is there afterwards is what another process would find: look at it through the inner storage.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from reelbase.contracts.storage import Stat, Storage
from reelbase.errors import ObjectExistsError, OutcomeUnknownError, StorageError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "Call",
    "Chain",
    "Delayed",
    "Fault",
    "FaultyStorage",
    "Full",
    "Interleave",
    "Lasting",
    "NoReply",
    "OwnEcho",
    "Refused",
    "ReplyCut",
    "Stop",
    "StopAfter",
    "Stopped",
    "Torn",
]

_TODO = "It was made to fail, by a test."


class Stopped(BaseException):
    """The process died here. No `except Exception` holds it, and no clean-up reaches the storage any more."""


@dataclass(frozen=True)
class Call:
    """One operation that a storage was asked for.

    Attributes:
        kind: "get", "get_ranges", "stat", "put", "delete", "list" or "leftovers".
        key: Of the object; the prefix of a list.
        run: Does it, on the storage below.
        storage: The storage below.
        body: What a put writes.
        if_absent: Whether a put is to write only where nothing stands.
    """

    kind: str
    key: str
    run: Callable[[], Any] = field(repr=False, compare=False)
    storage: Storage = field(repr=False, compare=False)
    body: bytes = field(default=b"", repr=False, compare=False)
    if_absent: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.kind in {"put", "delete"}


class Fault(ABC):
    """What goes wrong at an operation."""

    #: What strikes next, as soon as an operation fits it.
    then: Fault | None = None

    def fits(self, call: Call) -> bool:
        """Whether it can happen to this operation."""
        return True

    @abstractmethod
    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Do the operation, or not; give its result, or raise what the caller is to see."""

    def __repr__(self) -> str:
        return type(self).__name__


class FaultyStorage(Storage):
    """A storage that counts every operation, and at a chosen one lets a fault happen.

    Operations are counted from 0 since it was made or last armed. A copy made by pickling has no fault and no count.

    Args:
        inner: The storage that does the work.
    """

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner.root, options=inner.options, credentials=inner.credentials)
        self._inner = inner
        self.distant = inner.distant
        self._lock = threading.Lock()
        self._held: list[tuple[int, Call]] = []
        self._stopped = False
        self.arm(None)

    def arm(self, fault: Fault | None, at: int = 0) -> None:
        """Count from 0 again, and let `fault` happen to the first operation from number `at` on that fits it."""
        self._calls: list[Call] = []
        self._fault, self._at = fault, at
        self._struck: Call | None = None

    def heal(self) -> None:
        """No fault from now on; what is still under way arrives."""
        self._fault = None
        self.land()

    @property
    def calls(self) -> Sequence[Call]:
        """The operations so far."""
        return tuple(self._calls)

    @property
    def struck(self) -> Call | None:
        """The first operation that the fault happened to, if it did."""
        return self._struck

    def stop(self) -> NoReturn:
        """The process dies: this and every later operation raises, and does nothing.

        Raises:
            Stopped: always.
        """
        self._stopped = True
        raise Stopped(f"The process died at operation {len(self._calls) - 1}.")

    def hold(self, call: Call, by: int) -> None:
        """Let an operation's effect come later: when `by` more operations are done, or at `land`."""
        self._held.append((len(self._calls) + by, call))

    def land(self) -> None:
        """Let all effects come that are still under way, in the order they were asked for."""
        self._land(lambda _: True)

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says."""
        return bytes(self._do("get", key, lambda: self._inner.get(key, start, stop, if_match=if_match)))

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """As the contract says; one operation."""
        return list(self._do("get_ranges", key, lambda: self._inner.get_ranges(key, ranges, if_match=if_match)))

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        found: Stat = self._do("stat", key, lambda: self._inner.stat(key))
        return found

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says; a file is read whole first."""
        body = _whole(data)
        self._do("put", key, lambda: self._inner.put(key, body, if_absent=if_absent), body=body, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """As the contract says."""
        self._do("delete", key, lambda: self._inner.delete(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says; one operation, done at once."""
        return iter(self._do("list", prefix, lambda: tuple(self._inner.list(prefix))))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """As the contract says; one operation, done at once."""
        return iter(self._do("leftovers", "", lambda: tuple(self._inner.leftovers())))

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """As the contract says; not counted, as it asks the storage nothing."""
        return self._inner.public_url(key, seconds=seconds)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._inner,))

    def _do(self, kind: str, key: str, run: Callable[[], Any], **more: Any) -> Any:
        call = Call(kind, key, run, self._inner, **more)
        fault = self._due(call)
        try:
            return run() if fault is None else fault.strike(call, self)
        finally:
            self._land(lambda due: due <= len(self._calls))

    def _due(self, call: Call) -> Fault | None:
        """Count an operation; the fault that is to happen to it."""
        with self._lock:
            if self._stopped:
                raise Stopped("The process is dead.")
            number, fault = len(self._calls), self._fault
            self._calls.append(call)
            if fault is None or number < self._at or not fault.fits(call):
                return None
            self._struck, self._fault = self._struck or call, fault.then
            return fault

    def _land(self, due: Callable[[int], bool]) -> None:
        with self._lock:
            arriving = [call for when, call in self._held if due(when)]
            self._held = [(when, call) for when, call in self._held if not due(when)]
        for call in arriving:
            with suppress(StorageError):  # nobody waits for the reply any more
                call.run()


class Stop(Fault):
    """The process dies before the operation."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        storage.stop()


class StopAfter(Fault):
    """The process dies when the operation is done, before it hears of it."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        with suppress(StorageError):  # it does not hear of that either
            call.run()
        storage.stop()


class Torn(Fault):
    """Half of what is put arrives, then the process dies.

    The contract of `Storage.put` rules this out, and claims rely on that. For objects that readers must be able to do
    without, a store that breaks the contract is worth a test.

    Args:
        keys: Of which objects; by default of all that are put without `if_absent`.
    """

    def __init__(self, keys: Callable[[str], bool] = lambda _: True) -> None:
        self._keys = keys

    def fits(self, call: Call) -> bool:
        """Puts that claim nothing."""
        return call.kind == "put" and not call.if_absent and self._keys(call.key)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        call.storage.put(call.key, call.body[: len(call.body) // 2])
        storage.stop()


class ReplyCut(Fault):
    """The operation is done, and its reply is lost."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        with suppress(StorageError):  # that reply is lost as well
            call.run()
        raise _explain_silence(call)


class NoReply(Fault):
    """The operation is not done, and no reply says so."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        raise _explain_silence(call)


class OwnEcho(Fault):
    """The storage repeats a claim that went well by itself, and reports the caller's own object as somebody else's."""

    def fits(self, call: Call) -> bool:
        """Claims."""
        return call.kind == "put" and call.if_absent

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        call.run()
        raise ObjectExistsError(f"{call.key} exists.", _TODO)


class Refused(Fault):
    """The storage says no; nothing is done."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        raise StorageError(f"The storage refuses to {call.kind} {call.key!r}.", _TODO)


class Full(Fault):
    """No space is left; nothing is written."""

    def fits(self, call: Call) -> bool:
        """Puts."""
        return call.kind == "put"

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        raise StorageFullError(f"No space left to write {call.key!r}.", _TODO)


class Interleave(Fault):
    """Right before the operation somebody else does something.

    Args:
        action: What; it must not use this storage.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        self._action()
        return call.run()


class Delayed(Fault):
    """A write gets no reply, and is done only when others, asked for after it, are done.

    Args:
        by: After how many.
    """

    def __init__(self, by: int = 1) -> None:
        self._by = by

    def fits(self, call: Call) -> bool:
        """Writes."""
        return call.writes

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        storage.hold(call, self._by)
        raise _explain_silence(call)

    def __repr__(self) -> str:
        return f"Delayed({self._by})"


class Lasting(Fault):
    """A fault that happens to every operation that fits it, from then on."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self.then = self

    def fits(self, call: Call) -> bool:
        """What the fault fits."""
        return self._fault.fits(call)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        return self._fault.strike(call, storage)

    def __repr__(self) -> str:
        return f"Lasting({self._fault!r})"


class Chain(Fault):
    """One fault, then another at the next operation that fits that one."""

    def __init__(self, first: Fault, second: Fault) -> None:
        self._first = first
        self.then = second

    def fits(self, call: Call) -> bool:
        """What the first fits."""
        return self._first.fits(call)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """As `Fault` says."""
        return self._first.strike(call, storage)

    def __repr__(self) -> str:
        return f"Chain({self._first!r}, {self.then!r})"


def _explain_silence(call: Call) -> StorageError:
    kind = OutcomeUnknownError if call.kind == "put" else StorageError
    return kind(f"No reply came to {call.kind} {call.key!r}.", _TODO)


def _whole(data: bytes | BinaryIO) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    parts = []
    while part := data.read(1 << 20):
        parts.append(part)
    return b"".join(parts)
