"""``reelbase verify``: check that every version of a dataset is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, format_count, format_lines, format_size
from reelbase.maintenance import verify
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.verify import Verification

_EPILOG = """This checks every version that can be read, on all branches. Nothing is repaired. For each damage it
prints the object, and the tensor and rows of the newest version that needs it. If there is damage, the exit code is
1."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument(
        "--deep", action="store_true", help="read all data and compare checksums, not only sizes and the index"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check all versions. Return 1 if something is damaged."""
    storage = registry().open_storage(arguments.path)  # not `load`, which fails if the newest commit is damaged
    found = verify.verify(storage, deep=arguments.deep)
    emit(arguments, _verification_to_json(found), _format(found))
    return 0 if found.ok else 1


def _verification_to_json(found: Verification) -> dict[str, Any]:
    return {**vars(found), "ok": found.ok, "damages": [vars(damage) for damage in found.damages]}


def _format(found: Verification) -> str:
    read = f", {format_size(found.bytes)} of samples read" if found.bytes else ""
    checked = f"{format_count(found.versions, 'version')}, {format_count(found.objects, 'data object')}{read}"
    result = "all is well" if found.ok else format_count(len(found.damages), "damage")
    return format_lines([*found.damages, f"{checked}: {result}."])
