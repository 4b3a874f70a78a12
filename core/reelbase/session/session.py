"""One open dataset: the commit it is at, and the transaction that is under way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reelbase._util.forks import reset_after_fork
from reelbase.errors import CommitOutcomeUnknownError, ReadOnlyError, TransactionError
from reelbase.format.draft import Draft
from reelbase.format.ops import AddedRows, Append
from reelbase.format.rows import RowsBuilder
from reelbase.session.credential_names import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.format.commit import Commit
    from reelbase.format.log import Log
    from reelbase.format.ops import Op
    from reelbase.format.state import State


class Session:
    """The state that every object of one open dataset shares. Reads from any thread; writes one at a time.

    Args:
        log: Of the branch it is on.
        commit: Where it stands; by default the newest.
        read_only: Refuse writes.
    """

    def __init__(self, log: Log, commit: Commit | None = None, *, read_only: bool = False) -> None:
        self.store = log.store
        self.log = log
        self.commit = commit or log.head()
        self.pinned = commit is not None
        self._read_only = read_only or not self.store.storage.writable
        self._doubtful = False
        self._reset_after_fork()
        reset_after_fork(self)

    def __getstate__(self) -> dict[str, Any]:
        if self._open is not None:
            raise TransactionError(
                "A dataset with an open transaction cannot be sent to another process.",
                "Do that before or after the 'with ds:' block.",
            )
        mine = {"_open", "_owner", "_lock"}
        return {name: value for name, value in self.__dict__.items() if name not in mine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset_after_fork()
        reset_after_fork(self)

    def _reset_after_fork(self) -> None:
        """No transaction open, no lock held: after a fork these are the parent's."""
        self._open: Transaction | None = None
        self._owner: int | None = None
        self._lock = threading.RLock()

    @property
    def commit(self) -> Commit:
        """Where it stands."""
        return self._commit

    @commit.setter
    def commit(self, commit: Commit) -> None:
        self._commit = commit
        self.store.names = names_of(commit.state, self.log.uid)

    @property
    def read_only(self) -> bool:
        """Whether writes are refused: by choice, by the storage, or because it is at an older version."""
        return self._read_only or self.pinned

    @property
    def state(self) -> State:
        """What the calling thread sees: its own transaction, else the commit."""
        mine = self._mine()
        return mine.state if mine else self.commit.state

    @property
    def schema_state(self) -> State:
        """As `state`, as far as schemas go; rows that were just appended may be missing."""
        mine = self._mine()
        return mine.schema_state if mine else self.commit.state

    def refresh(self) -> None:
        """Move on to the newest commit, unless it is at a version.

        Raises:
            TransactionError: inside a transaction.
        """
        with self.moving():
            if not self.pinned:
                self.commit = self.log.find_newest(self.commit)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """While the block runs, no other thread writes.

        Raises:
            TransactionError: inside a transaction.
        """
        if self._mine():
            raise TransactionError(
                "Inside a transaction the dataset stays at its commit.", "Do this before or after the 'with ds:' block."
            )
        with self._lock:
            yield

    def move(self, log: Log, commit: Commit | None) -> None:
        """Go to another branch's newest commit, or to one commit; inside `moving`."""
        self.log, self.commit, self.pinned = log, commit or log.head(), commit is not None

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """While the block runs, no other thread writes; what it uploads and does not commit is removed.

        Raises:
            TransactionError: inside a transaction.
            ReadOnlyError: nothing may be written.
        """
        with self.moving():
            self.check_writable()
            try:
                yield
            finally:
                self.store.discard()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """As `uploading`, to commit where the session stands.

        Raises:
            TransactionError, ReadOnlyError: as `uploading`; or it is at a version.
        """
        with self.uploading():
            self._check_changeable()
            yield

    def begin(self) -> None:
        """Open a transaction for the calling thread; other threads' writes wait for its end.

        Raises:
            TransactionError: it has one open.
            ReadOnlyError: the dataset cannot be written.
        """
        if self._mine():
            raise TransactionError("A transaction is open on this dataset already.", "Do not nest 'with ds:' blocks.")
        self._lock.acquire()
        try:
            self._check_changeable()
            self._catch_up()
        except BaseException:
            self._lock.release()
            raise
        self._open, self._owner = Transaction(Draft(self.store, self.commit)), threading.get_ident()

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
            try:
                self.store.discard()
            finally:
                self._lock.release()

    @contextmanager
    def change(self) -> Iterator[Transaction]:
        """The calling thread's transaction, or one of its own that commits when the block ends."""
        mine = self._mine()
        if mine:
            with mine.interruptible():
                yield mine
            return
        with self.writing():
            self._catch_up()
            transaction = Transaction(Draft(self.store, self.commit))
            self._open, self._owner = transaction, threading.get_ident()
            try:
                yield transaction  # writes in here, by a generator given to extend, say, join it
            finally:
                self._open = self._owner = None
            self._finish(transaction)

    @property
    def in_transaction(self) -> bool:
        """Whether the calling thread has a transaction open."""
        return self._mine() is not None

    def _mine(self) -> Transaction | None:
        return self._open if self._owner == threading.get_ident() else None

    def _finish(self, transaction: Transaction) -> None:
        draft = transaction.seal()
        if draft.ops:
            try:
                self.commit = self.log.commit(draft)
            except CommitOutcomeUnknownError:
                self._doubtful = True
                raise

    def _catch_up(self) -> None:
        """If it is not known whether the last commit stands, look."""
        if self._doubtful:
            self.commit, self._doubtful = self.log.find_newest(self.commit), False

    def _check_changeable(self) -> None:
        if self.pinned:
            raise ReadOnlyError(
                f"The dataset is at version {self.commit.header.place}, which cannot be changed.",
                "Check out a branch, or make one here: ds.history.create_branch(name).",
            )
        self.check_writable()

    def check_writable(self) -> None:
        """See that something may be written, if not where it stands.

        Raises:
            ReadOnlyError: nothing may.
        """
        if self._read_only:
            raise ReadOnlyError(
                f"The dataset at {self.store.storage.root!r} is open read-only.", "Load it with read_only=False."
            )


