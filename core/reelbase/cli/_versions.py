"""Shared code of the commands that deal with versions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from reelbase.cli._output import say
from reelbase.errors import AccessDeniedError, ListingNotSupportedError, VersionNotFoundError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from reelbase.dataset import Dataset
    from reelbase.versions.version import Version

Listed = TypeVar("Listed")

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


def read_listing(read: Callable[[], Listed]) -> Listed | None:
    """Return what `read` finds by listing the storage; None, and say so on stderr, if it cannot be listed.

    A web server cannot, and access may be for reading alone. The rest of an answer does not depend on it.
    """
    try:
        return read()
    except (ListingNotSupportedError, AccessDeniedError) as error:
        say(f"Not shown, because it takes a listing: {str(error).splitlines()[0]}")
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
