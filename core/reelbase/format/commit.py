"""One commit: a small immutable object that holds a whole state.

Layout, little-endian: ``<4s magic, u4 JSON bytes, u4 entry bytes, u4 crc32 of both``, JSON, index entries. What would
swell the JSON (schemas with long name lists, thousands of segments) is moved to an index object and referenced.
"""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError, FormatError, NewerFormatError, ReelbaseError, VersionExpiredError
from reelbase.format import keys, validation
from reelbase.format.column import Column
from reelbase.format.entry import ENTRY
from reelbase.format.header import HEADER, Header
from reelbase.format.origins import OWN, Origins
from reelbase.format.segment import Segment
from reelbase.format.state import Ghost, Rows, State, TensorSchema
from reelbase.format.tombstones import Tombstones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.format.entry import Entries
    from reelbase.format.store import Store

FORMAT = 2
_REF = validation.fields(ref=validation.exactly(validation.uid, validation.count, validation.count))
_SEGMENTS = validation.many(validation.exactly(validation.uid, *[validation.count] * 5))
_BIRTH = validation.one_of(OWN.__eq__, validation.branch)
_ORIGINS = validation.many(validation.exactly(validation.count, _BIRTH, validation.count))
_COLUMN = validation.fields(segments=_SEGMENTS, tail=validation.count, over=_SEGMENTS, patch=validation.count)
_ROWS = validation.mapping(
    validation.fields(
        columns=validation.mapping(_COLUMN),
        dead=validation.exactly(validation.count, validation.count, _SEGMENTS, validation.count),
        origins=_ORIGINS,
    )
)
_TENSOR = validation.fields(
    id=validation.text,
    name=validation.text,
    htype=validation.text,
    dtype=validation.maybe(validation.dtype),
    codec=validation.maybe(validation.text),
    settings=validation.mapping(validation.anything),
    info=validation.mapping(validation.anything),
)
_SCHEMA = validation.fields(
    tensors=validation.many(_TENSOR),
    info=validation.mapping(validation.anything),
    ghosts=validation.mapping(validation.exactly(validation.count, _ORIGINS)),
)
_STATE_PARTS = {
    "schema": validation.one_of(_REF, _SCHEMA),
    "rows": validation.one_of(_REF, _ROWS),
    "txns": validation.mapping(validation.whole),
}
FEATURES: frozenset[str] = frozenset()  # flags this version understands
_HEADER = struct.Struct("<4sIII")
_MAGIC = b"RBC2"
_MAX_INLINE_SCHEMA_BYTES = 2048
_MAX_INLINE_ROWS_BYTES = 48 * 1024
_MAX_REFERENCED_BYTES = 256 << 20
_UPDATE_HELP = "Update reelbase: pip install -U reelbase"


@dataclass(frozen=True, kw_only=True, eq=False)
class Commit:
    """A state and how it came to be.

    Attributes:
        header: All but the state.
        state: The dataset after it.
        body: Its bytes as stored.
        spilled: Index objects (uuid4 hex) that hold what was too large for the body.
    """

    header: Header
    state: State = field(default_factory=State)
    body: bytes = b""
    spilled: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """Its branch."""
        return self.header.branch

    @property
    def seq(self) -> int:
        """Its number on its branch."""
        return self.header.seq


def encode(store: Store, header: Header, state: State) -> Commit:
    """A commit with its bytes; its state remembers what was moved to index objects.

    Uploads those objects, so call it before the claim.
    """
    blocks: list[Entries] = []
    rows = {tensor: _rows_to_json(one, blocks) for tensor, one in state.rows.items()}
    state, schema = _schema_to_json(store, state)
    text = _dumps(rows)
    stored: Any = rows if len(text) <= _MAX_INLINE_ROWS_BYTES else {"ref": _write_reference(store, text)}
    held = {"schema": schema, "rows": stored, "txns": dict(state.txns)}
    body = _pack(header, held, b"".join(block.tobytes() for block in blocks))
    return Commit(header=header, state=state, body=body, spilled=_list_spilled(schema, stored))