class Transaction:
    """Operations gathered for one commit. Appended rows stay in open builders, so that many appends share chunks."""

    def __init__(self, draft: Draft) -> None:
        self.store = draft.store
        self._draft = draft
        self._builders: dict[tuple[str, ...], dict[str, RowsBuilder]] = {}
        self._broken = False

    @property
    def state(self) -> State:
        """The state with everything done so far."""
        return self.seal().state

    def do(self, op: Op) -> None:
        """One operation, after all appends so far."""
        self.seal().do(op)

    def schema_op(self, op: Op) -> None:
        """One operation that does not touch rows: open appends stay open."""
        self._draft.do(op)

    @property
    def schema_state(self) -> State:
        """The state as far as schemas go; rows that were just appended may be missing."""
        return self._draft.state

    def append(self, builders: Mapping[str, RowsBuilder]) -> None:
        """Rows for one tensor, or the same number for several (which then start at one row)."""
        with self._whole():
            key = tuple(sorted(builders))
            for other in [builder for builder in self._builders if builder != key and set(builder) & set(key)]:
                self._seal_one(other)
            held = self._builders.setdefault(key, {tensor: RowsBuilder(self.store) for tensor in key})
            for tensor, rows in builders.items():
                held[tensor].absorb(rows)

    def seal(self) -> Draft:
        """Close the open builders: everything is in the draft then."""
        with self._whole():
            for key in list(self._builders):
                self._seal_one(key)
        return self._draft

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """What is done in the block may fail; but an interrupt in the middle of it (Ctrl-C) spoils the transaction."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self._broken = True
            raise

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What is done in the block is done whole, or nothing of this transaction can be committed any more.

        Raises:
            TransactionError: that happened before.
        """
        if self._broken:
            raise TransactionError(
                "A write of this transaction was cut short, so none of it can be committed.", "Begin it again."
            )
        self._broken = True
        yield
        self._broken = False

    def _seal_one(self, key: tuple[str, ...]) -> None:
        builders = self._builders.pop(key)
        rows = {tensor: AddedRows(one.finish(), one.count) for tensor, one in builders.items()}
        if any(row.count for row in rows.values()):
            self._draft.do(Append(rows))
