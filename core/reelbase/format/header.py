"""What a commit says of itself, apart from the state it holds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from reelbase.format import validation
from reelbase.format.footprint import Footprint

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(NamedTuple):
    """Where a commit is in the log."""

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
)
#: What the JSON of a commit holds beside its state.
HEADER = {
    "dataset": validation.text,
    "id": validation.text,
    "branch": validation.branch,
    "seq": validation.seq,
    "parent": _PLACE,
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
    """What is known of a commit apart from its state.

    Attributes:
        dataset: uuid of the dataset, as its root object has it.
        id: uuid4 hex; a writer knows its own commit by it.
        branch: Its branch.
        seq: Number on its branch, from 0; -1 for the state before the first commit.
        parent: Place of the commit before it; of a branch's first commit, on another branch. None: there is none.
        time: Seconds since the epoch, UTC, by the writer's clock; order is by `seq` alone.
        author: Who wrote it.
        message: Given by the user: the commit is a named version. Else None.
        named: The newest named commit before it.
        includes: Of other branches, the newest commit that it builds on.
        merged: The commit that it merged, or None.
        touched: What it changed.
        expired: Its state is gone.
    """

    dataset: str
    id: str
    branch: str
    seq: int
    parent: Place | None = None
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
        """Where it stands."""
        return Place(self.branch, self.seq)

    @property
    def reach(self) -> dict[str, int]:
        """The newest commit of each branch that it builds on, itself included."""
        return {**self.includes, self.branch: self.seq}

    @property
    def last_named(self) -> Place | None:
        """Itself if it is named, or the newest named commit before it."""
        return self.place if self.message is not None else self.named

    def as_json(self) -> dict[str, Any]:
        """The form a commit carries."""
        return {**self.__dict__, "includes": dict(self.includes), "touched": self.touched.as_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Header:
        """The inverse of `as_json`."""
        own = {one.name: stored[one.name] for one in fields(cls)}
        places = {name: Place(*stored[name]) for name in ("parent", "named", "merged") if stored[name] is not None}
        return cls(**{**own, **places, "touched": Footprint.from_json(stored["touched"])})
