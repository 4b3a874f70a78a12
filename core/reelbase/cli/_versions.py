"""What the commands that deal with versions have in common."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reelbase.errors import VersionNotFoundError

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset
    from reelbase.versions.version import Version

REF = "a branch, a tag, a version such as main@12, or the start of a commit's id"


def add_ref(parser: argparse.ArgumentParser, what: str) -> None:
    """The option ``--ref`` of commands that look at a dataset.

    Args:
        parser: The argument parser of the command.
        what: What is done with the version.
    """
    parser.add_argument("--ref", metavar="REF", help=f"{what}: {REF} (default: the newest of main)")


def current(dataset: Dataset) -> Version | None:
    """The version where a dataset stands; None if nothing was ever written to it."""
    try:
        return dataset.history.current
    except VersionNotFoundError:
        return None


def facts(version: Version) -> dict[str, Any]:
    """A version as JSON has it."""
    return {"ref": version.ref, **asdict(version), "time": version.time.isoformat(timespec="seconds")}


def told(version: Version) -> tuple[str, str, str]:
    """A version as people have it: ref, time, and what it says."""
    said = [part for part in (version.message, "(expired)" if version.expired else None) if part]
    return version.ref, clock(version), " ".join(said)


def clock(version: Version) -> str:
    """When it was written."""
    return f"{version.time:%Y-%m-%d %H:%M:%S}Z"
