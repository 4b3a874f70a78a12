"""What a notebook shows of a value at the end of a cell: a table and small pictures, as HTML without scripts.

It is made while the user waits and is saved with the notebook: it takes at most a second and 150 kB, and reads
nothing from remote storages.
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
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.contracts.viewer import ShownTensor, Start, ViewerSource

MAX_PICTURES: Final = 8
PICTURE_WIDTH: Final = 160  #: pixels
MAX_SECONDS: Final = 1.0
MAX_PICTURE_BYTES: Final = 120_000  #: of all pictures, as base64
MAX_TABLE_LINES: Final = 40
MAX_CELL_CHARACTERS: Final = 300


def html_preview(source: ViewerSource) -> str:
    """HTML of what is shown: one video with its facts, or the tensors and the first frames of the first rows."""
    overview = source.overview()
    version = f" · {overview.version}" if overview.version else ""
    if overview.start is None:
        rows, table, pictures = f" · {overview.rows} rows", _tensor_table(overview.tensors), _first_frames(source)
    else:
        rows, table, pictures = "", _fact_table(source, overview.start), _frames_of_one(source, overview.start)
    head = f"<p><b>{escape(overview.title)}</b>{escape(version)}{rows}</p>"
    return f"<div>{head}<div>{''.join(_make_tags(pictures))}</div>{table}</div>"


def _tensor_table(tensors: Sequence[ShownTensor]) -> str:
    return _table({tensor.name: f"{tensor.htype} · {tensor.count} rows" for tensor in tensors})


def _fact_table(source: ViewerSource, start: Start) -> str:
    return _table(source.row(start.row).videos[start.tensor])


def _table(facts: Mapping[str, Any]) -> str:
    lines = [
        f'<tr><td style="text-align:left">{escape(name)}</td>'
        f'<td style="text-align:left">{escape(str(value)[:MAX_CELL_CHARACTERS])}</td></tr>'
        for name, value in list(facts.items())[:MAX_TABLE_LINES]
    ]
    more = f"<tr><td>… {len(facts) - MAX_TABLE_LINES} more</td></tr>" if len(facts) > MAX_TABLE_LINES else ""
    return f"<table>{''.join(lines)}{more}</table>"


def _make_tags(pictures: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    """Yield tags with the pictures (title and JPEG) in them, until they are large enough or take too long."""
    began, left = time.monotonic(), MAX_PICTURE_BYTES
    for title, jpeg in pictures:
        left -= len(jpeg) * 4 // 3
        if left < 0:
            return
        data = base64.b64encode(jpeg).decode()
        yield f'<img src="data:image/jpeg;base64,{data}" title="{escape(title)}" style="display:inline;margin:2px">'
        if time.monotonic() - began > MAX_SECONDS:
            return


def _first_frames(source: ViewerSource) -> Iterator[tuple[str, bytes]]:
    for card in source.rows("", 0, MAX_PICTURES).rows:
        if card.video is not None and not source.video(card.row, card.video).packets.distant:
            yield f"row {card.row} {card.title}".strip(), source.picture(card.row, card.video, 0, PICTURE_WIDTH)


def _frames_of_one(source: ViewerSource, start: Start) -> Iterator[tuple[str, bytes]]:
    """Yield the frame to start with, and some that can be decoded alone, which is cheap."""
    video = source.video(start.row, start.tensor)
    index = video.index
    if video.packets.distant:
        return
    alone = np.nonzero(index.flags[index.display] & Flag.RAP)[0]
    spread = alone[np.linspace(0, len(alone) - 1, min(MAX_PICTURES - 1, len(alone))).astype(int)]
    for frame in dict.fromkeys([start.frame, *spread.tolist()]):
        yield f"frame {frame}", source.picture(start.row, start.tensor, frame, PICTURE_WIDTH)


def html_preview_or_none(source: ViewerSource) -> str | None:
    """As `html_preview`; None if something cannot be read, so that the notebook shows text instead."""
    try:
        return html_preview(source)
    except ReelbaseError:
        return None
