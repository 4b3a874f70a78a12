"""The properties in which container formats differ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The properties in which a container format differs from others.

    Attributes:
        demuxer: FFmpeg's name of the demuxer.
        repack: Packets are stored in pieces, so that they are always copied to a stream of their own.
        timed: The format stores a presentation time for every frame.
        clock_bits: Bits of the clock, which starts again from 0 when it has run over; None if it never does. Formats
            with such a clock store decoding times too.
        decoding_times: The format stores decoding times only. FFmpeg derives presentation times from them that are a
            frame late for codecs that may reorder frames; the sorted decoding times are used instead.
        single_start: Decoding can start at the first packet only, whatever the container marks.
        assumed_rate: The format stores no times at all: frames are spaced evenly, at the rate that the codec's own
            headers state or 25 per second.
    """

    demuxer: str
    repack: bool = False
    timed: bool = False
    clock_bits: int | None = None
    decoding_times: bool = False
    single_start: bool = False
    assumed_rate: bool = False
