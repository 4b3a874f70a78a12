"""The commit log of one branch: finding its head, and claiming the next number.

A claim is one put-if-absent of a fresh name; there are no locks. It has three outcomes: won, lost, and unknown, when
the reply did not come or the storage retried by itself; then the object is read back and our own id looked for.
"""

from __future__ import annotations

import getpass
import json
import logging
import random
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from reelbase.errors import (
    CommitConflictError,
    CommitOutcomeUnknown,
    CorruptObjectError,
    DatasetExistsError,
    DatasetNotFoundError,
    FormatError,
    NewerFormatError,
    ObjectExistsError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    StorageError,
)
from reelbase.format import commit as commits
from reelbase.format import keys
from reelbase.format.commit import Commit
from reelbase.format.fold import fold
from reelbase.format.ops import apply_all, footprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.format.ops import Op
    from reelbase.format.store import Store
    from reelbase.storage import Storage

logger = logging.getLogger("reelbase.log")

_REPEATS = 5
_ATTEMPTS = 1000
_HINT_SECONDS = 1.0
_NO_DATASET = "Make one with reelbase.empty(path), or check the path."


def create(storage: Storage) -> None:
    """Write the root object.

    Raises:
        DatasetExistsError: there is one.
    """
    root = {"format": commits.FORMAT, "uuid": uuid.uuid4().hex}
    try:
        storage.put(keys.ROOT, json.dumps(root).encode(), if_absent=True)
    except ObjectExistsError:
        raise DatasetExistsError(
            f"A dataset stands at {storage.root!r} already.",
            "Open it with reelbase.load(path), or start anew with reelbase.empty(path, overwrite=True).",
        ) from None


def check_root(storage: Storage) -> None:
    """See that a dataset of a known format stands here.

    Raises:
        DatasetNotFoundError: none does.
        NewerFormatError, CorruptObjectError: it cannot be read.
    """
    try:
        data = storage.get(keys.ROOT, 0, 65536)
    except ObjectNotFoundError:
        raise DatasetNotFoundError(f"No dataset at {storage.root!r}.", _NO_DATASET) from None
    try:
        version = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError):
        raise CorruptObjectError(
            f"{keys.ROOT} of {storage.root!r} cannot be read.", "Restore the object from a copy of the dataset."
        ) from None
    if version != commits.FORMAT:
        raise NewerFormatError(
            f"The dataset at {storage.root!r} has format {version}; this reelbase reads {commits.FORMAT}.",
            "Update reelbase: pip install -U reelbase",
        )


class Log:
    """The commits of one branch."""

    def __init__(self, store: Store, branch: str = "main") -> None:
        self.store = store
        self.branch = keys.check_branch(branch)
        self._hinted = float("-inf")
        self._unhinted: bytes | None = None

    def start(self) -> Commit:
        """The state before the first commit."""
        return Commit(id="", branch=self.branch, seq=-1, parent=None, time=0.0, author="")

    def read(self, seq: int) -> Commit | None:
        """One commit, or None if there is none of that number."""
        key = keys.commit(self.branch, seq)
        try:
            data = self.store.storage.get(key)
        except ObjectNotFoundError:
            return None
        found = commits.decode(self.store, data, key)
        if (found.branch, found.seq) != (self.branch, seq):
            raise CorruptObjectError(f"{key} holds commit {found.seq} of {found.branch!r}.", "Restore it from a copy.")
        return found

    def head(self) -> Commit:
        """The newest commit: the hint, then whatever stands after it."""
        return self.after(self._hint() or self.start())

    def after(self, known: Commit) -> Commit:
        """The newest commit at or after `known`: one miss if there is none after it, else a gallop."""
        step = 1
        best = known
        while (found := self.read(best.seq + step)) is not None:
            best, step = found, step * 2
        while step > 1:  # the commit at best + step is known to be absent
            step //= 2
            found = self.read(best.seq + step)
            best = found or best
        return best

    def _hint(self) -> Commit | None:
        key = keys.latest(self.branch)
        try:
            hint = commits.decode(self.store, self.store.storage.get(key), key)
        except ObjectNotFoundError:
            return None
        except NewerFormatError:
            raise
        except FormatError:  # torn or overwritten midway: it is only a hint
            logger.info("ignoring a damaged hint %s", key)
            return None
        return hint if hint.branch == self.branch else None

    def commit(self, ops: Sequence[Op], base: Commit, message: str | None = None) -> Commit:
        """Apply operations to the newest state and claim a commit for the result.

        Args:
            ops: What to do.
            base: The commit that the operations were made on.
            message: Kept with the commit.

        Raises:
            CommitConflictError: another writer changed the same things since `base`.
            CommitOutcomeUnknown: the storage gave no answer; the commit may stand.
            StorageError: nothing was committed.
        """
        touched = footprint(ops)
        for attempt in range(_ATTEMPTS):
            draft = Commit(
                id=uuid.uuid4().hex,
                branch=self.branch,
                seq=base.seq + 1,
                parent=base.id or None,
                time=time.time(),
                author=_author(),
                message=message,
                touched=touched,
                state=fold(self.store, apply_all(ops, base.state)),
            )
            body, state = commits.encode(self.store, draft)
            self.store.flush()
            self.store.settle()  # from here on a commit may name what was uploaded: never delete it
            winner = self._claim(draft, body)
            if winner is None:
                self._leave_hint(body)
                return replace(draft, state=state, body=body)
            touched.check(winner.touched, {one.id: one.name for one in base.state.tensors.values()})
            base = winner
            if attempt >= 3:
                time.sleep(random.uniform(0, min(0.1, 0.002 * 2 ** min(attempt, 6))))  # noqa: S311 - jitter
        raise CommitConflictError(
            f"{_ATTEMPTS} other commits came first.", "Too many writers: append more rows a commit, with ds.extend."
        )

    def _claim(self, draft: Commit, body: bytes) -> Commit | None:
        """Claim the draft's number. None: won; else the commit that has it."""
        key = keys.commit(self.branch, draft.seq)
        for _ in range(_REPEATS):
            try:
                self.store.storage.put(key, body, if_absent=True)
            except ObjectExistsError:
                pass  # ours, if the storage repeated the request by itself
            except OutcomeUnknownError as error:
                logger.info("no answer to the claim of %s: %s", key, error)
            else:
                return None
            try:
                found = self.read(draft.seq)
            except StorageError as error:
                logger.info("cannot read back %s: %s", key, error)
                continue
            if found is not None:
                return None if found.id == draft.id else found
        raise CommitOutcomeUnknown(
            f"The storage did not say whether commit {draft.seq} of {self.branch!r} stands.",
            "Load the dataset again and look before writing the same once more.",
        )

    def _leave_hint(self, body: bytes) -> None:
        """Overwrite the hint, at most once a second (object stores limit writes to one name)."""
        self._unhinted = body
        if time.monotonic() - self._hinted >= _HINT_SECONDS:
            self.flush_hint()

    def flush_hint(self) -> None:
        """Write the hint now, if one is due; a failure is harmless, because every open looks further."""
        body, self._unhinted = self._unhinted, None
        if body is None:
            return
        self._hinted = time.monotonic()
        try:
            self.store.storage.put(keys.latest(self.branch), body)
        except (StorageError, OSError) as error:
            logger.info("could not write the hint of %s: %s", self.branch, error)


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in the password database
        return "unknown"
