"""Samples as users pass them: encoded bytes somewhere, or an array to encode. Immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelbase._util.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.io.blob import Blob


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The encoded bytes of one media sample; nothing is read until they are needed.

    Attributes:
        filename: The file's name as the user gave it; shown by ``sample_info`` and in messages.
        open: Returns the bytes; raises ObjectNotFoundError and StorageError.
        check: How much of the frame index to verify by decoding at ingest: "sample", "full" or "none".
        stream: Which video stream of the file, counted from 0; None selects the one that FFmpeg would.
        flat: True if it is a grey picture that was given as an array ``(H, W)``, and is to be shown as such.
    """

    filename: str
    open: Callable[[], Blob]
    check: str = "sample"
    stream: int | None = None
    flat: bool = False


@dataclass(frozen=True)
class Link:
    """A media file that stays where it is; see `reelbase.link`.

    Attributes:
        url: The file's URL.
        creds_key: Name of the credentials to use; "ENV" means the service's default credential chain, None no
            credentials.
        verify: True indexes the file when the link is appended, by its headers where parts of the file prove them;
            "full" by a pass through all of it. False indexes it when it is first used, by its headers alone.
        progress: Called with the bytes read and the bytes in all, if the whole file must be read for its index.
    """

    url: str
    creds_key: str | None = None
    verify: bool | str = field(default=True, kw_only=True, compare=False)
    progress: Callable[[int, int], object] | None = field(default=None, kw_only=True, compare=False, repr=False)

    def __repr__(self) -> str:
        creds = "" if self.creds_key is None else f", creds_key={self.creds_key!r}"
        return f"Link({redacted(self.url)!r}{creds})"


@dataclass(frozen=True, kw_only=True)
class Encode:
    """An array to be encoded on append, with options for the codec; see `reelbase.encode`."""

    array: NDArray[np.generic]
    options: Mapping[str, Any] = field(default_factory=dict)
