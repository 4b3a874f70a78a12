"""The commit log of one branch: finding its newest commit, and claiming the next number.

There are no locks. Writers compete only for the next number, and a writer that loses applies its operations again on
top of the winner's commit.
"""

from __future__ import annotations

import atexit
import getpass
import json
import logging
import os
import random
import time
import uuid
import weakref
import zlib
from typing import TYPE_CHECKING, Any

from reelbase._util.forks import call_after_fork
from reelbase.errors import (
    AccessDeniedError,
    CommitConflictError,
    CommitOutcomeUnknownError,
    CorruptObjectError,
    DatasetExistsError,
    DatasetNotFoundError,
    FormatError,
    NewerFormatError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    ReelbaseError,
    StorageError,
    UsageError,
    VersionExpiredError,
)
from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format.claim import claim
from reelbase.format.commit import Commit
from reelbase.format.fold import fold
from reelbase.format.header import Header
from reelbase.io.batch_read import map_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.contracts.storage import Storage
    from reelbase.format.draft import Draft
    from reelbase.format.store import Store

logger = logging.getLogger("reelbase.log")

_MAX_ATTEMPTS = 1000
_SECONDS_BETWEEN_HINTS = 1.0
MAIN = "main"
_LISTED = 100  # numbers of commits that one listing covers
_NEAR_END = 10  # so close to the end of a hundred, the next one is listed too
_NO_DATASET_HELP = "Create one with reelbase.empty(path), or check the path."


def create(storage: Storage, uid: str | None = None) -> str:
    """Write the root object of a new dataset.

    Args:
        storage: The storage to write to.
        uid: uuid of the dataset that the new one is a copy of; None makes a new uuid.

    Returns:
        The uuid.

    Raises:
        DatasetExistsError: there is a dataset already, or the place is a file.
    """
    check_not_a_file(storage)
    uid = uid or uuid.uuid4().hex
    root = {"format": commits.FORMAT, "uuid": uid}
    if not claim(storage, keys.ROOT, json.dumps(root).encode()):
        raise DatasetExistsError(
            f"There is a dataset at {storage.root!r} already.",
            "Open it with reelbase.load(path), or replace it with reelbase.empty(path, overwrite=True).",
        )
    return uid


def exists(storage: Storage) -> bool:
    """Return True if there is a dataset, also if its deletion was interrupted."""
    try:
        storage.stat(keys.ROOT)
    except ObjectNotFoundError:
        return False
    return True


def check_root(storage: Storage) -> str:
    """Check that there is a dataset of a format that this reelbase reads, and return its uuid.

    Raises:
        DatasetNotFoundError: there is no dataset.
        FormatError: the dataset cannot be read.
    """
    try:
        data = storage.get(keys.ROOT, 0, 65536)
    except ObjectNotFoundError:
        raise _make_absent_error(storage) from None
    try:
        root = json.loads(data)
        version, uid, is_being_deleted = root["format"], str(root["uuid"]), root.get("deleting", False)
    except (ValueError, KeyError, TypeError):
        raise _unreadable_root_error(storage, data) from None
    commits.check_format(version, f"The dataset at {storage.root!r}")
    if is_being_deleted:
        raise DatasetNotFoundError(
            f"The dataset at {storage.root!r} was only partly deleted.", "Call reelbase.delete(path) again."
        )
    return uid


def check_not_a_file(storage: Storage) -> None:
    """Check that a new dataset can be made here.

    Raises:
        DatasetExistsError: the place is a file on this machine.
    """
    if os.path.isfile(storage.root):  # noqa: PTH113 - any text may be a root
        raise DatasetExistsError(
            f"{storage.root!r} is a file: a dataset needs a folder.", "Choose another place; nothing was changed."
        )


def _make_absent_error(storage: Storage) -> DatasetNotFoundError:
    """Return the error for a place without a dataset. For a local path it says what is there."""
    root = storage.root
    if os.path.isfile(root):  # noqa: PTH113 - any text may be a root
        return DatasetNotFoundError(f"{root!r} is a file, not a dataset.", "reelbase.read(path) reads a media file.")
    if os.path.isdir(root) and os.listdir(root):  # noqa: PTH112, PTH208
        return DatasetNotFoundError(
            f"No dataset at {root!r}: the folder has other files.",
            "Check the path; reelbase.empty(path) creates a dataset in a new folder.",
        )
    return DatasetNotFoundError(f"No dataset at {root!r}.", _NO_DATASET_HELP)


