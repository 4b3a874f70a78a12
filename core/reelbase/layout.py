"""How the samples of one tensor lie in columns: plain arrays in chunks, or encoded files with their index."""

from __future__ import annotations

import json
import struct
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from reelbase.blob import Blob
from reelbase.cells import ArrayCell, Cell, MediaCell, MissingCell, SequenceCell
from reelbase.errors import CorruptObjectError, HtypeError, UnknownFormatError, UsageError
from reelbase.format.chunk import Form, Packed
from reelbase.format.rows import OWN_OBJECT, place_file, place_media
from reelbase.frames import FrameIndex
from reelbase.htype import Htype, brief
from reelbase.media import MediaInfo
from reelbase.registry import registry
from reelbase.sample import Encode, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.codec import Codec, Ingested
    from reelbase.format.entry import Entries
    from reelbase.format.rows import RowReader
    from reelbase.format.store import Store

Row = Mapping[str, "Packed | Entries"]
_SPOOL = 64 << 20


class Singles:
    """A row holds one item."""

    @staticmethod
    def values(value: Any) -> list[Any]:
        """The items of a row's value."""
        return [value]

    @staticmethod
    def label(place: int) -> str:
        """What to call an item in messages."""
        return ""

    @staticmethod
    def pack(arrays: list[NDArray[Any]]) -> Packed:
        """The stored form of a row's checked arrays."""
        return Packed(Form.ARRAY, arrays[0].shape, arrays[0].tobytes())

    @staticmethod
    def stack(htype: Htype, value: Any) -> NDArray[Any] | None:
        """All items checked at once, where that is possible."""
        return None

    @staticmethod
    def cell(items: tuple[Cell, ...]) -> Cell:
        """The cell of a row with these items."""
        return items[0]

    @staticmethod
    def arrays(packed: Packed, dtype: np.dtype[Any], htype: Htype) -> Cell:
        """The cell of a row of arrays."""
        return ArrayCell(_view(packed.payload, packed.shape, dtype), htype)


class Sequences(Singles):
    """A row holds any number of items."""

    @staticmethod
    def values(value: Any) -> list[Any]:  # noqa: D102
        if isinstance(value, (str, bytes, Mapping, Sample, Encode)) or not isinstance(value, Iterable):
            raise HtypeError(f"{brief(value)} is not a sequence.", "Give a list of items: one a frame, say.")
        return list(value)

    @staticmethod
    def label(place: int) -> str:  # noqa: D102
        return f"Item {place}: "

    @staticmethod
    def pack(arrays: list[NDArray[Any]]) -> Packed:  # noqa: D102
        shapes = {one.shape for one in arrays}
        if len(shapes) == 1:
            stack = np.stack(arrays)
            return Packed(Form.ARRAY, stack.shape, stack.tobytes())
        heads = b"".join(struct.pack(f"<B{one.ndim}Q", one.ndim, *one.shape) for one in arrays)
        body = b"".join(one.tobytes() for one in arrays)
        return Packed(Form.RAGGED, (len(arrays),), heads + body)

    @staticmethod
    def stack(htype: Htype, value: Any) -> NDArray[Any] | None:  # noqa: D102
        return htype.check_many(value)

    @staticmethod
    def cell(items: tuple[Cell, ...]) -> Cell:  # noqa: D102
        return SequenceCell(items)

    @staticmethod
    def arrays(packed: Packed, dtype: np.dtype[Any], htype: Htype) -> Cell:  # noqa: D102
        if packed.form == Form.RAGGED:
            return SequenceCell(tuple(ArrayCell(one, htype) for one in _ragged(packed, dtype)))
        stack = _view(packed.payload, packed.shape, dtype)
        if type(htype).numpy is Htype.numpy:  # shown as it is stored: no need to take it apart
            return ArrayCell(stack, htype)
        return SequenceCell(tuple(ArrayCell(one, htype) for one in stack))


class Layout(ABC):
    """How the samples of one tensor lie in columns.

    Args:
        shaping: Whether a row holds one item or several.
        htype: Of one item.
    """

    def __init__(self, shaping: type[Singles], htype: Htype) -> None:
        self.shaping = shaping
        self.htype = htype

    @abstractmethod
    def write(self, store: Store, value: Any) -> Row:
        """Check a value and place its bytes; what its row holds, by column. None is a missing sample.

        Raises:
            HtypeError, MediaError, UsageError: the tensor may not hold it.
        """

    @abstractmethod
    def read(self, row: RowReader, where: str) -> Cell:
        """The sample of a row; `where` names it in messages."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of stored arrays; None: not known before the first append."""
        return np.dtype(self.htype.dtype) if self.htype.dtype else None


