"""``ds.maintenance``: compaction, expiry, garbage collection, verification, rescue and statistics of a dataset."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reelbase.contracts.htype import brief
from reelbase.errors import UsageError
from reelbase.maintenance import compact, expire, gc, rescue, stats, verify
from reelbase.sealed import Sealed
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from reelbase.maintenance.compact import Compaction
    from reelbase.maintenance.gc import Collected
    from reelbase.maintenance.rescue import Rescue
    from reelbase.maintenance.stats import Count, Stats
    from reelbase.maintenance.verify import Verification
    from reelbase.session.session import Session

GRACE = timedelta(days=7)


class Maintenance(Sealed):
    """Upkeep of a dataset; ``ds.maintenance`` returns it. Other processes may read and write while it runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def compact(self) -> Compaction:
        """Pack many small objects into few large ones.

        Many small appends leave small chunks and packs, and deleted rows leave packs that are mostly unused; reading
        them takes more requests. Compaction is an ordinary commit on the dataset's current branch, and changes no
        sample. Older versions keep the old objects until they expire.

        Returns:
            What was rewritten; false if there was nothing to do.

        Raises:
            CommitConflictError: other writers kept changing rows of the same tensors; nothing was changed.
            CorruptObjectError: a sample that would be rewritten is damaged; nothing was changed. See `verify`.
        """
        return compact.compact(self._session)

    def expire(self, keep: int | timedelta, *, dry_run: bool = False) -> list[str]:
        """Mark old versions of all branches for deletion.

        The newest version of each branch, tagged versions, and those that `keep` covers are kept. The others can be
        read until `gc` deletes their data, which it does when its grace period is over; but they cannot be tagged or
        branched from any more.

        Args:
            keep: A number: how many named versions (those of ``ds.log()``) of each branch to keep. A timedelta: every
                version of that time up to now is kept, by the writers' clocks.
            dry_run: Change nothing; only return what would expire.

        Returns:
            Refs of the versions that expired, such as "main@12".

        Raises:
            UsageError: `keep` is neither a number nor a timedelta.
            ReadOnlyError: the dataset is open read-only.
        """
        if not dry_run:
            self._session.check_writable()
        return expire.expire(self._lineage, self._session.store.storage, keep, dry_run=dry_run)

    def gc(self, grace: timedelta = GRACE, *, dry_run: bool = False) -> Collected:
        """Delete data that no version needs: those of expired versions, and of writers that failed or were killed.

        Args:
            grace: Delete only what expired, or was written, longer ago than this. It must be longer than any
                transaction, and than any reader of an expired version takes; otherwise their data are deleted while
                they are in use.
            dry_run: Delete nothing; only return what would be deleted.

        Returns:
            The number of objects and bytes, and the versions that can no longer be read.

        Raises:
            UsageError: `grace` is not a timedelta, or is negative.
            ReadOnlyError: the dataset is open read-only.
        """
        if not dry_run:
            self._session.check_writable()
        if not isinstance(grace, timedelta) or grace < timedelta(0):
            raise UsageError(f"grace={brief(grace)} is not a time.", "Write grace=timedelta(days=7).")
        return gc.gc(self._lineage, self._session.store, grace, dry_run=dry_run)

    def verify(self, deep: bool = False) -> Verification:
        """Check that all versions that can be read are complete. Nothing is repaired.

        Of the current version it is also checked that paired tensors agree: one item for each frame.

        Linked files are not checked; `Links.survey` does that.

        Args:
            deep: Read every byte of every sample and compare checksums. If False, only the index is read, and the
                existence and size of each object are checked.

        Returns:
            Everything that is damaged, with the rows that it affects.
        """
        session = self._session
        found = verify.verify(session.store.storage, deep=deep)
        return replace(found, damages=(*found.damages, *verify.find_unpaired(session.store, session.commit)))

    def rescue(self, *, apply: bool = False) -> Rescue:
        """Make the dataset writable again after commits became unreadable: damaged, lost, or by an older reelbase.

        What can be repaired keeps all that it holds. The others get a stand-in, as versions that have expired; if the
        newest one is among them, a new version goes back to the newest one that can be read. What is replaced is kept
        under ``refs/aside/``. Let nothing else write meanwhile. If the dataset cannot be loaded, load an older version
        (``reelbase.load(path, ref="main@12")``), or use the command ``reelbase rescue``.

        Args:
            apply: Do it. If False, only return what would be done.

        Raises:
            CorruptObjectError: no version of the main branch can be read, or another branch builds on a lost version.
            NewerFormatError: a newer reelbase wrote a commit; it is not damaged.
            StorageError: a commit may not be read, or the storage cannot list its objects.
            ReadOnlyError: the dataset is open read-only.
        """
        if apply:
            self._session.check_writable()
        return rescue.rescue(self._session.store.storage, apply=apply)

    def size(self) -> Count:
        """Count all objects and bytes in the dataset's storage.

        It lists the storage and reads no version, which makes it faster than `stats`.
        """
        sizes = [stat.size for _, stat in self._session.store.storage.list()]
        return stats.Count(len(sizes), sum(sizes))

    def stats(self) -> Stats:
        """Count objects and bytes by kind, and those that no version needs. Reads all versions."""
        return stats.stats(self._lineage, self._session.store)

    @property
    def _lineage(self) -> Lineage:
        return Lineage(self._session.log)
