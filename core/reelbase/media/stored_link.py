"""A link as it is stored in a dataset. A pure value: `reelbase.links.source` follows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reelbase.errors import CorruptObjectError
from reelbase.media.sample import Link

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Pin:
    """A link as it is stored: the URL, and which version of the file was seen there.

    Attributes:
        url: The file's URL.
        creds_key: Name of the credentials to ask with.
        size: Bytes; None where the file was not looked at yet (``verify=False``).
        etag: The storage's identifier of that version; None where it has none.
        modified: ISO 8601 time of the last change; only where a storage has no etags.
    """

    url: str
    creds_key: str | None = None
    size: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def shown(self) -> str:
        """The URL for messages and ``sample_info``, without its query, which may hold a signature."""
        return self.url.partition("?")[0]

    @property
    def link(self) -> Link:
        """The link as a value that can be appended."""
        return Link(self.url, self.creds_key)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that is stored."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Pin:
        """The inverse of `as_dict`.

        Raises:
            CorruptObjectError: `stored` does not describe a link.
        """
        texts = {name: stored.get(name) for name in ("url", "creds_key", "etag", "modified")}
        size = stored.get("size")
        all_texts = all(text is None or isinstance(text, str) for text in texts.values())
        if not all_texts or not texts["url"] or not (size is None or (isinstance(size, int) and size >= 0)):
            raise CorruptObjectError("A stored link does not add up.", "Restore it from a copy.")
        return cls(**texts, size=size)  # type: ignore[arg-type]
