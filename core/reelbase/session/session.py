"""One open dataset: its current commit, and its open transaction."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reelbase._util.forks import reset_after_fork
from reelbase.errors import CommitOutcomeUnknownError, ReadOnlyError, TransactionError
from reelbase.format.draft import Draft
from reelbase.format.ops import AddedRows, Append
from reelbase.format.rows import RowsBuilder
from reelbase.session.credential_names import read_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.format.commit import Commit
    from reelbase.format.log import Log
    from reelbase.format.ops import Op
    from reelbase.format.state import State


class Session:
    """What all objects of one open dataset share: its current commit, and the open transaction.

    Any thread may read. Writes of several threads are done one after another.

    Args:
        log: The log of the current branch.
        commit: The version to read; the session is then read-only. None: the branch's newest commit.
        read_only: Refuse writes.
    """

    def __init__(self, log: Log, commit: Commit | None = None, *, read_only: bool = False) -> None:
        self.store = log.store
        self.log = log
        self.commit = commit or log.head()
        self.is_pinned = commit is not None
        self._read_only = read_only or not self.store.storage.writable
        self._has_unknown_commit = False
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
        """Start without a transaction and with a new lock: after a fork the old ones are the parent's."""
        self._open: Transaction | None = None
        self._owner: int | None = None
        self._lock = threading.RLock()

    @property
    def commit(self) -> Commit:
        """The current commit."""
        return self._commit

    @commit.setter
    def commit(self, commit: Commit) -> None:
        self._commit = commit
        self.store.names = read_names(commit.state, self.log.uid)

    @property
    def read_only(self) -> bool:
        """True if writes are refused: by the user's choice, by the storage, or because a version is checked out."""
        return self._read_only or self.is_pinned

    @property
    def state(self) -> State:
        """The state that the calling thread sees: that of its own transaction, else that of the commit."""
        mine = self._find_own_transaction()
        return mine.state if mine else self.commit.state

    @property
    def schema_state(self) -> State:
        """As `state`, but rows that were just appended may be missing: it does not close open builders."""
        mine = self._find_own_transaction()
        return mine.schema_state if mine else self.commit.state

    def refresh(self) -> None:
        """Move to the branch's newest commit, unless a version is checked out.

        Raises:
            TransactionError: inside a transaction.
        """
        with self.moving():
            if not self.is_pinned:
                self.commit = self.log.find_newest(self.commit)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Keep other threads from writing while the block runs.

        Raises:
            TransactionError: inside a transaction.
        """
        if self._find_own_transaction():
            raise TransactionError(
                "Inside a transaction the dataset stays at its commit.", "Do this before or after the 'with ds:' block."
            )
        with self._lock:
            yield

    def move(self, log: Log, commit: Commit | None) -> None:
        """Move to the newest commit of another branch, or to one commit. Call it inside `moving`."""
        self.log, self.commit, self.is_pinned = log, commit or log.head(), commit is not None

    @contextmanager
    def uploading(self) -> Iterator[None]:
        """Keep other threads from writing while the block runs; delete what it uploads and does not commit.

        Raises:
            TransactionError: inside a transaction.
            ReadOnlyError: the dataset is read-only.
        """
        with self.moving():
            self.check_writable()
            try:
                yield
            finally:
                self.store.discard()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """As `uploading`, for a block that adds a commit to the current branch.

        Raises:
            TransactionError, ReadOnlyError: as `uploading`; or a version is checked out.
        """
        with self.uploading():
            self._check_changeable()
            yield

    def begin(self) -> None:
        """Open a transaction for the calling thread. Writes of other threads wait until it ends.

        Raises:
            TransactionError: the thread has a transaction open.
            ReadOnlyError: the dataset cannot be written to.
        """
        if self._find_own_transaction():
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
        """Close the calling thread's transaction.

        Args:
            keep: True commits it, False rolls it back.

        Raises:
            TransactionError: the thread has no transaction open.
            CommitConflictError, CommitOutcomeUnknownError: it was not committed, or that is unknown.
        """
        transaction = self._find_own_transaction()
        if transaction is None:
            raise TransactionError("No transaction is open in this thread.", "Enter one with 'with ds:'.")
        try:
            self._open = self._owner = None
            if keep:
                self._commit_transaction(transaction)
        finally:
            try:
                self.store.discard()
            finally:
                self._lock.release()

    @contextmanager
    def change(self) -> Iterator[Transaction]:
        """Yield the calling thread's transaction, or a new one that is committed when the block ends."""
        mine = self._find_own_transaction()
        if mine:
            with mine.interruptible():
                yield mine
            return
        with self.writing():
            self._catch_up()
            transaction = Transaction(Draft(self.store, self.commit))
            self._open, self._owner = transaction, threading.get_ident()
            try:
                yield transaction  # a generator passed to `extend` may write to the dataset: that joins this commit
            finally:
                self._open = self._owner = None
            self._commit_transaction(transaction)

    @property
    def in_transaction(self) -> bool:
        """True if the calling thread has a transaction open."""
        return self._find_own_transaction() is not None

    def _find_own_transaction(self) -> Transaction | None:
        return self._open if self._owner == threading.get_ident() else None

    def _commit_transaction(self, transaction: Transaction) -> None:
        draft = transaction.seal()
        if draft.ops:
            try:
                self.commit = self.log.commit(draft)
            except CommitOutcomeUnknownError:
                self._has_unknown_commit = True
                raise

    def _catch_up(self) -> None:
        """If it is not known whether the last commit was made, read the log to find out."""
        if self._has_unknown_commit:
            self.commit, self._has_unknown_commit = self.log.find_newest(self.commit), False

    def _check_changeable(self) -> None:
        if self.is_pinned:
            raise ReadOnlyError(
                f"The dataset is at version {self.commit.header.place}, which cannot be changed.",
                "Check out a branch, or make one here: ds.history.create_branch(name).",
            )
        self.check_writable()

    def check_writable(self) -> None:
        """Check that the dataset is not read-only. A checked-out version does not matter here.

        Raises:
            ReadOnlyError: the dataset is open read-only, or its storage cannot be written to.
        """
        if self._read_only:
            raise ReadOnlyError(
                f"The dataset at {self.store.storage.root!r} is open read-only.", "Load it with read_only=False."
            )


