"""Pictures that show a number as a pattern, and a reader that finds the number after lossy coding. Pure numpy.

A picture is a grid of 6 x 4 cells, bright yellow for one and dark blue for zero. Six cells mark the orientation: they
differ in every rotation and mirror image. Ten cells contain the number, and eight a checksum. A faint ripple over all
cells is different in every picture, so that no part of two pictures is equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.errors import MediaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES: Final = 1024  #: numbers run from 0 to one less than this

_ROWS, _COLUMNS = 4, 6
_MARKS: Final = {(0, 0): 1, (0, 1): 1, (1, 0): 0, (0, 5): 0, (3, 0): 0, (3, 5): 0}
_DATA: Final = [(r, c) for r in range(_ROWS) for c in range(_COLUMNS) if (r, c) not in _MARKS]
_ONE, _ZERO = np.array([232, 214, 120], np.int16), np.array([24, 22, 88], np.int16)


def draw_code(code: int, size: tuple[int, int], *, ripple: bool = True) -> NDArray[np.uint8]:
    """Draw the picture of a number.

    Args:
        code: Number from 0 to 1023.
        size: ``(height, width)`` in pixels; at least ``(48, 64)`` to survive strong compression.
        ripple: Whether to add the faint ripple. Without it, cells that two codes have in common look the same.

    Returns:
        uint8 RGB of shape ``(height, width, 3)``.
    """
    height, width = size
    row = np.arange(height) * _ROWS // height
    column = np.arange(width) * _COLUMNS // width
    picture = np.where(_make_cells(code)[row][:, column, None], _ONE, _ZERO)
    if ripple:
        y, x = np.ogrid[:height, :width]
        wave = 6 * np.sin((x + 3 * code) / 9.0) + 6 * np.cos((y - 2 * code) / 7.0)
        picture = picture + wave.astype(np.int16)[..., None]
    return picture.astype(np.uint8)


def read_code(frame: NDArray[np.uint8]) -> int:
    """Read the number that an upright RGB picture of any size shows.

    Args:
        frame: Picture, uint8 ``(H, W, 3)``.

    Raises:
        MediaError: the cells are not clearly ones and zeros, or the checksum is wrong. The picture is then damaged,
            blended with another one, rotated or mirrored, or its colours are swapped.
    """
    means = _compute_means(frame)
    luma = means @ np.array([0.299, 0.587, 0.114])
    if luma.max() < 130 or luma.min() > 110 or np.any((luma > 100) & (luma < 140)):
        raise MediaError(f"No code in a frame of shape {frame.shape}: cells of luma {luma.astype(int).tolist()}.")
    bits = luma > 120
    blue = means[..., 2] - means[..., 0]
    if blue[bits].mean() > -20 or blue[~bits].mean() < 10:
        raise MediaError("No code in a frame: the colours of its cells are not those drawn.")
    code = int("".join(str(int(bits[cell])) for cell in _DATA[:10]), 2)
    if not np.array_equal(bits, _make_cells(code)):
        raise MediaError(f"No code in a frame: it looks like {code}, but its check cells disagree.")
    return code


def _make_cells(code: int) -> NDArray[np.bool_]:
    word = code << 8 | _compute_checksum(code)
    cells = np.zeros((_ROWS, _COLUMNS), bool)
    for cell, bit in _MARKS.items():
        cells[cell] = bool(bit)
    for place, cell in enumerate(_DATA):
        cells[cell] = bool(word >> (len(_DATA) - 1 - place) & 1)
    return cells


def _compute_checksum(code: int) -> int:
    """Compute the CRC-8 of the number's two bytes, with polynomial 0x07 and start value 0xFF."""
    value = 0xFF
    for byte in code.to_bytes(2, "big"):
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value


def _compute_means(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean colour of each cell, ``(rows, columns, 3)``."""
    # Only of the inner half of the cells, because lossy coding blurs the edges.
    height, width = frame.shape[:2]
    rows = np.stack([frame[inner].mean(axis=0) for inner in _find_inner_halves(height, _ROWS)])
    return np.stack([rows[:, inner].mean(axis=1) for inner in _find_inner_halves(width, _COLUMNS)], axis=1)


def _find_inner_halves(size: int, count: int) -> list[slice]:
    """Return the middle half of each of `count` cells that divide `size` pixels."""
    return [slice((k * 4 + 1) * size // (count * 4), -(-(k * 4 + 3) * size // (count * 4))) for k in range(count)]
