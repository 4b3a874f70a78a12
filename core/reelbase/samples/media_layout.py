"""How encoded files lie in columns: the files byte for byte, and beside them what is known of them."""

from __future__ import annotations

import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from reelbase.cells import Cell, MediaCell, MissingCell
from reelbase.contracts.storage import Unchanging
from reelbase.errors import UnknownFormatError, UsageError
from reelbase.format.chunk import Form, Packed
from reelbase.format.rows import OWN_OBJECT, fetch_rows, place_file, place_media
from reelbase.io.blob import Blob
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
    from reelbase.samples.items import RowShape

_AROUND: Final = 4_000  # bytes of the objects of a row, measured; what is parsed takes more than its text, too
_SPOOL = 64 << 20


class MediaLayout(Layout):
    """Encoded files, byte for byte, in the column ``data``; what is known of them and their packet index beside.

    ``_info`` holds JSON, ``_frames`` the frame indexes, ``_packets`` repacked streams; each for all items of a row.
    """

    def __init__(self, row_shape: RowShape, htype: Htype, codec: str | None, kinds: tuple[str, ...]) -> None:
        super().__init__(row_shape, htype)
        self._codec = codec
        self._kinds = kinds

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        items = [self._sample(self.htype.check(_stored(one))) for one in self.row_shape.split(value)]
        with tempfile.SpooledTemporaryFile(_SPOOL) as spooled:
            spool = cast("BinaryIO", spooled)
            if len(items) == 1:
                data, looked = self._place(store, items[0], spool)
            else:
                looked = [self._look(one, spool) for one in items]
                data = self._together(store, [one.blob for one in looked])
            packets = spool.tell()
            row: dict[str, Packed | Entries] = {
                "data": data,
                "_info": packed(json.dumps([one.facts for one in looked], separators=(",", ":")).encode()),
                "_frames": packed(b"".join(one.index for one in looked)),
            }
            if packets:
                spool.seek(0)
                row["_packets"] = place_all(store, spool, packets, ".pkt")
        return row

    def fetch(self, rows: Sequence[RowReader]) -> None:  # noqa: D102
        fetch_rows(rows, ("_info", "_frames"))

    def read(self, row: RowReader, label: str) -> Cell:  # noqa: D102
        blob = row.blob("data")
        if blob is None:
            return MissingCell(label)
        return row.cached(lambda: self._cell(row, blob))

    def _cell(self, row: RowReader, blob: Blob) -> tuple[Cell, int]:
        """The cell, and about how much memory it takes."""
        known = StoredFacts(row)
        ends = list(accumulate((one["size"] for one in known.facts), initial=0))
        items = [known.cell(k, blob.slice(*ends[k : k + 2])) for k in range(len(known.facts))]
        return self.row_shape.make_cell(tuple(items)), known.size

    def choose(self, head: bytes, filename: str) -> Codec:
        """The codec for a file's first bytes, of those that the tensor may hold.

        Raises:
            UnknownFormatError: there is none.
        """
        if self._codec is None:
            return registry().sniff(head, filename, kinds=self._kinds)
        spec = registry().codecs.spec(self._codec)
        if spec.match(head) and registry().codecs.load(self._codec).claims(head):
            return registry().codec(self._codec)
        raise UnknownFormatError(
            f"{filename} is not {self._codec}: it starts with {head[:12]!r}.",
            f"Convert it to {self._codec}, or create the tensor without sample_compression to keep any container.",
        )

    def _sample(self, checked: object) -> Sample:
        """A checked value as encoded bytes."""
        if isinstance(checked, Sample):
            return checked
        given = checked if isinstance(checked, Encode) else Encode(array=cast("NDArray[Any]", checked))
        name = self._codec or next(one.name for one in registry().codecs.specs() if one.kind in self._kinds)
        codec = registry().codec(name)
        data = codec.encode(given.array, **given.options)
        return Sample(filename=f"array{self._suffix(name)}", open=lambda: Blob.of(data))

    def _place(self, store: Store, sample: Sample, spool: BinaryIO) -> tuple[Entries, list[IngestedFile]]:
        """Place one file and look through it."""
        blob = sample.open()
        codec = self.choose(blob.read(0, 4096), sample.filename)
        suffix = self._suffix(codec.name)
        if blob.size >= OWN_OBJECT:
            entry, looked = _place_large(store, blob, suffix, lambda blob: _looked(codec, blob, spool, sample))
            return entry, [looked]
        looked = _looked(codec, Blob.of(blob.read()), spool, sample)
        return place_media(store, looked.blob.read(), suffix), [looked]

    def _look(self, sample: Sample, spool: BinaryIO) -> IngestedFile:
        """Look through one of several files, which are placed together afterwards."""
        blob = sample.open()
        codec = self.choose(blob.read(0, 4096), sample.filename)
        return _looked(codec, blob if blob.size >= OWN_OBJECT else Blob.of(blob.read()), spool, sample)

    def _together(self, store: Store, blobs: list[Blob]) -> Entries:
        """The files of a sequence one after another in one object."""
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            for blob in blobs:
                with blob.open() as file:
                    while data := file.read(1 << 20):
                        spool.write(data)
            size = spool.tell()
            spool.seek(0)
            return place_all(store, cast("BinaryIO", spool), size, ".seq")

    @staticmethod
    def _suffix(codec: str) -> str:
        suffixes = registry().codecs.spec(codec).suffixes
        return suffixes[0] if suffixes else ".bin"


