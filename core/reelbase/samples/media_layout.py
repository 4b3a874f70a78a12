"""How encoded files are stored in columns: the files byte for byte, and next to them their facts and frame indexes."""

from __future__ import annotations

import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from reelbase.cells import Cell, FlatCell, MediaCell, MissingCell
from reelbase.contracts.storage import Unchanging
from reelbase.errors import UnknownFormatError, UsageError
from reelbase.format.chunk import Form, PackedSample
from reelbase.format.rows import MIN_BLOB_BYTES, fetch_rows, place_file, place_media
from reelbase.io.blob import Blob
from reelbase.media.digest import Digest
from reelbase.media.frame_index import FrameIndex
from reelbase.media.media_info import MediaInfo
from reelbase.media.sample import Encode, Sample
from reelbase.registry import registry
from reelbase.samples.array_layout import Layout, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from reelbase.contracts.codec import Codec, Ingested
    from reelbase.contracts.htype import Htype
    from reelbase.format.entry import Entries
    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store
    from reelbase.samples.foreign import ForeignItem
    from reelbase.samples.row_shape import RowShape

BYTES_PER_CACHED_ROW: Final = 4_000  # of Python objects, measured; parsed JSON takes more than its text, too
MAX_SPOOL_BYTES_IN_MEMORY: Final = 64 << 20


class MediaLayout(Layout):
    """Encoded files, byte for byte, in the column ``data``.

    The column ``_info`` holds their facts as JSON, ``_frames`` their frame indexes, ``_packets`` repacked streams; each
    for all items of a row together.
    """

    def __init__(self, row_shape: RowShape, htype: Htype, codec: str | None, kinds: tuple[str, ...]) -> None:
        super().__init__(row_shape, htype)
        self._codec = codec
        self._kinds = kinds

    def take(self, item: ForeignItem) -> Any:  # noqa: D102
        return item.as_file()

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        samples = [self._make_sample(self.htype.check(item)) for item in self.row_shape.split(value)]
        with tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY) as spooled:
            spool = cast("BinaryIO", spooled)
            if len(samples) == 1:
                data, files = self._store_file(store, samples[0], spool)
            else:
                files = [self._ingest(sample, spool) for sample in samples]
                data, files = self._store_together(store, files)
            packets = spool.tell()
            row: dict[str, PackedSample | Entries] = {
                "data": data,
                "_info": pack_bytes(json.dumps([file.facts for file in files], separators=(",", ":")).encode()),
                "_frames": pack_bytes(b"".join(file.index for file in files)),
            }
            if packets:
                spool.seek(0)
                row["_packets"] = place_all(store, spool, packets, ".pkt")
        return row

    def count_items(self, row: Row) -> int | None:  # noqa: D102
        packed = row.get("_info")
        if not isinstance(packed, PackedSample):
            return None
        facts = json.loads(bytes(packed.payload))
        if self.row_shape.is_sequence:
            return len(facts)
        return facts[0]["shape"][0] if facts[0] else None  # None: a link whose file was not looked at yet

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("_info", "_frames"))

    def read(self, row: RowReader, label: str) -> Cell:  # noqa: D102
        blob = row.blob("data")
        if blob is None:
            return MissingCell(label)
        return row.get_or_make(lambda: self._cell(row, blob))

    def _cell(self, row: RowReader, blob: Blob) -> tuple[Cell, int]:
        """The cell, and about how much memory it takes."""
        stored = StoredFacts(row)
        ends = list(accumulate((facts["size"] for facts in stored.facts), initial=0))
        items = [
            stored.cell(k, blob if len(ends) == 2 else blob.slice(*ends[k : k + 2])) for k in range(len(stored.facts))
        ]
        return self.row_shape.make_cell(tuple(items)), stored.size

    def choose(self, head: bytes, filename: str) -> Codec:
        """The codec for a file's first bytes, among those that the tensor may hold.

        Raises:
            UnknownFormatError: none of them knows the file.
        """
        if self._codec is None:
            return registry().sniff(head, filename, kinds=self._kinds)
        spec = registry().codecs.spec(self._codec)
        if (spec.match(head) or spec.probe) and registry().codecs.load(self._codec).claims(head):
            return registry().codec(self._codec)
        raise UnknownFormatError(
            f"{filename} is not {self._codec}: it starts with {head[:12]!r}.",
            f"Convert it to {self._codec}, or create the tensor without sample_compression to keep any container.",
        )

    def _make_sample(self, checked: object) -> Sample:
        """A checked value as encoded bytes."""
        if isinstance(checked, Sample):
            return checked
        given = checked if isinstance(checked, Encode) else Encode(array=cast("NDArray[Any]", checked))
        name = self._codec or next(spec.name for spec in registry().codecs.specs() if spec.kind in self._kinds)
        codec = registry().codec(name)
        data = codec.encode(given.array, **given.options)
        return Sample(filename=f"array{self._suffix(name)}", open=lambda: Blob.of(data), flat=given.array.ndim == 2)

    def _store_file(self, store: Store, sample: Sample, spool: BinaryIO) -> tuple[Entries, list[IngestedFile]]:
        """Store one file and index it."""
        blob = sample.open()
        codec = self.choose(blob.read(0, 4096), sample.filename)
        suffix = self._suffix(codec.name)
        if blob.size >= MIN_BLOB_BYTES:
            entry, file = _store_large(store, blob, suffix, lambda blob: _index_file(codec, blob, spool, sample))
            return entry, [file]
        data = blob.read()
        file = _index_file(codec, Blob.of(data), spool, sample).identified(Digest(data))
        return place_media(store, data, suffix), [file]

    def _ingest(self, sample: Sample, spool: BinaryIO) -> IngestedFile:
        """Index one of several files, which are stored together afterwards."""
        blob = sample.open()
        codec = self.choose(blob.read(0, 4096), sample.filename)
        return _index_file(codec, blob if blob.size >= MIN_BLOB_BYTES else Blob.of(blob.read()), spool, sample)

    def _store_together(self, store: Store, files: list[IngestedFile]) -> tuple[Entries, list[IngestedFile]]:
        """Store the files of a sequence one after another in one object."""
        identified = []
        with tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY) as spool:
            for ingested in files:
                digest = Digest()
                with ingested.blob.open() as file:
                    while data := file.read(1 << 20):
                        digest.update(data)
                        spool.write(data)
                identified.append(ingested.identified(digest))
            size = spool.tell()
            spool.seek(0)
            return place_all(store, cast("BinaryIO", spool), size, ".seq"), identified

    @staticmethod
    def _suffix(codec: str) -> str:
        suffixes = registry().codecs.spec(codec).suffixes
        return suffixes[0] if suffixes else ".bin"


