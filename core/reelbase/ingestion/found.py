"""Files that were found, and those that were passed over. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Self

from reelbase.errors import UsageError
from reelbase.registry import registry
from reelbase.samples.schema import parse_htype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reelbase.samples.schema import StoredItems

#: What tells one version of a file from another: the name of the fact, and its value.
Version = tuple[str, str | int]

MTIME: Final = "mtime_ns"
ETAG: Final = "etag"
MODIFIED: Final = "modified"

DATASET: Final = "reelbase dataset"  #: the reason to pass over a dataset, whose files are samples already
USE_OF_A_DATASET: Final = "Add its samples with ds.videos.extend(other.videos), or copy it with `reelbase copy`."

#: Suffixes of files that a browser or a download manager has not finished yet.
_UNFINISHED: Final = frozenset(
    {".part", ".partial", ".crdownload", ".download", ".opdownload", ".aria2", ".ytdl", ".!ut", ".!qb", ".tmp", ".temp"}
)


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file to add.

    Attributes:
        shown: The path or URL as the user knows it, without secrets.
        address: What opens it: a path or a URL.
        place: Where it is, as the dataset records it: an absolute path or a URL, without secrets.
        size: Size in bytes.
        version: Which version of the file is there; None if its storage does not say.
        named: True if the user named the file itself, not a folder or a pattern.
    """

    shown: str
    address: str
    place: str
    size: int
    version: Version | None
    named: bool = False

    @property
    def is_local(self) -> bool:
        """True if it is a file of this machine."""
        return self.version is not None and self.version[0] == MTIME


@dataclass(frozen=True)
class PassedOver:
    """A file or folder that was not added, although nothing is wrong with it.

    Attributes:
        path: Its path or URL, without secrets.
        reason: Why, in words that are the same for all files of a kind: "suffix .txt".
        detail: More about this file; "" if there is nothing to add.
    """

    path: str
    reason: str
    detail: str = ""


@dataclass
class Found:
    """The result of a search.

    Attributes:
        files: The files to add, in the order in which their rows will be.
        passed_over: What was passed over.
    """

    files: list[FoundFile] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)

    def take(self, items: Iterable[FoundFile | PassedOver]) -> None:
        """Sort items into the two lists."""
        for item in items:
            if isinstance(item, FoundFile):
                self.files.append(item)
            else:
                self.passed_over.append(item)


@dataclass(frozen=True)
class Wanted:
    """Which files a tensor can hold, as far as their names say.

    Attributes:
        items: The kind of its items.
        suffixes: Suffixes of files, in lower case.
    """

    items: StoredItems
    suffixes: frozenset[str]

    @classmethod
    def of(cls, htype: str) -> Self:
        """Return what a tensor of this htype can hold.

        Raises:
            UsageError: it does not hold one file in each row.
            HtypeError, PluginNotFoundError: the htype is unknown.
        """
        items = parse_htype(htype)
        kinds = [kind for kind in registry().htypes.spec(items.name).codecs if kind != "raw"]
        specs = [spec for spec in registry().codecs.specs() if spec.kind in kinds]
        if not specs or items.row_shape.is_sequence:
            raise UsageError(
                f"A tensor of htype {htype!r} does not hold one file in each row.",
                "Choose one of htype video, image, link[video] or link[image].",
            )
        return cls(items, frozenset(suffix for spec in specs for suffix in spec.suffixes))

    def find_reason_against(self, name: str, *, any_suffix: bool = False) -> str | None:
        """Return why a file of this name is passed over, or None.

        Args:
            name: The file's name without its folder.
            any_suffix: True if the user's pattern names the suffix itself.
        """
        if name.startswith("."):
            return "hidden"
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in _UNFINISHED:
            return f"unfinished download ({suffix})"
        if any_suffix or suffix in self.suffixes:
            return None
        return f"suffix {suffix}" if suffix else "name without a suffix"