class ArrayLayout(Layout):
    """Plain arrays of one dtype in the column ``data``."""

    def __init__(self, shaping: type[Singles], htype: Htype, dtype: str | None) -> None:
        super().__init__(shaping, htype)
        self._dtype = np.dtype(dtype) if dtype else None

    @property
    def dtype(self) -> np.dtype[Any] | None:  # noqa: D102
        return self._dtype

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        stack = self.shaping.stack(self.htype, value)
        if stack is not None:
            whole = self._cast(stack)
            return {"data": Packed(Form.ARRAY, whole.shape, whole.tobytes())}
        return {"data": self.shaping.pack([self._item(*one) for one in enumerate(self.shaping.values(value))])}

    def _item(self, place: int, value: Any) -> NDArray[Any]:
        """One item as it is stored; an error says which item of a sequence it is about."""
        try:
            return self._cast(self._checked(value))
        except HtypeError as error:
            raise type(error)(f"{self.shaping.label(place)}{error}") from None

    def read(self, row: RowReader, where: str) -> Cell:  # noqa: D102
        packed = row.packed("data")
        if packed.form == Form.MISSING:
            return MissingCell(where)
        # A tensor that holds only empty sequences has no dtype yet.
        return self.shaping.arrays(packed, self._dtype or np.dtype("f8"), self.htype)

    def _checked(self, value: Any) -> NDArray[Any]:
        checked = self.htype.check(value)
        if not isinstance(checked, np.ndarray):
            raise HtypeError(
                f"{brief(value)} is an encoded file; this tensor holds arrays.", "Give an array, or use a video tensor."
            )
        return checked

    def _cast(self, array: NDArray[Any]) -> NDArray[Any]:
        if self._dtype is None:
            self._dtype = array.dtype.newbyteorder("=")
        return _safe_cast(array, self._dtype)


def _safe_cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """`array` as `dtype`, if every value survives; rounding between float widths is allowed.

    Raises:
        HtypeError: a value does not.
    """
    if array.dtype == dtype or np.can_cast(array.dtype, dtype, "safe"):
        return np.array(array, dtype, order="C")
    real = array.real if array.dtype.kind == "c" and dtype.kind != "c" else array
    with np.errstate(all="ignore"):
        converted = np.array(real.astype(dtype), order="C")
        lost = _lost(real, converted) | (array.imag != 0 if real is not array else False)
    if lost.any():
        raise HtypeError(
            f"{array[lost].flat[0]} ({array.dtype}) does not fit a tensor of dtype {dtype}.",
            f"Convert it yourself (array.astype('{dtype}')) if the loss is meant, or use another tensor.",
        )
    return converted


def _lost(array: NDArray[Any], converted: NDArray[Any]) -> NDArray[np.bool_]:
    kinds = {array.dtype.kind, converted.dtype.kind}
    if kinds <= {"f", "c"}:
        return np.asarray(np.isfinite(array) & ~np.isfinite(converted))
    changed = np.asarray(converted.real.astype(array.dtype) != array)
    return np.asarray(changed | ((converted < 0) != (array < 0))) if kinds <= {"i", "u"} else changed


