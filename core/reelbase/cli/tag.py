"""``reelbase tag``: list tags, create one, or remove one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, format_table
from reelbase.cli._versions import REF
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse

_EPILOG = (
    """A tag always names the same version, which then does not expire. Names consist of a-z, 0-9, ".", "_" and "-"."""
)


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase tag DATASET [NAME [--at REF] | --delete NAME] [--json]"
    parser.epilog = _EPILOG
    parser.add_argument("path", metavar="DATASET", help="a dataset")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="name of the tag to create; without it, tags are listed"
    )
    parser.add_argument("--at", metavar="REF", help=f"version that the tag names: {REF} (default: the newest of main)")
    parser.add_argument("--delete", metavar="NAME", help="remove this tag; its version is kept until it expires")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the tags, create one, or remove one."""
    if arguments.delete is not None:
        return _delete(arguments)
    if arguments.name is not None:
        return _create(arguments)
    if arguments.at is not None:
        raise UsageError("--at says what a new tag names, but the name of the tag is missing.", "Add its name.")
    tags = api.load(arguments.path, read_only=True).history.tags
    emit(arguments, tags, format_table(("tag", "version"), sorted(tags.items())) if tags else "No tags.")
    return 0


def _create(arguments: argparse.Namespace) -> int:
    history = api.load(arguments.path).history
    history.tag(arguments.name, arguments.at)
    ref = history.tags[arguments.name]
    emit(arguments, {arguments.name: ref}, f"Tag {arguments.name} names {ref}.")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    if arguments.name is not None or arguments.at is not None:
        raise UsageError("--delete removes a tag, but NAME or --at creates one.", "Use two commands.")
    api.load(arguments.path).history.untag(arguments.delete)
    emit(arguments, {"deleted": arguments.delete}, f"Tag {arguments.delete} is removed.")
    return 0
