"""What sets container formats apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What sets a container format apart.

    Attributes:
        demuxer: FFmpeg's name.
        repack: Its packets never are in one piece in the file.
        timed: It stores a presentation time for every frame.
        single_start: Only the first packet is a start.
    """

    demuxer: str
    repack: bool = False
    timed: bool = False
    single_start: bool = False