def _unreadable_root_error(storage: Storage, data: bytes) -> FormatError | DatasetNotFoundError:
    if not storage.writable and data.lstrip()[:1] == b"<":
        return DatasetNotFoundError(
            f"No dataset at {storage.root!r}: the server sends a web page instead of {keys.ROOT}.", "Check the URL."
        )
    return CorruptObjectError(
        f"{keys.ROOT} of {storage.root!r} cannot be read.", "Restore the object from a copy of the dataset."
    )


def mark_deleted(storage: Storage) -> None:
    """Write into the root object that the dataset is being deleted."""
    storage.put(keys.ROOT, json.dumps({"format": commits.FORMAT, "uuid": "", "deleting": True}).encode())


def open_log(store: Store) -> Log:
    """Return the log of the main branch of a dataset.

    The root object is read at the same time as the hint, so that a dataset of another format is refused at once.

    Raises:
        DatasetNotFoundError: there is no dataset.
        FormatError: the dataset cannot be read.
    """
    readers: list[Callable[[], Any]] = [lambda: _try_root(store.storage), lambda: read_hint(store, MAIN)]
    root, hint = map_threads(lambda read: read(), readers) if store.distant else [read() for read in readers]
    if hint is None or hint.header.dataset == root:
        return Log(store, _get_or_raise(root), hint=hint)
    # Either the hint is of a dataset that was here before, or the root object is damaged: the first commit decides.
    uid = hint.header.dataset
    if _is_no_dataset(store.storage, root) or not _has_log_of(store, uid):
        return Log(store, _get_or_raise(root))
    logger.warning("%s of %s is missing or damaged: it can be read, but not written to.", keys.ROOT, store.storage.root)
    return Log(store, uid, hint=hint)


def _try_root(storage: Storage) -> str | ReelbaseError:
    """Return the uuid that the root object holds, or the error that says it is missing or damaged."""
    try:
        return check_root(storage)
    except (DatasetNotFoundError, CorruptObjectError) as error:
        return error


def _is_no_dataset(storage: Storage, root: str | ReelbaseError) -> bool:
    """Return True if there is a root object, and it says that the dataset is being deleted, or it is a web page."""
    if not isinstance(root, DatasetNotFoundError):
        return False
    try:
        storage.get(keys.ROOT, 0, 1)
    except ObjectNotFoundError:
        return False
    return True


def _get_or_raise(root: str | ReelbaseError) -> str:
    if isinstance(root, ReelbaseError):
        raise root
    return root


def _has_log_of(store: Store, uid: str) -> bool:
    """Return True if the first commit belongs to the dataset `uid`."""
    try:
        return Log(store, uid).header(0) is not None
    except (FormatError, StorageError):
        return False


def find_object(storage: Storage, key: str) -> bytes | None:
    """Return the bytes of an object of the log, or None if it does not exist.

    Some services deny access to objects that do not exist: S3 does so for callers who may not list. Then the object
    counts as absent if the root object can be read (decision 37). Some web servers send an error page with the status
    of success, so data that does not look like a commit counts as absent there too.
    """
    try:
        data = storage.get(key)
    except ObjectNotFoundError:
        return None
    except AccessDeniedError:
        check_root(storage)
        return None
    # Web servers are read-only storages. In a writable one such data is damage, and decoding it raises an error.
    return data if storage.writable or not data or commits.looks_like_commit(data) else None


def _flush_hints() -> None:
    """Write the hints that are due, so that the next process starts at the newest commit and not before a burst."""
    for log in list(_with_pending_hints):
        log.flush_hint()


_with_pending_hints: weakref.WeakSet[Log] = weakref.WeakSet()
atexit.register(_flush_hints)
call_after_fork(_with_pending_hints.clear)  # in a child, they are its parent's to write


