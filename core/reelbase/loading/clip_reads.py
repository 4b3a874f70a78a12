"""Decoding of clips: those of one video together, straight into the batch where possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reelbase.cells.media import packet_ranges
from reelbase.io.batch_read import ByteRanges, PendingRead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelbase.io.blob import Blob
    from reelbase.loading.framing import Framing
    from reelbase.loading.slots import PlacedClip, Slot


def prepare_clips(clips: Sequence[PlacedClip], framing: Framing) -> PendingRead:
    """Return a read of several clips of one video: frames that they share are decoded once."""
    cell = clips[0].cell
    index = cell.frame_index()
    scaled = framing.scale(*cell.info.shape[1:3])
    size = None if scaled == tuple(cell.info.shape[1:3]) else scaled
    plan = index.plan(np.concatenate([clip.clip.frames for clip in clips]))
    is_direct = len(clips) == 1 and framing.crop is None

    def decode(blobs: Sequence[Blob]) -> None:
        frames = cell.codec.decode(blobs[0], plan, size=size, out=clips[0].out if is_direct else None)
        start = 0
        for clip in clips:
            stop = start + len(clip.clip.frames)
            if not is_direct:
                np.copyto(clip.out, framing.cut(frames[start:stop], clip.draw))
            if clip.black:
                clip.out[clip.clip.is_pad] = 0
            start = stop

    return PendingRead([ByteRanges(cell.packets, packet_ranges(plan))], decode, clips[0].label)


def group_by_video(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Return the clips of each video together, in the order in which the videos come first."""
    groups: dict[int, list[Slot]] = {}
    for slot in slots:
        groups.setdefault(id(slot.placed and slot.placed.cell), []).append(slot)
    return list(groups.values())
