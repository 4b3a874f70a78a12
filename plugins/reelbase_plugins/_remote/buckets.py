"""Where objects are: from URLs and keys to a bucket and the name of an object in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reelbase.errors import StorageError, UsageError
from reelbase.plugin import redacted

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9]+)://([^/]*)/?(.*)", re.DOTALL)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")


@dataclass(frozen=True)
class Place:
    """A folder in a bucket.

    Attributes:
        scheme: As the user wrote it.
        bucket: Its name.
        prefix: Empty, or the folder with a slash at its end.
    """

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def of(cls, root: str) -> Place:
        """The place that a URL names; one slash at its end says nothing.

        Raises:
            UsageError: it names no bucket.
        """
        scheme, bucket, path = _split(root)
        folder = path.removesuffix("/")
        return cls(scheme, bucket, f"{folder}/" if folder else "")

    def name(self, key: str) -> str:
        """The name in the bucket of an object below this place.

        Raises:
            StorageError: it is not a key: services and proxies would take another object for it, or a folder.
        """
        name = self.prefix + key
        parts = name.split("/")
        if not key or key.startswith("/") or parts[-1] == "" or {".", ".."} & set(parts) or "\0" in name:
            raise StorageError(
                f"{key!r} is not a key below {redacted(self.url(''))!r}.",
                "Keys name a file: they do not end with '/', and have no '.' or '..' in them.",
            )
        return name

    def url(self, key: str) -> str:
        """What a user would write for it."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}{key}"

    def shown(self, key: str) -> str:
        """Its URL for messages: nothing that may be secret."""
        return redacted(self.url(key))


def located(url: str) -> tuple[str, str]:
    """The URL of the bucket of an object, and its name in there.

    Raises:
        UsageError: the URL names no bucket.
    """
    scheme, bucket, path = _split(url)
    return f"{scheme}://{bucket}", path


def _split(url: str) -> tuple[str, str, str]:
    parts = _URL.fullmatch(url)
    if parts is None or not _BUCKET.fullmatch(parts[2]):
        raise UsageError(f"{redacted(url)!r} names no bucket.", "Write scheme://bucket/folder, without a password.")
    return parts[1].lower(), parts[2], parts[3]