class StoredFacts:
    """What is known of the files of one row: facts, frame indexes, repacked packets."""

    def __init__(self, row: RowReader) -> None:
        facts = row.packed("_info").payload
        self.facts: list[Any] = json.loads(bytes(facts))
        self._frames = row.packed("_frames").payload
        self._packets = row.blob("_packets")
        self.size = _AROUND + 6 * len(facts) + 16 * len(self._frames)

    def cell(self, place: int, own: Blob) -> MediaCell:
        """One file, whose bytes are `own`."""
        one = self.facts[place]
        info = MediaInfo.from_dict(one)
        frames, packets = self._span(place, "frames"), self._span(place, "packets")
        index = FrameIndex.from_bytes(bytes(self._frames[slice(*frames)])) if one["frames"] else None
        source = own if self._packets is None or not one["packets"] else self._packets.slice(*packets)
        return MediaCell(own, source, info, index, registry().codec(info.codec))

    def _span(self, place: int, what: str) -> tuple[int, int]:
        """Where the bytes of one file are, of all files' together."""
        start = sum(one[what] for one in self.facts[:place] if one)
        return start, start + self.facts[place][what]


def _stored(value: Any) -> Any:
    """A view of a stored file as the file that it is; anything else as it is."""
    return value if isinstance(value, Sample) or not hasattr(value, "as_sample") else value.as_sample()


@dataclass(frozen=True)
class IngestedFile:
    """A file that was looked through: its bytes, what is known of it, and its frame index."""

    blob: Blob
    facts: dict[str, Any]
    index: bytes


def _looked(codec: Codec, blob: Blob, spool: BinaryIO, sample: Sample) -> IngestedFile:
    start = spool.tell()
    with tempfile.SpooledTemporaryFile(_SPOOL) as own:  # codecs start at its beginning, and may empty it
        found = _ingest(codec, blob, cast("BinaryIO", own), sample)
        own.seek(0)
        shutil.copyfileobj(own, spool)
    index = found.index.to_bytes() if found.index else b""
    sizes = {"size": blob.size, "frames": len(index), "packets": spool.tell() - start}
    return IngestedFile(blob, {**found.info.as_dict(), **sizes}, index)


def _ingest(codec: Codec, blob: Blob, spool: BinaryIO, sample: Sample) -> Ingested:
    if sample.check not in ("sample", "full", "none"):
        raise UsageError(f"check={sample.check!r} is not known.", 'Give "sample", "full" or "none".')
    return codec.ingest(blob, spool, filename=sample.filename, check=sample.check, stream=sample.stream)


def _place_large(
    store: Store, blob: Blob, suffix: str, look: Callable[[Blob], IngestedFile]
) -> tuple[Entries, IngestedFile]:
    """Place a large file and look through it: through the stored copy, or through the file itself meanwhile.

    The second only where it costs nothing to read it twice, and where both readers are known to see the same bytes.
    """
    with blob.open() as opened, ThreadPoolExecutor(1, "reelbase-place") as pool:
        file = cast("BinaryIO", opened)
        if not (isinstance(blob.source, Unchanging) and blob.source.settled(blob.key)):
            entry, stored = place_file(store, file, suffix)
            return entry, look(stored)
        placing = pool.submit(place_file, store, file, suffix)
        looked = look(blob)
        entry, _ = placing.result()
        blob.read(0, 1)  # raises if the file was replaced or written to since it was opened
        return entry, looked


def place_all(store: Store, file: BinaryIO, size: int, suffix: str) -> Entries:
    """Place what is left to read of a file, `size` bytes."""
    return place_file(store, file, suffix)[0] if size >= OWN_OBJECT else place_media(store, file.read(size), suffix)


def packed(data: bytes) -> Packed:
    """Bytes as a sample of a chunked column."""
    return Packed(Form.ARRAY, (len(data),), data)
