"""The module-level functions: arguments to objects, nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase._util.urls import redacted
from reelbase.config import settings
from reelbase.contracts.htype import brief
from reelbase.credentials.resolver import resolver
from reelbase.dataset import Dataset
from reelbase.errors import (
    CommitConflictError,
    DatasetExistsError,
    DatasetNotFoundError,
    FormatError,
    UsageError,
)
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.ops import Clear
from reelbase.format.store import Store
from reelbase.links.urls import check_url
from reelbase.media.sample import Encode, Link
from reelbase.media_file import Located, MediaFile
from reelbase.session.session import Session
from reelbase.versions.ancestry import Lineage
from reelbase.versions.refs import Refs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import ArrayLike

    from reelbase.contracts.storage import Storage
    from reelbase.credentials.resolver import Creds
    from reelbase.versions.version import Version

_TRIES = 50
_made: set[str] = set()  # uuids of the datasets that were made in this process


def empty(
    path: str | Path,
    overwrite: bool = False,
    *,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Make a new dataset.

    Args:
        path: A folder, or the URL of a storage, such as ``s3://bucket/folder``.
        overwrite: Drop every tensor of a dataset that is there (in one commit). A folder with anything
            else in it is refused.
        creds: For the service: fields such as ``aws_access_key_id`` and ``aws_secret_access_key`` (the page of each
            storage lists its own); or the name of credentials in your configuration, "ENV", or a `CredentialProvider`.
            None: those of the configuration that are for such URLs; else what the service's own tools find, else
            nobody's.
        options: Of the storage, over those of the configuration, such as ``endpoint_url``, ``anonymous``, ``timeout``.

    Raises:
        DatasetExistsError: there is something.
        StorageError: it cannot be written.
    """
    storage = _storage(path, creds, options)
    if logs.exists(storage):
        if not overwrite:
            _check_whole(storage)
            logs.create(storage)  # raises: it exists
        return _empty(storage)
    if next(iter(storage.list()), None) is not None:
        raise DatasetExistsError(
            f"{os.fspath(path)!r} is not empty, and no dataset.", "Choose another folder; nothing was changed."
        )
    _made.add(logs.create(storage))
    return _open(storage)


def _check_whole(storage: Storage) -> None:
    """See that no dataset is here that was deleted, but not to the end."""
    try:
        logs.check_root(storage)
    except FormatError:
        return


