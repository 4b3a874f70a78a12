"""The functions of the package, such as `reelbase.load`. They check arguments and make the objects that do the work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

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
    HtypeError,
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

MAX_COMMIT_TRIES: Final = 50
# Uuids of the datasets that this process made: their links to local files are the user's own, so they may be followed.
_made_here: set[str] = set()


def empty(
    path: str | Path,
    overwrite: bool = False,
    *,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Create a new dataset and open it.

    Args:
        path: A folder, or the URL of a folder, such as ``s3://bucket/folder``. It must be empty or missing.
        overwrite: If there is a dataset, drop all its tensors in one commit and open it. A folder that contains
            anything else is refused.
        creds: Credentials for the service. A dict of fields such as ``aws_access_key_id`` and
            ``aws_secret_access_key`` (the documentation of each storage lists its fields), the name of credentials in
            your configuration, "ENV" for the service's default credential chain, or a `CredentialProvider`. None uses
            the credentials that the configuration has for such URLs. If it has none, the service's default credential
            chain is used, or requests are anonymous.
        options: Options of the storage, such as ``endpoint_url``, ``anonymous`` and ``timeout``. They take precedence
            over those of the configuration.

    Returns:
        The dataset, open for writing.

    Raises:
        DatasetExistsError: there is a dataset, or something else, at `path`.
        StorageError: the storage cannot be written to.
    """
    storage = _open_storage(path, creds, options)
    if logs.exists(storage):
        if not overwrite:
            _check_not_half_deleted(storage)
            logs.create(storage)  # raises: it exists
        return _drop_tensors(storage)
    if next(iter(storage.list()), None) is not None:
        raise DatasetExistsError(
            f"{os.fspath(path)!r} is not empty, and is not a dataset.", "Choose another folder; nothing was changed."
        )
    _made_here.add(logs.create(storage))
    return _open(storage)


def _check_not_half_deleted(storage: Storage) -> None:
    """Raise DatasetNotFoundError if the dataset here was deleted and the deletion was interrupted."""
    try:
        logs.check_root(storage)
    except FormatError:  # a dataset that this reelbase cannot read: it exists all the same
        return


def load(
    path: str | Path,
    read_only: bool = False,
    *,
    ref: str | Version | None = None,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
) -> Dataset:
    """Open an existing dataset.

    Args:
        path: The dataset's folder, or its URL.
        read_only: Refuse writes.
        ref: A branch, or a version: a tag, ``"main@12"``, the start of a commit's id, or a `Version`. A version can
            only be read. None opens the newest commit of the main branch.
        creds: Credentials for the service, as in `empty`.
        options: Options of the storage, as in `empty`.

    Raises:
        DatasetNotFoundError: there is no dataset at `path`.
        VersionNotFoundError, VersionExpiredError: there is no such version, or its data were deleted.
        NewerFormatError, CorruptObjectError: the dataset cannot be read.
    """
    return _open(_open_storage(path, creds, options, write=not read_only), read_only=read_only, ref=ref)


