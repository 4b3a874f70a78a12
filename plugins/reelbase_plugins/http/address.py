"""Web addresses. They keep the spelling of the user's URL, because a signature may cover it."""

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
_SAFE_IN_URLS: Final = "%/:@!$&'()*+,;=~?[]|^`{}"  # not escaped in URLs that users pass
_SAFE_IN_KEYS: Final = "/!$&'()*,;=:@~"  # without "+", which some services decode to a space


@dataclass(frozen=True, repr=False)
class Address:
    """The parts of a URL.

    Attributes:
        scheme: "http" or "https".
        host: Host name or IP address, in lower case; an IPv6 address keeps its brackets.
        port: Port number, also if the URL leaves it out.
        path: Path with its first slash; may be empty.
        query: Query with its question mark; may be empty.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Parse a URL that a user wrote. Characters that are not allowed in URLs are percent-encoded.

        Raises:
            UsageError: the URL has no host, or contains a user name.
        """
        parts = _URL.fullmatch(url)
        host = _HOST.fullmatch(_to_ascii(parts[2])) if parts else None
        if parts is None or host is None or int(host[2] or 0) > 65535:
            what = "names a user before its host" if parts and "@" in parts[2] else "is not a URL of a file on the web"
            raise UsageError(
                f"{redacted(url)} {what}.", "Write https://host/folder/file; pass user and password as credentials."
            )
        scheme = parts[1].lower()
        return cls(scheme, host[1].lower(), int(host[2] or _PORTS[scheme]), _escape(parts[3]), _escape(parts[4] or ""))

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: the server that answers."""
        return self.scheme, self.host, self.port

    @property
    def target(self) -> str:
        """Path and query, as in the first line of a request."""
        return (self.path or "/") + self.query

    @property
    def authority(self) -> str:
        """The host, with the port if it is not the default of the scheme."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL. The query may be secret."""
        return f"{self.scheme}://{self.authority}{self.path}{self.query}"

    @property
    def folder(self) -> str:
        """The URL without the slash at its end and without the query."""
        return replace(self, path=self.path.removesuffix("/"), query="").url

    def split(self) -> tuple[str, str]:
        """Split the address of a file into its folder, which keeps the query, and the file's key; see `below`."""
        folder, _, name = self.path.rpartition("/")
        key = unquote(name)
        # If encoding the key again gives another spelling, keep the original one. The slash marks it as encoded.
        if quote(key, safe=_SAFE_IN_KEYS) != name or not key:
            key = f"/{name}"
        return replace(self, path=f"{folder}/").url, key

    def below(self, key: str) -> Address:
        """Return the address of the file with `key` in this folder.

        Args:
            key: Path that is percent-encoded here; or a slash and a name that is percent-encoded already.

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

    def resolve(self, location: str) -> Address:
        """Return the address that a ``Location`` header in a reply of this address refers to."""
        sent = quote(location.encode("latin-1", "replace"), safe=f"{_SAFE_IN_URLS}#")
        return Address.of(urljoin(self.url, sent))

    def __str__(self) -> str:
        return redacted(self.url)

    def __repr__(self) -> str:
        return f"Address({redacted(self.url)!r})"


def _escape(text: str) -> str:
    # A percent sign that does not begin an escape is escaped itself; existing escapes stay as they are.
    return quote(_STRAY_PERCENT.sub("%25", text), safe=_SAFE_IN_URLS, errors="surrogateescape")


def _to_ascii(host: str) -> str:
    """Return the host in ASCII, as DNS needs it; an empty string, which is not a valid host, if that is impossible."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""


def _encode(key: str) -> str:
    try:
        return quote(key, safe=_SAFE_IN_KEYS, errors="surrogateescape")
    except UnicodeEncodeError:
        raise StorageError(f"{key!r} is not a key of a file on the web.", "Rename the file to valid Unicode.") from None
