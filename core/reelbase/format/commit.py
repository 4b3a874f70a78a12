"""A commit: a small immutable object that holds the whole state of a dataset.

Layout, little-endian: ``<4s magic, u4 JSON bytes, u4 entry bytes, u4 crc32 of both``, JSON, index entries. Large parts
of the JSON, such as schemas with long lists of names or thousands of segments, are moved to index objects that the
commit refers to.
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
from reelbase.format.repair import repair
from reelbase.format.segment import Segment
from reelbase.format.state import Ghost, Rows, State, TensorSchema
from reelbase.format.tombstones import Tombstones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.format.entry import Entries
    from reelbase.format.store import Store

FORMAT = 3
_FORMAT_WITHOUT_PARENT_IDS = 2  # and without checksums of packets; it is still read
_READABLE = (_FORMAT_WITHOUT_PARENT_IDS, FORMAT)
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
_TENSOR = validation.both(
    validation.fields(_optional=True, per_frame_of=validation.text),
    validation.fields(
        id=validation.text,
        name=validation.text,
        htype=validation.text,
        dtype=validation.maybe(validation.dtype),
        codec=validation.maybe(validation.text),
        settings=validation.mapping(validation.anything),
        info=validation.mapping(validation.anything),
    ),
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
#: Feature flags that this version can read. A commit with any other flag is refused.
FEATURES: frozenset[str] = frozenset()
_HEADER = struct.Struct("<4sIII")
_MAGIC = b"RBC3"
_MAGICS = (b"RBC2", _MAGIC)
_MAX_INLINE_SCHEMA_BYTES = 2048  # every commit carries the schema, or else a reference to it
_MAX_INLINE_ROWS_BYTES = 48 * 1024
_MAX_REFERENCED_BYTES = 256 << 20  # after inflating; limits what a damaged or hostile object can allocate
_RESTORE_HELP = "Restore the object from a copy of the dataset; without one, see the command `reelbase rescue`."
_UPDATE_HELP = "Update reelbase: pip install -U reelbase"


@dataclass(frozen=True, kw_only=True, eq=False)
class Commit:
    """The state of a dataset after one commit, and the commit's header.

    Attributes:
        header: Everything about the commit except the state.
        state: The state of the dataset after the commit.
        body: The bytes of the commit as they are stored.
        spilled: Ids (uuid4 in hex) of the index objects that hold what was too large for the commit itself.
    """

    header: Header
    state: State = field(default_factory=State)
    body: bytes = b""
    spilled: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """Name of the branch that the commit belongs to."""
        return self.header.branch

    @property
    def seq(self) -> int:
        """Number of the commit on its branch."""
        return self.header.seq


def encode(store: Store, header: Header, state: State) -> Commit:
    """Return a commit with its bytes. Parts that are too large for the commit are uploaded as index objects.

    Call it before the commit is claimed, because a commit may refer only to objects that exist.

    Args:
        store: The store of the dataset.
        header: The header of the new commit.
        state: The state after the commit. The state of the result remembers where its schema was written.
    """
    blocks: list[Entries] = []
    rows_json = {tensor: _rows_to_json(rows, blocks) for tensor, rows in state.rows.items()}
    state, schema = _schema_to_json(store, state)
    text = _dumps(rows_json)
    stored: Any = rows_json if len(text) <= _MAX_INLINE_ROWS_BYTES else {"ref": _write_reference(store, text)}
    parts = {"schema": schema, "rows": stored, "txns": dict(state.txns)}
    body = _pack(header, parts, b"".join(block.tobytes() for block in blocks))
    return Commit(header=header, state=state, body=body, spilled=_list_spilled(schema, stored))


def encode_expired(header: Header) -> bytes:
    """Return the bytes that replace a commit when its state is deleted: the header only."""
    return _pack(replace(header, expired=True), {}, b"")


def _list_spilled(*parts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the index objects that parts of a commit refer to."""
    return tuple(part["ref"][0] for part in parts if "ref" in part)


def _pack(header: Header, parts: Mapping[str, Any], inline: bytes) -> bytes:
    body = _dumps({"format": FORMAT, "features": [], **header.as_json(), **parts})
    return _HEADER.pack(_MAGIC, len(body), len(inline), zlib.crc32(inline, zlib.crc32(body))) + body + inline


def decode_header(data: bytes, label: str) -> Header:
    """Return the header of a commit.

    Args:
        data: The bytes of the commit. It may have expired.
        label: What messages call the commit.

    Raises:
        CorruptObjectError: the commit is damaged.
        NewerFormatError: a newer reelbase wrote the commit.
    """
    with _wrap_errors(label):
        return Header.from_json(_unpack(data, label)[0])


