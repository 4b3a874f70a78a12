"""Looking at a start before decoding from it, where nobody did at ingest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from reelbase.plugin import Flag
from reelbase_plugins.video.bitstream.packet_flags import PacketFlags
from reelbase_plugins.video.bitstream.parsers import make_parser

if TYPE_CHECKING:
    from reelbase.plugin import FrameIndex
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig


def is_start(recipe: DecoderConfig, number: int, packet: memoryview) -> bool:
    """Whether decoding can start at a packet that the container calls a key frame; at the first one it must."""
    if not number or not len(packet):
        return True
    return not make_parser(recipe.codec, recipe.extradata).parse(bytes(packet), key=True) & PacketFlags.NO_START


def without_start(index: FrameIndex, packet: int) -> FrameIndex:
    """The index, with that packet no start: what follows belongs to the start before."""
    later = index.raps[index.raps > packet]
    stop = int(later[0]) if len(later) else len(index.flags)
    flags = index.flags.copy()
    flags[packet] &= ~np.uint8(Flag.RAP | Flag.OPEN)
    flags[packet:stop] &= ~np.uint8(Flag.LEADING)
    return replace(index, flags=flags)
