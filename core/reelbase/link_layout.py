"""How links lie in columns: the links themselves, and beside them what is known of the files, as of stored ones."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from reelbase.cells import Cell, MissingCell
from reelbase.errors import CorruptObjectError, HtypeError
from reelbase.format.chunk import Form
from reelbase.format.rows import fetch_rows
from reelbase.htype import brief
from reelbase.layout import Layout, Row
from reelbase.links.cells import DeferredCell, LinkedCell
from reelbase.links.local import Home
from reelbase.links.probe import probe
from reelbase.links.source import Pin
from reelbase.links.urls import checked
from reelbase.media_layout import Known, MediaLayout, packed, place_all
from reelbase.registry import registry
from reelbase.sample import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store
    from reelbase.links.probe import Probed

_SPOOL = 64 << 20
_STRETCH = 1 << 20


class LinkLayout(Layout):
    """Links in the column ``data``, as JSON for all items of a row; the other columns are those of `MediaLayout`.

    Of a link that was not looked at yet ``_info`` holds null.

    Args:
        files: The layout that would hold the files themselves.
    """

    def __init__(self, files: MediaLayout) -> None:
        super().__init__(files.shaping, files.htype)
        self._files = files

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        home = home_of(store)
        with tempfile.SpooledTemporaryFile(_SPOOL) as spooled:
            spool = cast("BinaryIO", spooled)
            items = [self._item(_link(one), home, spool) for one in self.shaping.values(value)]
            row: dict[str, Any] = {
                "data": packed(_json([pin.as_dict() for pin, _, _ in items])),
                "_info": packed(_json([facts for _, facts, _ in items])),
                "_frames": packed(b"".join(index for _, _, index in items)),
            }
            if size := spool.tell():
                spool.seek(0)
                row["_packets"] = place_all(store, spool, size, ".pkt")
        return row

    def _item(self, link: Link, home: Home, spool: BinaryIO) -> tuple[Pin, dict[str, Any] | None, bytes]:
        """A link as it is stored, what is known of its file, and its frame index; packets go to `spool`."""
        link = Link(checked(link.url), link.creds_key, verify=link.verify, progress=link.progress)
        home.check_scheme(link.url)
        if not link.verify:
            return Pin(link.url, link.creds_key), None, b""
        probed = probe(link, home, self._files.choose)
        size = probed.packets.size
        spool.writelines(probed.packets.read(start, start + _STRETCH) for start in range(0, size, _STRETCH))
        index = probed.found.index.to_bytes() if probed.found.index else b""
        sizes = {"size": probed.pin.size, "frames": len(index), "packets": size}
        return probed.pin, {**probed.found.info.as_dict(), **sizes}, index

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("data", "_info", "_frames"))

    def read(self, row: RowReader, where: str) -> Cell:  # noqa: D102
        links = row.packed("data")
        if links.form == Form.MISSING:
            return MissingCell(where)
        return row.cached(lambda: self._cell(row, json.loads(bytes(links.payload))))

    def _cell(self, row: RowReader, links: list[dict[str, Any]]) -> tuple[Cell, int]:
        known, home = Known(row), home_of(row.store)
        if len(known.facts) != len(links):
            raise CorruptObjectError("Links and what is known of them do not add up.", "Restore them from a copy.")
        items = [self._known(known, k, Pin.from_dict(one), home) for k, one in enumerate(links)]
        return self.shaping.cell(tuple(items)), known.size + 1024 * len(links)

    def _known(self, known: Known, place: int, pin: Pin, home: Home) -> Cell:
        if known.facts[place] is None:
            return DeferredCell(pin, lambda: _found(probe(pin.link, home, self._files.choose), home))
        return LinkedCell(**vars(known.cell(place, pin.blob(home))), pin=pin)


def home_of(store: Store) -> Home:
    """The dataset, as far as its links may name local files."""
    return Home(store.storage.root, store.ours)


def _found(probed: Probed, home: Home) -> LinkedCell:
    blob, found = probed.pin.blob(home), probed.found
    packets = probed.packets if found.index is not None and found.index.repacked else blob
    return LinkedCell(blob, packets, found.info, found.index, registry().codec(found.info.codec), probed.pin)


def _link(value: Any) -> Link:
    """The link that a user gave, or that a view of one row shows."""
    if isinstance(value, Link):
        return value
    if hasattr(value, "as_link"):
        return cast("Link", value.as_link())
    raise HtypeError(
        f"A tensor of links cannot hold {brief(value)}.",
        'Give reelbase.link(url); to store the file itself make a tensor without "link[…]".',
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
