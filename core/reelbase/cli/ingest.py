"""``reelbase ingest``: add files to a dataset, one commit a file; run again to go on where it stopped.

Beside the tensor stands a json tensor ``<tensor>_source`` with path, size and time of change of each file. It is
written in the same commit as the sample, so a file is either in with its source or not in at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, lines, say, size
from reelbase.cli._progress import progress
from reelbase.errors import MediaError, ObjectNotFoundError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from reelbase.dataset import Dataset

_Key = tuple[str, int, int]


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", help="where; made if there is none")
    parser.add_argument("files", nargs="+", metavar="FILE|FOLDER", help="a folder is searched to its depths")
    parser.add_argument("--tensor", default="videos", help="made if there is none (default: %(default)s)")
    parser.add_argument("--htype", default="video", help="of a tensor that is made (default: %(default)s)")
    parser.add_argument("--sample-compression", metavar="NAME", help="of a tensor that is made, such as mp4")
    parser.add_argument(
        "--check", choices=("sample", "full", "none"), default="sample", help="how much to verify by decoding"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on past files that cannot be used; they are listed at the end"
    )
    add_json(parser)
    parser.set_defaults(run=run)


@dataclass
class Outcome:
    """What became of each file."""

    added: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bad: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0

    def text(self) -> str:
        """One line of counts, then the bad files."""
        counts = f"{len(self.added)} added ({size(self.bytes)}), {len(self.skipped)} were there already"
        bad = [f"  {one['error']}" for one in self.bad]
        return lines([counts + (f", {len(bad)} bad:" if bad else "."), *bad])


def run(arguments: argparse.Namespace) -> int:
    """Add what is not there yet; 1 if a file was bad."""
    files = list(find(arguments.files))
    dataset = api.open(arguments.dataset)
    _prepare(dataset, arguments)
    outcome = Outcome()
    _ingest(dataset, files, arguments, outcome)
    emit(arguments, {**vars(outcome), "rows": len(dataset)}, outcome.text())
    return 1 if outcome.bad else 0


def find(paths: Sequence[str]) -> Iterator[Path]:
    """The files that are named, and in folders all whose suffix some codec knows, in order; hidden ones are left out.

    Raises:
        ObjectNotFoundError: a path does not exist.
    """
    suffixes = {suffix for spec in registry().codecs.specs() for suffix in spec.suffixes}
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise ObjectNotFoundError(f"No file or folder {name!r}.", "Check the path. Nothing was ingested.")
        if not path.is_dir():
            yield path
            continue
        inside = (one for one in sorted(path.rglob("*")) if one.suffix.lower() in suffixes and one.is_file())
        yield from (one for one in inside if not _is_hidden(one.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _prepare(dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Make the tensors that are missing, in one commit."""
    name, source = arguments.tensor, _source(arguments.tensor)
    if name in dataset and arguments.sample_compression not in (None, dataset[name].meta["sample_compression"]):
        kept = dataset[name].meta["sample_compression"]
        raise UsageError(
            f"Tensor {name!r} is there with compression {kept!r}, not {arguments.sample_compression!r}.",
            "Leave --sample-compression out, or name another --tensor.",
        )
    with dataset:
        if name not in dataset:
            dataset.create_tensor(name, htype=arguments.htype, sample_compression=arguments.sample_compression)
        if source not in dataset:
            dataset.create_tensor(source, htype="json")


def _ingest(dataset: Dataset, files: list[Path], arguments: argparse.Namespace, outcome: Outcome) -> None:
    done = _done(dataset, _source(arguments.tensor))
    todo = []
    for path in files:
        key = _key(path)
        if key in done:
            outcome.skipped.append(str(path))
        else:
            done.add(key)
            todo.append((path, key))
    with progress(sum(key[1] for _, key in todo), "B", "ingest") as move:
        for path, key in todo:
            _add(dataset, path, key, arguments, outcome)
            move(key[1])


def _add(dataset: Dataset, path: Path, key: _Key, arguments: argparse.Namespace, outcome: Outcome) -> None:
    row: dict[str, Any] = dict.fromkeys(dataset.tensors)
    row[arguments.tensor] = api.read(path, check=arguments.check)
    row[_source(arguments.tensor)] = dict(zip(("path", "size", "mtime_ns"), key, strict=True))
    try:
        dataset.append(row)
    except (MediaError, ObjectNotFoundError) as error:
        if not arguments.skip_bad:
            say(f"{len(outcome.added)} files were added before this one; run again with --skip-bad to pass it over.")
            raise
        outcome.bad.append({"path": str(path), "error": str(error).splitlines()[0]})
        return
    outcome.added.append(str(path))
    outcome.bytes += key[1]


def _done(dataset: Dataset, source: str) -> set[_Key]:
    rows = (view.data() for view in dataset[source] if view.exists)
    return {(row["path"], row["size"], row["mtime_ns"]) for row in rows}


def _key(path: Path) -> _Key:
    """What makes a file the same file: a changed one is added as a new row."""
    stat = path.stat()
    return os.fspath(path.resolve()), stat.st_size, stat.st_mtime_ns


def _source(tensor: str) -> str:
    return f"{tensor}_source"