class StoredFacts:
    """What is stored about the files of one row: facts, frame indexes, repacked packets."""

    def __init__(self, row: RowReader) -> None:
        text = row.read_sample("_info").payload
        self.facts: list[Any] = json.loads(bytes(text))
        self._frames = row.read_sample("_frames").payload
        self._packets = row.blob("_packets")
        self.size = BYTES_PER_CACHED_ROW + 6 * len(text) + 16 * len(self._frames)

    def cell(self, place: int, own: Blob) -> MediaCell:
        """The cell of the file at `place`, whose bytes are `own`."""
        facts = self.facts[place]
        info = MediaInfo.from_dict(facts)
        own = replace(own, crc=facts.get("crc", own.crc))
        frames, packets = self._span(place, "frames"), self._span(place, "packets")
        index = FrameIndex.from_bytes(bytes(self._frames[slice(*frames)])) if facts["frames"] else None
        source = own if self._packets is None or not facts["packets"] else self._packets.slice(*packets)
        kind = FlatCell if facts.get("flat") else MediaCell
        return kind(own, source, info, index, registry().codec(info.codec))

    def _span(self, place: int, what: str) -> tuple[int, int]:
        """Where the bytes of one file start and end in those of all files of the row."""
        start = sum(facts[what] for facts in self.facts[:place] if facts)
        return start, start + self.facts[place][what]


@dataclass(frozen=True)
class IngestedFile:
    """An indexed file.

    Attributes:
        blob: Its bytes.
        facts: What goes into the column ``_info``.
        index: Its packed frame index; empty if it has none.
    """

    blob: Blob
    facts: dict[str, Any]
    index: bytes

    def identified(self, digest: Digest) -> IngestedFile:
        """Return it with the checksums of its bytes among its facts."""
        return replace(self, facts={**self.facts, "crc": digest.crc, "sha256": digest.sha256})


def _index_file(codec: Codec, blob: Blob, spool: BinaryIO, sample: Sample) -> IngestedFile:
    start = spool.tell()
    # A spool of its own: codecs write from its beginning, and may truncate it.
    with tempfile.SpooledTemporaryFile(MAX_SPOOL_BYTES_IN_MEMORY) as own:
        found = _run_codec(codec, blob, cast("BinaryIO", own), sample)
        own.seek(0)
        shutil.copyfileobj(own, spool)
    index = found.index.to_bytes() if found.index else b""
    facts = {"size": blob.size, "frames": len(index), "packets": spool.tell() - start}
    flat = {"flat": True} if sample.flat else {}
    return IngestedFile(blob, {**found.info.as_dict(), **facts, **flat}, index)


def _run_codec(codec: Codec, blob: Blob, spool: BinaryIO, sample: Sample) -> Ingested:
    if sample.check not in ("sample", "full", "none"):
        raise UsageError(f"check={sample.check!r} is not known.", 'Give "sample", "full" or "none".')
    return codec.ingest(blob, spool, filename=sample.filename, check=sample.check, stream=sample.stream)


def _store_large(
    store: Store, blob: Blob, suffix: str, index: Callable[[Blob], IngestedFile]
) -> tuple[Entries, IngestedFile]:
    """Store a large file and index it: from the stored copy, or from the file itself while it is copied.

    The latter only where reading twice costs nothing (local files), and both readers certainly see the same bytes.
    """
    with blob.open() as opened, ThreadPoolExecutor(1, "reelbase-place") as pool:
        file = cast("BinaryIO", opened)
        if not (isinstance(blob.source, Unchanging) and blob.source.is_settled(blob.key)):
            placed = place_file(store, file, suffix)
            return placed.entry, index(placed.blob).identified(placed.digest)
        placing = pool.submit(place_file, store, file, suffix)
        ingested = index(blob)
        placed = placing.result()
        blob.read(0, 1)  # raises if the file was replaced or written to since it was opened
        return placed.entry, ingested.identified(placed.digest)


def place_all(store: Store, file: BinaryIO, size: int, suffix: str) -> Entries:
    """Store the rest of a file, `size` bytes: as an object of its own, or packed with others if it is small."""
    return (
        place_file(store, file, suffix).entry if size >= MIN_BLOB_BYTES else place_media(store, file.read(size), suffix)
    )


def pack_bytes(data: bytes) -> PackedSample:
    """Wrap bytes as a sample of a chunked column."""
    return PackedSample(Form.ARRAY, (len(data),), data)
