"""``ds.maintenance``: what keeps a dataset's objects few, whole and no more than needed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from reelbase.errors import UsageError
from reelbase.maintenance import compact, expire, gc, stats, verify
from reelbase.versions.ancestry import Lineage

if TYPE_CHECKING:
    from reelbase.maintenance.compact import Compaction
    from reelbase.maintenance.gc import Collected
    from reelbase.maintenance.stats import Count, Stats
    from reelbase.maintenance.verify import Verification
    from reelbase.session.session import Session

GRACE = timedelta(days=7)


class Maintenance:
    """Upkeep of a dataset. Made by ``ds.maintenance``. Any of it may run while others read and write."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def compact(self) -> Compaction:
        """Lay the small chunks of many small appends, and what is left of half-deleted packs, together.

        It is an ordinary commit on the branch where the dataset stands, and no sample changes by it. Older versions
        keep the old objects until they expire.

        Raises:
            CommitConflictError: others kept replacing or deleting rows of the same tensors; nothing was done.
            CorruptObjectError: a sample that would be rewritten is damaged; nothing was done. See `verify`.
        """
        return compact.compact(self._session)

    def expire(self, keep: int | timedelta, *, dry_run: bool = False) -> list[str]:
        """Let old versions go, on all branches.

        What stays: the newest version of each branch, tagged ones, and those that `keep` says. The rest can be read
        until `gc` finds that they expired longer ago than its grace period; but no longer tagged or built on.

        Args:
            keep: How many of the named versions (those of ``ds.log()``) of each branch; or for how long back, by the
                writers' clocks, every version.
            dry_run: Let nothing go; say what would.

        Returns:
            Refs of the versions that expired.
        """
        if not dry_run:
            self._session.check_writable()
        return expire.expire(self._lineage, keep, dry_run=dry_run)

    def gc(self, grace: timedelta = GRACE, *, dry_run: bool = False) -> Collected:
        """Delete data that no version needs, of expired versions or of writers that failed or were killed.

        Args:
            grace: Only what expired, or was written, longer ago. It must be longer than any transaction and any reader
                of an expired version takes: with less, their data are deleted under them.
            dry_run: Delete nothing; say what would be.
        """
        if not dry_run:
            self._session.check_writable()
        if not isinstance(grace, timedelta) or grace < timedelta(0):
            raise UsageError(f"grace={grace!r} is not a time.", "Write grace=timedelta(days=7).")
        return gc.gc(self._lineage, self._session.store, grace, dry_run=dry_run)

    def verify(self, deep: bool = False) -> Verification:
        """See that all versions that can be read are whole. Nothing is mended.

        What links name is not asked for, also if it is deep: `Links.survey` does that.

        Args:
            deep: Read every byte and compare checksums; otherwise that objects are there, their sizes, and the index.
        """
        return verify.verify(self._session.store.storage, deep=deep)

    def size(self) -> Count:
        """Count all objects and bytes in the dataset's storage. It is listed; no version is read, as `stats` does."""
        sizes = [stat.size for _, stat in self._session.store.storage.list()]
        return stats.Count(len(sizes), sum(sizes))

    def stats(self) -> Stats:
        """Count objects and bytes by kind, and those that nothing needs."""
        return stats.stats(self._lineage, self._session.store)

    @property
    def _lineage(self) -> Lineage:
        return Lineage(self._session.log)
