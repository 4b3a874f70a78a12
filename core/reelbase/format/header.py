"""The header of a commit: everything about it except the state that it holds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from reelbase.errors import CorruptObjectError
from reelbase.format import validation
from reelbase.format.footprint import Footprint

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(NamedTuple):
    """The position of a commit: its branch and its number on that branch.

    Attributes:
        branch: Name of the branch.
        seq: Number of the commit on the branch, from 0.
    """

    branch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.branch}@{self.seq}"


_PLACE = validation.maybe(validation.exactly(validation.branch, validation.seq))
_NAMES = validation.many(validation.text)
_RUNS = validation.many(validation.exactly(validation.count, validation.count))
_FOOTPRINT = validation.fields(
    _optional=True,
    created=_NAMES,
    schema=_NAMES,
    dtypes=validation.mapping(validation.text),
    appended=_NAMES,
    changed=validation.mapping(validation.mapping(_RUNS)),
    info=_NAMES,
    txns=validation.mapping(validation.exactly(validation.whole, validation.whole)),
    packed=_NAMES,
    settings=validation.mapping(validation.flag),
)
#: Shape of the part of a commit's JSON that is not its state.
HEADER = {
    "dataset": validation.text,
    "id": validation.text,
    "branch": validation.branch,
    "seq": validation.seq,
    "parent": _PLACE,
    "parent_id": validation.maybe(validation.text),
    "parent_crc": validation.maybe(validation.count),
    "time": validation.moment,
    "author": validation.text,
    "message": validation.maybe(validation.text),
    "named": _PLACE,
    "includes": validation.mapping(validation.seq),
    "merged": _PLACE,
    "touched": _FOOTPRINT,
    "expired": validation.flag,
}


@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a commit.

    Attributes:
        dataset: uuid of the dataset, the same as in its root object.
        id: uuid4 in hex. A writer recognizes its own commit by it.
        branch: Name of the branch that the commit belongs to.
        seq: Number on the branch, from 0. The state before the first commit has -1.
        parent: Place of the commit before it, or None if there is none. For a branch's first commit it is on another
            branch.
        parent_id: Id of that commit, by which a replaced commit is noticed. None in
            commits of format 2.
        parent_crc: CRC-32 of that commit's bytes. They change when its state expires.
        time: Seconds since the epoch (UTC) by the writer's clock. Commits are ordered by `seq` alone.
        author: User name of the writer.
        message: The user's message, which makes the commit a named version, or None.
        named: Place of the newest named version before it, or None.
        includes: For each other branch, the number of the newest commit that this one builds on.
        merged: Place of the commit that this one merged, or None.
        touched: What the commit changed.
        expired: True if the state of the commit was deleted.
    """

    dataset: str
    id: str
    branch: str
    seq: int
    parent: Place | None = None
    parent_id: str | None = None
    parent_crc: int | None = None
    time: float = 0.0
    author: str = ""
    message: str | None = None
    named: Place | None = None
    includes: Mapping[str, int] = field(default_factory=dict)
    merged: Place | None = None
    touched: Footprint = field(default_factory=Footprint)
    expired: bool = False

    @property
    def place(self) -> Place:
        """The branch and number of the commit."""
        return Place(self.branch, self.seq)

    def check_parent(self, parent: Header) -> None:
        """Check that a commit is the one that this was built on.

        Raises:
            CorruptObjectError: another commit has its place: the log was changed from outside.
        """
        if self.parent_id is not None and parent.id != self.parent_id:
            raise CorruptObjectError(
                f"Commit {self.place} was built on another commit than the {parent.place} that is in the log.",
                "The log was damaged or restored in part. Restore all of its folder log/ from one copy.",
            )

    @property
    def reach(self) -> dict[str, int]:
        """For each branch, the number of the newest commit that this one builds on, including itself."""
        return {**self.includes, self.branch: self.seq}

    @property
    def last_named(self) -> Place | None:
        """Its own place if it is a named version, otherwise the place of the newest named version before it."""
        return self.place if self.message is not None else self.named

    def as_json(self) -> dict[str, Any]:
        """Return the form that a commit carries."""
        return {**self.__dict__, "includes": dict(self.includes), "touched": self.touched.as_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Header:
        """Return the header that `as_json` wrote."""
        values = {entry.name: stored[entry.name] for entry in fields(cls)}
        places = {name: Place(*stored[name]) for name in ("parent", "named", "merged") if stored[name] is not None}
        return cls(**{**values, **places, "touched": Footprint.from_json(stored["touched"])})
