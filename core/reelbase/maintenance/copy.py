"""Copy rows to another dataset. Samples are copied byte for byte with their packet indexes; nothing is decoded.

Rows are copied in batches. Each batch is a commit with a number (`SetTxn`), so that a copy that was interrupted
continues after the last batch that was committed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from reelbase.errors import CorruptObjectError, DatasetExistsError
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.draft import Draft
from reelbase.format.entry import Kind, object_key
from reelbase.format.extract_rows import Piece, Pieces
from reelbase.format.log import Log
from reelbase.format.ops import AddedRows, Append, Create, SetInfo, SetTxn
from reelbase.format.rows import ColumnBuilder, entry_bytes, place_file, place_media
from reelbase.format.store import Store
from reelbase.io.blob import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from reelbase.contracts.storage import Storage
    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.state import Rows

MAX_BATCH_BYTES = 256 << 20
MAX_BATCH_ROWS = 8192


@dataclass(frozen=True)
class Selection:
    """The part of a version that is copied.

    Attributes:
        uid: Unique id of the source dataset.
        commit: The version.
        tensors: Ids of the tensors, in the order of the copy.
        rows: int64 ``(n,)``: logical rows of the source, in the order of the copy.
    """

    uid: str
    commit: Commit
    tensors: tuple[str, ...]
    rows: NDArray[np.int64]

    @property
    def app(self) -> str:
        """The name of the copy for its numbered commits. The same selection has the same name in every process."""
        what = json.dumps([self.uid, self.commit.header.id, self.tensors]).encode() + self.rows.tobytes()
        return f"copy {hashlib.sha256(what).hexdigest()[:16]}"


def copy(
    source: Log,
    commit: Commit,
    tensors: Sequence[str],
    rows: Sequence[int],
    dest: Storage,
    progress: Callable[[int, int], object] | None,
) -> None:
    """Copy rows to a new dataset, or continue a copy of the same rows that was interrupted.

    Args:
        source: The log of the source.
        commit: The commit of the source that is copied.
        tensors: Ids of the tensors to copy.
        rows: Logical rows to copy, in the order of the copy.
        dest: The storage of the new dataset; empty, or with the beginning of the same copy.
        progress: Called with the number of bytes copied so far and of all bytes; None: not called.

    Raises:
        DatasetExistsError: `dest` holds something else.
        CorruptObjectError: a sample is damaged. What was copied before it stays, and the copy can be continued.
    """
    store, chosen = source.store, Selection(source.uid, commit, tuple(tensors), np.array(rows, np.int64))
    log = _open_destination(chosen, dest)
    batches = _Batches(store, chosen)
    head = log.head()
    done = head.state.txns.get(chosen.app, -1)
    if done < 0 and head.state.tensors:  # a dataset that this copy has not begun
        raise _occupied_error(dest)
    if done < 0:
        head = log.commit(_make_schema_draft(log.store, head, chosen))
        done = 0
    if progress is not None:
        progress(0, int(batches.ends[-1]))
    for number, (start, stop) in enumerate(batches.spans, 1):
        if number > done:
            head = log.commit(batches.make_draft(log.store, head, number, start, stop))
        if progress is not None:
            progress(int(batches.ends[stop]), int(batches.ends[-1]))
    log.flush_hint()


def _open_destination(chosen: Selection, dest: Storage) -> Log:
    if not logs.exists(dest):
        if next(iter(dest.list()), None) is not None:
            raise _occupied_error(dest)
        logs.create(dest)
    return Log(Store(dest), logs.check_root(dest))


def _occupied_error(dest: Storage) -> DatasetExistsError:
    return DatasetExistsError(
        f"{dest.root!r} holds something else than the beginning of this copy.",
        "Choose another place; nothing was changed.",
    )


def _make_schema_draft(store: Store, base: Commit, chosen: Selection) -> Draft:
    draft, state = Draft(store, base), chosen.commit.state
    for tensor in chosen.tensors:
        schema = state.tensors[tensor]
        if schema.per_frame_of not in chosen.tensors:  # the videos stay behind
            schema = replace(schema, per_frame_of=None)
        draft.do(Create(schema))
    if state.info:
        draft.do(SetInfo("", state.info))
    draft.do(SetTxn(chosen.app, 0))
    return draft


class _Batches:
    """Splits the rows of a selection into commits of bounded size.

    The split depends on the selection alone, so that a copy continues with the same batches in another process.

    Attributes:
        ends: int64 ``(n + 1,)``: bytes of all rows before each row, and of all rows.
        spans: ``(start, stop)`` of each batch, in positions of the selection's rows.
    """

    def __init__(self, store: Store, chosen: Selection) -> None:
        self._store = store
        self._chosen = chosen
        state = chosen.commit.state
        self._rows = {tensor: state.rows[tensor] for tensor in chosen.tensors}
        self._pieces = {
            (tensor, name): Pieces(store, column)
            for tensor, rows in self._rows.items()
            for name, column in rows.columns.items()
        }
        sizes = sum((self._sizes(rows) for rows in self._rows.values()), np.zeros(len(chosen.rows), np.int64))
        self.ends = np.concatenate([[0], np.cumsum(sizes)])
        self.spans = list(self._spans())

    def _spans(self) -> Iterator[tuple[int, int]]:
        start, count = 0, len(self._chosen.rows)
        while start < count:
            full = int(np.searchsorted(self.ends, self.ends[start] + MAX_BATCH_BYTES, side="right")) - 1
            stop = min(max(full, start + 1), start + MAX_BATCH_ROWS, count)
            yield start, stop
            start = stop

    def _sizes(self, rows: Rows) -> NDArray[np.int64]:
        """Return the bytes of each chosen row of one tensor, int64. The rows of a chunk have equal shares of it."""
        sizes = np.zeros(rows.physical_rows, np.int64)
        for column in rows.columns.values():
            every, patch = column.read_all(self._store), column.read_replaced(self._store)
            own = np.repeat(every["len"] // np.maximum(every["count"], 1), every["count"]).astype(np.int64)
            own[patch["first"]] = patch["len"]
            sizes += own
        chosen = self._chosen.rows
        exists = chosen < len(rows)
        found = np.zeros(len(chosen), np.int64)
        found[exists] = sizes[rows.dead.to_physical(self._store, chosen[exists])]
        return found

    def make_draft(self, dest: Store, base: Commit, number: int, start: int, stop: int) -> Draft:
        """Copy the data of batch `number`, rows ``start:stop``, and return the commit that adds them."""
        draft = Draft(dest, base)
        added = {tensor: rows for tensor in self._rows if (rows := self._add(dest, tensor, start, stop)) is not None}
        if added:
            draft.do(Append(added))
        draft.do(SetTxn(self._chosen.app, number))
        return draft

    def _add(self, dest: Store, tensor: str, start: int, stop: int) -> AddedRows | None:
        """Copy the chosen rows ``start:stop`` of one tensor; None if it has none of them, being shorter than others."""
        rows, logical = self._rows[tensor], self._chosen.rows[start:stop]
        existing = np.flatnonzero(logical < len(rows))
        if not len(existing):
            return None
        physical = np.full(int(existing[-1]) + 1, -1, np.int64)
        physical[existing] = rows.dead.to_physical(self._store, logical[existing])
        entries = {name: self._entries(dest, self._pieces[tensor, name], physical) for name in rows.columns}
        return AddedRows(entries, len(physical), start)

    def _entries(self, dest: Store, pieces: Pieces, physical: NDArray[np.int64]) -> Entries:
        """Copy one column of physical rows (-1: a row without a sample), and return its entries in `dest`."""
        builder = ColumnBuilder(dest)
        breaks = np.flatnonzero((np.diff(physical) != 1) | (physical[1:] < 0)) + 1
        for run in np.split(physical, breaks):
            if run[0] < 0:
                builder.skip(len(run))
            else:
                for piece in pieces.iter_pieces(int(run[0]), int(run[-1]) + 1):
                    _copy_piece(self._store, piece, dest, builder)
        return builder.finish()


def _copy_piece(source: Store, piece: Piece, dest: Store, builder: ColumnBuilder) -> None:
    """Copy a piece's bytes to `dest`, compare them with their checksum, and add its rows to `builder`."""
    entry = piece.entry[0]
    if piece.kind == Kind.MISSING:
        builder.skip(piece.count)
    elif piece.kind == Kind.CHUNK:
        for sample in piece.samples(source):
            builder.add(sample)
    elif piece.kind == Kind.MEDIA:
        builder.add(place_media(dest, entry_bytes(source, entry), keys.ext_name(int(entry["ext"]))))
    else:  # an object of its own, which may be larger than memory: it is streamed, and checked afterwards
        blob = Blob(source, object_key(entry), int(entry["off"]), int(entry["len"]))
        with blob.open() as file:
            placed = place_file(dest, cast("BinaryIO", file), keys.ext_name(int(entry["ext"]))).entry
        if (placed["crc"][0], placed["len"][0]) != (entry["crc"], entry["len"]):
            raise CorruptObjectError(f"{blob.key} is damaged.", "Restore the object from a copy of the dataset.")
        builder.add(placed)
