"""What an ingest did with each file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbase.ingestion.found import PassedOver


@dataclass(frozen=True)
class KnownFile:
    """A file whose content, or whose place, is that of a row.

    Attributes:
        path: Its path or URL, without secrets.
        row: The row.
        origin: The path or URL that the row was added from; "" if it was not ingested.
    """

    path: str
    row: int
    origin: str


@dataclass(frozen=True)
class BadFile:
    """A file that cannot be used.

    Attributes:
        path: Its path or URL, without secrets.
        error: What is wrong with it.
    """

    path: str
    error: str


@dataclass
class IngestReport:
    """What `reelbase.ingest` did with each file.

    Attributes:
        added: The files that are new rows, in the order of the rows.
        bytes: Their size together.
        replaced: The files that replaced the sample of a row, with ``changed="replace"``.
        skipped: The files that the tensor holds already.
        same: Those among them that it did not know by this path and time: they were moved, copied or touched, or are
            files of this run with equal content. Each has the row that holds the content.
        relinked: Those among them to which the link of their row leads now, because it was broken: what it led to was
            moved, replaced or touched.
        changed: The files that are not what was added from the same place, and were left alone; each with that row.
        passed_over: Files and folders that are of another kind, with the reason.
        bad: The files that cannot be used (with ``skip_bad=True``).
    """

    added: list[str] = field(default_factory=list)
    bytes: int = 0
    replaced: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    same: list[KnownFile] = field(default_factory=list)
    relinked: list[KnownFile] = field(default_factory=list)
    changed: list[KnownFile] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
