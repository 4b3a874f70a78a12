"""How links are stored in columns: the links, and next to them the same facts and indexes as for stored files."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

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
from reelbase.links.urls import check_url
from reelbase.media.sample import Link
from reelbase.media.stored_link import Pin
from reelbase.registry import registry
from reelbase.samples.array_layout import Layout, Row
from reelbase.samples.media_layout import MediaLayout, StoredFacts, pack_bytes, place_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store
    from reelbase.links.probe import Probed
    from reelbase.samples.foreign import ForeignItem

MAX_SPOOL_BYTES_IN_MEMORY: Final = 64 << 20
BYTES_PER_READ: Final = 1 << 20
MAX_PROBES_AT_A_TIME: Final = 8


@dataclass(frozen=True)
class IndexedLink:
    """One link of a row.

    Attributes:
        pin: The link as it is stored.
        facts: Facts about its file; None if it was not indexed yet.
        index: Its packed frame index.
        packets: Its packets, if they are stored in pieces in the file; else empty.
    """

    pin: Pin
    facts: dict[str, Any] | None = None
    index: bytes = b""
    packets: Blob = field(default_factory=lambda: Blob.of(b""))


@dataclass(frozen=True)
class IndexedRow:
    """The links of a row; `items` is None if it holds no sample."""

    items: list[IndexedLink] | None


class LinkLayout(Layout):
    """Links in the column ``data``, as JSON for all items of a row; the other columns are those of `MediaLayout`.

    For a link that was not indexed yet, ``_info`` holds null.

    Args:
        files: The layout that would hold the files themselves.
    """

    def __init__(self, files: MediaLayout) -> None:
        super().__init__(files.row_shape, files.htype)
        self._files = files

    def ahead(self, store: Store, values: Iterator[Any]) -> Iterator[Any]:
        """Index several links at a time: most of it is waiting for remote storages."""
        home, pending = home_of(store), deque[Future[IndexedRow]]()
        with ThreadPoolExecutor(MAX_PROBES_AT_A_TIME) as pool:
            try:
                for value in values:
                    pending.append(pool.submit(self._index_row, value, home))
                    if len(pending) == MAX_PROBES_AT_A_TIME:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def take(self, item: ForeignItem) -> Any:  # noqa: D102
        return item.as_link()

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        items = (value if isinstance(value, IndexedRow) else self._index_row(value, home_of(store))).items
        if items is None:
            return {}
        with tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY) as spooled:
            spool = cast("BinaryIO", spooled)
            for item in items:
                size = item.packets.size
                spool.writelines(
                    item.packets.read(start, start + BYTES_PER_READ) for start in range(0, size, BYTES_PER_READ)
                )
            row: dict[str, Any] = {
                "data": pack_bytes(_json([item.pin.as_dict() for item in items])),
                "_info": pack_bytes(_json([item.facts for item in items])),
                "_frames": pack_bytes(b"".join(item.index for item in items)),
            }
            if size := spool.tell():
                spool.seek(0)
                row["_packets"] = place_all(store, spool, size, ".pkt")
        return row

    def _index_row(self, value: Any, home: Home) -> IndexedRow:
        """Index the links of a row's value, those with ``verify=True``."""
        return IndexedRow(
            None if value is None else [self._index_link(_as_link(item), home) for item in self.row_shape.split(value)]
        )

    def _index_link(self, link: Link, home: Home) -> IndexedLink:
        link = Link(check_url(link.url), link.creds_key, verify=link.verify, progress=link.progress)
        home.check_scheme(link.url)
        if not link.verify:
            return IndexedLink(Pin(link.url, link.creds_key))
        probed = probe(link, home, self._files.choose)
        index = probed.found.index.to_bytes() if probed.found.index else b""
        sizes = {"size": probed.pin.size, "frames": len(index), "packets": probed.packets.size}
        return IndexedLink(probed.pin, {**probed.found.info.as_dict(), **sizes}, index, probed.packets)

    def count_items(self, row: Row) -> int | None:  # noqa: D102
        return self._files.count_items(row)

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("data", "_info", "_frames"))

    def read(self, row: RowReader, label: str) -> Cell:  # noqa: D102
        links = row.read_sample("data")
        if links.form == Form.MISSING:
            return MissingCell(label)
        return row.get_or_make(lambda: self._cell(row, json.loads(bytes(links.payload))))

    def _cell(self, row: RowReader, links: list[dict[str, Any]]) -> tuple[Cell, int]:
        stored, home = StoredFacts(row), home_of(row.store)
        if len(stored.facts) != len(links):
            raise CorruptObjectError(
                "A row has another number of links than of facts about them.", "Restore them from a copy."
            )
        items = [self._make_cell(stored, place, Pin.from_dict(link), home) for place, link in enumerate(links)]
        return self.row_shape.make_cell(tuple(items)), stored.size + 1024 * len(links)

    def _make_cell(self, stored: StoredFacts, place: int, pin: Pin, home: Home) -> Cell:
        if stored.facts[place] is None:
            unproven = replace(pin.link, verify=False)
            return DeferredCell(pin, lambda: _make_linked_cell(probe(unproven, home, self._files.choose), home))
        return LinkedCell(**vars(stored.cell(place, open_link(pin, home))), pin=pin)


def home_of(store: Store) -> Home:
    """What the rules for links need to know of the dataset."""
    return Home(store.storage.root, store.is_ours, store.names)


def _make_linked_cell(probed: Probed, home: Home) -> LinkedCell:
    blob, found = open_link(probed.pin, home), probed.found
    packets = probed.packets if found.index is not None and found.index.repacked else blob
    return LinkedCell(blob, packets, found.info, found.index, registry().codec(found.info.codec), probed.pin)


def _as_link(value: Any) -> Link:
    if isinstance(value, Link):
        return value
    raise HtypeError(
        f"A tensor of links cannot hold {brief(value)}.",
        'Give reelbase.link(url); to store the file itself make a tensor without "link[…]".',
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
