"""What a loader is told about its batches."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import UsageError
from reelbase.loading.framing import Framing
from reelbase.sampling import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ON_ERROR: Final = ("raise", "skip", "substitute")
RAGGED: Final = ("list", "pad")
_UNITS: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_BYTES: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|)")


@dataclass(frozen=True, kw_only=True)
class LoaderSettings:
    """How batches are made.

    Args:
        batch_size: Clips of a batch.
        framing: Size and crop of pictures.
        share: Which of several processes that train together this is.
        drop_last: Leave out a last batch that is not whole.
        threads: Clips that are decoded at a time; "auto": one for each processor.
        memory_limit: Bytes that batches which are made ahead may take, as a number or as "2GiB". One batch is always
            made ahead.
        on_error: What to do about a video that cannot be read: "raise"; "skip" it, so that batches are smaller; or
            "substitute" a clip of another video, the same one each time. Both are counted in the report.
        max_errors: How many clips of an epoch may be skipped or substituted before it is an error.
        ragged: How values of several lengths come: as a "list", or as one array with zeros, "pad", and another called
            ``<name>_mask`` that is True for values.
        transform: Called with each sample, a dict, before it goes into its batch; it returns the dict that does.
        transform_batch: Called with each batch before it is given out; returns the batch.

    Raises:
        UsageError: a value is not valid.
    """

    batch_size: int
    framing: Framing = field(default_factory=Framing)
    share: Share = field(default_factory=Share)
    drop_last: bool = False
    threads: int | str = "auto"
    memory_limit: int | str = "1GiB"
    on_error: str = "raise"
    max_errors: int = 1000
    ragged: str = "list"
    transform: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    transform_batch: Callable[[dict[str, Any]], Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "threads", _count_threads(self.threads))
        object.__setattr__(self, "memory_limit", _parse_bytes(self.memory_limit))
        for name, choices in (("on_error", ON_ERROR), ("ragged", RAGGED)):
            if getattr(self, name) not in choices:
                known = ", ".join(map(repr, choices))
                raise UsageError(f"{name}={getattr(self, name)!r} is not known.", f"Choose one of: {known}.")


def _count_threads(threads: object) -> int:
    if threads == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise UsageError(f"threads={threads!r} is not a number of threads.", "Pass a positive int, or 'auto'.")
    return threads


def _parse_bytes(size: object) -> int:
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    found = _BYTES.fullmatch(size.strip()) if isinstance(size, str) else None
    if found is None:
        raise UsageError(f"memory_limit={size!r} is not a number of bytes.", "Pass an int, or a str such as '2GiB'.")
    return int(float(found[1]) * _UNITS[found[2]])