def open(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> Dataset:
    """Open a dataset, or create it if there is none.

    Args:
        path: The dataset's folder, or its URL.
        creds: Credentials for the service, as in `empty`.
        options: Options of the storage, as in `empty`.

    Raises:
        DatasetExistsError: `path` contains something that is not a dataset.
        NewerFormatError, CorruptObjectError, StorageError: the dataset cannot be read or created.
    """
    try:
        return load(path, creds=creds, options=options)
    except DatasetNotFoundError:
        try:
            return empty(path, creds=creds, options=options)
        except DatasetExistsError:
            if exists(path, creds=creds, options=options):  # another process created it just now
                return load(path, creds=creds, options=options)
            raise


def exists(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> bool:
    """Return True if there is a dataset at `path`, also one that this version of reelbase cannot read.

    Args:
        path: A folder, or the URL of one.
        creds: Credentials for the service, as in `empty`.
        options: Options of the storage, as in `empty`.

    Raises:
        StorageError: the storage cannot be read.
    """
    try:
        logs.check_root(_open_storage(path, creds, options))
    except DatasetNotFoundError:
        return False
    except FormatError:
        return True
    return True


def delete(path: str | Path, *, creds: Creds = None, options: Mapping[str, Any] | None = None) -> None:
    """Delete a dataset with all its versions. Other files in its folder are kept.

    If it is interrupted, the folder is not a dataset any more, and a second call deletes the rest.

    Args:
        path: The dataset's folder, or its URL.
        creds: Credentials for the service, as in `empty`.
        options: Options of the storage, as in `empty`.

    Raises:
        DatasetNotFoundError: there is no dataset at `path`. Nothing is deleted.
        StorageError: an object cannot be deleted.
    """
    storage = _open_storage(path, creds, options)
    if not logs.exists(storage):
        raise DatasetNotFoundError(f"No dataset at {os.fspath(path)!r}.", "Nothing was removed; check the path.")
    logs.mark_deleted(storage)  # first, so that an interrupted deletion leaves no dataset with missing data
    for branch in Refs(storage).branches():
        storage.delete(keys.latest(branch))
    for prefix in keys.PREFIXES:
        for key in [key for key, _ in storage.list(prefix)]:
            storage.delete(key)
    for key in [key for key, _ in storage.leftovers()]:
        storage.delete(key)
    storage.delete(keys.ROOT)  # last: while its mark is there, another call knows what to delete


def read(
    path: str | Path,
    *,
    creds: Creds = None,
    options: Mapping[str, Any] | None = None,
    stream: int | None = None,
    check: str = "sample",
) -> MediaFile:
    """Return a media file, to append to a tensor or to index directly: ``reelbase.read("a.mp4")[10:20].numpy()``.

    The file is opened when it is first used, not by this call.

    Args:
        path: A file, or the URL of one.
        creds: Credentials for the service, as in `empty`.
        options: Options of the storage, as in `empty`.
        stream: Which of the file's video streams to use, counted from 0. None uses the stream that players show.
        check: How much of the packet index to verify by decoding when the file is ingested: "sample" (the first and
            last GOP and two more), "full" or "none".

    Raises:
        UsageError: `path` is not a path, or `stream` is not a number.
        PluginNotFoundError, MissingDependencyError: no installed plugin reads such URLs.
    """
    name = _check_path(path)
    if stream is not None and (isinstance(stream, bool) or not hasattr(stream, "__index__")):
        raise UsageError(f"stream={stream!r} is not a number.", "Count the file's video streams from 0.")
    storage, key = resolver().locate(name, creds, _check_options(options))
    return MediaFile(filename=redacted(name), open=Located(storage, key, name), check=check, stream=stream)


def link(
    url: str,
    creds_key: str | None = None,
    *,
    verify: bool | Literal["full"] = True,
    progress: Callable[[int, int], object] | None = None,
) -> Link:
    """Return a link to a media file, to append to a tensor of links (``htype="link[video]"``).

    The file stays where it is; the dataset stores its URL and its packet index. This call reads nothing.

    Args:
        url: The file's absolute URL, without a signature or token. ``file:///…`` is for datasets that you make
            yourself.
        creds_key: Name of the credentials to read the file with. "ENV" uses the service's default credential chain
            (for s3, gcs and gdrive). None makes anonymous requests.
        verify: How the file is indexed:

            - True: when the link is appended. The index of mp4 and mov is made from their headers, if the frames of
              four parts of the file prove it (about 16 MB are read); else, and for other containers, by a pass
              through the whole file.
            - "full": when the link is appended, by a pass through the whole file that compares every frame.
            - False: when the sample is first used, by each process. The headers of mp4 and mov are taken as true;
              ``sample_info["trust"]`` is then "header".
        progress: Called with the number of bytes read and of all bytes, if the whole file must be read for its index.

    Raises:
        LinkRefusedError: `url` is not an absolute URL of one file, or it contains a secret.
        UsageError: `creds_key` is not a name, or `verify` is something else.
        PluginNotFoundError, MissingDependencyError: no installed plugin reads such URLs.
    """
    if not isinstance(verify, bool) and verify != "full":
        raise UsageError(f"verify={brief(verify)} is not known.", 'Pass True, "full" or False.')
    if creds_key is not None and (not isinstance(creds_key, str) or not creds_key):
        raise UsageError("creds_key is not a name.", 'Give the name of credentials, "ENV", or None.')
    return Link(check_url(url), creds_key, verify=verify, progress=progress)


def encode(array: ArrayLike, **options: Any) -> Encode:
    """Return an array with options for its encoder, to append to a tensor of media.

    It is encoded when it is appended. Encoding is lossy unless ``lossless=True`` is given.

    Args:
        array: The frames of a video, uint8 ``(N, H, W, 3)``, RGB; or an image, uint8 ``(H, W, 3)``.
        **options: Options of the codec; for video: ``fps`` (default 30), ``codec`` ("h264", …), ``quality``,
            ``lossless``.
    """
    try:
        return Encode(array=np.asarray(array), options=options)
    except (TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise HtypeError(f"{brief(array)} is not an array: {error}.", "Pass frames of one shape.") from None


def _check_path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or not os.fspath(path):
        raise UsageError(f"{brief(path)} is not a path.", "Give a str or pathlib.Path.")
    return os.fspath(path)


def _open_storage(path: str | Path, creds: Creds, options: Mapping[str, Any] | None, *, write: bool = True) -> Storage:
    return resolver().open(_check_path(path), creds, _check_options(options), write=write)


def _check_options(options: object) -> Mapping[str, Any] | None:
    if options is not None and not isinstance(options, Mapping):
        raise UsageError("options is not a mapping.", 'Give a dict such as {"endpoint_url": …}, or None.')
    return options


def _open(storage: Storage, *, read_only: bool = False, ref: str | Version | None = None) -> Dataset:
    log = logs.open_log(Store(storage, cache_bytes=settings().cache_bytes // 2))
    log.store.is_ours = log.uid in _made_here
    if ref is None:
        return Dataset(Session(log, read_only=read_only))
    return Dataset(Session(*Lineage(log).find_start(ref), read_only=read_only))


def _drop_tensors(storage: Storage) -> Dataset:
    dataset = _open(storage)
    for remaining in reversed(range(MAX_COMMIT_TRIES)):
        try:
            with dataset._session.change() as transaction:
                transaction.do(Clear())
        except CommitConflictError:  # another process wrote meanwhile: drop its tensors too
            if not remaining:
                raise
            dataset.refresh()
        else:
            break
    return dataset
