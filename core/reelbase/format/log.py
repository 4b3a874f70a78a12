"""The commit log of one branch: finding its head, and claiming the next number. There are no locks."""

from __future__ import annotations

import getpass
import json
import logging
import random
import time
import uuid
from typing import TYPE_CHECKING

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
    StorageError,
    VersionExpiredError,
)
from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format.claim import claim
from reelbase.format.commit import Commit
from reelbase.format.fold import fold
from reelbase.format.header import Header

if TYPE_CHECKING:
    from reelbase.contracts.storage import Storage
    from reelbase.format.draft import Draft
    from reelbase.format.store import Store

logger = logging.getLogger("reelbase.log")

_MAX_ATTEMPTS = 1000
_SECONDS_BETWEEN_HINTS = 1.0
MAIN = "main"
_NO_DATASET_HELP = "Make one with reelbase.empty(path), or check the path."


def create(storage: Storage, uid: str | None = None) -> str:
    """Write the root object, with a new uuid or that of the dataset that this one is a copy of; the uuid.

    Raises:
        DatasetExistsError: there is one.
    """
    uid = uid or uuid.uuid4().hex
    root = {"format": commits.FORMAT, "uuid": uid}
    if not claim(storage, keys.ROOT, json.dumps(root).encode()):
        raise DatasetExistsError(
            f"There is a dataset at {storage.root!r} already.",
            "Open it with reelbase.load(path), or start again with reelbase.empty(path, overwrite=True).",
        )
    return uid


def exists(storage: Storage) -> bool:
    """True if there is a dataset."""
    try:
        storage.stat(keys.ROOT)
    except ObjectNotFoundError:
        return False
    return True


def check_root(storage: Storage) -> str:
    """See that a dataset of a known format is here; its uuid.

    Raises:
        DatasetNotFoundError: none does.
        FormatError: it cannot be read.
    """
    try:
        data = storage.get(keys.ROOT, 0, 65536)
    except ObjectNotFoundError:
        raise DatasetNotFoundError(f"No dataset at {storage.root!r}.", _NO_DATASET_HELP) from None
    try:
        root = json.loads(data)
        version, uid, going = root["format"], str(root["uuid"]), root.get("deleting", False)
    except (ValueError, KeyError, TypeError):
        raise _unreadable_root_error(storage, data) from None
    commits.check_format(version, f"The dataset at {storage.root!r}")
    if going:
        raise DatasetNotFoundError(
            f"The dataset at {storage.root!r} was deleted, but not to the end.", "Call reelbase.delete(path) again."
        )
    return uid


def _unreadable_root_error(storage: Storage, data: bytes) -> FormatError | DatasetNotFoundError:
    if not storage.writable and data.lstrip()[:1] == b"<":
        return DatasetNotFoundError(
            f"No dataset at {storage.root!r}: the server sends a page for its {keys.ROOT}.", "Check the URL."
        )
    return CorruptObjectError(
        f"{keys.ROOT} of {storage.root!r} cannot be read.", "Restore the object from a copy of the dataset."
    )


def mark_deleted(storage: Storage) -> None:
    """Say in the root object that the dataset is being deleted."""
    storage.put(keys.ROOT, json.dumps({"format": commits.FORMAT, "uuid": "", "deleting": True}).encode())


def open_log(store: Store) -> Log:
    """The log of a dataset's main branch. Only where there is no hint the root object is read.

    Raises:
        DatasetNotFoundError: there is no dataset.
        FormatError: it cannot be read.
    """
    hint = _read_hint(store, MAIN)
    return Log(store, hint.header.dataset if hint else check_root(store.storage), hint=hint)


def find_object(storage: Storage, key: str) -> bytes | None:
    """An object of the log that may be there; None: it is not.

    Some services deny access to what does not exist (S3 does, to those who may not list); then None, if the dataset can
    be read at all. Some web servers answer with a page that says so, and the status of success.
    """
    try:
        data = storage.get(key)
    except ObjectNotFoundError:
        return None
    except AccessDeniedError:
        check_root(storage)
        return None
    return data if storage.writable or not data or commits.looks_like_commit(data) else None


