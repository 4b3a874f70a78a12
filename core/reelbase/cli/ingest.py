"""``reelbase ingest``: add files to a dataset with one commit per file, so that it can be run again to continue."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from reelbase import api
from reelbase.cli._output import add_json, emit, format_count, format_lines, format_size, say
from reelbase.cli._progress import transfer
from reelbase.errors import DatasetNotFoundError, MediaError, ReelbaseError, UsageError
from reelbase.ingestion.add import CHOICES, KEEP, add_files, make_source
from reelbase.ingestion.contents import Contents
from reelbase.ingestion.find import find_files
from reelbase.ingestion.found import Wanted
from reelbase.ingestion.report import IngestReport

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from reelbase.dataset import Dataset
    from reelbase.ingestion.report import KnownFile

_EPILOG = """Files are known by their content: those that were moved, copied or touched are not added again. The exit
code is 1 if a file cannot be used, or is not what was added from the same place, unless --skip-bad or --changed says
what to do."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("dataset", help="the dataset; it is created if it does not exist")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE|FOLDER|URL",
        help="files to add; folders are searched with their subfolders. URLs of folders end with a slash. Patterns "
        "(in quotes) may have *, ?, [...], and ** for folders",
    )
    parser.add_argument("--tensor", default="videos", help="tensor to add to (default: %(default)s)")
    parser.add_argument("--create", action="store_true", help="create the tensor if an existing dataset lacks it")
    parser.add_argument("--htype", help="htype of a new tensor, such as image or link[video] (default: video)")
    parser.add_argument("--sample-compression", metavar="NAME", help="compression of a new tensor, such as mp4")
    parser.add_argument(
        "--creds-key", metavar="NAME", help="for links: the credentials to read the files with, such as ENV"
    )
    parser.add_argument(
        "--check",
        choices=("sample", "full", "none"),
        default="sample",
        help="how many frames to decode to verify each file",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="skip files that cannot be used, and list them at the end"
    )
    parser.add_argument(
        "--changed",
        choices=CHOICES,
        help="what to do with a file that is not what was added from the same place: keep the row as it is, add the "
        "file as a new row, or replace the row's sample (by default they are listed, and the exit code is 1)",
    )
    parser.add_argument("--list", action="store_true", help="name every file, also those that were passed over")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Add the files that are not in the dataset. Return 1 if there is one about which the user must decide."""
    existing = _load(arguments.dataset)
    wanted = Wanted.of(_choose_htype(existing, arguments))
    # All names are looked up before the dataset is created: a mistyped path leaves nothing behind.
    found = find_files(arguments.files, wanted, creds=arguments.creds_key)
    dataset = _prepare(existing, arguments)
    report = IngestReport()
    contents = Contents(wanted.items, arguments.check, arguments.creds_key, options=None, creds_key=arguments.creds_key)
    try:
        with transfer("ingest", says_little=False) as bar:
            add_files(
                dataset, arguments.tensor, found, contents, report,
                changed=arguments.changed or KEEP, skip_bad=arguments.skip_bad, progress=bar,
            )  # fmt: skip
    except ReelbaseError as error:
        way = "with --skip-bad to skip it" if isinstance(error, MediaError) else "to continue"
        say(f"{len(report.added)} files were added before this one. Run again {way}.")
        raise
    emit(arguments, {**asdict(report), "rows": len(dataset)}, _format(report, arguments))
    return 1 if report.changed and not arguments.changed else 0


def _choose_htype(dataset: Dataset | None, arguments: argparse.Namespace) -> str:
    """Return the htype of the tensor to add to, or of the one to create.

    Raises:
        UsageError: the dataset lacks the tensor, or the tensor is another than the arguments say.
    """
    name = arguments.tensor
    if dataset is None or name not in dataset:
        if dataset is not None and dataset.tensors and not arguments.create:
            raise _make_missing_error(dataset, name)
        return arguments.htype or "video"
    meta = dataset[name].meta
    for fact, option in (("htype", "htype"), ("sample_compression", "compression")):
        asked = getattr(arguments, fact)
        if asked not in (None, meta[fact]):
            raise UsageError(
                f"Tensor {name!r} has the {option} {meta[fact]!r}, not {asked!r}.",
                f"Leave out --{fact.replace('_', '-')}, or choose another --tensor.",
            )
    return str(meta["htype"])


def _make_missing_error(dataset: Dataset, name: str) -> UsageError:
    near = difflib.get_close_matches(name, dataset.tensors, n=1)
    known = ", ".join(dataset.tensors)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return UsageError(
        f"The dataset has no tensor {name!r}; it has {known}.",
        f"{meant}Choose one with --tensor, or add --create to make {name!r}.",
    )


def _load(path: str) -> Dataset | None:
    try:
        return api.load(path)
    except DatasetNotFoundError:
        return None


def _prepare(existing: Dataset | None, arguments: argparse.Namespace) -> Dataset:
    """Create the dataset if it does not exist, and missing tensors in one commit."""
    dataset = api.open(arguments.dataset) if existing is None else existing
    name = arguments.tensor
    with dataset:
        if name not in dataset:
            htype = arguments.htype or "video"
            dataset.create_tensor(name, htype=htype, sample_compression=arguments.sample_compression)
        make_source(dataset, name)
    return dataset


def _format(report: IngestReport, arguments: argparse.Namespace) -> str:
    """Return a line of counts, then what else there is to say."""
    counts = (
        f"{len(report.added)} added ({format_size(report.bytes)}), "
        f"{len(report.skipped)} skipped because they were added before"
    )
    more = [
        f", {len(files)} {what}"
        for what, files in (
            ("replaced", report.replaced),
            ("relinked", report.relinked),
            ("changed", report.changed),
            ("bad", report.bad),
        )
        if files
    ]
    return format_lines([f"{counts}{''.join(more)}.", *_list_details(report, arguments)])


def _list_details(report: IngestReport, arguments: argparse.Namespace) -> Iterator[str]:
    if report.same:
        yield f"{format_count(len(report.same), 'file')} with the content of a row, from another place or time:"
        yield from _cut([f"  {_describe_known(file)}" for file in report.same], all_of_them=arguments.list)
    if report.changed:
        yield f"{format_count(len(report.changed), 'file')} with other content than what was added from the same place:"
        yield from (f"  {_describe_known(file)}" for file in report.changed)
        if not arguments.changed:
            yield "  Say --changed keep, add or replace."
    if report.bad:
        yield f"{format_count(len(report.bad), 'file')} that cannot be used:"
        yield from (f"  {file.error}" for file in report.bad)
    if report.passed_over:
        reasons = Counter(file.reason for file in report.passed_over).most_common()
        yield f"{len(report.passed_over)} passed over: {', '.join(f'{count} {reason}' for reason, count in reasons)}."
    if arguments.list:
        yield from (f"  added {path}" for path in report.added)
        yield from (f"  skipped {path}" for path in report.skipped)
        yield from (f"  passed over {file.path}: {file.reason}. {file.detail}".rstrip() for file in report.passed_over)


def _describe_known(file: KnownFile) -> str:
    return f"{file.path} (row {file.row}{f', from {file.origin}' if file.origin not in ('', file.path) else ''})"


#: Files of one kind that are shown without --list.
MAX_LINES = 10


def _cut(lines: list[str], *, all_of_them: bool) -> list[str]:
    left = len(lines) - MAX_LINES
    return lines if all_of_them or left <= 0 else [*lines[:MAX_LINES], f"  and {left} more; --list names them"]
