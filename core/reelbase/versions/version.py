"""A version of a dataset, as users see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.format.header import Header


@dataclass(frozen=True, kw_only=True)
class Version:
    """One commit of a dataset. It can be given wherever a ref can: ``ds.checkout(version)``.

    Attributes:
        branch: Its branch.
        seq: Its number on the branch, from 0.
        id: uuid4 hex, unique among all commits.
        time: When it was written, by the writer's clock, UTC. Order is by `seq` alone.
        author: Who wrote it.
        message: What ``ds.commit`` was given; None for what was committed along the way.
        parent: Ref of the version before it, or None.
        merged: Ref of the version that it merged, or None.
        expired: Its data are gone.
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
        """Branch and number, such as ``"main@12"``; it never names another version."""
        return f"{self.branch}@{self.seq}"

    def __str__(self) -> str:
        return self.ref


def version_of(header: Header) -> Version:
    """The version that a commit's header describes."""
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