def decode(store: Store, data: bytes, label: str) -> Commit:
    """Return the commit that `data` holds.

    Args:
        store: The store of the dataset, for index objects that the commit refers to.
        data: The bytes of the commit.
        label: What messages call the commit.

    Raises:
        CorruptObjectError: the commit, or an index object that it refers to, is damaged.
        NewerFormatError: a newer reelbase wrote the commit.
        VersionExpiredError: the state of the commit was deleted.
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


def mend(store: Store, data: bytes, label: str) -> Commit:
    """Return a commit that an older reelbase wrote and nobody can read, with what is malformed in its JSON repaired.

    Args:
        store: The store of the dataset, for index objects that the commit refers to.
        data: The bytes of the commit, as they were written.
        label: What messages call the commit.

    Returns:
        Its header and state; `encode` makes bytes of them.

    Raises:
        As `decode`: it was damaged since it was written, or something else is wrong with it.
    """
    with _wrap_errors(label):
        head, inline = _unpack_unchecked(data, label)
        parts = {name: _read_reference(store, head[name]["ref"]) for name in ("schema", "rows") if "ref" in head[name]}
        mended = repair({**head, **parts})
        _check_head(mended, label)
        state = _decode_state(store, mended, np.frombuffer(inline, ENTRY))
        return Commit(header=Header.from_json(mended), state=state)


@contextmanager
def _wrap_errors(label: str) -> Iterator[None]:
    """Raise `CorruptObjectError` for every error that malformed content of a commit can cause."""
    try:
        yield
    except ReelbaseError:
        raise
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObjectError(f"{label} cannot be read: {error}.", _RESTORE_HELP) from error


def _unpack(data: bytes, label: str) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a commit, checked, and its inline entries."""
    head, inline = _unpack_unchecked(data, label)
    _check_head(head, label)
    return head, inline


def _unpack_unchecked(data: bytes, label: str) -> tuple[dict[str, Any], bytes]:
    magic, size, inline_size, crc = _HEADER.unpack_from(data)
    body, inline = data[_HEADER.size : _HEADER.size + size], data[_HEADER.size + size :]
    # The last character of the magic is the format number: a difference there is another version, not damage.
    if magic[:3] == _MAGIC[:3] and magic not in _MAGICS:
        check_format(int(magic[3:]), label)
    if magic not in _MAGICS or len(inline) != inline_size or zlib.crc32(inline, zlib.crc32(body)) != crc:
        raise CorruptObjectError(f"{label} is damaged.", _RESTORE_HELP)
    head = json.loads(body)
    if not isinstance(head, dict):
        raise TypeError("its JSON is not an object")
    check_format(head["format"], label)
    if head["format"] == _FORMAT_WITHOUT_PARENT_IDS:
        head = {"parent_id": None, "parent_crc": None, **head}
    return head, inline


def _check_head(head: Mapping[str, Any], label: str) -> None:
    _check_fields(head, label)
    validation.check(
        dict(head),
        features=validation.many(validation.text),
        **HEADER,
        **({} if head.get("expired") is True else _STATE_PARTS),
    )
    # Flags let a later release add to the format without a new number; a reader must know all that are set.
    unknown = sorted(set(head["features"]) - FEATURES)
    if unknown:
        raise NewerFormatError(f"{label} uses {', '.join(unknown)}, which this reelbase does not know.", _UPDATE_HELP)


def _check_fields(head: Mapping[str, Any], label: str) -> None:
    """Check that every field is known: what an unknown one says could change what the others mean.

    Raises:
        NewerFormatError: one is not.
    """
    unknown = sorted(head.keys() - {"format", "features", *HEADER, *_STATE_PARTS})
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise NewerFormatError(f"{label} was written by a newer reelbase: it has {names}.", _UPDATE_HELP)


def looks_like_commit(data: bytes) -> bool:
    """Return True if the bytes start as a commit of any format number does."""
    return data[:3] == _MAGIC[:3]


def check_format(found: object, label: str) -> None:
    """Check that this reelbase can read a format number.

    Args:
        found: The number that was found.
        label: What messages call the object that states it.

    Raises:
        NewerFormatError: a newer reelbase wrote the object.
        FormatError: the number is older than the first release.
    """
    if found in _READABLE:
        return
    if isinstance(found, int) and found < FORMAT:
        raise FormatError(
            f"{label} has format {found}, which is older than the first release; this reelbase reads {FORMAT}.",
            "Create the dataset again from its files.",
        )
    raise NewerFormatError(f"{label} has format {found}; this reelbase reads {FORMAT}.", _UPDATE_HELP)


