"""Adding files to a tensor, each once: `reelbase.ingest`, and the command of that name."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import (
    CommitConflictError,
    MediaError,
    ObjectChangedError,
    ObjectNotFoundError,
    UnknownFormatError,
    UsageError,
)
from reelbase.ingestion.contents import Contents, UnreadableError, identify
from reelbase.ingestion.find import find_files
from reelbase.ingestion.folders import make_local_file
from reelbase.ingestion.found import FoundFile, PassedOver, Wanted
from reelbase.ingestion.known import Known
from reelbase.ingestion.origin import Origin
from reelbase.ingestion.report import BadFile, IngestReport, KnownFile
from reelbase.maintenance.links import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reelbase.credentials.resolver import Creds
    from reelbase.dataset import Dataset
    from reelbase.ingestion.found import Found
    from reelbase.media.sample import Link, Sample

#: What can be done with a file that is not what was added from the same place.
KEEP: Final = "keep"
ADD: Final = "add"
REPLACE: Final = "replace"
CHOICES: Final = (KEEP, ADD, REPLACE)
#: Rows whose new places are written with one commit; an interruption loses at most that many, to be found again.
ROWS_PER_COMMIT: Final = 256


def ingest(
    dataset: Dataset,
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    tensor: str = "videos",
    *,
    changed: str = KEEP,
    skip_bad: bool = False,
    check: str = "sample",
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
    creds_key: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> IngestReport:
    """Add files to a tensor, one row and one commit for each; a file that the tensor holds already is not added again.

    A file is known by its content: its size, and its SHA-256 if a row has the same size. Its path with its time of
    modification (of a URL: its ETag) is kept in the json tensor ``<tensor>_source``, in the same commit as the row,
    so that known files are usually passed without reading them. So you can call it again after an interruption, and
    after files were moved, copied or touched. Of files with equal content one is added.

    Files in folders and files that match a pattern are passed over, with a reason, if the tensor cannot hold them.

    Args:
        dataset: A dataset that is open for writing.
        files: Paths of files and folders, URLs of files and (with a slash at the end) of folders, or patterns such as
            ``s3://bucket/videos/*.mp4``; one or several. ``*`` stays within a folder, ``**`` goes through folders.
        tensor: Name of a tensor of videos or images, or of links to such files. The other tensors get no sample in the
            new rows.
        changed: What to do with a file that is not what was added from the same path or URL: "keep" the row and list
            the file in the report, "add" it as a new row, or "replace" the sample of the row.
        skip_bad: List files that cannot be used in the report instead of raising an error.
        check: How much of each packet index to verify, as in `reelbase.read`.
        creds: Credentials for the services of URLs, as in `reelbase.empty`.
        options: Options of their storages, as in `reelbase.empty`.
        creds_key: For a tensor of links: name of the credentials to read the files with, as in `reelbase.link`.
        progress: Called with the number of bytes done and of all bytes of files that are not known by path and time.

    Returns:
        What was done with each file.

    Raises:
        TensorNotFoundError: there is no tensor of that name.
        UsageError: the tensor does not hold one file in each row, or an argument is not one of its values.
        ObjectNotFoundError: a file that was named does not exist, or a pattern matches nothing. Nothing was added.
        MediaError: a file cannot be used. Those before it were added.
        StorageError: a file that was named cannot be read; or a service or disk failed.
    """
    if changed not in CHOICES:
        raise UsageError(f"changed={changed!r} is not known.", 'Give "keep", "add" or "replace".')
    names = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    wanted = Wanted.of(dataset[tensor].htype)
    found = find_files([os.fspath(name) for name in names], wanted, creds=creds, options=options)
    contents = Contents(wanted.items, check, creds, options, creds_key)
    report = IngestReport()
    add_files(dataset, tensor, found, contents, report, changed=changed, skip_bad=skip_bad, progress=progress)
    return report


def add_files(
    dataset: Dataset,
    tensor: str,
    found: Found,
    contents: Contents,
    report: IngestReport,
    *,
    changed: str,
    skip_bad: bool,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Add files that were found. Arguments and errors as `ingest`.

    Args:
        dataset: The dataset.
        tensor: Name of the tensor.
        found: The files.
        contents: How they are opened.
        report: Is filled while files are added, so that it is true as well if an error ends that.
        changed: See `ingest`.
        skip_bad: See `ingest`.
        progress: See `ingest`.
    """
    report.passed_over += found.passed_over
    make_source(dataset, tensor)
    _Ingestion(dataset, tensor, contents, report, changed=changed, skip_bad=skip_bad).run(found.files, progress)


