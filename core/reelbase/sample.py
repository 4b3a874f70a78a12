"""Samples as users hand them in: encoded bytes somewhere, or an array to encode. Immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.blob import Blob


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Encoded bytes of one media sample; nothing is read before they are needed.

    Attributes:
        filename: What the user called it; shown by ``sample_info`` and in messages.
        open: Gives the bytes; raises ObjectNotFoundError and StorageError.
        check: How much of the frame index to verify by decoding at ingest: "sample", "full" or "none".
        stream: Which video stream of the file, counted from 0; None: the best.
    """

    filename: str
    open: Callable[[], Blob]
    check: str = "sample"
    stream: int | None = None


@dataclass(frozen=True, kw_only=True)
class Encode:
    """An array to be encoded on append, with options for the codec; see `reelbase.encode`."""

    array: NDArray[np.generic]
    options: Mapping[str, Any] = field(default_factory=dict)
