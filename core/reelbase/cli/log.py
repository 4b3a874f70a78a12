"""``reelbase log``: the versions of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, table
from reelbase.cli._selection import count
from reelbase.cli._versions import add_ref, facts, told

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset
    from reelbase.versions.version import Version

_EPILOG = """Named versions are those of ds.commit(message), merges and reverts. Times are UTC, by the clock of whoever
wrote the version; an expired version can no longer be read."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--all", action="store_true", help="every commit, not only the named ones")
    add_ref(parser, "versions up to this one")
    parser.add_argument("-n", type=count, metavar="N", help="only the newest N")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List versions, newest first."""
    dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
    versions = dataset.log(all=arguments.all, limit=arguments.n)
    names = _names(dataset)
    emit(
        arguments,
        [{**facts(version), "tags": names.get(version.ref, [])} for version in versions],
        _text(versions, names) or ("No version yet." if arguments.all else "No named version; see --all."),
    )
    return 0


def _names(dataset: Dataset) -> dict[str, list[str]]:
    """Tags by the ref that they stand for."""
    names: dict[str, list[str]] = {}
    for name, ref in dataset.history.tags.items():
        names.setdefault(ref, []).append(name)
    return names


def _text(versions: list[Version], names: dict[str, list[str]]) -> str:
    lines: list[tuple[Any, ...]] = []
    for version in versions:
        ref, time, said = told(version)
        lines.append((ref, time, version.author, ", ".join(names.get(version.ref, ())), said))
    return table(("version", "time", "author", "tags", "message"), lines) if lines else ""
