"""Expire old versions. This only writes a list; `gc` deletes their data once the grace period is over.

With a list, a reader at such a version keeps its data for the grace period, and a tag made at the same moment still
keeps the version: `gc` looks for names before it deletes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reelbase.contracts.htype import brief
from reelbase.errors import UsageError
from reelbase.format.header import Place
from reelbase.maintenance.room import making_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.contracts.storage import Storage
    from reelbase.format.header import Header
    from reelbase.versions.ancestry import Lineage


def expire(lineage: Lineage, storage: Storage, keep: int | timedelta, *, dry_run: bool) -> list[str]:
    """Write the list of versions that may be deleted.

    Args:
        lineage: The commits of the dataset.
        storage: The dataset's storage.
        keep: How many named versions of each branch to keep, or for how long back to keep every version.
        dry_run: Write nothing; only return what would expire.

    Returns:
        Refs of the versions that expired by this call.

    Raises:
        UsageError: `keep` is neither a number of versions nor a time.
    """
    known = lineage.refs.expiries()
    kept = set(lineage.refs.tags().values())
    gone = [
        header.place
        for branch in lineage.refs.branches()
        for header in _find_old(lineage, branch, keep)
        if header.place not in kept and not header.expired and not any(item.contains(header.place) for item in known)
    ]
    if not dry_run:
        with making_room(lineage, storage) as room:
            room.write(lambda: lineage.refs.expire(gone))
    return [str(place) for place in gone]


def _find_old(lineage: Lineage, branch: str, keep: int | timedelta) -> Iterator[Header]:
    """Yield the commits of one branch that `keep` does not cover, newest first. The branch's newest is always kept."""
    newest = lineage.head(branch).header
    lineage.log(branch).check_complete(newest.seq)  # with a gap, which versions are old is unknown
    headers = lineage.headers(Place(branch, seq) for seq in range(newest.seq - 1, -1, -1))
    return (
        _select_by_time(newest, headers, keep)
        if isinstance(keep, timedelta)
        else _select_by_number(newest, headers, keep)
    )


def _select_by_time(newest: Header, headers: Iterator[Header], keep: timedelta) -> Iterator[Header]:
    """Yield the commits that were not the newest any more when the time `keep` began."""
    start, later = (datetime.now(UTC) - keep).timestamp(), newest
    for header in headers:
        if later.time < start:
            yield header
        later = header


def _select_by_number(newest: Header, headers: Iterator[Header], keep: int) -> Iterator[Header]:
    """Yield all commits but the newest `keep` that are named versions; `newest` counts if it is one."""
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
        raise UsageError(
            f"keep={brief(keep)} is neither a number of versions nor a time.",
            "Write keep=10 for the ten newest named versions, or keep=timedelta(days=30).",
        )
    left = keep - (newest.message is not None)
    for header in headers:
        if header.message is not None and left > 0:
            left -= 1
        else:
            yield header
