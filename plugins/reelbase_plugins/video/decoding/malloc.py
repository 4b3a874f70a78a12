"""The memory that pictures are put in."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

LARGEST_BLOCK_BYTES: Final = 31 << 20  # bytes; what lies above 32 MiB does not count


@cache
def reuse_freed() -> None:
    """Have pictures come to lie where earlier ones lay, once a process.

    glibc gives large blocks back to the system when they are freed, and for the next one each page is to be found and
    cleared again: a third of the time of a full read at 1280x720. What counts as large follows the largest block that
    was freed (mallopt(3), M_MMAP_THRESHOLD, "dynamic mmap threshold"). This one is never written to: it takes nothing.
    """
    np.empty(LARGEST_BLOCK_BYTES, np.uint8)