def encode_expired(header: Header) -> bytes:
    """The bytes that stand for a commit once its state is gone."""
    return _pack(replace(header, expired=True), {}, b"")


def _list_spilled(*parts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(part["ref"][0] for part in parts if "ref" in part)


def _pack(header: Header, held: Mapping[str, Any], inline: bytes) -> bytes:
    body = _dumps({"format": FORMAT, "features": [], **header.as_json(), **held})
    return _HEADER.pack(_MAGIC, len(body), len(inline), zlib.crc32(inline, zlib.crc32(body))) + body + inline


def decode_header(data: bytes, label: str) -> Header:
    """The header of the commit that `data` holds.

    Raises:
        CorruptObjectError: it is damaged.
        NewerFormatError: a newer reelbase wrote it.
    """
    with _wrap_errors(label):
        return Header.from_json(_unpack(data, label)[0])


def decode(store: Store, data: bytes, label: str) -> Commit:
    """The commit that `data` holds.

    Raises:
        CorruptObjectError: it, or an index object that it names, is damaged.
        NewerFormatError: a newer reelbase wrote it.
        VersionExpiredError: its state is gone.
    """
    with _wrap_errors(label):
        head, inline = _unpack(data, label)
        header = Header.from_json(head)
        if header.expired:
            raise VersionExpiredError(
                f"Version {header.place} has expired.", "Choose one of ds.log(all=True) that has not."
            )
        state = _decode_state(store, head, np.frombuffer(inline, ENTRY))
        return Commit(header=header, state=state, body=data, spilled=_list_spilled(head["schema"], head["rows"]))


@contextmanager
def _wrap_errors(label: str) -> Iterator[None]:
    try:
        yield
    except ReelbaseError:
        raise
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObjectError(f"{label} cannot be read: {error}.", "Restore it from a copy.") from error


def _unpack(data: bytes, label: str) -> tuple[dict[str, Any], bytes]:
    magic, size, inline_size, crc = _HEADER.unpack_from(data)
    body, inline = data[_HEADER.size : _HEADER.size + size], data[_HEADER.size + size :]
    if magic[:3] == _MAGIC[:3] and magic != _MAGIC:
        check_format(int(magic[3:]), label)
    if magic != _MAGIC or len(inline) != inline_size or zlib.crc32(inline, zlib.crc32(body)) != crc:
        raise CorruptObjectError(f"{label} is damaged.", "Restore the object from a copy of the dataset.")
    head = json.loads(body)
    if not isinstance(head, dict):
        raise TypeError("it holds no object")
    check_format(head["format"], label)
    validation.check(
        head,
        features=validation.many(validation.text),
        **HEADER,
        **({} if head.get("expired") is True else _STATE_PARTS),
    )
    unknown = sorted(set(head["features"]) - FEATURES)
    if unknown:
        raise NewerFormatError(f"{label} uses {', '.join(unknown)}, which this reelbase does not know.", _UPDATE_HELP)
    return head, inline


def looks_like_commit(data: bytes) -> bool:
    """Whether these bytes start as a commit does, of whatever format."""
    return data[:3] == _MAGIC[:3]


def check_format(found: object, label: str) -> None:
    """See that a format number is the one this reelbase reads.

    Raises:
        NewerFormatError, FormatError: it is not.
    """
    if found == FORMAT:
        return
    if isinstance(found, int) and found < FORMAT:
        raise FormatError(
            f"{label} has format {found}, of before the first release; this reelbase reads {FORMAT}.",
            "Make the dataset again from its files.",
        )
    raise NewerFormatError(f"{label} has format {found}; this reelbase reads {FORMAT}.", _UPDATE_HELP)


def _rows_to_json(rows: Rows, blocks: list[Entries]) -> dict[str, Any]:
    columns = {}
    for name, column in rows.columns.items():
        blocks += [column.tail, column.patch]
        columns[name] = {
            "segments": [segment.as_json() for segment in column.segments],
            "tail": len(column.tail),
            "over": [one.as_json() for one in column.over],
            "patch": len(column.patch),
        }
    blocks.append(rows.dead.tail)
    segments = [segment.as_json() for segment in rows.dead.segments]
    dead = [rows.dead.count, rows.dead.swept, segments, len(rows.dead.tail)]
    return {"columns": columns, "dead": dead, "origins": rows.origins.as_json()}


def _schema_to_json(store: Store, state: State) -> tuple[State, Any]:
    if state.schema_ref is not None:
        return state, {"ref": list(state.schema_ref)}
    schema = {
        "tensors": [one.as_json() for one in state.tensors.values()],
        "info": dict(state.info),
        "ghosts": {tensor: [one.physical_rows, one.origins.as_json()] for tensor, one in state.ghosts.items()},
    }
    text = _dumps(schema)
    if len(text) <= _MAX_INLINE_SCHEMA_BYTES:
        return state, schema
    ref = _write_reference(store, text)
    return replace(state, schema_ref=ref), {"ref": list(ref)}


def _decode_state(store: Store, head: Mapping[str, Any], entries: Entries) -> State:
    schema, ref = head["schema"], None
    if "ref" in schema:
        uid, crc, size = schema["ref"]
        ref = (uid, crc, size)
        schema = _read_reference(store, schema["ref"])
    stored = _read_reference(store, head["rows"]["ref"]) if "ref" in head["rows"] else head["rows"]
    validation.check({"schema": schema, "rows": stored}, schema=_SCHEMA, rows=_ROWS)
    tensors = {one["id"]: TensorSchema(**one) for one in schema["tensors"]}
    if tensors.keys() != stored.keys() or len({one["name"] for one in schema["tensors"]}) != len(stored):
        raise ValueError("tensors and rows do not fit together")
    inline = _InlineEntries(entries)
    rows = {tensor: _decode_rows(one, inline) for tensor, one in stored.items()}
    if inline.left:
        raise ValueError(f"{inline.left} entries too many")
    ghosts = {
        tensor: Ghost(int(count), Origins.from_json(origins)) for tensor, (count, origins) in schema["ghosts"].items()
    }
    return State(tensors, rows, schema["info"], ghosts, head["txns"], schema_ref=ref)


class _InlineEntries:
    """The entries that a commit carries, handed out in order."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def take(self, count: int) -> Entries:
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} entries named, {self.left} there")
        taken, self._entries = self._entries[:count], self._entries[count:]
        return taken

    @property
    def left(self) -> int:
        return len(self._entries)


def _decode_rows(stored: Mapping[str, Any], inline: _InlineEntries) -> Rows:
    columns = {}
    for name, one in stored["columns"].items():
        tail, patch = inline.take(one["tail"]), inline.take(one["patch"])
        columns[name] = Column(_decode_segments(one["segments"]), tail, _decode_segments(one["over"]), patch)
    count, swept, segments, tail_size = stored["dead"]
    dead = Tombstones(int(count), int(swept), _decode_segments(segments), inline.take(tail_size))
    rows = Rows(columns, dead, Origins.from_json(stored["origins"]))
    if dead.count > rows.physical_rows:
        raise ValueError(f"{dead.count} rows of {rows.physical_rows} are deleted")
    return rows


def _decode_segments(stored: Sequence[Any]) -> tuple[Segment, ...]:
    return tuple(Segment.from_json(one) for one in stored)


def _write_reference(store: Store, text: bytes) -> tuple[str, int, int]:
    uid = uuid.uuid4().bytes
    data = zlib.compress(text, 6)
    store.add_object(keys.index(uid), data)
    return uid.hex(), zlib.crc32(data), len(data)


def _read_reference(store: Store, ref: Any) -> Any:
    uid, crc, size = ref
    key = keys.index(bytes.fromhex(uid))

    def read() -> tuple[Any, int]:
        data = store.get(key)
        if len(data) != size or zlib.crc32(data) != crc:
            raise CorruptObjectError(f"{key} is damaged.", "Restore the object from a copy of the dataset.")
        inflate = zlib.decompressobj()
        text = inflate.decompress(data, _MAX_REFERENCED_BYTES)
        return json.loads(text), len(text)

    return store.cache.get(("ref", uid), read)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
