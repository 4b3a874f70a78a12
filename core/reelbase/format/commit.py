"""One commit: a small immutable object that holds a whole state.

Layout, little-endian: ``<4s magic, u4 JSON bytes, u4 entry bytes, u4 crc32 of both``, JSON, index entries. What would
swell the JSON (schemas with long name lists, thousands of segments) is moved to an index object and referenced.
"""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import CorruptObjectError, NewerFormatError
from reelbase.format import keys
from reelbase.format.entry import ENTRY
from reelbase.format.ops import Footprint
from reelbase.format.segment import Segment
from reelbase.format.state import Column, Rows, State, TensorSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.format.entry import Entries
    from reelbase.format.store import Store

FORMAT = 1
FEATURES: frozenset[str] = frozenset()  # flags this version understands
_HEAD = struct.Struct("<4sIII")
_MAGIC = b"RBC1"
_SCHEMA_INLINE = 2048
_ROWS_INLINE = 48 * 1024
_MAX_REFERENCED = 256 << 20
_UPDATE = "Update reelbase: pip install -U reelbase"


@dataclass(frozen=True, kw_only=True, eq=False)
class Commit:
    """A state and how it came to be.

    Attributes:
        id: uuid4 hex; a writer knows its own commit by it.
        seq: Number on its branch, from 0; -1 for the state before the first commit.
        parent: Id of the commit before it, or None.
        time: Seconds since the epoch, UTC, by the writer's clock; order is by `seq` alone.
        message: Given by the user, or None.
        touched: What it changed.
        state: The dataset after it.
        body: Its bytes as stored.
    """

    id: str
    branch: str
    seq: int
    parent: str | None
    time: float
    author: str
    message: str | None = None
    touched: Footprint = field(default_factory=Footprint)
    state: State = field(default_factory=State)
    body: bytes = b""


def encode(store: Store, commit: Commit) -> tuple[bytes, State]:
    """The bytes of a commit; and its state, which remembers what was moved to index objects.

    Uploads those objects, so call it before the claim.
    """
    blocks: list[Entries] = []
    rows = {tensor: _rows_json(one, blocks) for tensor, one in commit.state.rows.items()}
    state, schema = _schema_json(store, commit.state)
    text = _dumps(rows)
    head = {
        "format": FORMAT,
        "features": [],
        "id": commit.id,
        "branch": commit.branch,
        "seq": commit.seq,
        "parent": commit.parent,
        "time": commit.time,
        "author": commit.author,
        "message": commit.message,
        "touched": commit.touched.as_json(),
        "schema": schema,
        "rows": rows if len(text) <= _ROWS_INLINE else {"ref": _refer(store, text)},
    }
    body = _dumps(head)
    inline = b"".join(one.tobytes() for one in blocks)
    return _HEAD.pack(_MAGIC, len(body), len(inline), zlib.crc32(inline, zlib.crc32(body))) + body + inline, state


def decode(store: Store, data: bytes, where: str) -> Commit:
    """The commit that `data` holds.

    Raises:
        CorruptObjectError: it is damaged.
        NewerFormatError: a newer reelbase wrote it.
    """
    try:
        magic, size, inline_size, crc = _HEAD.unpack_from(data)
        body, inline = data[_HEAD.size : _HEAD.size + size], data[_HEAD.size + size :]
        if magic[:3] == _MAGIC[:3] and magic != _MAGIC:
            raise NewerFormatError(f"{where} has version {magic!r}.", _UPDATE)
        if magic != _MAGIC or len(inline) != inline_size or zlib.crc32(inline, zlib.crc32(body)) != crc:
            raise CorruptObjectError(f"{where} is damaged.", "Restore the object from a copy of the dataset.")
        head = json.loads(body)
        _check_version(head, where)
        return Commit(
            id=head["id"],
            branch=head["branch"],
            seq=head["seq"],
            parent=head["parent"],
            time=head["time"],
            author=head["author"],
            message=head["message"],
            touched=Footprint.from_json(head["touched"]),
            state=_state(store, head, np.frombuffer(inline, ENTRY)),
            body=data,
        )
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, (CorruptObjectError, NewerFormatError)):
            raise
        raise CorruptObjectError(f"{where} cannot be read: {error}.", "Restore it from a copy.") from error


def _check_version(head: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(head["features"]) - FEATURES)
    if head["format"] != FORMAT or unknown:
        what = f"uses {', '.join(unknown)}" if unknown else f"has format {head['format']}"
        raise NewerFormatError(f"{where} {what}; this reelbase reads format {FORMAT}.", _UPDATE)


def _rows_json(rows: Rows, blocks: list[Entries]) -> dict[str, Any]:
    columns = {}
    for name, column in rows.columns.items():
        blocks += [column.tail, column.patch]
        columns[name] = {
            "segments": [one.as_json() for one in column.segments],
            "tail": len(column.tail),
            "over": [one.as_json() for one in column.over],
            "patch": len(column.patch),
        }
    return {"columns": columns, "deleted": [list(run) for run in rows.deleted]}


def _schema_json(store: Store, state: State) -> tuple[State, Any]:
    if state.schema_ref is not None:
        return state, {"ref": list(state.schema_ref)}
    schema = {"tensors": [one.as_json() for one in state.tensors.values()], "info": dict(state.info)}
    text = _dumps(schema)
    if len(text) <= _SCHEMA_INLINE:
        return state, schema
    ref = _refer(store, text)
    return State(state.tensors, state.rows, state.info, schema_ref=ref), {"ref": list(ref)}


def _state(store: Store, head: Mapping[str, Any], entries: Entries) -> State:
    schema, ref = head["schema"], None
    if "ref" in schema:
        uid, off, size = schema["ref"]
        ref = (str(uid), int(off), int(size))
        schema = _follow(store, schema["ref"])
    rows = _follow(store, head["rows"]["ref"]) if "ref" in head["rows"] else head["rows"]
    tensors = {one["id"]: TensorSchema(**one) for one in schema["tensors"]}
    at = 0
    held = {}
    for tensor, stored in rows.items():
        columns = {}
        for name, one in stored["columns"].items():
            tail, patch = entries[at : at + one["tail"]], entries[at + one["tail"] : at + one["tail"] + one["patch"]]
            at += one["tail"] + one["patch"]
            segments, over = (tuple(Segment.from_json(ref) for ref in one[key]) for key in ("segments", "over"))
            columns[name] = Column(segments, tail, over, patch)
        held[tensor] = Rows(columns, tuple((a, b) for a, b in stored["deleted"]))
    if at != len(entries):
        raise ValueError(f"{len(entries)} entries, {at} named")
    return State(tensors, held, schema["info"], schema_ref=ref)


def _refer(store: Store, text: bytes) -> tuple[str, int, int]:
    uid = uuid.uuid4().bytes
    data = zlib.compress(text, 6)
    store.add_object(keys.index(uid), data)
    return uid.hex(), zlib.crc32(data), len(data)


def _follow(store: Store, ref: Any) -> Any:
    uid, crc, size = ref
    key = keys.index(bytes.fromhex(uid))

    def read() -> tuple[Any, int]:
        data = store.get(key)
        if len(data) != size or zlib.crc32(data) != crc:
            raise CorruptObjectError(f"{key} is damaged.", "Restore the object from a copy of the dataset.")
        inflate = zlib.decompressobj()
        text = inflate.decompress(data, _MAX_REFERENCED)
        return json.loads(text), len(text)

    return store.cache.get(("ref", uid), read)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
