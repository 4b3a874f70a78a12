"""Decoding of alpha that WebM and Matroska keep beside the packets of VP8 and VP9.

The alpha channel is a video of its own, with a packet beside each packet of the colours; its luma is the alpha.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from reelbase.errors import DamagedMediaError
from reelbase_plugins.video.decoding.check_start import remove_start
from reelbase_plugins.video.demux.block_additions import HEAD_BYTES, find_alpha

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, FrameIndex, Plan
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig


def plan_alpha(blob: Blob, plan: Plan, config: DecoderConfig) -> Plan:
    """Plan the decoding of the alpha of the frames of a plan.

    The alpha has key frames of its own: a start without one is no start of it.

    Raises:
        DamagedMediaError: a packet has no alpha where it should be.
    """
    index = plan.index
    if not plan.runs:
        return plan
    is_key = _KEY_TESTS[config.codec]
    while True:
        alpha_plan = index.plan(plan.frames[plan.rows])
        needed = np.unique(np.concatenate([run.packets for run in alpha_plan.runs]))
        pos, size = _locate(blob, plan.index, needed)
        crcs = np.where(size, np.frombuffer(config.alpha_crcs, "<u4"), zlib.crc32(b"")).astype(np.uint32)
        firsts = [int(run.packets[0]) for run in alpha_plan.runs]
        spans = [(int(pos[first]), int(pos[first]) + 1) for first in firsts]
        wrong = [first for first, data in zip(firsts, blob.read_ranges(spans), strict=True) if not is_key(data[0])]
        if not [first for first in wrong if first]:
            return replace(index, pos=pos, size=size, crcs=crcs).plan(plan.frames[plan.rows])
        for first in filter(None, wrong):
            index = remove_start(index, first)


def _locate(blob: Blob, index: FrameIndex, packets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return position and size of the alpha of some packets, in arrays as long as those of the index."""
    ends = (index.pos[packets] + index.size[packets]).tolist()
    heads = blob.read_ranges([(end, min(end + HEAD_BYTES, blob.size)) for end in ends])
    pos, size = np.zeros_like(index.pos), np.zeros_like(index.size)
    for packet, end, head in zip(packets.tolist(), ends, heads, strict=True):
        found = find_alpha(bytes(head))
        if found is None or found[0] == found[1] or end + found[1] > blob.size:
            raise DamagedMediaError(
                f"Packet {packet} (bytes up to {end} of {blob.key}) has no alpha after it.",
                "The stored bytes are damaged; append the file again.",
            )
        pos[packet], size[packet] = end + found[0], found[1] - found[0]
    return pos, size


def make_alpha_config(config: DecoderConfig) -> DecoderConfig:
    """Make the decoder configuration of the alpha of a video."""
    return replace(config, extradata=b"", changes={}, x264_builds={}, pix_fmt=None, alpha="", unseen=False, sound=False)


def _is_vp8_key(first: int) -> bool:
    """RFC 6386 9.1: the first bit is 0."""
    return not first & 1


def _is_vp9_key(first: int) -> bool:
    """VP9 bitstream specification 6.2: neither show_existing_frame nor frame_type is set; profile 3 has a bit more."""
    shift = 1 if first & 0x30 == 0x30 else 2
    return not first >> shift & 3


_KEY_TESTS: Final = {"vp8": _is_vp8_key, "vp9": _is_vp9_key}