def _rows_to_json(rows: Rows, blocks: list[Entries]) -> dict[str, Any]:
    """Return the JSON of one tensor's rows, and append their inline entries to `blocks`."""
    columns = {}
    for name, column in rows.columns.items():
        blocks += [column.tail, column.patch]
        columns[name] = {
            "segments": [segment.as_json() for segment in column.segments],
            "tail": len(column.tail),
            "over": [segment.as_json() for segment in column.over],
            "patch": len(column.patch),
        }
    blocks.append(rows.dead.tail)
    segments = [segment.as_json() for segment in rows.dead.segments]
    dead = [rows.dead.count, rows.dead.swept, segments, len(rows.dead.tail)]
    return {"columns": columns, "dead": dead, "origins": rows.origins.as_json()}


def _schema_to_json(store: Store, state: State) -> tuple[State, Any]:
    """Return the JSON of schemas and metadata, or a reference to an index object that holds it.

    A state whose schema has not changed since it was written is not written again.
    """
    if state.schema_ref is not None:
        return state, {"ref": list(state.schema_ref)}
    schema = {
        "tensors": [tensor.as_json() for tensor in state.tensors.values()],
        "info": dict(state.info),
        "ghosts": {tensor: [ghost.physical_rows, ghost.origins.as_json()] for tensor, ghost in state.ghosts.items()},
    }
    text = _dumps(schema)
    if len(text) <= _MAX_INLINE_SCHEMA_BYTES:
        return state, schema
    ref = _write_reference(store, text)
    return replace(state, schema_ref=ref), {"ref": list(ref)}


def _decode_state(store: Store, head: Mapping[str, Any], entries: Entries) -> State:
    """Return the state that the JSON and the inline entries of a commit describe."""
    schema, ref = head["schema"], None
    if "ref" in schema:
        uid, crc, size = schema["ref"]
        ref = (uid, crc, size)
        schema = _read_reference(store, schema["ref"])
    stored = _read_reference(store, head["rows"]["ref"]) if "ref" in head["rows"] else head["rows"]
    # A dataset may come from a stranger, so the shape of all JSON is checked before any of it is used (decision 36).
    validation.check({"schema": schema, "rows": stored}, schema=_SCHEMA, rows=_ROWS)
    tensors = {stored_tensor["id"]: TensorSchema(**stored_tensor) for stored_tensor in schema["tensors"]}
    if tensors.keys() != stored.keys() or len({tensor.name for tensor in tensors.values()}) != len(stored):
        raise ValueError("its tensors and its rows do not match")
    inline = _InlineEntries(entries)
    rows = {tensor: _decode_rows(stored_rows, inline) for tensor, stored_rows in stored.items()}
    if inline.left:
        raise ValueError(f"{inline.left} entries are left over")
    ghosts = {
        tensor: Ghost(int(count), Origins.from_json(origins)) for tensor, (count, origins) in schema["ghosts"].items()
    }
    return State(tensors, rows, schema["info"], ghosts, head["txns"], schema_ref=ref)


class _InlineEntries:
    """The entries that follow the JSON of a commit. They are taken in the order in which the JSON counts them."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def take(self, count: int) -> Entries:
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} entries are needed, {self.left} are there")
        taken, self._entries = self._entries[:count], self._entries[count:]
        return taken

    @property
    def left(self) -> int:
        return len(self._entries)


def _decode_rows(stored: Mapping[str, Any], inline: _InlineEntries) -> Rows:
    columns = {}
    for name, column in stored["columns"].items():
        tail, patch = inline.take(column["tail"]), inline.take(column["patch"])
        columns[name] = Column(_decode_segments(column["segments"]), tail, _decode_segments(column["over"]), patch)
    count, swept, segments, tail_size = stored["dead"]
    dead = Tombstones(int(count), int(swept), _decode_segments(segments), inline.take(tail_size))
    rows = Rows(columns, dead, Origins.from_json(stored["origins"]))
    if dead.count > rows.physical_rows:
        raise ValueError(f"{dead.count} rows of {rows.physical_rows} are deleted")
    return rows


def _decode_segments(stored: Sequence[Any]) -> tuple[Segment, ...]:
    return tuple(Segment.from_json(segment) for segment in stored)


def _write_reference(store: Store, text: bytes) -> tuple[str, int, int]:
    """Write a part of a commit to an index object, deflated. Return its id, crc32 and size."""
    uid = uuid.uuid4().bytes
    data = zlib.compress(text, 6)
    store.add_object(keys.index(uid), data)
    return uid.hex(), zlib.crc32(data), len(data)


def _read_reference(store: Store, ref: Any) -> Any:
    """Return the JSON of the index object that `ref` names."""
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
