"""A version of a dataset, as users see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.format.header import Header


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version (commit) of a dataset. It can be passed wherever a ref can: ``ds.checkout(version)``.

    Attributes:
        branch: Name of the branch that it belongs to.
        seq: Number on the branch, from 0.
        id: uuid4 in hex, unique among all commits.
        time: When it was written (UTC), by the writer's clock. Versions are ordered by `seq` alone.
        author: User name of the writer.
        message: The text that was passed to ``ds.commit``, or None for commits made by other writes.
        parent: Ref of the version before it, or None.
        merged: Ref of the version that it merged, or None.
        expired: True if its data was deleted.
    """

    branch: str
    seq: int
    id: str
    time: datetime
    author: str
    message: str | None
    parent: str | None
    merged: str | None
    expired: bool

    @property
    def ref(self) -> str:
        """Branch and number, such as ``"main@12"``. A ref never comes to name another version."""
        return f"{self.branch}@{self.seq}"

    def __str__(self) -> str:
        return self.ref


def version_of(header: Header) -> Version:
    """Return the version that the header of a commit describes."""
    return Version(
        branch=header.branch,
        seq=header.seq,
        id=header.id,
        time=datetime.fromtimestamp(header.time, UTC),
        author=header.author,
        message=header.message,
        parent=None if header.parent is None else str(header.parent),
        merged=None if header.merged is None else str(header.merged),
        expired=header.expired,
    )
