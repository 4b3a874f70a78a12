"""Which URLs a link may be. A dataset may come from anybody, so this asks nothing of the disk or the network."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from reelbase._util.urls import flaw, host_and_query, redacted
from reelbase.errors import LinkRefusedError
from reelbase.registry import FILE, registry, scheme_of

_HERE: Final = ("", "localhost")
_SHOWN: Final = 200
_SECRET: Final = frozenset(
    "sig key auth authorization oauth jwt sas policy pass passwd pwd md5 hdnts hdnea st".split()  # noqa: SIM905
)
_SECRETIVE: Final = (
    "signature", "token", "secret", "password", "credential", "accessid", "accesskey", "apikey", "keypairid", "authkey",
)  # fmt: skip
_TODO: Final = "Give an absolute URL such as https://host/folder/file.mp4 or s3://bucket/file.mp4."


def checked(url: object) -> str:
    """A link's URL as plugins spell it (share links become ``gdrive://…``), if it may be followed.

    Raises:
        LinkRefusedError: it is not one absolute URL of one file, or it holds what should be secret.
        PluginNotFoundError: no plugin handles its scheme.
    """
    _check(url)
    normal = registry().normalize(str(url))
    _check(normal)
    registry().storage_for(normal)
    return normal


def _check(url: object) -> None:
    if not isinstance(url, str):
        raise LinkRefusedError(f"{str(url)[:80]!r} is no URL to link.", _TODO)
    if found := flaw(url):
        raise LinkRefusedError(f"{redacted(url)[:_SHOWN]!r} {found.what}.", found.todo)
    host, query = host_and_query(url)
    if scheme_of(url) == FILE and host.lower() not in _HERE:
        raise LinkRefusedError(f"{redacted(url)!r} is a file of the host {host!r}.", "Write file:///folder/file.mp4.")
    if scheme_of(url) != FILE and not host:
        raise LinkRefusedError(f"{redacted(url)!r} names no host or bucket.", _TODO)
    _check_query(url, query)


def _check_query(url: str, query: str) -> None:
    for one in re.split("[&;]", query):
        name = re.sub(r"[-_. ]", "", unquote(one.partition("=")[0]).lower())
        if name in _SECRET or any(word in name for word in _SECRETIVE):
            raise LinkRefusedError(
                f"{redacted(url)!r} has a signature or token in its query: {one.partition('=')[0]!r}.",
                "A dataset keeps no secrets. Link the plain URL, and name a creds_key.",
            )
