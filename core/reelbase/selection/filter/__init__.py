"""Filter expressions, which select rows: ``labels == 'cat' and count(boxes) > 3``. Pure: nothing here does I/O.

They are a subset of Python's expressions (the language reference, 6). Nothing is executed. The text is parsed
(`text.py`), each part is checked against the types of the tensors (`check.py`), and the result is a tree of typed nodes
(`tree.py`), which is evaluated for each row. So a filter that cannot be answered is refused before a row is read.

What expressions mean is in docs/guide/viewing.md.
"""

from __future__ import annotations

from reelbase.selection.filter.filter import Filter

__all__ = ["Filter"]