class Transaction:
    """The operations of one commit. Appended rows stay in open builders, so that many appends fill the same chunks.

    Args:
        draft: The commit that the operations are added to.
    """

    def __init__(self, draft: Draft) -> None:
        self.store = draft.store
        self._draft = draft
        self._builders: dict[tuple[str, ...], dict[str, RowsBuilder]] = {}
        self._is_broken = False

    @property
    def state(self) -> State:
        """The state after all operations so far. Reading it closes the open builders."""
        return self.seal().state

    def do(self, op: Op) -> None:
        """Add an operation, after all appends so far."""
        self.seal().do(op)

    def schema_op(self, op: Op) -> None:
        """Add an operation that does not touch rows. Open builders stay open."""
        self._draft.do(op)

    @property
    def schema_state(self) -> State:
        """The state, in which rows that were just appended may be missing."""
        return self._draft.state

    def append(self, builders: Mapping[str, RowsBuilder]) -> None:
        """Append rows to one tensor; or to several, the same number to each, starting at a common row.

        Args:
            builders: The rows by id of their tensor.
        """
        with self._all_or_broken():
            key = tuple(sorted(builders))
            for other in [builder for builder in self._builders if builder != key and set(builder) & set(key)]:
                self._seal_builders(other)
            held = self._builders.setdefault(key, {tensor: RowsBuilder(self.store) for tensor in key})
            for tensor, rows in builders.items():
                held[tensor].absorb(rows)

    def seal(self) -> Draft:
        """Close the open builders, and return the draft, which then has all operations."""
        with self._all_or_broken():
            for key in list(self._builders):
                self._seal_builders(key)
        return self._draft

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the block fail with an error, which undoes itself; but an interrupt (Ctrl-C) breaks the transaction."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self._is_broken = True
            raise

    @contextmanager
    def _all_or_broken(self) -> Iterator[None]:
        """Run the block to its end, or break the transaction: then nothing of it can be committed.

        Raises:
            TransactionError: the transaction is broken.
        """
        if self._is_broken:
            raise TransactionError(
                "A write of this transaction was cut short, so none of it can be committed.", "Begin it again."
            )
        self._is_broken = True
        yield
        self._is_broken = False

    def _seal_builders(self, key: tuple[str, ...]) -> None:
        builders = self._builders.pop(key)
        rows = {tensor: AddedRows(builder.finish(), builder.count) for tensor, builder in builders.items()}
        if any(added.count for added in rows.values()):
            self._draft.do(Append(rows))
