"""``reelbase gc``: delete data that no version needs, and expire old versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._duration import parse_count_or_duration, parse_duration
from reelbase.cli._output import add_json, emit, format_count, format_size
from reelbase.maintenance.maintenance import GRACE

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.gc import Collected

_EPILOG = """This deletes data that no version needs: those of expired versions, and those of writers that failed or
were killed. The grace period must be longer than any transaction, and longer than anybody reads an expired version.
Otherwise data are deleted that are still in use. Data of versions that --expire expires now are deleted by a later gc,
after the grace period; a dry run does not count them."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument(
        "--grace",
        type=parse_duration,
        default=GRACE,
        metavar="TIME",
        help=f"delete only data that expired or were written longer ago than this: 7d, 12h, 30m, 0 "
        f"(default: {GRACE.days}d)",
    )
    parser.add_argument("--dry-run", action="store_true", help="delete nothing; print what would be deleted")
    parser.add_argument(
        "--expire",
        type=parse_count_or_duration,
        metavar="N|TIME",
        help="first expire old versions, except the N newest named ones of each branch, or those that are younger than "
        "TIME (30d); the newest of each branch and tagged ones are always kept",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Expire old versions with ``--expire``, then delete data."""
    maintenance = api.load(arguments.path, read_only=arguments.dry_run).maintenance
    dry, keep = arguments.dry_run, arguments.expire
    expired = None if keep is None else maintenance.expire(keep, dry_run=dry)
    found = maintenance.gc(arguments.grace, dry_run=dry)
    verb = "would expire" if dry else "expired"
    lines = [] if expired is None else [f"{format_count(len(expired), 'version')} {verb}."]
    emit(
        arguments,
        {"dry_run": dry, "expired": expired or [], **vars(found)},
        "\n".join([*lines, _format(found, dry=dry)]),
    )
    return 0


def _format(found: Collected, *, dry: bool) -> str:
    deleted, can = ("would be deleted", "could") if dry else ("deleted", "can")
    data = f"{format_count(found.objects, 'object')} ({format_size(found.bytes)}) {deleted}"
    return f"{data}; {format_count(len(found.versions), 'expired version')} {can} no longer be read."
