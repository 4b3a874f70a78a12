"""Finding files by URLs: single files, folders (with a slash at the end), and patterns."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from reelbase._util.url_secrets import find_secret
from reelbase._util.urls import find_flaw, get_host, redacted
from reelbase.credentials.resolver import resolver
from reelbase.errors import ObjectNotFoundError, UsageError
from reelbase.format import keys
from reelbase.ingestion.found import DATASET, ETAG, MODIFIED, USE_OF_A_DATASET, FoundFile, PassedOver
from reelbase.registry import FILE, registry, scheme_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.contracts.storage import Stat
    from reelbase.credentials.resolver import Creds
    from reelbase.ingestion.found import Version, Wanted

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(name: str) -> bool:
    """Return True if the text is a URL, not a path."""
    return bool(_URL.match(name))


def is_local(url: str) -> bool:
    """Return True if the URL leads to a file of this machine."""
    return scheme_of(url) == FILE


def is_on_the_web(url: str) -> bool:
    """Return True if the URL is that of a web server."""
    return scheme_of(url) in {"http", "https"}


def to_path(url: str) -> str:
    """Return the path that a ``file://`` URL leads to."""
    return os.path.join(*registry().storage_for(url)[0].locate(url))  # noqa: PTH118 - names need not be UTF-8


def find_by_url(
    url: str, wanted: Wanted, creds: Creds, options: Mapping[str, Any] | None
) -> Iterator[FoundFile | PassedOver]:
    """Yield what a URL stands for.

    Args:
        url: URL of a file; of a folder, with a slash at its end; or a pattern with ``*``, ``?``, ``[…]`` and ``**``.
        wanted: Which files the tensor can hold.
        creds: Credentials for the service, as in `reelbase.empty`.
        options: Options of the storage, as in `reelbase.empty`.

    Raises:
        ObjectNotFoundError: there is no such file, or the pattern matches none.
        UsageError: the pattern is in the host or bucket, or the URL is that of a dataset.
        StorageError: the storage cannot be read, or it cannot list files, as web servers cannot.
    """
    url = registry().normalize(url)
    if "*" in get_host(url):
        raise UsageError(f"{redacted(url)!r} has a pattern in its host or bucket.", "Name one bucket.")
    if url.endswith("/"):
        yield from _list_folder(url.rstrip("/"), "", wanted, creds, options)
        return
    try:
        storage, key = resolver().locate(url, creds, options)
        yield make_remote_file(url, storage.stat(key), named=True)
    except ObjectNotFoundError:
        if _find_magic(url) < 0:
            raise
        yield from _list_matching(url, wanted, creds, options)


def make_remote_file(url: str, stat: Stat, *, named: bool = False) -> FoundFile:
    """Return the file that is at a URL now."""
    place = hide_secrets(url)
    return FoundFile(
        shown=place,
        address=url,
        place=place,
        size=stat.size,
        version=_version_of(stat),
        named=named,
    )


def hide_secrets(url: str) -> str:
    """Return the URL as it may be shown and kept: without its query if that has a signature or a token."""
    # Elsewhere than on the web, names of objects may contain anything.
    is_unclear = find_flaw(url) is not None if is_on_the_web(url) else "@" in get_host(url)
    return redacted(url) if is_unclear or find_secret(url) else url


def _version_of(stat: Stat) -> Version | None:
    if stat.etag is not None:
        return ETAG, stat.etag
    return None if stat.modified is None else (MODIFIED, stat.modified.isoformat())


def _find_magic(url: str) -> int:
    """Return where the first character of a pattern is in the path of a URL; -1 if there is none."""
    magic = "*[" if is_on_the_web(url) else "*?["  # in URLs of the web a question mark begins the query
    path = url.find("/", url.index("://") + 3)
    return min((at for character in magic if (at := url.find(character, path)) >= 0), default=-1) if path >= 0 else -1


def _list_matching(
    url: str, wanted: Wanted, creds: Creds, options: Mapping[str, Any] | None
) -> Iterator[FoundFile | PassedOver]:
    at = _find_magic(url)
    root, _, start = url[:at].rpartition("/")
    found = list(_list_folder(root, start, wanted, creds, options, pattern=start + url[at:]))
    if not found:
        raise ObjectNotFoundError(f"Nothing matches {redacted(url)!r}.", "Check the pattern. Nothing was added.")
    yield from found


def _list_folder(
    root: str,
    start: str,
    wanted: Wanted,
    creds: Creds,
    options: Mapping[str, Any] | None,
    *,
    pattern: str | None = None,
) -> Iterator[FoundFile | PassedOver]:
    """Yield the files below a URL.

    Args:
        root: URL of the folder.
        start: What their keys begin with.
        wanted: Which files the tensor can hold.
        creds: Credentials for the service.
        options: Options of the storage.
        pattern: What their keys must match; None takes all.
    """
    listed = list(resolver().open(root, creds, options, write=False).list(start))
    datasets = [key.removesuffix(keys.ROOT) for key, _ in listed if f"/{key}".endswith(f"/{keys.ROOT}")]
    if pattern is None and "" in datasets:
        raise UsageError(f"{redacted(root)!r} is a dataset, not a folder of files.", USE_OF_A_DATASET)
    any_suffix, passed = pattern is not None and _names_suffix(pattern), set()
    for key, stat in listed:
        if key.endswith("/"):  # an empty object for a folder in the console of S3
            continue
        if pattern is not None and not match_pattern(pattern, key):
            continue
        url = f"{root}/{key}"
        if (dataset := next((folder for folder in datasets if key.startswith(folder)), None)) is not None:
            passed.add(dataset)
        elif reason := _find_reason_against(key, stat, wanted, any_suffix=any_suffix):
            yield PassedOver(hide_secrets(url), reason)
        else:
            yield make_remote_file(url, stat)
    yield from (PassedOver(hide_secrets(f"{root}/{folder}".rstrip("/")), DATASET) for folder in sorted(passed))


def _find_reason_against(key: str, stat: Stat, wanted: Wanted, *, any_suffix: bool) -> str | None:
    *folders, name = key.split("/")
    if any(folder.startswith(".") for folder in folders):
        return "hidden"
    return wanted.find_reason_against(name, any_suffix=any_suffix) or (None if stat.size else "empty")


def _names_suffix(pattern: str) -> bool:
    """Return True if the pattern itself says which suffix files have: then others than usual are wanted."""
    suffix = PurePosixPath(pattern).suffix
    return bool(suffix) and not set(suffix) & set("*?[")


def match_pattern(pattern: str, key: str) -> bool:
    """Return True if a key matches a pattern: ``*`` stays within a folder, ``**`` stands for any number of folders."""
    return _match_parts(pattern.split("/"), key.split("/"))


def _match_parts(patterns: Sequence[str], parts: Sequence[str]) -> bool:
    if not patterns or patterns == ["**"]:
        return bool(patterns) == bool(parts)
    first, rest = patterns[0], patterns[1:]
    if first == "**":
        return any(_match_parts(rest, parts[at:]) for at in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], first) and _match_parts(rest, parts[1:])
