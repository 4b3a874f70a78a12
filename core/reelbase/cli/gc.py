"""``reelbase gc``: delete what no version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._duration import duration, keep
from reelbase.cli._output import add_json, emit, several, size
from reelbase.maintenance.maintenance import GRACE

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.gc import Collected

_EPILOG = """Data go that no version needs: of expired versions, or of writers that failed or were killed. The grace
period must be longer than any transaction, and any reader of an expired version, takes: with less, their data are
deleted under them. Versions that --expire lets go now are themselves deleted by a later gc, when they have been
expired for that long; a dry run does not count their data."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument(
        "--grace",
        type=duration,
        default=GRACE,
        metavar="TIME",
        help=f"only what expired, or was written, longer ago: 7d, 12h, 30m, 0 (default: {GRACE.days}d)",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing; say what would be")
    parser.add_argument(
        "--expire",
        type=keep,
        metavar="N|TIME",
        help="first let old versions go, but for the N newest named ones of each branch, or those of that time back "
        "(30d); the newest of each branch and tagged ones always stay",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Expire, if that was asked for, and collect."""
    maintenance = api.load(arguments.path, read_only=arguments.dry_run).maintenance
    dry, kept = arguments.dry_run, arguments.expire
    expired = None if kept is None else maintenance.expire(kept, dry_run=dry)
    found = maintenance.gc(arguments.grace, dry_run=dry)
    told = [] if expired is None else [f"{several(len(expired), 'version')} {'would expire' if dry else 'expired'}."]
    emit(
        arguments,
        {"dry_run": dry, "expired": expired or [], **vars(found)},
        "\n".join([*told, _text(found, dry=dry)]),
    )
    return 0


def _text(found: Collected, *, dry: bool) -> str:
    deleted, can = ("would be deleted", "could") if dry else ("deleted", "can")
    data = f"{several(found.objects, 'object')} ({size(found.bytes)}) {deleted}"
    return f"{data}; {several(len(found.versions), 'expired version')} {can} no longer be read."
