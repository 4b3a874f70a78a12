"""Compaction: rewrite many small chunks and packs as few large ones. No sample and no row number changes.

The index alone decides what is rewritten; no sample is read for that. A chunk is repacked if it is small and a
neighbour can be packed with it, if some of its rows were replaced or deleted, or if its pack is *poor*: small, or
mostly unused. Media files are moved only out of poor packs, since moving them costs the most. Compacting twice does
nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelbase.errors import CommitConflictError
from reelbase.format import chunk, keys, segment
from reelbase.format.column import Column
from reelbase.format.draft import Draft
from reelbase.format.entry import Kind, count_rows, make_missing
from reelbase.format.extract_rows import Piece, Pieces
from reelbase.format.ops import Repack
from reelbase.format.rows import ColumnBuilder, entry_bytes, place_media
from reelbase.format.segment import FOLD_FACTOR
from reelbase.format.store import PACK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reelbase.format.commit import Commit
    from reelbase.format.entry import Entries
    from reelbase.format.state import Rows, State
    from reelbase.format.store import Store
    from reelbase.session.session import Session

MAX_SMALL_PACK_BYTES = PACK_BYTES // 8
MAX_SHORT_GAP_ROWS = 64  # a shorter run of rows without a sample is packed into a chunk with its neighbours
MAX_COMMIT_TRIES = 5


@dataclass(frozen=True)
class Compaction:
    """What `compact` did. False if there was nothing to do.

    Attributes:
        tensors: Names of the tensors whose index was rewritten.
        entries_before: Number of index entries (chunks, media, gaps) that the rewritten columns had before.
        entries: Number of index entries that they have now.
        bytes_written: Bytes of samples that were written again.
    """

    tensors: tuple[str, ...] = ()
    entries_before: int = 0
    entries: int = 0
    bytes_written: int = 0

    def __bool__(self) -> bool:
        return bool(self.tensors)


def compact(session: Session) -> Compaction:
    """Compact the newest commit of the session's branch, in one commit.

    Raises:
        CommitConflictError: other writers kept changing rows of the same tensors; nothing was changed.
        CorruptObjectError: a sample that has to be repacked is damaged; nothing was changed.
    """
    with session.writing():
        for remaining in reversed(range(MAX_COMMIT_TRIES)):
            session.commit = session.log.find_newest(session.commit)
            draft, done = _make_draft(session.store, session.commit)
            try:
                if done:
                    session.commit = session.log.commit(draft)
            except CommitConflictError:  # unlike other commits, the whole work is done again on the newest state
                if not remaining:
                    raise
            else:
                return done
    raise AssertionError


def _make_draft(store: Store, base: Commit) -> tuple[Draft, Compaction]:
    """Write the repacked samples, and return the commit that uses them and what it changes."""
    poor, draft, done = _find_poor_packs(store, base.state), Draft(store, base), Compaction()
    for tensor, rows in base.state.rows.items():
        rewrites = {name: _ColumnRewrite(store, rows, column, poor) for name, column in rows.columns.items()}
        entries = {name: rewrite.rewrite() for name, rewrite in rewrites.items() if rewrite.needs_rewrite}
        if entries:
            columns = dict(zip(entries, _write_columns(store, list(entries.values())), strict=True))
            draft.do(Repack(tensor, {**rows.columns, **columns}, rows.physical_rows, rows.dead.count))
            done = Compaction(
                tensors=(*done.tensors, base.state.tensors[tensor].name),
                entries_before=done.entries_before + sum(rewrites[name].entries for name in entries),
                entries=done.entries + sum(map(len, entries.values())),
                bytes_written=done.bytes_written + sum(rewrite.bytes_written for rewrite in rewrites.values()),
            )
    return draft, done


def _find_poor_packs(store: Store, state: State) -> frozenset[bytes]:
    """Return the ids of packs to move everything out of: those mostly unused, and small ones if there are several."""
    live: Counter[bytes] = Counter()
    for rows in state.rows.values():
        for column in rows.columns.values():
            pieces = Pieces(store, column)
            for piece in (piece for run in _live_runs(store, rows) for piece in pieces.iter_pieces(*run)):
                if piece.kind in (Kind.CHUNK, Kind.MEDIA):
                    # Of a chunk each row counts the same share: sizes of single rows are not in the index.
                    live[piece.uid] += int(piece.entry["len"][0]) * piece.count // count_rows(piece.entry)
    sizes = {keys.uid_of(key): stat.size for key, stat in store.storage.list("packs/")}
    small = {uid for uid in live if sizes.get(uid, 0) < MAX_SMALL_PACK_BYTES}
    dead = {uid for uid, used in live.items() if used * 2 < sizes.get(uid, 0)}
    return frozenset(dead | (small if len(small) > 1 else set()))  # a single small pack has nothing to join


def _live_runs(store: Store, rows: Rows) -> Iterable[tuple[int, int]]:
    """Return the runs of physical rows whose samples count as used.

    If no row was deleted since the last compaction, all rows count: that compaction left the samples of deleted rows
    which were not worth a move, and they are not worth it now.
    """
    swept = rows.dead.count == rows.dead.swept
    return [(0, rows.physical_rows)] if swept else rows.live_runs(store)


class _ColumnRewrite:
    """Decides what of one column is to be rewritten, and rewrites it.

    Args:
        store: The dataset's store, to read from and write to.
        rows: The rows of the tensor.
        column: The column of those rows.
        poor: Ids of packs to move everything out of.
    """

    def __init__(self, store: Store, rows: Rows, column: Column, poor: frozenset[bytes]) -> None:
        self._store = store
        self._rows = rows
        self._column = column
        self._poor = poor
        self.bytes_written = 0

    @property
    def entries(self) -> int:
        """Number of index entries that the column has."""
        segments = (*self._column.segments, *self._column.over)
        return sum(segment.entries for segment in segments) + len(self._column.tail) + len(self._column.patch)

    @property
    def needs_rewrite(self) -> bool:
        """True if `rewrite` would change anything."""
        gaps = full = 0
        for step in self._steps():
            if len(step) > 1 or not self._can_stay(step[0]):
                return True
            gaps += step[0].kind == Kind.MISSING
            full += step[0].kind != Kind.MISSING
        kinds = self._column.read_all(self._store)["kind"]
        same = (gaps, full) == (int((kinds == Kind.MISSING).sum()), int((kinds != Kind.MISSING).sum()))
        return not same or bool(self._column.over) or len(self._column.patch) > 0

    def rewrite(self) -> Entries:
        """Return entries of all rows, with small chunks packed together and nothing in poor packs."""
        builder = ColumnBuilder(self._store)
        for step in self._steps():
            if len(step) == 1 and self._can_stay(step[0]):
                builder.add(step[0].entry)
            else:
                for piece in step:
                    self._move(builder, piece)
        return builder.finish()

    def _steps(self) -> Iterator[list[Piece]]:
        """Yield all rows in order: one piece that stays or moves by itself, or several to pack into chunks together."""
        loose: list[Piece] = []
        for piece in self._pieces():
            if self._is_loose(piece) or (loose and piece.kind == Kind.MISSING and piece.count < MAX_SHORT_GAP_ROWS):
                loose.append(piece)
                continue
            yield from _flush_loose(loose)
            loose = []
            yield [piece]
        yield from _flush_loose(loose)

    def _pieces(self) -> Iterator[Piece]:
        """Yield all physical rows in order. Neighbouring rows without a sample, or deleted, are one gap."""
        gap = 0
        for piece in self._live():
            if piece.kind == Kind.MISSING:
                gap += piece.count
                continue
            if gap:
                yield Piece(make_missing(gap), 0, gap)
                gap = 0
            yield piece
        if gap:
            yield Piece(make_missing(gap), 0, gap)

    def _live(self) -> Iterator[Piece]:
        """Yield all physical rows in order. Deleted rows are gaps where dropping their samples is worth a repack."""
        for piece, first in Pieces(self._store, self._column).iter_with_rows(0, self._rows.physical_rows):
            dead = self._rows.dead.runs_within(self._store, first, first + piece.count)
            if not dead or self._keeps_dead(piece, sum(stop - start for start, stop in dead)):
                yield piece
                continue
            at = first
            for start, stop in (*dead, (first + piece.count,) * 2):
                if start > at:
                    yield Piece(piece.entry, piece.offset + at - first, start - at)
                if stop > start:
                    yield Piece(make_missing(stop - start), 0, stop - start)
                at = stop

    def _keeps_dead(self, piece: Piece, dead: int) -> bool:
        """Return True if a piece with `dead` deleted rows may keep their samples: too few to repack it for."""
        if piece.kind != Kind.CHUNK:
            return piece.kind == Kind.MISSING
        return self._rows.dead.count == self._rows.dead.swept or (not self._is_loose(piece) and dead * 8 < piece.count)

    def _can_stay(self, piece: Piece) -> bool:
        return piece.is_whole and piece.uid not in self._poor

    def _is_loose(self, piece: Piece) -> bool:
        """Return True for a chunk that should be repacked if there is something to pack it with."""
        if piece.kind != Kind.CHUNK:
            return False
        weight, count = int(piece.entry["ext"][0]), count_rows(piece.entry)
        return not (self._can_stay(piece) and chunk.is_full(weight, count))

    def _move(self, builder: ColumnBuilder, piece: Piece) -> None:
        """Write the samples of a piece again."""
        self.bytes_written += int(piece.entry["len"][0]) * piece.count // max(count_rows(piece.entry), 1)
        if piece.kind == Kind.MEDIA:
            entry = piece.entry[0]
            builder.add(place_media(self._store, entry_bytes(self._store, entry), keys.ext_name(int(entry["ext"]))))
        elif piece.kind == Kind.CHUNK:
            for sample in piece.samples(self._store):
                builder.add(sample)
        else:
            builder.skip(piece.count)


def _flush_loose(loose: list[Piece]) -> Iterator[list[Piece]]:
    """Yield loose chunks as one step. Gaps after the last chunk are steps of their own: a chunk need not hold them."""
    end = len(loose)
    while end and loose[end - 1].kind == Kind.MISSING:
        end -= 1
    if end:
        yield loose[:end]
    yield from ([gap] for gap in loose[end:])


def _write_columns(store: Store, every: list[Entries]) -> list[Column]:
    """Write columns of one segment each, all in one index object.

    Each segment gets the level that fits its size, so that later commits do not fold it again too early.
    """
    segments = segment.write(store, [(entries, _find_level(len(entries))) for entries in every])
    return [Column(segments=(written,)) for written in segments]


def _find_level(entries: int) -> int:
    level = 0  # 32 (FOLD_FACTOR) segments of one level are folded into one of the next
    while FOLD_FACTOR ** (level + 1) < entries:
        level += 1
    return level
