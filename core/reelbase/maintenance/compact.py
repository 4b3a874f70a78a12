"""Compaction: many small chunks and packs become few, and no version of a row changes by it.

What is worth the work is told by the index alone. A chunk is repacked if it is small and has a neighbour to go
with, if some of its rows were replaced or deleted, or if its pack is *poor*: small, or for the most part dead. Media
move only out of poor packs. So compacting twice does nothing the second time.
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
from reelbase.format.extract import Piece, Pieces
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

_SMALL_PACK = PACK_BYTES // 8
_SHORT_GAP = 64  # rows without a sample that a chunk carries along
_TRIES = 5


@dataclass(frozen=True)
class Compaction:
    """What `compact` did.

    Attributes:
        tensors: Names of the tensors whose rows were rewritten.
        entries_before: Index entries (chunks, media, gaps) of those tensors before.
        entries: And after.
        bytes_written: Bytes of samples that were rewritten.
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
        CommitConflictError: others kept changing the same rows; nothing was done.
        CorruptObjectError: a sample that has to be repacked is damaged; nothing was done.
    """
    with session.writing():
        for last in (False,) * (_TRIES - 1) + (True,):
            session.commit = session.log.find_newest(session.commit)
            draft, done = _drafted(session.store, session.commit)
            try:
                if done:
                    session.commit = session.log.commit(draft)
            except CommitConflictError:
                if last:
                    raise
            else:
                return done
    raise AssertionError


def _drafted(store: Store, base: Commit) -> tuple[Draft, Compaction]:
    poor, draft, done = _poor_packs(store, base.state), Draft(store, base), Compaction()
    for tensor, rows in base.state.rows.items():
        layers = {name: _Layer(store, rows, one, poor) for name, one in rows.columns.items()}
        fresh = {name: one.laid_anew() for name, one in layers.items() if one.worth}
        if fresh:
            columns = dict(zip(fresh, _columns(store, list(fresh.values())), strict=True))
            draft.do(Repack(tensor, {**rows.columns, **columns}, rows.physical_rows, rows.dead.count))
            done = Compaction(
                tensors=(*done.tensors, base.state.tensors[tensor].name),
                entries_before=done.entries_before + sum(layers[name].entries for name in fresh),
                entries=done.entries + sum(map(len, fresh.values())),
                bytes_written=done.bytes_written + sum(layer.written for layer in layers.values()),
            )
    return draft, done


def _poor_packs(store: Store, state: State) -> frozenset[bytes]:
    """Packs to be emptied: for the most part dead, or small, if there are several."""
    live: Counter[bytes] = Counter()
    for rows in state.rows.values():
        for column in rows.columns.values():
            pieces = Pieces(store, column)
            for piece in (one for run in _with_samples(store, rows) for one in pieces.iter_pieces(*run)):
                if piece.kind in (Kind.CHUNK, Kind.MEDIA):
                    live[piece.uid] += int(piece.entry["len"][0]) * piece.count // count_rows(piece.entry)
    sizes = {keys.uid_of(key): stat.size for key, stat in store.storage.list("packs/")}
    small = {uid for uid in live if sizes.get(uid, 0) < _SMALL_PACK}
    dead = {uid for uid, used in live.items() if used * 2 < sizes.get(uid, 0)}
    return frozenset(dead | (small if len(small) > 1 else set()))


def _with_samples(store: Store, rows: Rows) -> Iterable[tuple[int, int]]:
    """Runs of rows that count as live: where deleted rows were swept, what is kept of them is not worth a move."""
    swept = rows.dead.count == rows.dead.swept
    return [(0, rows.physical_rows)] if swept else rows.live_runs(store)


class _Layer:
    """One column, looked through to see what is worth doing, and then rewritten."""

    def __init__(self, store: Store, rows: Rows, column: Column, poor: frozenset[bytes]) -> None:
        self._store = store
        self._rows = rows
        self._column = column
        self._poor = poor
        self.written = 0

    @property
    def entries(self) -> int:
        """Entries that the column has."""
        every = (*self._column.segments, *self._column.over)
        return sum(one.entries for one in every) + len(self._column.tail) + len(self._column.patch)

    @property
    def worth(self) -> bool:
        """Whether laying it again would change anything."""
        gaps = full = 0
        for step in self._steps():
            if len(step) > 1 or not self._stays(step[0]):
                return True
            gaps += step[0].kind == Kind.MISSING
            full += step[0].kind != Kind.MISSING
        kinds = self._column.read_all(self._store)["kind"]
        same = (gaps, full) == (int((kinds == Kind.MISSING).sum()), int((kinds != Kind.MISSING).sum()))
        return not same or bool(self._column.over) or len(self._column.patch) > 0

    def laid_anew(self) -> Entries:
        """Entries of all rows, with small chunks together and nothing in poor packs."""
        builder = ColumnBuilder(self._store)
        for step in self._steps():
            if len(step) == 1 and self._stays(step[0]):
                builder.add(step[0].entry)
            else:
                for piece in step:
                    self._move(builder, piece)
        return builder.finish()

    def _steps(self) -> Iterator[list[Piece]]:
        """All rows in order: one piece that stays or moves by itself, or several that become chunks together."""
        loose: list[Piece] = []
        for piece in self._pieces():
            if self._is_loose(piece) or (loose and piece.kind == Kind.MISSING and piece.count < _SHORT_GAP):
                loose.append(piece)
                continue
            yield from _close(loose)
            loose = []
            yield [piece]
        yield from _close(loose)

    def _pieces(self) -> Iterator[Piece]:
        """All physical rows in order; those without a sample and deleted ones together, as gaps."""
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
        """All physical rows in order, around deleted ones where it is worth to drop their samples."""
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
        """Whether a piece may go on to hold samples of deleted rows: it has none, or too few to be packed for."""
        if piece.kind != Kind.CHUNK:
            return piece.kind == Kind.MISSING
        return self._rows.dead.count == self._rows.dead.swept or (not self._is_loose(piece) and dead * 8 < piece.count)

    def _stays(self, piece: Piece) -> bool:
        return piece.is_whole and piece.uid not in self._poor

    def _is_loose(self, piece: Piece) -> bool:
        """Whether it is a chunk that should be repacked, if there is something to pack it with."""
        if piece.kind != Kind.CHUNK:
            return False
        weight, count = int(piece.entry["ext"][0]), count_rows(piece.entry)
        return not (self._stays(piece) and chunk.is_full(weight, count))

    def _move(self, builder: ColumnBuilder, piece: Piece) -> None:
        """Write the samples of a piece again."""
        self.written += int(piece.entry["len"][0]) * piece.count // max(count_rows(piece.entry), 1)
        if piece.kind == Kind.MEDIA:
            one = piece.entry[0]
            builder.add(place_media(self._store, entry_bytes(self._store, one), keys.ext_name(int(one["ext"]))))
        elif piece.kind == Kind.CHUNK:
            for sample in piece.samples(self._store):
                builder.add(sample)
        else:
            builder.skip(piece.count)


def _close(loose: list[Piece]) -> Iterator[list[Piece]]:
    """Loose chunks as one step; the gaps behind the last of them stay by themselves."""
    end = len(loose)
    while end and loose[end - 1].kind == Kind.MISSING:
        end -= 1
    if end:
        yield loose[:end]
    yield from ([gap] for gap in loose[end:])


def _columns(store: Store, every: list[Entries]) -> list[Column]:
    """Columns of one segment each, in one index object, at the levels where folding leaves them alone."""
    made = segment.write(store, [(entries, _level(len(entries))) for entries in every])
    return [Column(segments=(one,)) for one in made]


def _level(entries: int) -> int:
    level = 0
    while FOLD_FACTOR ** (level + 1) < entries:
        level += 1
    return level
