"""``reelbase ingest``: add files to a dataset with one commit per file, so that it can be run again to continue.

A json tensor ``<tensor>_source`` next to the tensor has path, size and time of modification of each file. It is
written in the same commit as the sample: either both are in the dataset, or neither.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, format_lines, format_size, say
from reelbase.cli._progress import progress
from reelbase.errors import MediaError, ObjectNotFoundError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from reelbase.dataset import Dataset

_FileKey = tuple[str, int, int]


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dataset", help="the dataset; it is created if it does not exist")
    parser.add_argument(
        "files", nargs="+", metavar="FILE|FOLDER", help="files to add; folders are searched with their subfolders"
    )
    parser.add_argument(
        "--tensor", default="videos", help="tensor to add to; it is created if it does not exist (default: %(default)s)"
    )
    parser.add_argument("--htype", default="video", help="htype of a new tensor (default: %(default)s)")
    parser.add_argument("--sample-compression", metavar="NAME", help="compression of a new tensor, such as mp4")
    parser.add_argument(
        "--check",
        choices=("sample", "full", "none"),
        default="sample",
        help="how many frames to decode to verify each file",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="skip files that cannot be used, and list them at the end"
    )
    add_json(parser)
    parser.set_defaults(run=run)


@dataclass
class Outcome:
    """What happened to each file."""

    added: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bad: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0

    def format(self) -> str:
        """Return a line of counts, then a line for each bad file."""
        added = f"{len(self.added)} added ({format_size(self.bytes)})"
        counts = f"{added}, {len(self.skipped)} skipped because they were added before"
        bad = [f"  {file['error']}" for file in self.bad]
        return format_lines([counts + (f", {len(bad)} bad:" if bad else "."), *bad])


def run(arguments: argparse.Namespace) -> int:
    """Add the files that were not added before. Return 1 if a file was bad."""
    files = list(find_files(arguments.files))
    # All paths are checked before the dataset is created: a mistyped path leaves nothing behind.
    dataset = api.open(arguments.dataset)
    _prepare(dataset, arguments)
    outcome = Outcome()
    _ingest(dataset, files, arguments, outcome)
    emit(arguments, {**vars(outcome), "rows": len(dataset)}, outcome.format())
    return 1 if outcome.bad else 0


def find_files(paths: Sequence[str]) -> Iterator[Path]:
    """Yield the files to add: those that are named, and in folders all with the suffix of a codec.

    Hidden files and folders are left out.

    Args:
        paths: Paths of files and folders.

    Raises:
        ObjectNotFoundError: a path does not exist.
    """
    suffixes = {suffix for spec in registry().codecs.specs() for suffix in spec.suffixes}
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise ObjectNotFoundError(f"There is no file or folder {name!r}.", "Check the path. Nothing was added.")
        if not path.is_dir():
            yield path
            continue
        files = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in suffixes and file.is_file())
        yield from (file for file in files if not _is_hidden(file.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _prepare(dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Create missing tensors, in one commit."""
    name, source = arguments.tensor, _make_source_name(arguments.tensor)
    if name in dataset and arguments.sample_compression not in (None, dataset[name].meta["sample_compression"]):
        stored = dataset[name].meta["sample_compression"]
        raise UsageError(
            f"Tensor {name!r} has the compression {stored!r}, not {arguments.sample_compression!r}.",
            "Leave out --sample-compression, or choose another --tensor.",
        )
    with dataset:
        if name not in dataset:
            dataset.create_tensor(name, htype=arguments.htype, sample_compression=arguments.sample_compression)
        if source not in dataset:
            dataset.create_tensor(source, htype="json")


def _ingest(dataset: Dataset, files: list[Path], arguments: argparse.Namespace, outcome: Outcome) -> None:
    done = _read_done(dataset, _make_source_name(arguments.tensor))
    todo = []
    for path in files:
        key = _make_key(path)
        if key in done:
            outcome.skipped.append(str(path))
        else:
            done.add(key)  # a file that is named twice is added once
            todo.append((path, key))
    with progress(sum(key[1] for _, key in todo), "B", "ingest") as advance:
        for path, key in todo:
            _add(dataset, path, key, arguments, outcome)
            advance(key[1])


def _add(dataset: Dataset, path: Path, key: _FileKey, arguments: argparse.Namespace, outcome: Outcome) -> None:
    row: dict[str, Any] = dict.fromkeys(dataset.tensors)  # the other tensors get no sample in this row
    row[arguments.tensor] = api.read(path, check=arguments.check)
    row[_make_source_name(arguments.tensor)] = dict(zip(("path", "size", "mtime_ns"), key, strict=True))
    try:
        dataset.append(row)
    except (MediaError, ObjectNotFoundError) as error:
        if not arguments.skip_bad:
            say(f"{len(outcome.added)} files were added before this one. Run again with --skip-bad to skip it.")
            raise
        outcome.bad.append({"path": str(path), "error": str(error).splitlines()[0]})
        return
    outcome.added.append(str(path))
    outcome.bytes += key[1]


def _read_done(dataset: Dataset, source: str) -> set[_FileKey]:
    rows = (view.data() for view in dataset[source] if view.exists)
    return {(row["path"], row["size"], row["mtime_ns"]) for row in rows}


def _make_key(path: Path) -> _FileKey:
    """Return what identifies a file. A file that has changed since is added again, as a new row."""
    stat = path.stat()
    return os.fspath(path.resolve()), stat.st_size, stat.st_mtime_ns


def _make_source_name(tensor: str) -> str:
    return f"{tensor}_source"
