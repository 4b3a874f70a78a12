"""``reelbase verify``: see that a dataset is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, lines, several, size
from reelbase.maintenance import verify
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from reelbase.maintenance.verify import Verification

_EPILOG = """Every version that can be read is looked at, on all branches. Nothing is mended: each damage is named with
its object, and with the tensor and rows of the newest version that needs it. The exit code is 1 if there is one."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument(
        "--deep", action="store_true", help="read every byte and compare checksums, not only sizes and the index"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 if something is damaged."""
    storage = registry().open_storage(arguments.path)  # not `load`: the newest commit may be what is damaged
    found = verify.verify(storage, deep=arguments.deep)
    emit(arguments, _facts(found), _text(found))
    return 0 if found.ok else 1


def _facts(found: Verification) -> dict[str, Any]:
    return {**vars(found), "ok": found.ok, "damages": [vars(damage) for damage in found.damages]}


def _text(found: Verification) -> str:
    read = f", {size(found.bytes)} of samples read" if found.bytes else ""
    seen = f"{several(found.versions, 'version')}, {several(found.objects, 'data object')}{read}"
    end = "all is well" if found.ok else several(len(found.damages), "damage")
    return lines([*found.damages, f"{seen}: {end}."])
