"""A storage whose operations fail on purpose, to test how software handles that.

Run a piece of work once to count its operations, then again for each operation and each fault::

    storage = FaultyStorage(inner)
    work(storage)
    for number, call in enumerate(storage.calls):
        if fault.fits(call):
            storage.arm(fault, at=number)
            ...  # restore the inner storage, run the work again, and check what is stored

Check the result through the inner storage: it has what another process would find.
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

_TODO = "A test made this fail."


class Stopped(BaseException):
    """The process died here. It is not an Exception, so that the code under test does not handle it.

    Every later operation of the storage fails as well, so that clean-up code has no effect.
    """


@dataclass(frozen=True)
class Call:
    """One operation of a storage.

    Attributes:
        kind: "get", "get_ranges", "stat", "put", "delete", "list" or "leftovers".
        key: Key of the object, or the prefix of a list.
        run: Performs the operation on the inner storage.
        storage: The inner storage.
        body: Bytes that a put writes.
        if_absent: Whether a put must not replace an object.
    """

    kind: str
    key: str
    run: Callable[[], Any] = field(repr=False, compare=False)
    storage: Storage = field(repr=False, compare=False)
    body: bytes = field(default=b"", repr=False, compare=False)
    if_absent: bool = False

    @property
    def writes(self) -> bool:
        """Whether the operation is a write."""
        return self.kind in {"put", "delete"}


class Fault(ABC):
    """Something that goes wrong with an operation."""

    #: Fault that is armed after this one has happened; None for none.
    then: Fault | None = None

    def fits(self, call: Call) -> bool:
        """Return True if the fault can happen to an operation."""
        return True

    @abstractmethod
    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Let the fault happen.

        Args:
            call: Operation that is affected. The fault decides whether to run it.
            storage: Storage that the operation was called on.

        Returns:
            The result of the operation; or raises the error that the caller gets.
        """

    def __repr__(self) -> str:
        return type(self).__name__


class FaultyStorage(Storage):
    """A storage that counts its operations and makes a chosen one fail.

    Operations are counted from 0 since the storage was made or last armed. A pickled copy has no fault and starts
    counting at 0.

    Args:
        inner: Storage that performs the operations.
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
        """Count from 0 again, and let a fault happen.

        Args:
            fault: Fault to happen; None for none.
            at: Number of the operation. If the fault does not fit it, it happens to the next operation that it fits.
        """
        self._calls: list[Call] = []
        self._fault, self._at = fault, at
        self._struck: Call | None = None

    def heal(self) -> None:
        """Remove the fault, and run operations that were delayed."""
        self._fault = None
        self.land()

    @property
    def calls(self) -> Sequence[Call]:
        """The operations since the storage was last armed."""
        return tuple(self._calls)

    @property
    def struck(self) -> Call | None:
        """The first operation that the fault happened to; None if it has not happened."""
        return self._struck

    def stop(self) -> NoReturn:
        """Let the process die: this and every later operation raises Stopped and does nothing.

        Raises:
            Stopped: always.
        """
        self._stopped = True
        raise Stopped(f"The process died at operation {len(self._calls) - 1}.")

    def hold(self, call: Call, by: int) -> None:
        """Delay an operation.

        Args:
            call: Operation to delay.
            by: Number of later operations after which it is run; it is also run by `land`.
        """
        self._held.append((len(self._calls) + by, call))

    def land(self) -> None:
        """Run all delayed operations in the order in which they were called."""
        self._run_held(lambda _: True)

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """Read an object or a part of it."""
        return bytes(self._do("get", key, lambda: self._inner.get(key, start, stop, if_match=if_match)))

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """Read several parts of an object. This counts as one operation."""
        return list(self._do("get_ranges", key, lambda: self._inner.get_ranges(key, ranges, if_match=if_match)))

    def stat(self, key: str) -> Stat:
        """Return size, etag and time of modification of an object."""
        found: Stat = self._do("stat", key, lambda: self._inner.stat(key))
        return found

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """Write an object. A file is first read completely, so that faults can use its bytes."""
        body = _read_all(data)
        self._do("put", key, lambda: self._inner.put(key, body, if_absent=if_absent), body=body, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._do("delete", key, lambda: self._inner.delete(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """List objects. This counts as one operation, which is performed at once."""
        return iter(self._do("list", prefix, lambda: tuple(self._inner.list(prefix))))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """List leftovers of writes. This counts as one operation, which is performed at once."""
        return iter(self._do("leftovers", "", lambda: tuple(self._inner.leftovers())))

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """Return a URL of an object. This is not counted, because it sends no request."""
        return self._inner.public_url(key, seconds=seconds)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._inner,))

    def _do(self, kind: str, key: str, run: Callable[[], Any], **more: Any) -> Any:
        call = Call(kind, key, run, self._inner, **more)
        fault = self._count(call)
        try:
            return run() if fault is None else fault.strike(call, self)
        finally:
            self._run_held(lambda due: due <= len(self._calls))

    def _count(self, call: Call) -> Fault | None:
        """Count an operation, and return the fault that happens to it, if any."""
        with self._lock:
            if self._stopped:
                raise Stopped("The process is dead.")
            number, fault = len(self._calls), self._fault
            self._calls.append(call)
            if fault is None or number < self._at or not fault.fits(call):
                return None
            self._struck, self._fault = self._struck or call, fault.then
            return fault

    def _run_held(self, due: Callable[[int], bool]) -> None:
        with self._lock:
            arriving = [call for when, call in self._held if due(when)]
            self._held = [(when, call) for when, call in self._held if not due(when)]
        for call in arriving:
            with suppress(StorageError):  # the caller has gone on without a reply
                call.run()


class Stop(Fault):
    """The process dies before the operation."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Stop without running the operation."""
        storage.stop()


