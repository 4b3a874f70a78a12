"""What a filter may ask of a box: edges, extents, centre and area, computed from the four numbers that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reelbase.plugin import Field, Number, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Numbers = list[Any]
    Get = Callable[[Numbers], Any]

#: Left, top, right and bottom of the four numbers of each mode. What is stored itself is not computed.
_EDGES: Final[Mapping[str, Mapping[str, Get]]] = {
    "LTRB": {
        "left": lambda box: box[0],
        "top": lambda box: box[1],
        "right": lambda box: box[2],
        "bottom": lambda box: box[3],
        "w": lambda box: box[2] - box[0],
        "h": lambda box: box[3] - box[1],
        "cx": lambda box: (box[0] + box[2]) / 2,
        "cy": lambda box: (box[1] + box[3]) / 2,
    },
    "LTWH": {
        "left": lambda box: box[0],
        "top": lambda box: box[1],
        "right": lambda box: box[0] + box[2],
        "bottom": lambda box: box[1] + box[3],
        "w": lambda box: box[2],
        "h": lambda box: box[3],
        "cx": lambda box: box[0] + box[2] / 2,
        "cy": lambda box: box[1] + box[3] / 2,
    },
    "CCWH": {
        "left": lambda box: box[0] - box[2] / 2,
        "top": lambda box: box[1] - box[3] / 2,
        "right": lambda box: box[0] + box[2] / 2,
        "bottom": lambda box: box[1] + box[3] / 2,
        "w": lambda box: box[2],
        "h": lambda box: box[3],
        "cx": lambda box: box[0],
        "cy": lambda box: box[1],
    },
}
_STORED: Final = {"L": "left", "T": "top", "R": "right", "B": "bottom", "W": "w", "H": "h"}
_HINTS: Final = {
    "x": "Write left (the edge) or cx (the centre).",
    "y": "Write top (the edge) or cy (the centre).",
    "width": "Write w.",
    "height": "Write h.",
}


def type_of_box(coords: Mapping[str, str], dtype: str) -> Record:
    """Return the type of a box.

    Args:
        coords: ``{"type": ..., "mode": ...}`` of the stored numbers.
        dtype: Their numpy dtype. Numbers that are computed from them are in double precision.
    """
    mode, unit = coords["mode"], "px" if coords["type"] == "pixel" else ""
    stored = {"cx", "cy", "w", "h"} if mode == "CCWH" else {_STORED[letter] for letter in mode}
    fields = {
        name: Field(Number(dtype if name in stored else "float64", unit), get) for name, get in _EDGES[mode].items()
    }
    w, h = _EDGES[mode]["w"], _EDGES[mode]["h"]
    area = Field(Number(unit=f"{unit}²" if unit else ""), lambda box: w(box) * h(box))
    number = Number(dtype, unit)
    return Record(("a box", "boxes"), {**fields, "area": area}, numbers=4, number=number, hints=_HINTS)