class Log:
    """The commits of one branch.

    Args:
        store: The store of the dataset.
        uid: Its uuid, as its root object has it.
        branch: Which branch.
        hint: A commit of it, if one is known.
    """

    def __init__(self, store: Store, uid: str, branch: str = MAIN, *, hint: Commit | None = None) -> None:
        self.store = store
        self.uid = uid
        self.branch = keys.check_name(branch)
        self._known_commit = hint
        self._hint_written_at = float("-inf")
        self._pending_hint: bytes | None = None

    def empty_commit(self) -> Commit:
        """The state before the first commit."""
        return Commit(header=Header(dataset=self.uid, id="", branch=self.branch, seq=-1))

    def read(self, seq: int) -> Commit | None:
        """One commit, or None if there is none of that number.

        Raises:
            CorruptObjectError, NewerFormatError: it cannot be read.
            VersionExpiredError: its state is gone.
        """
        data = self._read_bytes(seq)
        return None if data is None else self._decode(seq, data)

    def header(self, seq: int) -> Header | None:
        """What one commit says of itself, or None if there is none of that number; expired ones too."""
        data = self._read_bytes(seq)
        return (
            None if data is None else self._check_place(seq, commits.decode_header(data, keys.commit(self.branch, seq)))
        )

    def head(self) -> Commit:
        """The newest commit: the hint, then whatever exists after it."""
        return self.find_newest(self._known_commit or _read_hint(self.store, self.branch) or self.empty_commit())

    def find_newest(self, known: Commit) -> Commit:
        """The newest commit at or after `known`: one miss if there is none after it, else a gallop."""
        step, seq = 1, known.seq
        newest: bytes | None = None
        while (found := self._read_bytes(seq + step)) is not None:
            newest, seq, step = found, seq + step, step * 2
        while step > 1:  # the commit at seq + step is known to be absent
            step //= 2
            if (found := self._read_bytes(seq + step)) is not None:
                newest, seq = found, seq + step
        return known if newest is None else self._decode(seq, newest)

    def _read_bytes(self, seq: int) -> bytes | None:
        return None if seq > keys.MAX_SEQ else find_object(self.store.storage, keys.commit(self.branch, seq))

    def _decode(self, seq: int, data: bytes) -> Commit:
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
        """Claim a commit for a draft; if others came first, for the same operations on top of theirs.

        Args:
            draft: What to do, and the commit that it was made on.
            message: Kept with the commit, which makes it a named version.
            merged: The commit of another branch that the draft brings in.
            alone: The draft means nothing on another commit: a conflict if any came first.

        Raises:
            CommitConflictError: another writer changed the same things meanwhile.
            CommitOutcomeUnknown: the storage gave no answer; the commit may stand.
            DatasetNotFoundError: the dataset was removed meanwhile.
            StorageError: nothing was committed.
        """
        for attempt in range(_MAX_ATTEMPTS):
            header = _make_header(draft, message, merged)
            made = commits.encode(self.store, header, fold(self.store, draft.state))
            self.store.flush()
            if self.claim(made):
                self._leave_hint(made.body)
                return made
            if alone:
                raise CommitConflictError("Another writer committed meanwhile.", "Try again.")
            draft = draft.rebase(self._find_new_base(draft))
            if attempt >= 3:
                time.sleep(random.uniform(0, min(0.1, 0.002 * 2 ** min(attempt, 6))))  # noqa: S311 - jitter
        raise CommitConflictError(
            f"{_MAX_ATTEMPTS} other commits came first.", "Too many writers: append more rows a commit, with ds.extend."
        )

    def claim(self, made: Commit) -> bool:
        """Claim a commit's number; False: another commit has it.

        Raises:
            As `commit`.
        """
        self.check_alive()
        self.store.keep_uploads()  # from here on a commit may name what was uploaded: never delete it
        key = keys.commit(self.branch, made.seq)
        try:
            won = claim(self.store.storage, key, made.body)
        except OutcomeUnknownError as error:
            raise CommitOutcomeUnknownError(
                f"The storage did not say whether commit {made.header.place} exists.",
                "Load the dataset again and look before writing the same once more.",
            ) from error
        if won:
            self._check_landed(key)
        return won

    def _check_landed(self, key: str) -> None:
        """See that a claim did not come so late that it fell into the log of a dataset made since; it is taken back.

        Raises:
            DatasetNotFoundError: it did.
        """
        try:
            self.check_alive()
        except DatasetNotFoundError:
            self.store.storage.delete(key)
            raise
        except StorageError as error:  # cannot look now; the commit exists
            logger.info("cannot look at the root object: %s", error)

    def check_alive(self) -> None:
        """See that the dataset was not removed, or made again, since it was opened.

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
                f"The dataset at {root!r} {what}: it was removed since it was opened.", "Nothing was committed."
            )

    def _find_new_base(self, draft: Draft) -> Commit:
        """The newest commit, if the draft goes together with all that came since its base."""
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
        """Overwrite the hint, at most once a second (object stores limit writes to one name)."""
        self._pending_hint = body
        if time.monotonic() - self._hint_written_at >= _SECONDS_BETWEEN_HINTS:
            self.flush_hint()

    def flush_hint(self) -> None:
        """Write the hint now, if one is due; a failure is harmless, because every open looks further."""
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


def _read_hint(store: Store, branch: str) -> Commit | None:
    """A branch's hint: a recent commit. None: there is none, or none that is of use."""
    key = keys.latest(branch)
    try:
        data = find_object(store.storage, key)
        hint = None if data is None else commits.decode(store, data, key)
    except VersionExpiredError:
        return None
    except NewerFormatError:
        raise
    except FormatError:  # torn or overwritten midway: it is only a hint
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
        parent=base.place if base.id else None,
        time=time.time(),
        author=current_author(),
        message=message,
        named=base.last_named,
        includes=includes,
        merged=merged.place if merged else None,
        touched=draft.footprint,
    )


def current_author() -> str:
    """Who is at work, for a commit."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, or no password database (Windows)
        return "unknown"
