"""One sample as it is read: an array, a media file, a sequence of either, or nothing.

A view asks its cells for everything. What differs between kinds of samples differs here and nowhere above (decision 4).
"""

from __future__ import annotations

from reelbase.cells.arrays import check_narrowing, stack
from reelbase.cells.cell import ArrayCell, Cell, MissingCell, Shape, Size
from reelbase.cells.flat import FlatCell
from reelbase.cells.media import MediaCell
from reelbase.cells.sequence import SequenceCell

__all__ = [
    "ArrayCell",
    "Cell",
    "FlatCell",
    "MediaCell",
    "MissingCell",
    "SequenceCell",
    "Shape",
    "Size",
    "check_narrowing",
    "stack",
]
