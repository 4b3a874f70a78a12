"""Checks of key frames at which decoding is to start, for videos whose packets were not read at ingest."""

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


def is_start(config: DecoderConfig, number: int, packet: memoryview) -> bool:
    """Return True if decoding can start at a packet that the container marks as a key frame.

    The first packet is always a start: nothing is before it. Others are parsed, because intra refresh marks many
    packets as key frames that are not.
    """
    if not number or not len(packet):
        return True
    return not make_parser(config.codec, config.extradata).parse(bytes(packet), key=True) & PacketFlags.NO_START


def remove_start(index: FrameIndex, packet: int) -> FrameIndex:
    """Return the index with `packet` no longer a start: the packets after it belong to the start before."""
    later = index.raps[index.raps > packet]
    stop = int(later[0]) if len(later) else len(index.flags)
    flags = index.flags.copy()
    flags[packet] &= ~np.uint8(Flag.RAP | Flag.OPEN)
    flags[packet:stop] &= ~np.uint8(Flag.LEADING)
    return replace(index, flags=flags)
