"""Contact sheets: frames side by side with their boxes and a caption below each. Pure functions on arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

#: 5 by 7 pixels a glyph, one number a row, the leftmost pixel in the highest bit.
_GLYPHS: Final = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ".": (0, 0, 0, 0, 0, 12, 12),
    "-": (0, 0, 0, 31, 0, 0, 0),
    "s": (0, 0, 14, 16, 14, 1, 30),
    "#": (10, 10, 31, 10, 31, 10, 10),
    " ": (0, 0, 0, 0, 0, 0, 0),
}
_SCALE, _PAD, _EDGE = 2, 6, 2
_PAPER, _INK, _BOX = (24, 24, 28), (235, 235, 235), (255, 64, 64)


def sheet(frames: Sequence[Picture], captions: Sequence[str], columns: int | None = None) -> Picture:
    """Frames of one size in a grid.

    Args:
        frames: ``(H, W, 3)`` uint8 each.
        captions: One for each frame, of digits, ``. - s #`` and blanks; other characters are left blank.
        columns: Frames in a row; by default about as many as make the sheet twice as wide as high.

    Returns:
        ``(height, width, 3)`` uint8.
    """
    cells = [_cell(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    height, width = cells[0].shape[:2]
    columns = min(len(cells), columns or max(1, round(math.sqrt(2 * len(cells) * height / width))))
    rows = math.ceil(len(cells) / columns)
    whole = _paper(rows * (height + _PAD) + _PAD, columns * (width + _PAD) + _PAD)
    for at, cell in enumerate(cells):
        top, left = (_PAD + k * (n + _PAD) for k, n in zip(divmod(at, columns), (height, width), strict=True))
        whole[top : top + height, left : left + width] = cell
    return whole


def draw_boxes(frame: Picture, boxes: NDArray[np.floating]) -> Picture:
    """A copy of a frame with boxes drawn on it.

    Args:
        frame: ``(H, W, 3)`` uint8.
        boxes: ``(n, 4)``: left, top, right, bottom in pixels of this frame; parts outside are cut off.
    """
    drawn = frame.copy()
    height, width = frame.shape[:2]
    limit = np.array([width, height, width, height])
    for left, top, right, bottom in np.clip(np.rint(boxes), 0, limit).astype(int).tolist():
        if right <= left or bottom <= top:
            continue
        inner = drawn[top + _EDGE : bottom - _EDGE, left + _EDGE : right - _EDGE].copy()
        drawn[top:bottom, left:right] = _BOX
        drawn[top + _EDGE : bottom - _EDGE, left + _EDGE : right - _EDGE] = inner
    return drawn


def write_text(text: str) -> NDArray[np.bool_]:
    """The pixels of a line of text, ``(14, 12 * len(text))``."""
    glyphs = [_GLYPHS.get(letter, _GLYPHS[" "]) for letter in text] or [_GLYPHS[" "]]
    bits = np.array([[[row << 1 >> (5 - at) & 1 for at in range(6)] for row in glyph] for glyph in glyphs], bool)
    line = bits.transpose(1, 0, 2).reshape(7, -1)
    return line.repeat(_SCALE, 0).repeat(_SCALE, 1)


def _cell(frame: Picture, caption: str) -> Picture:
    text = write_text(caption)
    height, width = frame.shape[:2]
    cell = _paper(height + _PAD + text.shape[0], width)
    cell[:height] = frame
    shown = text[:, :width]
    cell[height + _PAD :, : shown.shape[1]][shown] = _INK
    return cell


def _paper(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _PAPER, np.uint8)