class StopAfter(Fault):
    """The process dies after the operation, before it gets the reply."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Run the operation, then stop."""
        with suppress(StorageError):  # this reply is lost as well
            call.run()
        storage.stop()


class Torn(Fault):
    """Half of an object is written, then the process dies.

    The contract of `Storage.put` forbids this, and commits rely on it. Use this fault to test objects that readers must
    be able to do without, with a storage that breaks the contract.

    Args:
        keys: Returns True for the keys of objects that may be torn; by default all. Objects that are put with
            `if_absent` are never torn.
    """

    def __init__(self, keys: Callable[[str], bool] = lambda _: True) -> None:
        self._keys = keys

    def fits(self, call: Call) -> bool:
        """Return True for a put without `if_absent`."""
        return call.kind == "put" and not call.if_absent and self._keys(call.key)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Write half of the object, then stop."""
        call.storage.put(call.key, call.body[: len(call.body) // 2])
        storage.stop()


class ReplyCut(Fault):
    """The operation is performed, and its reply is lost."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Run the operation, then raise the error of a lost reply."""
        with suppress(StorageError):  # this reply is lost as well
            call.run()
        raise _make_lost_reply_error(call)


class NoReply(Fault):
    """The operation is not performed, and there is no reply."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Raise the error of a lost reply."""
        raise _make_lost_reply_error(call)


class OwnEcho(Fault):
    """A conditional put that succeeded is reported as failed, because the caller's own object exists.

    This happens if a client library repeats the request after a lost reply.
    """

    def fits(self, call: Call) -> bool:
        """Return True for a put with `if_absent`."""
        return call.kind == "put" and call.if_absent

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Run the operation, then raise ObjectExistsError."""
        call.run()
        raise ObjectExistsError(f"{call.key} exists.", _TODO)


class Refused(Fault):
    """The storage refuses the operation, which is not performed."""

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Raise StorageError."""
        raise StorageError(f"The storage refuses to {call.kind} {call.key!r}.", _TODO)


class Full(Fault):
    """No space is left, so nothing is written."""

    def fits(self, call: Call) -> bool:
        """Return True for a put."""
        return call.kind == "put"

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Raise StorageFullError."""
        raise StorageFullError(f"There is no space left to write {call.key!r}.", _TODO)


class Interleave(Fault):
    """Another writer does something right before the operation.

    Args:
        action: Function to call; it must not use this storage.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Call the action, then run the operation."""
        self._action()
        return call.run()


class Delayed(Fault):
    """A write gets no reply, and takes effect only after later operations.

    Args:
        by: Number of later operations after which it takes effect.
    """

    def __init__(self, by: int = 1) -> None:
        self._by = by

    def fits(self, call: Call) -> bool:
        """Return True for a write."""
        return call.writes

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Delay the operation, and raise the error of a lost reply."""
        storage.hold(call, self._by)
        raise _make_lost_reply_error(call)

    def __repr__(self) -> str:
        return f"Delayed({self._by})"


class Lasting(Fault):
    """A fault that happens to every operation that it fits, from the first one on.

    Args:
        fault: Fault to repeat.
    """

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self.then = self

    def fits(self, call: Call) -> bool:
        """Return True if the repeated fault fits the operation."""
        return self._fault.fits(call)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Let the repeated fault happen."""
        return self._fault.strike(call, storage)

    def __repr__(self) -> str:
        return f"Lasting({self._fault!r})"


class Chain(Fault):
    """A fault, then another one at the next operation that it fits.

    Args:
        first: Fault that happens first.
        second: Fault that happens after it.
    """

    def __init__(self, first: Fault, second: Fault) -> None:
        self._first = first
        self.then = second

    def fits(self, call: Call) -> bool:
        """Return True if the first fault fits the operation."""
        return self._first.fits(call)

    def strike(self, call: Call, storage: FaultyStorage) -> Any:
        """Let the first fault happen."""
        return self._first.strike(call, storage)

    def __repr__(self) -> str:
        return f"Chain({self._first!r}, {self.then!r})"


def _make_lost_reply_error(call: Call) -> StorageError:
    kind = OutcomeUnknownError if call.kind == "put" else StorageError
    return kind(f"There was no reply to {call.kind} {call.key!r}.", _TODO)


def _read_all(data: bytes | BinaryIO) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    parts = []
    while part := data.read(1 << 20):
        parts.append(part)
    return b"".join(parts)
