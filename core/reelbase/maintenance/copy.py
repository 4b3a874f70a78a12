"""Copying rows to another dataset, storage to storage: samples go over as they are, with their packet indexes.

Rows go in batches, each a commit with a number (`SetTxn`), so a copy that was cut short goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from reelbase.errors import CorruptObjectError, DatasetExistsError
from reelbase.format import keys
from reelbase.format import log as logs
from reelbase.format.draft import Draft
from reelbase.format.entry import Kind, object_key
from reelbase.format.extract import Piece, Pieces
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
    from reelbase.session.session import Session

_BATCH_BYTES = 256 << 20
_BATCH_ROWS = 8192


@dataclass(frozen=True)
class Selection:
    """What of a version is copied.

    Attributes:
        uid: Unique id of the dataset.
        commit: The version.
        tensors: Ids of the tensors, in order.
        rows: Logical rows, in the order they are to have.
    """

    uid: str
    commit: Commit
    tensors: tuple[str, ...]
    rows: NDArray[np.int64]

    @property
    def app(self) -> str:
        """The name of this copy: the same selection has the same."""
        what = json.dumps([self.uid, self.commit.header.id, self.tensors]).encode() + self.rows.tobytes()
        return f"copy {hashlib.sha256(what).hexdigest()[:16]}"


def copy(
    session: Session,
    tensors: Sequence[str],
    rows: Sequence[int],
    dest: Storage,
    progress: Callable[[int, int], object] | None,
) -> None:
    """Copy to a new dataset, or go on with a copy of the same that was cut short.

    Args:
        session: Of the source; what is copied is the commit where it stands.
        tensors: Ids.
        rows: Logical rows, in the order they are to have.
        dest: Where to.
        progress: Called with bytes done and bytes in all.

    Raises:
        DatasetExistsError: there is something else.
        CorruptObjectError: a sample is damaged; what was copied before stays, and the copy can be gone on with.
    """
    store, chosen = session.store, Selection(session.log.uid, session.commit, tuple(tensors), np.array(rows, np.int64))
    log = _opened(chosen, dest)
    batches = _Batches(store, chosen)
    head = log.head()
    done = head.state.txns.get(chosen.app, -1)
    if done < 0 and head.state.tensors:
        raise _in_the_way(dest)
    if done < 0:
        head = log.commit(_schemas(log.store, head, chosen))
        done = 0
    if progress is not None:
        progress(0, int(batches.ends[-1]))
    for number, (start, stop) in enumerate(batches.spans, 1):
        if number > done:
            head = log.commit(batches.draft(log.store, head, number, start, stop))
        if progress is not None:
            progress(int(batches.ends[stop]), int(batches.ends[-1]))
    log.flush_hint()


def _opened(chosen: Selection, dest: Storage) -> Log:
    if not logs.exists(dest):
        if next(iter(dest.list()), None) is not None:
            raise _in_the_way(dest)
        logs.create(dest)
    return Log(Store(dest), logs.check_root(dest))


def _in_the_way(dest: Storage) -> DatasetExistsError:
    return DatasetExistsError(
        f"{dest.root!r} holds something else than the beginning of this copy.",
        "Choose another place; nothing was changed.",
    )


def _schemas(store: Store, base: Commit, chosen: Selection) -> Draft:
    draft, state = Draft(store, base), chosen.commit.state
    for tensor in chosen.tensors:
        draft.do(Create(state.tensors[tensor]))
    if state.info:
        draft.do(SetInfo("", state.info))
    draft.do(SetTxn(chosen.app, 0))
    return draft


class _Batches:
    """The rows of a selection in commits of bounded size; which rows are in which depends on the selection alone."""

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
            full = int(np.searchsorted(self.ends, self.ends[start] + _BATCH_BYTES, side="right")) - 1
            stop = min(max(full, start + 1), start + _BATCH_ROWS, count)
            yield start, stop
            start = stop

    def _sizes(self, rows: Rows) -> NDArray[np.int64]:
        """Bytes of each chosen row of one tensor; of a chunk, every row has an equal share."""
        sizes = np.zeros(rows.physical_rows, np.int64)
        for column in rows.columns.values():
            every, patch = column.read_all(self._store), column.read_replaced(self._store)
            own = np.repeat(every["len"] // np.maximum(every["count"], 1), every["count"]).astype(np.int64)
            own[patch["first"]] = patch["len"]
            sizes += own
        at = self._chosen.rows
        there = at < len(rows)
        found = np.zeros(len(at), np.int64)
        found[there] = sizes[rows.dead.to_physical(self._store, at[there])]
        return found

    def draft(self, dest: Store, base: Commit, number: int, start: int, stop: int) -> Draft:
        """One batch as a commit."""
        draft = Draft(dest, base)
        added = {tensor: one for tensor in self._rows if (one := self._add(dest, tensor, start, stop)) is not None}
        if added:
            draft.do(Append(added))
        draft.do(SetTxn(self._chosen.app, number))
        return draft

    def _add(self, dest: Store, tensor: str, start: int, stop: int) -> AddedRows | None:
        """The chosen rows ``start:stop`` of one tensor, as far as it has them."""
        rows, logical = self._rows[tensor], self._chosen.rows[start:stop]
        there = np.flatnonzero(logical < len(rows))
        if not len(there):
            return None
        physical = np.full(int(there[-1]) + 1, -1, np.int64)
        physical[there] = rows.dead.to_physical(self._store, logical[there])
        entries = {name: self._entries(dest, self._pieces[tensor, name], physical) for name in rows.columns}
        return AddedRows(entries, len(physical), start)

    def _entries(self, dest: Store, pieces: Pieces, physical: NDArray[np.int64]) -> Entries:
        """Entries, there, of one column for physical rows; -1 for one without a sample."""
        builder = ColumnBuilder(dest)
        breaks = np.flatnonzero((np.diff(physical) != 1) | (physical[1:] < 0)) + 1
        for run in np.split(physical, breaks):
            if run[0] < 0:
                builder.skip(len(run))
            else:
                for piece in pieces.iter_pieces(int(run[0]), int(run[-1]) + 1):
                    _carry(self._store, piece, dest, builder)
        return builder.finish()


def _carry(source: Store, piece: Piece, dest: Store, builder: ColumnBuilder) -> None:
    """Append a piece's rows, with their bytes brought over and checked."""
    one = piece.entry[0]
    if piece.kind == Kind.MISSING:
        builder.skip(piece.count)
    elif piece.kind == Kind.CHUNK:
        for sample in piece.samples(source):
            builder.add(sample)
    elif piece.kind == Kind.MEDIA:
        builder.add(place_media(dest, entry_bytes(source, one), keys.ext_name(int(one["ext"]))))
    else:
        blob = Blob(source, object_key(one), int(one["off"]), int(one["len"]))
        with blob.open() as file:
            placed, _ = place_file(dest, cast("BinaryIO", file), keys.ext_name(int(one["ext"])))
        if (placed["crc"][0], placed["len"][0]) != (one["crc"], one["len"]):
            raise CorruptObjectError(f"{blob.key} is damaged.", "Restore the object from a copy of the dataset.")
        builder.add(placed)