def load(
    path: str | Path,
    read_only: bool = False,
    *,
    ref: str | Version | None = None,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Open a dataset that exists, at the newest commit of its main branch, or at `ref`.

    Args:
        path: A folder or the URL of a storage.
        read_only: Refuse writes.
        ref: A branch; or a version, which can only be read: a tag, ``"main@12"``, the start of a commit's id, a
            `Version`.
        creds: As `empty`.
        options: As `empty`.

    Raises:
        DatasetNotFoundError: there is none.
        VersionNotFoundError, VersionExpiredError: there is no such version, or its data are gone.
        NewerFormatError, CorruptObjectError: it cannot be read.
    """
    return _open(_storage(path, creds, options, write=not read_only), read_only=read_only, ref=ref)


def open(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> Dataset:
    """Load a dataset, or make it if there is none."""
    try:
        return load(path, creds=creds, options=options)
    except DatasetNotFoundError:
        try:
            return empty(path, creds=creds, options=options)
        except DatasetExistsError:
            if exists(path, creds=creds, options=options):  # somebody made it just now
                return load(path, creds=creds, options=options)
            raise


def exists(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> bool:
    """True if there is a dataset."""
    try:
        logs.check_root(_storage(path, creds, options))
    except DatasetNotFoundError:
        return False
    except FormatError:  # one that this reelbase cannot read
        return True
    return True


def delete(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> None:
    """Remove a dataset with all it holds. Files that are not the dataset's own stay.

    Raises:
        DatasetNotFoundError: there is none; nothing is removed.
    """
    storage = _storage(path, creds, options)
    if not logs.exists(storage):
        raise DatasetNotFoundError(f"No dataset at {os.fspath(path)!r}.", "Nothing was removed; check the path.")
    logs.mark_deleted(storage)  # first: from here on it is not a dataset, also if this is cut short
    for branch in Refs(storage).branches():
        storage.delete(keys.latest(branch))
    for prefix in keys.PREFIXES:
        for key in [key for key, _ in storage.list(prefix)]:
            storage.delete(key)
    for key in [key for key, _ in storage.leftovers()]:
        storage.delete(key)
    storage.delete(keys.ROOT)


def read(
    path: str | Path,
    *,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
    stream: int | None = None,
    check: str = "sample",
) -> MediaFile:
    """A media file to append to a tensor, or to look into by itself. Nothing is read yet.

    Args:
        path: A file, or the URL of one.
        creds: As `empty`.
        options: As `empty`.
        stream: Which of the file's video streams, counted from 0; by default the one players show.
        check: How much of the packet index to verify by decoding when the file is ingested: "sample" (first and last
            GOP and two more), "full" or "none".

    Raises:
        UsageError: `path` is not a path.
        PluginNotFoundError, MissingDependencyError: no installed plugin reads such URLs.
    """
    name = _path(path)
    storage, key = resolver().locate(name, creds, _options(options))
    return MediaFile(filename=redacted(name), open=Located(storage, key, name), check=check, stream=stream)


def link(
    url: str,
    creds_key: str | None = None,
    *,
    verify: bool = True,
    progress: Callable[[int, int], object] | None = None,
) -> Link:
    """A media file that stays where it is, to append to a tensor of links (``htype="link[video]"``). It reads nothing.

    Args:
        url: Of the file: absolute, without a signature or token. ``file:///…`` is for datasets that you make yourself.
        creds_key: Name of the credentials to ask with; "ENV": those that the service's own tools find, for s3, gcs and
            gdrive; None: nobody's.
        verify: Look at the file when it is appended: its index is stored then. False: when it is first used.
        progress: Called with the bytes read and the bytes in all where all of a file must be read for its index, as
            of every container but mp4 and mov.

    Raises:
        LinkRefusedError: it is not one absolute URL, or holds what should be secret.
        UsageError: `creds_key` is not a name.
        PluginNotFoundError, MissingDependencyError: no installed plugin reads such URLs.
    """
    if creds_key is not None and (not isinstance(creds_key, str) or not creds_key):
        raise UsageError("creds_key is not a name.", 'Give the name of credentials, "ENV", or None.')
    return Link(check_url(url), creds_key, verify=verify, progress=progress)


def encode(array: ArrayLike, **options: Any) -> Encode:
    """Frames to be encoded when they are appended.

    Encoding is lossy unless ``lossless=True`` is given.

    Args:
        array: uint8 ``(N, H, W, 3)``, RGB.
        **options: Of the codec; for video: ``fps`` (default 30), ``codec`` ("h264", …), ``quality``, ``lossless``.
    """
    return Encode(array=np.asarray(array), options=options)


def _path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or not os.fspath(path):
        raise UsageError(f"{brief(path)} is not a path.", "Give a str or pathlib.Path.")
    return os.fspath(path)


def _storage(path: str | Path, creds: Creds, options: Mapping[str, Any] | None, *, write: bool = True) -> Storage:
    return resolver().open(_path(path), creds, _options(options), write=write)


def _options(options: object) -> Mapping[str, Any] | None:
    if options is not None and not isinstance(options, Mapping):
        raise UsageError("options is not a mapping.", 'Give a dict such as {"endpoint_url": …}, or None.')
    return options


def _open(storage: Storage, *, read_only: bool = False, ref: str | Version | None = None) -> Dataset:
    log = logs.open_log(Store(storage, cache_bytes=settings().cache_bytes // 2))
    log.store.is_ours = log.uid in _made
    if ref is None:
        return Dataset(Session(log, read_only=read_only))
    return Dataset(Session(*Lineage(log).find_start(ref), read_only=read_only))


def _empty(storage: Storage) -> Dataset:
    dataset = _open(storage)
    for last in (False,) * (_TRIES - 1) + (True,):
        try:
            with dataset._session.change() as transaction:
                transaction.do(Clear())
        except CommitConflictError:  # somebody wrote meanwhile: that goes too
            if last:
                raise
            dataset.refresh()
        else:
            break
    return dataset
