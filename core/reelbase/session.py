"""One open dataset: the commit it stands at, and the transaction that is under way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelbase.errors import ReadOnlyError, TransactionError
from reelbase.format.ops import Append
from reelbase.format.rows import RowsBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.format.commit import Commit
    from reelbase.format.log import Log
    from reelbase.format.ops import Op
    from reelbase.format.state import State
    from reelbase.format.store import Store


class Session:
    """The state that every object of one open dataset shares. Reads from any thread; writes one at a time."""

    def __init__(self, store: Store, log: Log, *, read_only: bool = False) -> None:
        self.store = store
        self.log = log
        self.read_only = read_only or not store.storage.writable
        self.commit: Commit = log.head()
        self._lock = threading.RLock()
        self._open: Transaction | None = None
        self._owner: int | None = None

    @property
    def state(self) -> State:
        """What the calling thread sees: its own transaction, else the commit."""
        mine = self._mine()
        return mine.state if mine else self.commit.state

    def refresh(self) -> None:
        """Move on to the newest commit.

        Raises:
            TransactionError: inside a transaction.
        """
        if self._mine():
            raise TransactionError("A transaction cannot move to another commit.", "Refresh before or after it.")
        with self._lock:
            self.commit = self.log.after(self.commit)

    def begin(self) -> None:
        """Open a transaction for the calling thread; other threads' writes wait for its end.

        Raises:
            TransactionError: it has one open.
            ReadOnlyError: the dataset cannot be written.
        """
        self._check_writable()
        if self._mine():
            raise TransactionError("A transaction is open on this dataset already.", "Do not nest 'with ds:' blocks.")
        self._lock.acquire()
        self._open, self._owner = Transaction(self.store, self.commit), threading.get_ident()

    def end(self, *, keep: bool) -> None:
        """Close the calling thread's transaction: commit it, or roll it back."""
        transaction = self._mine()
        if transaction is None:
            raise TransactionError("No transaction is open in this thread.", "Enter one with 'with ds:'.")
        try:
            self._open = self._owner = None
            if keep:
                self._finish(transaction)
        finally:
            self.store.discard()
            self._lock.release()

    @contextmanager
    def change(self) -> Iterator[Transaction]:
        """The calling thread's transaction, or one of its own that commits when the block ends."""
        mine = self._mine()
        if mine:
            yield mine
            return
        self._check_writable()
        with self._lock:
            transaction = Transaction(self.store, self.commit)
            try:
                yield transaction
                self._finish(transaction)
            finally:
                self.store.discard()

    def _mine(self) -> Transaction | None:
        return self._open if self._owner == threading.get_ident() else None

    def _finish(self, transaction: Transaction) -> None:
        ops = transaction.seal()
        if ops:
            self.commit = self.log.commit(ops, transaction.base)

    def _check_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(
                f"The dataset at {self.store.storage.root!r} is open read-only.", "Load it with read_only=False."
            )


class Transaction:
    """Operations gathered for one commit. Appended rows stay in open builders, so that many appends share chunks."""

    def __init__(self, store: Store, base: Commit) -> None:
        self.store = store
        self.base = base
        self._state = base.state
        self._ops: list[Op] = []
        self._builders: dict[tuple[str, ...], dict[str, RowsBuilder]] = {}

    @property
    def state(self) -> State:
        """The state with everything done so far."""
        self.seal()
        return self._state

    def do(self, op: Op) -> None:
        """One operation, after all appends so far."""
        self.seal()
        self._apply(op)

    def schema_op(self, op: Op) -> None:
        """One operation that does not touch rows: open appends stay open."""
        self._apply(op)

    @property
    def schema_state(self) -> State:
        """The state as far as schemas go; rows that were just appended may be missing."""
        return self._state

    def append(self, builders: Mapping[str, RowsBuilder]) -> None:
        """Rows for one tensor, or the same number for several (which then start at one row)."""
        key = tuple(sorted(builders))
        for other in [one for one in self._builders if one != key and set(one) & set(key)]:
            self._seal_one(other)
        held = self._builders.setdefault(key, {tensor: RowsBuilder(self.store) for tensor in key})
        for tensor, rows in builders.items():
            held[tensor].absorb(rows)

    def seal(self) -> list[Op]:
        """Close the open builders; all operations so far."""
        for key in list(self._builders):
            self._seal_one(key)
        return self._ops

    def _seal_one(self, key: tuple[str, ...]) -> None:
        builders = self._builders.pop(key)
        count = max(one.count for one in builders.values())
        if count:
            self._apply(Append({tensor: one.finish() for tensor, one in builders.items()}, count))

    def _apply(self, op: Op) -> None:
        self._state = op.apply(self._state)
        self._ops.append(op)
