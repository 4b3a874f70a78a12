"""Opening the files to add."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from reelbase import api
from reelbase.errors import (
    AccessDeniedError,
    CredentialsExpiredError,
    LinkRefusedError,
    ObjectChangedError,
    ObjectNotFoundError,
    StorageError,
)
from reelbase.ingestion.known import BYTES_PER_READ, compute_digest
from reelbase.io.blob import Blob, FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.credentials.resolver import Creds
    from reelbase.ingestion.found import FoundFile
    from reelbase.media.sample import Link, Sample
    from reelbase.samples.schema import StoredItems

BYTES_OF_HEAD: Final = 4096
MAX_SPOOL_BYTES_IN_MEMORY: Final = 64 << 20


class UnreadableError(Exception):
    """A file that the user did not name cannot be used. The message says why.

    Args:
        message: What is wrong.
        reason: The reason to pass it over.
    """

    def __init__(self, message: str, reason: str = "not readable") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Contents:
    """How files are opened.

    Attributes:
        items: The kind of the tensor's items.
        check: How much of each frame index to verify, as in `reelbase.read`.
        creds: Credentials for the services of URLs.
        options: Options of their storages.
        creds_key: Name of the credentials of links.
    """

    items: StoredItems
    check: str
    creds: Creds
    options: Mapping[str, Any] | None
    creds_key: str | None

    def open(self, file: FoundFile) -> Sample:
        """Open a file and read its beginning, so that an error here is one of the file, not of the dataset.

        Raises:
            UnreadableError: the file was found in a folder or by a pattern, and cannot be read.
            StorageError: the user named the file, and it cannot be read; or its service fails for all files.
        """
        sample = api.read(file.address, creds=self.creds, options=self.options, check=self.check)
        try:
            blob = sample.open()
            blob.read(0, BYTES_OF_HEAD)
        except StorageError as error:
            if file.named or not (file.is_local or _is_of_one_file(error)):
                raise
            raise UnreadableError(str(error).partition("\n")[0]) from None
        if blob.size != file.size:
            raise ObjectChangedError(f"{file.shown!r} is being written to.", "Run again when it is complete.")
        return replace(sample, open=lambda: blob)

    def make_link(self, file: FoundFile) -> Link:
        """Return a link to a file.

        Raises:
            UnreadableError: the file was found in a folder or by a pattern, and its URL cannot be linked.
            LinkRefusedError: the user named the file, and its URL cannot be linked.
        """
        url = Path(file.place).as_uri() if file.is_local and not file.place.startswith("file:") else file.place
        try:
            return api.link(url if file.is_local else file.address, self.creds_key)
        except LinkRefusedError as error:
            if file.named:
                raise
            raise UnreadableError(str(error).partition("\n")[0], "name that cannot be linked") from None


def identify(sample: Sample) -> tuple[Sample, str]:
    """Return the file with its checksum. A distant file is kept in a temporary file, so that it is fetched once."""
    blob = sample.open()
    if blob.distant:
        blob = _fetch(blob)
    return replace(sample, open=lambda: blob), compute_digest(blob)


def _fetch(blob: Blob) -> Blob:
    copy = cast("BinaryIO", tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY))  # noqa: SIM115 - lives as long as the blob
    source = FileSource(copy)
    for start in range(0, blob.size, BYTES_PER_READ):
        copy.write(blob.read(start, start + BYTES_PER_READ))
    return Blob(source, blob.key, 0, blob.size)


def _is_of_one_file(error: StorageError) -> bool:
    """Return True if the error is about one file, False if others would fail as well."""
    if isinstance(error, CredentialsExpiredError):
        return False
    return isinstance(error, (AccessDeniedError, ObjectNotFoundError, ObjectChangedError))
