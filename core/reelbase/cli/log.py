"""``reelbase log``: list the versions of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, format_table
from reelbase.cli._selection import parse_count
from reelbase.cli._versions import add_ref, format_version, read_listing, version_to_json

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset
    from reelbase.versions.version import Version

_EPILOG = """By default, only named versions are listed: those that were made by ds.commit("a message"), a merge or a
revert. Every write makes a version; --all lists these too. Times are in UTC, by the clock of the machine that wrote
the version. An expired version can no longer be read."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("path", help="a dataset")
    parser.add_argument("--all", action="store_true", help="list all versions, not only the named ones")
    add_ref(parser, "list versions up to this one")
    parser.add_argument("-n", type=parse_count, metavar="N", help="list only the newest N")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List versions, newest first."""
    dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
    versions = dataset.log(all=arguments.all, limit=arguments.n)
    names = read_listing(lambda: _find_tags(dataset))
    emit(
        arguments,
        [
            {**version_to_json(version), "tags": None if names is None else names.get(version.ref, [])}
            for version in versions
        ],
        _format(versions, names or {}) or ("No version yet." if arguments.all else "No named version; see --all."),
    )
    return 0


def _find_tags(dataset: Dataset) -> dict[str, list[str]]:
    """Return the names of the tags of each ref."""
    names: dict[str, list[str]] = {}
    for name, ref in dataset.history.tags.items():
        names.setdefault(ref, []).append(name)
    return names


def _format(versions: list[Version], names: dict[str, list[str]]) -> str:
    lines: list[tuple[Any, ...]] = []
    for version in versions:
        ref, time, message = format_version(version)
        lines.append((ref, time, version.author, ", ".join(names.get(version.ref, ())), message))
    return format_table(("version", "time", "author", "tags", "message"), lines) if lines else ""
