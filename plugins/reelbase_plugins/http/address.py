"""Web addresses, spelled as their user spelled them: a signature may cover the spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urljoin

from reelbase.errors import StorageError, UsageError
from reelbase.plugin import redacted

_URL: Final = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_HOST: Final = re.compile(r"([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORTS: Final = {"http": 80, "https": 443}
_IN_URLS: Final = "%/:@!$&'()*+,;=~?[]|^`{}"  # what is in users' URLs as it is
_IN_KEYS: Final = "/!$&'()*,;=:@~"  # no "+": some services take it for a space


@dataclass(frozen=True, repr=False)
class Address:
    """One place on the web.

    Attributes:
        scheme: "http" or "https".
        host: In lower case; an IPv6 address has its brackets.
        port: Always a number.
        path: Empty, or from its first slash on.
        query: Empty, or from its question mark on.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> Address:
        """The address a user wrote; what may not be in a URL is percent-encoded.

        Raises:
            UsageError: it names no host, or a user.
        """
        parts = _URL.fullmatch(url)
        host = _HOST.fullmatch(_ascii(parts[2])) if parts else None
        if parts is None or host is None or int(host[2] or 0) > 65535:
            what = "names a user before its host" if parts and "@" in parts[2] else "is not a URL of a file on the web"
            raise UsageError(
                f"{redacted(url)} {what}.", "Write https://host/folder/file; give a user and a password as credentials."
            )
        scheme = parts[1].lower()
        return cls(scheme, host[1].lower(), int(host[2] or _PORTS[scheme]), _spell(parts[3]), _spell(parts[4] or ""))

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who answers there."""
        return self.scheme, self.host, self.port

    @property
    def target(self) -> str:
        """What to ask that server for."""
        return (self.path or "/") + self.query

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the usual one."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """All of it; the query may be secret."""
        return f"{self.scheme}://{self.authority}{self.path}{self.query}"

    @property
    def folder(self) -> str:
        """Without the slash at the end and without the query."""
        return replace(self, path=self.path.removesuffix("/"), query="").url

    def split(self) -> tuple[str, str]:
        """The folder a file is in, with the file's query, and its key there; see `below`."""
        folder, _, name = self.path.rpartition("/")
        key = unquote(name)
        if quote(key, safe=_IN_KEYS) != name or not key:
            key = f"/{name}"
        return replace(self, path=f"{folder}/").url, key

    def below(self, key: str) -> Address:
        """The address of a key in this folder: a path to be percent-encoded, or a slash and a name that is already.

        Raises:
            StorageError: a part of the key is empty, "." or "..", or is not text.
        """
        parts = unquote(key[1:]).split("/") if key.startswith("/") else key.split("/")
        if key != "/" and not all(part and part not in {".", ".."} for part in parts):
            raise StorageError(
                f"{key!r} is not a key below {self}.", "Keys are relative, without '.', '..' or empty parts."
            )
        name = key if key.startswith("/") else f"/{_encode(key)}"
        return replace(self, path=self.path.removesuffix("/") + name)

    def joined(self, location: str) -> Address:
        """Where a ``Location`` header sent from here leads."""
        sent = quote(location.encode("latin-1", "replace"), safe=f"{_IN_URLS}#")
        return Address.of(urljoin(self.url, sent))

    def __str__(self) -> str:
        return redacted(self.url)

    def __repr__(self) -> str:
        return f"Address({redacted(self.url)!r})"


def _spell(text: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=_IN_URLS, errors="surrogateescape")


def _ascii(host: str) -> str:
    """The host as the domain name system knows it; what is none stays, and matches nothing."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""


def _encode(key: str) -> str:
    try:
        return quote(key, safe=_IN_KEYS, errors="surrogateescape")
    except UnicodeEncodeError:
        raise StorageError(f"{key!r} is not a key of a file on the web.", "Name it in Unicode.") from None
