"""Shared code of the commands that deal with versions."""

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
    """Add the option ``--ref``.

    Args:
        parser: Argument parser of the command.
        what: What the version is used for; the start of the help text.
    """
    parser.add_argument("--ref", metavar="REF", help=f"{what}: {REF} (default: the newest of main)")


def find_current(dataset: Dataset) -> Version | None:
    """Return the current version of a dataset; None if nothing was ever written to it."""
    try:
        return dataset.history.current
    except VersionNotFoundError:
        return None


def version_to_json(version: Version) -> dict[str, Any]:
    """Return the JSON object of a version."""
    return {"ref": version.ref, **asdict(version), "time": version.time.isoformat(timespec="seconds")}


def format_version(version: Version) -> tuple[str, str, str]:
    """Return ref, time and message of a version as text."""
    parts = [part for part in (version.message, "(expired)" if version.expired else None) if part]
    return version.ref, _format_time(version), " ".join(parts)


def _format_time(version: Version) -> str:
    return f"{version.time:%Y-%m-%d %H:%M:%S}Z"