class Log:
    """The commits of one branch.

    Args:
        store: The store of the dataset.
        uid: uuid of the dataset, the same as in its root object.
        branch: Name of the branch.
        hint: A commit of the branch to start searching from, if one is known.
    """

    def __init__(self, store: Store, uid: str, branch: str = MAIN, *, hint: Commit | None = None) -> None:
        self.store = store
        self.uid = uid
        self.branch = keys.check_name(branch)
        self._known_commit = hint
        self._hint_written_at = float("-inf")
        self._pending_hint: bytes | None = None

    def empty_commit(self) -> Commit:
        """Return the state before the first commit."""
        return Commit(header=Header(dataset=self.uid, id="", branch=self.branch, seq=-1))

    def read(self, seq: int) -> Commit | None:
        """Return one commit, or None if there is no commit with that number.

        Raises:
            CorruptObjectError, NewerFormatError: the commit cannot be read.
            VersionExpiredError: the state of the commit was deleted.
        """
        data = self._read_bytes(seq)
        return None if data is None else self.decode(seq, data)

    def header(self, seq: int) -> Header | None:
        """Return the header of one commit, expired or not, or None if there is no commit with that number."""
        data = self._read_bytes(seq)
        return (
            None if data is None else self._check_place(seq, commits.decode_header(data, keys.commit(self.branch, seq)))
        )

    def head(self) -> Commit:
        """Return the newest commit.

        Raises:
            CorruptObjectError: a commit is missing, or cannot be read, although later ones are listed.
        """
        known = self._known_commit or read_hint(self.store, self.branch) or self.empty_commit()
        looks: list[Callable[[], Any]] = [lambda: self.find_newest(known), lambda: self._list_later(known.seq)]
        newest: Commit
        newest, listed = map_threads(lambda look: look(), looks) if self.store.distant else [look() for look in looks]
        while later := [seq for seq in listed if seq > newest.seq]:
            found = self.find_newest(newest)  # it may have been committed just now
            if found.seq == newest.seq:
                raise self._make_gap_error(newest.seq + 1, later[0])
            newest, listed = found, self._list_later(found.seq)
        return newest

    def _list_later(self, seq: int) -> list[int]:
        """Return the numbers of commits after `seq`, as far as a listing shows them. Empty where there is no listing.

        Probing alone ends at a gap: a commit that was lost, or that we may not read. The dataset would silently be an
        older one. Only the next hundred numbers are listed, and a second hundred near their end: that is one short
        request for any length of the log.
        """
        first = seq + 1
        hundreds = sorted({first // _LISTED, (first + _NEAR_END) // _LISTED})
        found: list[int] = []
        try:
            for number in hundreds:
                # Keys are sorted and have nine digits: without the last two, they are the prefix of a hundred.
                prefix = keys.commit(self.branch, number * _LISTED).removesuffix(".rbc")[:-2]
                listed = (keys.seq_of(key) for key, _ in self.store.storage.list(prefix))
                found += [other for other in listed if other is not None and other > seq]
        except StorageError as error:  # web servers list nothing, and not everybody may list a bucket
            logger.info("cannot list the commits of %s: %s", self.branch, error)
            return []
        return sorted(found)

    def check_complete(self, newest: int) -> None:
        """Check, by a listing, that the log has the commits 0 to `newest` and no others.

        Raises:
            CorruptObjectError: one is missing.
            StorageError: the storage cannot list its objects.
        """
        prefix = f"{keys.commit(self.branch, 0).partition('/0')[0]}/"
        listed = sorted(seq for key, _ in self.store.storage.list(prefix) if (seq := keys.seq_of(key)) is not None)
        missing = next((seq for seq in range(newest + 1) if seq >= len(listed) or listed[seq] != seq), None)
        if missing is not None:
            raise self._make_gap_error(missing, newest)
        if len(listed) > newest + 1 and listed[newest + 1] != newest + 1:
            raise self._make_gap_error(newest + 1, listed[newest + 1])

    def _make_gap_error(self, missing: int, later: int) -> CorruptObjectError:
        return CorruptObjectError(
            f"Commit {self.branch}@{missing} is missing or may not be read, although there is {self.branch}@{later}.",
            f"Restore {keys.commit(self.branch, missing)} from a copy, or give credentials that may read it; without a "
            "copy, see the command `reelbase rescue`. Nothing was changed.",
        )

    def find_newest(self, known: Commit) -> Commit:
        """Return the newest commit at or after `known`.

        If there is none after it, that takes a single request. Otherwise the steps are doubled until a commit is
        missing, and the rest is found by bisection.
        """
        step, seq = 1, known.seq
        newest: bytes | None = None
        while (found := self._read_bytes(seq + step)) is not None:
            newest, seq, step = found, seq + step, step * 2
        while step > 1:  # no commit exists at seq + step
            step //= 2
            if (found := self._read_bytes(seq + step)) is not None:
                newest, seq = found, seq + step
        return known if newest is None else self.decode(seq, newest)

    def _read_bytes(self, seq: int) -> bytes | None:
        return None if seq > keys.MAX_SEQ else find_object(self.store.storage, keys.commit(self.branch, seq))

    def decode(self, seq: int, data: bytes) -> Commit:
        """Return the commit that `data` holds, which was read as number `seq`.

        Raises:
            As `read`.
        """
        found = commits.decode(self.store, data, keys.commit(self.branch, seq))
        self._check_place(seq, found.header)
        return found

    def _check_place(self, seq: int, header: Header) -> Header:
        if (header.dataset, *header.place) != (self.uid, self.branch, seq):
            key = keys.commit(self.branch, seq)
            whose = "" if header.dataset == self.uid else " of another dataset"
            raise CorruptObjectError(f"{key} holds commit {header.place}{whose}.", "Restore the object from a copy.")
        return header

    def commit(
        self, draft: Draft, message: str | None = None, *, merged: Header | None = None, alone: bool = False
    ) -> Commit:
        """Commit a draft. If other writers were first, apply its operations on top of their commits.

        Args:
            draft: The operations, and the commit that they are based on.
            message: The user's message, which makes the commit a named version.
            merged: Header of the commit of another branch that the draft merges.
            alone: True if the operations depend on everything in the base commit, as those of merges and reverts do.
                Then any other commit in the meantime is a conflict.

        Returns:
            The new commit.

        Raises:
            CommitConflictError: another writer changed the same things in the meantime.
            CommitOutcomeUnknownError: the storage gave no answer; the commit may have been written.
            DatasetNotFoundError: the dataset was removed in the meantime.
            StorageError: nothing was committed.
        """
        for attempt in range(_MAX_ATTEMPTS):
            header = _make_header(draft, message, merged)
            commit = commits.encode(self.store, header, fold(self.store, draft.state))
            self.store.flush()  # everything that the commit refers to must be durable before the commit exists
            if self.claim(commit):
                self._leave_hint(commit.body)
                return commit
            if alone:
                raise CommitConflictError("Another writer committed meanwhile.", "Try again.")
            draft = draft.rebase(self._find_new_base(draft))
            if attempt >= 3:  # many writers compete: wait, so that they do not retry in step
                time.sleep(random.uniform(0, min(0.1, 0.002 * 2 ** min(attempt, 6))))  # noqa: S311 - jitter
        raise CommitConflictError(
            f"{_MAX_ATTEMPTS} other commits came first.",
            "Too many writers: append more rows per commit, with ds.extend.",
        )

    def claim(self, commit: Commit) -> bool:
        """Claim the number of a commit. Return False if another commit has it.

        Raises:
            As `commit`.
            UsageError: it holds something that could not be read back.
        """
        self._check_readable(commit)
        self.check_alive()
        self.store.keep_uploads()  # from here on a commit may refer to what was uploaded, so it must not be deleted
        key = keys.commit(self.branch, commit.seq)
        try:
            is_ours = claim(self.store.storage, key, commit.body)
        except OutcomeUnknownError as error:
            raise CommitOutcomeUnknownError(
                f"The storage did not say whether commit {commit.header.place} was written.",
                "Load the dataset again and check before you write the same again.",
            ) from error
        if is_ours:
            self._check_landed(key)
        return is_ours

    def _check_readable(self, commit: Commit) -> None:
        """Read a commit as everybody else will: what is refused then would make the whole dataset unreadable."""
        try:
            commits.decode(self.store, commit.body, keys.commit(self.branch, commit.seq))
        except FormatError as error:
            raise UsageError(
                f"This cannot be stored, because it could not be read back: {str(error).splitlines()[0]}",
                "Look for text with characters that UTF-8 cannot encode, and for numbers of more than 62 bits.",
            ) from error

    def _check_landed(self, key: str) -> None:
        """Check that a write did not land in the log of a newer dataset at the same place. If it did, delete it.

        That can happen if the writer was delayed, while the dataset was removed and another one was created (decision
        20).

        Raises:
            DatasetNotFoundError: it landed there.
        """
        try:
            self.check_alive()
        except DatasetNotFoundError:
            self.store.storage.delete(key)
            raise
        except StorageError as error:  # the commit was written, whether or not this check succeeds
            logger.info("cannot read the root object: %s", error)

    def check_alive(self) -> None:
        """Check that the dataset was neither removed nor created again since it was opened.

        Raises:
            DatasetNotFoundError: it was.
        """
        root = self.store.storage.root
        try:
            uid = check_root(self.store.storage)
        except DatasetNotFoundError:
            uid = ""
        if uid != self.uid:
            what = "is another one now" if uid else "is gone"
            raise DatasetNotFoundError(
                f"The dataset at {root!r} {what}: it was removed after you opened it.", "Nothing was committed."
            )

    def _find_new_base(self, draft: Draft) -> Commit:
        """Return the newest commit, if the draft does not conflict with any commit after its base.

        Footprints are compared, not states: a row that was replaced and then compacted looks like any other in a state
        (decision 15).

        Raises:
            CommitConflictError, HtypeError: the draft conflicts with a commit.
        """
        touched = draft.footprint
        names = {tensor.id: tensor.name for tensor in draft.base.state.tensors.values()}
        seq = draft.base.seq
        while (header := self.header(seq + 1)) is not None:
            touched.check(header.touched, names)
            seq += 1
        found = self.read(seq)
        if found is None:
            raise CorruptObjectError(f"{keys.commit(self.branch, seq)} is gone.", "Restore it from a copy.")
        return found

    def _leave_hint(self, body: bytes) -> None:
        """Overwrite the hint, at most once a second. Object stores limit how often an object is written."""
        self._pending_hint = body
        _with_pending_hints.add(self)
        if time.monotonic() - self._hint_written_at >= _SECONDS_BETWEEN_HINTS:
            self.flush_hint()

    def flush_hint(self) -> None:
        """Write the hint if it is behind.

        A failure is harmless: a hint that is behind costs the next reader some requests and nothing else.
        """
        body, self._pending_hint = self._pending_hint, None
        if body is None:
            return
        self._hint_written_at = time.monotonic()
        try:
            self.store.storage.put(keys.latest(self.branch), body)
            self._check_landed(keys.latest(self.branch))
        except DatasetNotFoundError:
            logger.info("the dataset was removed just after a commit of %s", self.branch)
        except (StorageError, OSError) as error:
            logger.info("could not write the hint of %s: %s", self.branch, error)


def read_hint(store: Store, branch: str) -> Commit | None:
    """Return a branch's hint, which is a recent commit, or None if there is no usable one."""
    key = keys.latest(branch)
    try:
        data = find_object(store.storage, key)
        hint = None if data is None else commits.decode(store, data, key)
    except VersionExpiredError:
        return None
    except NewerFormatError:
        raise
    except FormatError:  # a hint that was half written is ignored, because the commits themselves are complete
        logger.info("ignoring a damaged hint %s", key)
        return None
    return hint if hint and hint.branch == branch else None


def _make_header(draft: Draft, message: str | None, merged: Header | None) -> Header:
    base = draft.base.header
    includes = dict(base.includes)
    for branch, seq in (merged.reach if merged else {}).items():
        if branch != base.branch:
            includes[branch] = max(seq, includes.get(branch, seq))
    return Header(
        dataset=base.dataset,
        id=uuid.uuid4().hex,
        branch=base.branch,
        seq=base.seq + 1,
        **parent_of(draft.base),
        time=time.time(),
        author=current_author(),
        message=message,
        named=base.last_named,
        includes=includes,
        merged=merged.place if merged else None,
        touched=draft.footprint,
    )


def parent_of(commit: Commit) -> dict[str, Any]:
    """Return the fields of a header that name the commit it is built on."""
    if not commit.header.id:  # the state before the first commit
        return {}
    return {
        "parent": commit.header.place,
        "parent_id": commit.header.id,
        "parent_crc": zlib.crc32(commit.body),
    }


def current_author() -> str:
    """Return the name of the current user, for the header of a commit."""
    try:
        # What the system says may hold bytes that are not UTF-8; such a commit could not be read back.
        return getpass.getuser().encode("utf-8", "replace").decode()
    except (OSError, KeyError, ImportError):  # no such user, or no password database (Windows)
        return "unknown"