class MediaLayout(Layout):
    """Encoded files, byte for byte, in the column ``data``; what is known of them and their packet index beside.

    ``_info`` holds JSON, ``_frames`` the frame indexes, ``_packets`` repacked streams; each for all items of a row.
    """

    def __init__(self, shaping: type[Singles], htype: Htype, codec: str | None, kinds: tuple[str, ...]) -> None:
        super().__init__(shaping, htype)
        self._codec = codec
        self._kinds = kinds

    def write(self, store: Store, value: Any) -> Row:  # noqa: D102
        if value is None:
            return {}
        items = [self._sample(self.htype.check(_stored(one))) for one in self.shaping.values(value)]
        with tempfile.SpooledTemporaryFile(_SPOOL) as spooled:
            spool = cast("BinaryIO", spooled)
            made = [self._place(store, one, spool) for one in items]
            packets = spool.tell()
            row: dict[str, Packed | Entries] = {
                "data": made[0][0] if len(made) == 1 else self._together(store, made),
                "_info": _bytes(json.dumps([facts for _, _, facts, _ in made], separators=(",", ":")).encode()),
                "_frames": _bytes(b"".join(index for *_, index in made)),
            }
            if packets:
                spool.seek(0)
                row["_packets"] = _place_all(store, spool, packets, ".pkt")
        return row

    def read(self, row: RowReader, where: str) -> Cell:  # noqa: D102
        blob = row.blob("data")
        if blob is None:
            return MissingCell(where)
        return row.cached(lambda: self._cell(row, blob))

    def _cell(self, row: RowReader, blob: Blob) -> tuple[Cell, int]:
        """The cell, and about how much memory it takes."""
        facts, frames, packets = row.packed("_info").payload, row.packed("_frames").payload, row.blob("_packets")
        at = (0, 0, 0)
        items: list[Cell] = []
        for one in json.loads(bytes(facts)):
            sizes = (one["size"], one["frames"], one["packets"])
            ends = tuple(start + size for start, size in zip(at, sizes, strict=True))
            info = MediaInfo.from_dict(one)
            own = blob.slice(at[0], ends[0])
            index = FrameIndex.from_bytes(bytes(frames[at[1] : ends[1]])) if sizes[1] else None
            source = own if packets is None or not sizes[2] else packets.slice(at[2], ends[2])
            items.append(MediaCell(own, source, info, index, registry().codec(info.codec)))
            at = ends
        return self.shaping.cell(tuple(items)), len(facts) + 16 * len(frames)

    def _sample(self, checked: object) -> Sample:
        """A checked value as encoded bytes."""
        if isinstance(checked, Sample):
            return checked
        given = checked if isinstance(checked, Encode) else Encode(array=cast("NDArray[Any]", checked))
        name = self._codec or next(one.name for one in registry().codecs.specs() if one.kind in self._kinds)
        codec = registry().codec(name)
        data = codec.encode(given.array, **given.options)
        return Sample(filename=f"array{self._suffix(name)}", open=lambda: Blob.of(data))

    def _place(self, store: Store, sample: Sample, spool: BinaryIO) -> tuple[Entries, Blob, dict[str, Any], bytes]:
        """Place one file and look through it: its entry, bytes as stored, facts and frame index."""
        blob = sample.open()
        codec = self._choose(blob.read(0, 4096), sample.filename)
        suffix = self._suffix(codec.name)
        start = spool.tell()
        if blob.size >= OWN_OBJECT:
            with blob.open() as file:
                entry, stored = place_file(store, cast("BinaryIO", file), suffix)
            found = _ingest(codec, stored, spool, sample)
        else:
            data = blob.read()
            stored = Blob.of(data)
            found = _ingest(codec, stored, spool, sample)
            entry = place_media(store, data, suffix)
        index = found.index.to_bytes() if found.index else b""
        facts = {
            **found.info.as_dict(),
            "size": stored.size,
            "frames": len(index),
            "packets": spool.tell() - start,
        }
        return entry, stored, facts, index

    def _together(self, store: Store, made: list[tuple[Entries, Blob, dict[str, Any], bytes]]) -> Entries:
        """The files of a sequence one after another in one object."""
        with tempfile.SpooledTemporaryFile(_SPOOL) as spool:
            for _, blob, *_ in made:
                with blob.open() as file:
                    while data := file.read(1 << 20):
                        spool.write(data)
            size = spool.tell()
            spool.seek(0)
            return _place_all(store, cast("BinaryIO", spool), size, ".seq")

    def _choose(self, head: bytes, filename: str) -> Codec:
        if self._codec is None:
            return registry().sniff(head, filename, kinds=self._kinds)
        spec = registry().codecs.spec(self._codec)
        if spec.match(head) and registry().codecs.load(self._codec).claims(head):
            return registry().codec(self._codec)
        raise UnknownFormatError(
            f"{filename} is not {self._codec}: it starts with {head[:12]!r}.",
            f"Convert it to {self._codec}, or create the tensor without sample_compression to keep any container.",
        )

    @staticmethod
    def _suffix(codec: str) -> str:
        suffixes = registry().codecs.spec(codec).suffixes
        return suffixes[0] if suffixes else ".bin"


def _stored(value: Any) -> Any:
    """A view of a stored file as the file that it is; anything else as it is."""
    return value if isinstance(value, Sample) or not hasattr(value, "as_sample") else value.as_sample()


def _ingest(codec: Codec, blob: Blob, spool: BinaryIO, sample: Sample) -> Ingested:
    if sample.check not in ("sample", "full", "none"):
        raise UsageError(f"check={sample.check!r} is not known.", 'Give "sample", "full" or "none".')
    return codec.ingest(blob, spool, filename=sample.filename, check=sample.check, stream=sample.stream)


def _place_all(store: Store, file: BinaryIO, size: int, suffix: str) -> Entries:
    return place_file(store, file, suffix)[0] if size >= OWN_OBJECT else place_media(store, file.read(size), suffix)


def _bytes(data: bytes) -> Packed:
    return Packed(Form.ARRAY, (len(data),), data)


def _view(payload: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.frombuffer(payload, dtype).reshape(shape)
    except ValueError as error:
        raise CorruptObjectError(f"A stored array does not add up: {error}.", "Restore it from a copy.") from error


def _ragged(packed: Packed, dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    payload, at, shapes = memoryview(packed.payload), 0, []
    try:
        for _ in range(packed.shape[0]):
            ndim = payload[at]
            shapes.append(struct.unpack_from(f"<{ndim}Q", payload, at + 1))
            at += 1 + 8 * ndim
        arrays = []
        for shape in shapes:
            size = int(np.prod(shape, dtype=np.uint64)) * dtype.itemsize
            arrays.append(_view(payload[at : at + size], shape, dtype))
            at += size
    except (IndexError, struct.error) as error:
        raise CorruptObjectError(f"A stored sequence does not add up: {error}.", "Restore it from a copy.") from error
    return arrays
