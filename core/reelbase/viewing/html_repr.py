"""What a notebook shows of a value that ends a cell: a table and small pictures, as HTML without scripts.

It is made while the user waits, and kept in the notebook: a second and 150 kB at most, nothing read from far away.
"""

from __future__ import annotations

import base64
import time
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import ReelbaseError
from reelbase.media.frame_index import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reelbase.contracts.viewer import ViewerSource

_PICTURES: Final = 8
_WIDTH: Final = 160
_SECONDS: Final = 1.0
_BYTES: Final = 120_000
_LINES: Final = 40
_WORDS: Final = 300


def html_preview(showing: ViewerSource) -> str:
    """HTML of what is shown."""
    about = showing.about()
    single = about["start"] is not None
    table = _facts(showing, *about["start"]) if single else _tensors(about["tensors"])
    rows = "" if single else f" · {about['rows']} rows"
    version = f" · {about['version']}" if about["version"] else ""
    head = f"<p><b>{escape(about['title'])}</b>{escape(version)}{rows}</p>"
    pictures = "".join(_pictures(_frames_of_one(showing, *about["start"]) if single else _first_frames(showing)))
    return f"<div>{head}<div>{pictures}</div>{table}</div>"


def _tensors(tensors: list[dict[str, Any]]) -> str:
    known = {one["name"]: f"{one['htype']} · {one['count']} rows" for one in tensors}
    return _table(known)


def _facts(showing: ViewerSource, row: int, tensor: str, _: int) -> str:
    return _table(showing.row(row)["videos"][tensor])


def _table(facts: Mapping[str, Any]) -> str:
    lines = [
        f'<tr><td style="text-align:left">{escape(name)}</td>'
        f'<td style="text-align:left">{escape(str(value)[:_WORDS])}</td></tr>'
        for name, value in list(facts.items())[:_LINES]
    ]
    more = f"<tr><td>… {len(facts) - _LINES} more</td></tr>" if len(facts) > _LINES else ""
    return f"<table>{''.join(lines)}{more}</table>"


def _pictures(found: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    """Tags with the pictures in them, until there are enough, or it takes too long."""
    began, left = time.monotonic(), _BYTES
    for title, jpeg in found:
        left -= len(jpeg) * 4 // 3
        if left < 0:
            return
        data = base64.b64encode(jpeg).decode()
        yield f'<img src="data:image/jpeg;base64,{data}" title="{escape(title)}" style="display:inline;margin:2px">'
        if time.monotonic() - began > _SECONDS:
            return


def _first_frames(showing: ViewerSource) -> Iterator[tuple[str, bytes]]:
    for one in showing.rows("", 0, _PICTURES)["rows"]:
        row, tensor = one["row"], one["video"]
        if tensor is not None and not showing.video(row, tensor).packets.distant:
            yield f"row {row} {one['title']}".strip(), showing.picture(row, tensor, 0, _WIDTH)


def _frames_of_one(showing: ViewerSource, row: int, tensor: str, start: int) -> Iterator[tuple[str, bytes]]:
    """The frame to begin with, and some that need none before them."""
    footage = showing.video(row, tensor)
    index = footage.index
    if footage.packets.distant:
        return
    alone = np.nonzero(index.flags[index.display] & Flag.RAP)[0]
    spread = alone[np.linspace(0, len(alone) - 1, min(_PICTURES - 1, len(alone))).astype(int)]
    for frame in dict.fromkeys([start, *spread.tolist()]):
        yield f"frame {frame}", showing.picture(row, tensor, frame, _WIDTH)


def html_preview_or_none(showing: ViewerSource) -> str | None:
    """`html_preview`; None where something cannot be read: a notebook shows the text then."""
    try:
        return html_preview(showing)
    except ReelbaseError:
        return None
