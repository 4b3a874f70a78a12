"""``reelbase rescue``: open a dataset again whose newest versions cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, format_count, format_lines
from reelbase.maintenance import rescue
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.rescue import Rescue

_EPILOG = """For each version that cannot be read, this shows what can be done: "repaired" and "copied from the hint"
keep all that it holds; "lost" means that its changes are gone. If the newest version is lost, a new version goes back
to the newest one that can be read. Nothing is changed without --apply; with it, what is replaced is kept under
refs/aside/. Let nothing else write to the dataset meanwhile. After that, gc deletes data that only lost versions need.
If something could not be read, the exit code without --apply is 1."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--apply", action="store_true", help="do it; without this, only show what would be done")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rescue the dataset with ``--apply``, else show what can be rescued. Return 1 if that is still to be done."""
    storage = registry().open_storage(arguments.path)  # not `load`, which fails if the newest commit is damaged
    found = rescue.rescue(storage, apply=arguments.apply)
    emit(arguments, _rescue_to_json(found), _format(found))
    return 1 if found.unreadable and not arguments.apply else 0


def _rescue_to_json(found: Rescue) -> dict[str, Any]:
    return {**vars(found), "unreadable": [vars(version) for version in found.unreadable]}


def _format(found: Rescue) -> str:
    if not found.unreadable and not found.newest:
        return "All versions can be read."
    went = "would go back" if found.aside is None else "went back"
    lines = [
        *found.unreadable,
        *(f"Branch {branch!r} {went} to {version}." for branch, version in found.newest.items()),
        f"{format_count(len(found.unreadable), 'version')} could not be read. "
        + ("Nothing was changed; see --apply." if found.aside is None else f"What was replaced is in {found.aside}."),
    ]
    return format_lines(lines)
