"""Where the sample of a row came from: what the tensor ``<tensor>_source`` keeps of each row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from reelbase.ingestion.found import ETAG, MODIFIED, MTIME

if TYPE_CHECKING:
    from reelbase.ingestion.found import FoundFile, Version

_VERSIONS: Final = {MTIME: int, ETAG: str, MODIFIED: str}


@dataclass(frozen=True)
class Sighting:
    """One place where the content of a row was seen.

    Attributes:
        place: An absolute path or a URL.
        version: Which version of the file was there; None if its storage does not say.
    """

    place: str
    version: Version | None

    @classmethod
    def of(cls, file: FoundFile) -> Self:
        """Return the sighting of a file that was found."""
        return cls(file.place, file.version)

    def as_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        return {"path": self.place, **dict([self.version] if self.version else [])}


@dataclass(frozen=True)
class Origin:
    """Where the sample of a row came from.

    Attributes:
        size: Size of the file in bytes.
        sightings: The place it was added from, then others at which the same content was seen.
        sha256: Checksum of the content, where the row itself has none: for links to files of this machine.
    """

    size: int
    sightings: tuple[Sighting, ...]
    sha256: str | None = None

    @classmethod
    def of(cls, file: FoundFile, sha256: str | None = None) -> Self:
        """Return the origin of a row that is added from a file."""
        return cls(file.size, (Sighting.of(file),), sha256)

    @classmethod
    def parse(cls, value: Any) -> Self | None:
        """Return what is stored; None if it has another form, such as a value of the user's own."""
        if not isinstance(value, dict) or not isinstance(value.get("size"), int):
            return None
        also = value.get("also", [])
        sightings = [_parse_sighting(item) for item in [value, *(also if isinstance(also, list) else [])]]
        if sightings[0] is None:
            return None
        sha256 = value.get("sha256")
        return cls(value["size"], tuple(filter(None, sightings)), sha256 if isinstance(sha256, str) else None)

    @property
    def place(self) -> str:
        """The place it was added from; "" if it was not ingested."""
        return self.sightings[0].place if self.sightings else ""

    def as_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        first, *others = (sighting.as_json() for sighting in self.sightings)
        stored = {"path": first.pop("path"), "size": self.size, **first}
        if self.sha256 is not None:
            stored["sha256"] = self.sha256
        return {**stored, "also": others} if others else stored

    def add_sighting(self, file: FoundFile) -> Origin:
        """Return it with one more place, or with another version of the file at a place that is known."""
        new = Sighting.of(file)
        if all(sighting.place != new.place for sighting in self.sightings):
            return replace(self, sightings=(*self.sightings, new))
        updated = (new if sighting.place == new.place else sighting for sighting in self.sightings)
        return replace(self, sightings=tuple(updated))


def _parse_sighting(value: Any) -> Sighting | None:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return None
    known = ((name, value[name]) for name, kind in _VERSIONS.items() if isinstance(value.get(name), kind))
    return Sighting(value["path"], next(known, None))
