"""Letting old versions go: only a decision. What they alone needed is deleted by `gc`, when the grace is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reelbase.errors import UsageError
from reelbase.format.header import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelbase.format.header import Header
    from reelbase.versions.ancestry import Lineage


def expire(lineage: Lineage, keep: int | timedelta, *, dry_run: bool) -> list[str]:
    """Say which versions may go; the refs of those that this adds.

    Raises:
        UsageError: `keep` is neither a number of versions nor a time.
    """
    known = lineage.refs.expiries()
    kept = set(lineage.refs.tags().values())
    gone = [
        header.place
        for branch in lineage.refs.branches()
        for header in _old(lineage, branch, keep)
        if header.place not in kept and not header.expired and not any(item.contains(header.place) for item in known)
    ]
    if not dry_run:
        lineage.refs.expire(gone)
    return [str(place) for place in gone]


def _old(lineage: Lineage, branch: str, keep: int | timedelta) -> Iterator[Header]:
    """Commits of one branch that `keep` does not cover, newest first; its newest is always covered."""
    newest = lineage.head(branch).header
    headers = (lineage.header(Place(branch, seq)) for seq in range(newest.seq - 1, -1, -1))
    return _by_time(newest, headers, keep) if isinstance(keep, timedelta) else _by_number(newest, headers, keep)


def _by_time(newest: Header, headers: Iterator[Header], keep: timedelta) -> Iterator[Header]:
    """Those that were no longer the newest at the start of that time."""
    start, later = (datetime.now(UTC) - keep).timestamp(), newest
    for header in headers:
        if later.time < start:
            yield header
        later = header


def _by_number(newest: Header, headers: Iterator[Header], keep: int) -> Iterator[Header]:
    """All but so many of the named ones."""
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
        raise UsageError(
            f"keep={keep!r} is neither a number of versions nor a time.",
            "Write keep=10 for the ten newest named versions, or keep=timedelta(days=30).",
        )
    left = keep - (newest.message is not None)
    for header in headers:
        if header.message is not None and left > 0:
            left -= 1
        else:
            yield header
