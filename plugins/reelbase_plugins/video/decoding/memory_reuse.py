"""Reuse of freed memory for decoded frames."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

LARGEST_BLOCK_BYTES: Final = 31 << 20  # glibc ignores freed blocks of more than 32 MiB


@cache
def reuse_freed_memory() -> None:
    """Make glibc reuse the memory of freed frames for new ones. Has an effect once per process.

    glibc returns large blocks to the system when they are freed, so that every new array costs a page fault for each
    4 KiB: a third of the time of a full read at 1280x720. What counts as large grows with the largest block that was
    freed (mallopt(3), M_MMAP_THRESHOLD, "dynamic mmap threshold"). So one large block is allocated here and freed. It
    is never written to, and takes no memory.
    """
    np.empty(LARGEST_BLOCK_BYTES, np.uint8)
