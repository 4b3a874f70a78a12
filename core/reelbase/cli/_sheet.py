"""Contact sheets: frames in a grid with a caption below each. Pure functions on arrays.

The font is drawn here, so that contact sheets do not need an imaging package.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

#: Glyphs of 5 by 7 pixels: one number per row, the leftmost pixel in the highest bit.
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
_TEXT_SCALE, _PADDING_PIXELS, _BOX_LINE_PIXELS = 2, 6, 2
_BACKGROUND_COLOUR, _TEXT_COLOUR, _BOX_COLOUR = (24, 24, 28), (235, 235, 235), (255, 64, 64)


def make_sheet(frames: Sequence[Picture], captions: Sequence[str], columns: int | None = None) -> Picture:
    """Arrange frames of one size in a grid.

    Args:
        frames: uint8 arrays ``(H, W, 3)``.
        captions: A caption for each frame, of digits, ``. - s #`` and spaces; other characters are left blank.
        columns: Number of frames in a row; None makes the sheet about twice as wide as high.

    Returns:
        uint8 array ``(height, width, 3)``.
    """
    cells = [_make_cell(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    height, width = cells[0].shape[:2]
    columns = min(len(cells), columns or max(1, round(math.sqrt(2 * len(cells) * height / width))))
    rows = math.ceil(len(cells) / columns)
    sheet = _make_background(
        rows * (height + _PADDING_PIXELS) + _PADDING_PIXELS, columns * (width + _PADDING_PIXELS) + _PADDING_PIXELS
    )
    for number, cell in enumerate(cells):
        top, left = (
            _PADDING_PIXELS + place * (length + _PADDING_PIXELS)
            for place, length in zip(divmod(number, columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = cell
    return sheet


def draw_boxes(frame: Picture, boxes: NDArray[np.floating]) -> Picture:
    """Return a copy of a frame with boxes drawn on it.

    Args:
        frame: uint8 array ``(H, W, 3)``.
        boxes: Array ``(n, 4)`` of left, top, right and bottom in pixels of this frame; parts outside are cut off.
    """
    drawn = frame.copy()
    height, width = frame.shape[:2]
    limit = np.array([width, height, width, height])
    for left, top, right, bottom in np.clip(np.rint(boxes), 0, limit).astype(int).tolist():
        if right <= left or bottom <= top:
            continue
        inner = drawn[
            top + _BOX_LINE_PIXELS : bottom - _BOX_LINE_PIXELS, left + _BOX_LINE_PIXELS : right - _BOX_LINE_PIXELS
        ].copy()
        drawn[top:bottom, left:right] = _BOX_COLOUR
        drawn[
            top + _BOX_LINE_PIXELS : bottom - _BOX_LINE_PIXELS, left + _BOX_LINE_PIXELS : right - _BOX_LINE_PIXELS
        ] = inner
    return drawn


def write_text(text: str) -> NDArray[np.bool_]:
    """Return the pixels of a line of text, an array ``(14, 12 * len(text))``."""
    glyphs = [_GLYPHS.get(letter, _GLYPHS[" "]) for letter in text] or [_GLYPHS[" "]]
    bits = np.array([[[row << 1 >> (5 - x) & 1 for x in range(6)] for row in glyph] for glyph in glyphs], bool)
    line = bits.transpose(1, 0, 2).reshape(7, -1)
    return line.repeat(_TEXT_SCALE, 0).repeat(_TEXT_SCALE, 1)


def _make_cell(frame: Picture, caption: str) -> Picture:
    text = write_text(caption)
    height, width = frame.shape[:2]
    cell = _make_background(height + _PADDING_PIXELS + text.shape[0], width)
    cell[:height] = frame
    visible = text[:, :width]
    cell[height + _PADDING_PIXELS :, : visible.shape[1]][visible] = _TEXT_COLOUR
    return cell


def _make_background(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _BACKGROUND_COLOUR, np.uint8)
