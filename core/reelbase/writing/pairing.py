"""Writing to paired tensors: the second is checked against the first, whichever of the two that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.contracts.htype import Htype
from reelbase.errors import HtypeError
from reelbase.format.ops import ExpectRows
from reelbase.samples.pairing import compare, count_frames, pairs_of
from reelbase.samples.schema import layout_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from reelbase.format.state import State, TensorSchema
    from reelbase.samples.array_layout import Layout
    from reelbase.samples.pairing import Counts, Pair
    from reelbase.session.session import Transaction


def check_pairable(layout: Layout, name: str, video: TensorSchema) -> None:
    """Check that a new tensor can have an item for each frame of a tensor of videos.

    Raises:
        HtypeError: it has no items to count, or the other tensor does not hold one video in a row.
    """
    other = layout_of(video)
    if other.row_shape.is_sequence or other.htype.role != "video":
        raise HtypeError(
            f"per_frame_of={video.name!r} is not a tensor of videos: it is {video.htype!r}.",
            "Name a tensor of htype video or link[video].",
        )
    holds_arrays = not layout.holds_files and type(layout.htype).numpy is Htype.numpy
    if not layout.row_shape.is_sequence and not holds_arrays:
        raise HtypeError(
            f"A row of {name!r} has no items to count: its htype is {layout.htype.name!r}.",
            f"Create it with htype='sequence[{layout.htype.name}]'.",
        )


def check_appended(transaction: Transaction, counts: Mapping[str, Counts]) -> None:
    """Check rows that are about to be appended.

    Args:
        transaction: The transaction that they are appended in.
        counts: Frames or items of each new row, by id of the tensor. The rows of all tensors are next to each other.

    Raises:
        HtypeError: the numbers of a row do not agree.
    """
    for pair in pairs_of(transaction.schema_state, counts):
        if pair.items in counts and pair.video in counts:
            state = transaction.schema_state
            start = _find_start(state, counts)
            new = range(start, start + len(counts[pair.items]))
            _compare(state, pair, new, counts[pair.items], counts[pair.video])
        else:
            state = transaction.state  # with what the open transaction has appended
            start = _find_start(state, counts)
            tensor = pair.items if pair.items in counts else pair.video
            _check(transaction, state, pair, range(start, start + len(counts[tensor])), counts)


def check_replaced(transaction: Transaction, rows: Sequence[int], counts: Mapping[str, Counts]) -> None:
    """Check samples that are about to replace those of `rows`; see `check_appended`."""
    for pair in pairs_of(transaction.schema_state, counts):
        if pair.items in counts and pair.video in counts:
            _compare(transaction.schema_state, pair, rows, counts[pair.items], counts[pair.video])
        else:
            _check(transaction, transaction.state, pair, rows, counts)


def check_shift(state: State, tensor: str) -> None:
    """Check that rows of one tensor may be deleted while others keep theirs.

    Raises:
        HtypeError: the tensor is paired with another; their rows would no longer be next to each other.
    """
    for pair in pairs_of(state, [tensor]):
        names = state.tensors[tensor].name, state.tensors[pair.partner(tensor)].name
        raise HtypeError(
            f"Rows of {names[0]!r} alone cannot be deleted: they belong to those of {names[1]!r}.",
            f"Delete whole rows, ds.pop(row), or set the sample to None: ds[{names[0]!r}][row] = None.",
        )


def _check(
    transaction: Transaction, state: State, pair: Pair, rows: Sequence[int], counts: Mapping[str, Counts]
) -> None:
    """Check one of two tensors against what the other holds."""
    tensor = pair.items if pair.items in counts else pair.video
    partner = pair.partner(tensor)
    others = count_frames(transaction.store, state, partner, rows)
    items, frames = (counts[tensor], others) if tensor == pair.items else (others, counts[tensor])
    _compare(state, pair, rows, items, frames)
    # What was looked at may not change until this is committed.
    held = state.rows[partner]
    looked_at = tuple(held.to_physical(transaction.store, row) for row in rows if row < len(held))
    lengths = {name: state.rows[name].physical_rows for name in (tensor, partner)}
    transaction.schema_op(ExpectRows(lengths, partner, looked_at))


def _find_start(state: State, tensors: Collection[str]) -> int:
    """Return the row at which rows that are appended to all of `tensors` begin."""
    return max(len(state.rows[tensor]) for tensor in tensors)


def _compare(state: State, pair: Pair, rows: Sequence[int], items: Counts, frames: Counts) -> None:
    for mismatch in compare(pair, rows, items, frames):
        raise HtypeError(
            mismatch.describe(state),
            "Give one item for each frame: [] for a frame without objects, None for one that was not annotated.",
        )
