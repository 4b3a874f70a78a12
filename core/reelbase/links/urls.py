"""Which URLs a link may have. A dataset may come from a stranger, so this touches neither disk nor network."""

from __future__ import annotations

from typing import Final

from reelbase._util.url_secrets import find_secret
from reelbase._util.urls import find_flaw, get_host, redacted
from reelbase.contracts.htype import brief
from reelbase.errors import LinkRefusedError
from reelbase.registry import FILE, registry, scheme_of

_LOCAL_HOSTS: Final = ("", "localhost")
MAX_SHOWN_CHARACTERS: Final = 200
_HINT: Final = "Give an absolute URL such as https://host/folder/file.mp4 or s3://bucket/file.mp4."


def check_url(url: object) -> str:
    """Return a link's URL in the form that plugins use (share links become ``gdrive://…``), if it may be followed.

    Raises:
        LinkRefusedError: it is not an absolute URL of one file, or it contains a secret.
        PluginNotFoundError: no plugin handles its scheme.
    """
    _check(url)
    normal = registry().normalize(str(url))
    _check(normal)
    registry().storage_for(normal)
    return normal


def _check(url: object) -> None:
    if not isinstance(url, str):
        raise LinkRefusedError(f"{brief(url)} is not a URL to link.", _HINT)
    if found := find_flaw(url):
        raise LinkRefusedError(f"{redacted(url)[:MAX_SHOWN_CHARACTERS]!r} {found.what}.", found.todo)
    host = get_host(url)
    if scheme_of(url) == FILE and host.lower() not in _LOCAL_HOSTS:
        raise LinkRefusedError(f"{redacted(url)!r} is a file on the host {host!r}.", "Write file:///folder/file.mp4.")
    if scheme_of(url) != FILE and not host:
        raise LinkRefusedError(f"{redacted(url)!r} names no host or bucket.", _HINT)
    if (place := find_secret(url)) is not None:
        raise LinkRefusedError(
            f"{redacted(url)!r} has a signature, token, key or session in {place}.",
            "A dataset keeps no secrets. Link the plain URL, and name a creds_key.",
        )