def make_source(dataset: Dataset, tensor: str) -> None:
    """Create the tensor that keeps where the rows of a tensor came from, if it does not exist."""
    if name_source(tensor) not in dataset:
        dataset.create_tensor(name_source(tensor), htype="json")


def name_source(tensor: str) -> str:
    """Return the name of the tensor that keeps where the rows of a tensor came from."""
    return f"{tensor}_source"


class _Ingestion:
    """One run.

    Args:
        dataset: The dataset.
        tensor: Name of the tensor.
        contents: How files are opened.
        report: Is filled.
        changed: What to do with changed files.
        skip_bad: Whether to go on after a file that cannot be used.
    """

    def __init__(
        self,
        dataset: Dataset,
        tensor: str,
        contents: Contents,
        report: IngestReport,
        *,
        changed: str,
        skip_bad: bool,
    ) -> None:
        self._dataset = dataset
        self._tensor = tensor
        self._source = name_source(tensor)
        self._contents = contents
        self._report = report
        self._changed = changed
        self._skip_bad = skip_bad
        self._known = Known(dataset, tensor, self._source)
        self._unwritten: set[int] = set()  # rows that were seen at another place or time, which is not stored yet
        self._elsewhere: set[int] = set()  # rows whose content was seen at another place in this run

    def run(self, files: Sequence[FoundFile], progress: Callable[[int, int], object] | None) -> None:
        """Add the files that are not known."""
        todo = [file for file in files if not self._skip_known_version(file)]
        if todo:
            self._known.look_at_other_rows()
        done, total = 0, sum(file.size for file in todo)
        displaced: list[tuple[FoundFile, int]] = []
        try:
            for file in todo:
                with self._passing_over(file):
                    displaced += self._add_or_recognize(file)
                done += file.size
                if progress is not None:
                    progress(done, total)
            for file, row in displaced:
                with self._passing_over(file):
                    self._decide(file, row)
        finally:
            self._write_origins()

    def _skip_known_version(self, file: FoundFile) -> bool:
        if self._known.find_version(file) is None:
            return False
        self._report.skipped.append(file.shown)
        return True

    def _add_or_recognize(self, file: FoundFile) -> list[tuple[FoundFile, int]]:
        """Add a file unless a row holds it. Return it with the row that was added from its place, if there is one."""
        if self._skip_known_version(file):  # it was named twice, or is a symbolic link to another one
            return []
        file = _look_again(file)
        value, sha256, row = self._compare(file)
        if row is not None:
            self._recognize(file, row, value)
            return []
        displaced = self._known.find_place(file)
        if displaced is not None:
            return [(file, displaced)]
        self._append(file, value, sha256)
        return []

    def _compare(self, file: FoundFile) -> tuple[Sample | Link, str | None, int | None]:
        """Return a file as a value to append, its checksum if it was needed, and the row with the same content."""
        linked, row = self._contents.items.are_linked, self._known.find_unread(file)
        if linked and not file.is_local:
            row = self._known.find_unversioned(file) if row is None else row
            return self._contents.make_link(file), None, row
        sample, sha256 = self._contents.open(file), None
        if row is None and (linked or self._known.find_size(file)):
            sample, sha256 = identify(sample)
            row = self._known.find_digest(file, sha256)
        return self._contents.make_link(file) if linked else sample, sha256, row

    def _recognize(self, file: FoundFile, row: int, value: Sample | Link) -> None:
        """Note that a row holds the content of a file. A link that is broken leads to this file from now on."""
        origin = self._known.origin(row)
        if all(sighting.place != file.place for sighting in origin.sightings):
            self._elsewhere.add(row)
        self._report.skipped.append(file.shown)
        self._report.same.append(KnownFile(file.shown, row, origin.place))
        if self._contents.items.are_linked and self._is_broken(row):
            self._replace(file, value, origin.sha256, row)
            self._report.relinked.append(KnownFile(file.shown, row, origin.place))
            return
        self._known.note(row, origin.add_sighting(file))
        self._unwritten.add(row)
        if len(self._unwritten) >= ROWS_PER_COMMIT:
            self._write_origins()

    def _is_broken(self, row: int) -> bool:
        """Return True if a link leads to a file that was moved, replaced or touched: its frames cannot be read."""
        return bool(self._dataset[self._tensor].links.survey([row]).rows(State.MISSING, State.CHANGED))

    def _decide(self, file: FoundFile, row: int) -> None:
        """Add, replace or list a file that is not what was added from its place."""
        if self._changed == KEEP and row not in self._elsewhere:
            self._report.changed.append(KnownFile(file.shown, row, self._known.origin(row).place))
            return
        value, sha256, same = self._compare(file)
        if same is not None:  # it equals a file that was added in this run
            self._recognize(file, same, value)
        elif self._changed == REPLACE and row not in self._elsewhere:
            self._replace(file, value, sha256, row)
            self._report.replaced.append(file.shown)
        else:  # what was at its place is somewhere else now: files were renamed, and this one is new
            self._append(file, value, sha256)

    def _append(self, file: FoundFile, value: Sample | Link, sha256: str | None) -> None:
        origin = self._make_origin(file, sha256)
        row: dict[str, Any] = dict.fromkeys(self._dataset.tensors)  # the other tensors get no sample in this row
        row[self._tensor], row[self._source] = value, origin.as_json()
        self._dataset.append(row)
        self._known.note(len(self._dataset[self._tensor]) - 1, origin, sha256)
        self._report.added.append(file.shown)
        self._report.bytes += file.size

    def _replace(self, file: FoundFile, value: Sample | Link, sha256: str | None, row: int) -> None:
        origin = self._make_origin(file, sha256)
        with self._dataset._session.change():  # one commit, or part of the user's transaction
            self._dataset[self._tensor][row] = value
            self._store_origins({row: origin})
        self._known.forget(row)
        self._known.note(row, origin, sha256)

    def _make_origin(self, file: FoundFile, sha256: str | None) -> Origin:
        return Origin.of(file, sha256 if self._contents.items.are_linked else None)  # stored samples have it themselves

    def _write_origins(self) -> None:
        """Store where known rows were seen, so that the next run need not read those files."""
        rows, self._unwritten = self._unwritten, set()
        if not rows:
            return
        try:
            with self._dataset._session.change():
                self._store_origins({row: self._known.origin(row) for row in sorted(rows)})
        except CommitConflictError:
            return  # another run stored the places of the same rows; what this one saw is found again by content

    def _store_origins(self, origins: Mapping[int, Origin]) -> None:
        source = self._dataset[self._source]
        source.extend([None] * (max(origins) + 1 - len(source)))
        source[list(origins)] = [origin.as_json() for origin in origins.values()]

    @contextmanager
    def _passing_over(self, file: FoundFile) -> Iterator[None]:
        """Note in the report why a file in the block could not be added, if that does not end the run."""
        try:
            yield
        except UnreadableError as error:
            self._report.passed_over.append(PassedOver(file.shown, error.reason, str(error)))
        except ObjectChangedError as error:
            if file.named:
                self._note_bad(file, error)
                return
            self._report.passed_over.append(PassedOver(file.shown, "being written to", str(error).partition("\n")[0]))
        except UnknownFormatError as error:
            if file.named:
                self._note_bad(file, error)
                return
            reason = f"content that is not {self._contents.items.name}"
            self._report.passed_over.append(PassedOver(file.shown, reason, str(error).partition("\n")[0]))
        except (MediaError, ObjectNotFoundError) as error:
            self._note_bad(file, error)

    def _note_bad(self, file: FoundFile, error: Exception) -> None:
        """Note a bad file in the report, or raise its error again if that ends the run."""
        if not self._skip_bad:
            raise error
        self._report.bad.append(BadFile(file.shown, str(error).partition("\n")[0]))


def _look_again(file: FoundFile) -> FoundFile:
    """Return a local file as it is now: it may have been found long ago, and written to since."""
    if not file.is_local:
        return file
    now = make_local_file(Path(file.address), place=file.place, named=file.named)
    if isinstance(now, PassedOver) and file.named:
        raise ObjectNotFoundError(f"{file.shown!r} is not there any more.", "Run again when it is.")
    if isinstance(now, PassedOver):
        raise UnreadableError(now.detail or now.reason)
    return replace(now, shown=file.shown)
