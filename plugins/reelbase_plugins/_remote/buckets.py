"""From URLs and keys to a bucket and the name of an object in it."""

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
        scheme: Scheme of the URL, in lower case.
        bucket: Name of the bucket.
        prefix: The folder with a slash at its end; empty for the whole bucket.
    """

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, root: str) -> Place:
        """Parse the URL of a folder. One slash at its end is ignored.

        Raises:
            UsageError: the URL does not name a bucket.
        """
        scheme, bucket, path = _split(root)
        folder = path.removesuffix("/")
        return cls(scheme, bucket, f"{folder}/" if folder else "")

    def make_name(self, key: str) -> str:
        """Return the name that the object with `key` has in the bucket.

        Raises:
            StorageError: it is not a valid key.
        """
        name = self.prefix + key
        parts = name.split("/")
        # Services and proxies resolve such names to another object, or to a folder.
        if not key or key.startswith("/") or parts[-1] == "" or {".", ".."} & set(parts) or "\0" in name:
            raise StorageError(
                f"{key!r} is not a key below {redacted(self.make_url(''))!r}.",
                "Keys name a file: they do not end with '/', and have no '.' or '..' in them.",
            )
        return name

    def make_url(self, key: str) -> str:
        """Return the URL of the object with `key`."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}{key}"

    def make_label(self, key: str) -> str:
        """Return the URL for messages, without anything that may be secret."""
        return redacted(self.make_url(key))


def split_url(url: str) -> tuple[str, str]:
    """Split the URL of an object into the URL of its bucket and its name in the bucket.

    Raises:
        UsageError: the URL does not name a bucket.
    """
    scheme, bucket, path = _split(url)
    return f"{scheme}://{bucket}", path


def _split(url: str) -> tuple[str, str, str]:
    parts = _URL.fullmatch(url)
    if parts is None or not _BUCKET.fullmatch(parts[2]):
        raise UsageError(
            f"{redacted(url)!r} does not name a bucket.", "Write scheme://bucket/folder, without a password."
        )
    return parts[1].lower(), parts[2], parts[3]
