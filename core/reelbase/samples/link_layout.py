"""How links lie in columns: the links themselves, and beside them what is known of the files, as of stored ones."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from reelbase.cells import Cell, MissingCell
from reelbase.contracts.htype import brief
from reelbase.errors import CorruptObjectError, HtypeError
from reelbase.format.chunk import Form
from reelbase.format.rows import fetch_rows
from reelbase.io.blob import Blob
from reelbase.links.cells import DeferredCell, LinkedCell
from reelbase.links.local import Home
from reelbase.links.probe import probe
from reelbase.links.source import open_link
from reelbase.links.urls import checked
from reelbase.media.pin import Pin
from reelbase.media.sample import Link
from reelbase.registry import registry
from reelbase.samples.array_layout import Layout, Row
from reelbase.samples.media_layout import MediaLayout, StoredFacts, packed, place_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store
    from reelbase.links.probe import Probed

_SPOOL = 64 << 20
_STRETCH = 1 << 20
_AT_A_TIME = 8


@dataclass(frozen=True)
class _Item:
    """A link as it is stored, what is known of its file, its frame index, and its packets if they lie in pieces."""

    pin: Pin
    facts: dict[str, Any] | None = None
    index: bytes = b""
    packets: Blob = field(default_factory=lambda: Blob.of(b""))


@dataclass(frozen=True)
class IngestedFile:
    """The items of a row; None: it holds no sample."""

    items: list[_Item] | None


class LinkLayout(Layout):
    """Links in the column ``data``, as JSON for all items of a row; the other columns are those of `MediaLayout`.

    Of a link that was not looked at yet ``_info`` holds null.

    Args:
        files: The layout that would hold the files themselves.
    """

    def __init__(self, files: MediaLayout) -> None:
        super().__init__(files.row_shape, files.htype)
        self._files = files

    def ahead(self, store: Store, values: Iterator[Any]) -> Iterator[Any]:
        """Several links are looked at at a time."""
        home, coming = home_of(store), deque[Future[IngestedFile]]()
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            try:
                for value in values:
                    coming.append(pool.submit(self._looked, value, home))
                    if len(coming) == _AT_A_TIME:
                        yield coming.popleft().result()
                while coming:
                    yield coming.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        items = (value if isinstance(value, IngestedFile) else self._looked(value, home_of(store))).items
        if items is None:
            return {}
        with tempfile.SpooledTemporaryFile(_SPOOL) as spooled:
            spool = cast("BinaryIO", spooled)
            for one in items:
                size = one.packets.size
                spool.writelines(one.packets.read(start, start + _STRETCH) for start in range(0, size, _STRETCH))
            row: dict[str, Any] = {
                "data": packed(_json([one.pin.as_dict() for one in items])),
                "_info": packed(_json([one.facts for one in items])),
                "_frames": packed(b"".join(one.index for one in items)),
            }
            if size := spool.tell():
                spool.seek(0)
                row["_packets"] = place_all(store, spool, size, ".pkt")
        return row

    def _looked(self, value: Any, home: Home) -> IngestedFile:
        """The value of a row, looked at as far as it says."""
        return IngestedFile(
            None if value is None else [self._item(_link(one), home) for one in self.row_shape.split(value)]
        )

    def _item(self, link: Link, home: Home) -> _Item:
        link = Link(checked(link.url), link.creds_key, verify=link.verify, progress=link.progress)
        home.check_scheme(link.url)
        if not link.verify:
            return _Item(Pin(link.url, link.creds_key))
        probed = probe(link, home, self._files.choose)
        index = probed.found.index.to_bytes() if probed.found.index else b""
        sizes = {"size": probed.pin.size, "frames": len(index), "packets": probed.packets.size}
        return _Item(probed.pin, {**probed.found.info.as_dict(), **sizes}, index, probed.packets)

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("data", "_info", "_frames"))

    def read(self, row: RowReader, label: str) -> Cell:  # noqa: D102
        links = row.packed("data")
        if links.form == Form.MISSING:
            return MissingCell(label)
        return row.cached(lambda: self._cell(row, json.loads(bytes(links.payload))))

    def _cell(self, row: RowReader, links: list[dict[str, Any]]) -> tuple[Cell, int]:
        known, home = StoredFacts(row), home_of(row.store)
        if len(known.facts) != len(links):
            raise CorruptObjectError("Links and what is known of them do not add up.", "Restore them from a copy.")
        items = [self._known(known, k, Pin.from_dict(one), home) for k, one in enumerate(links)]
        return self.row_shape.make_cell(tuple(items)), known.size + 1024 * len(links)

    def _known(self, known: StoredFacts, place: int, pin: Pin, home: Home) -> Cell:
        if known.facts[place] is None:
            return DeferredCell(pin, lambda: _found(probe(pin.link, home, self._files.choose), home))
        return LinkedCell(**vars(known.cell(place, open_link(pin, home))), pin=pin)


def home_of(store: Store) -> Home:
    """The dataset, as far as it matters to what its links may name."""
    return Home(store.storage.root, store.ours, store.names)


def _found(probed: Probed, home: Home) -> LinkedCell:
    blob, found = open_link(probed.pin, home), probed.found
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
