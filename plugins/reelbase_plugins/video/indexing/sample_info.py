"""The description of a video that ``sample_info`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.plugin import Flag
from reelbase_plugins.video.indexing.frame_times import describe_times

if TYPE_CHECKING:
    from reelbase.plugin import FrameIndex
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
    from reelbase_plugins.video.demux.packets import Table
    from reelbase_plugins.video.indexing.build import StreamFacts
    from reelbase_plugins.video.indexing.verify_index import Witness

# Names of AVColorSpace and AVColorRange (ISO/IEC 23091-2 "matrix coefficients") that are in use.
_COLOR_SPACES: Final = {
    0: "rgb", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp", 15: "ipt-c2",
    16: "ycgco-re", 17: "ycgco-ro",
}  # fmt: skip
_COLOR_RANGES: Final = {1: "limited", 2: "full"}


def describe(
    index: FrameIndex,
    config: DecoderConfig,
    facts: StreamFacts,
    table: Table,
    *,
    witness: Witness | None,
    checked: str,
) -> dict[str, Any]:
    """Return the description of a video, with values that JSON can hold. `make_info` brings the keys into order.

    ``duration`` is in units of ``timebase`` seconds, from the start of the first frame to the end of the last. ``fps``
    is the average of it; ``declared_fps`` is what the container states.
    """
    duration = max(index.end, int(index.times.max())) - int(index.times.min())
    seconds = duration * index.time_base
    described = {
        "duration": duration,
        "fps": float(len(index) / seconds) if seconds else 0.0,
        "timebase": float(index.time_base),
        "codec": config.codec,
        "profile": config.profile,
        "pix_fmt": facts.pix_fmt,
        "bits": facts.bits,
        "alpha": facts.has_alpha,
        "rotation": facts.angle,
        "flipped": bool(config.turn[1]) != bool(config.turn[2])
        if not config.turn[0]
        else config.turn[1] == config.turn[2],
        **describe_times(table, index, facts),
        "variable_rate": has_variable_rate(index),
        "has_audio": facts.has_audio,
        "time_base": f"{index.time_base.numerator}/{index.time_base.denominator}",
        "start_time": float(index.times[0] * index.time_base),
        "stream": facts.number,
        "sample_aspect_ratio": str(facts.aspect) if facts.aspect else None,
        "color_space": _COLOR_SPACES.get(facts.colorspace),
        "color_range": _COLOR_RANGES.get(facts.color_range),
        "interlaced": facts.interlaced,
        "packets": len(table),
        "key_frames": int(((index.flags & Flag.KEY) != 0).sum()),
        "trust": index.trust.name.lower(),
        "checked": checked,
    }
    if facts.is_assumed:
        described["times"] = f"assumed: {float(facts.rate or 25):g} frames per second, as the file stores no times"
    if facts.approximate_colorspace is not None:
        described["color_approximated_as"] = _COLOR_SPACES[facts.approximate_colorspace]
    return described | _describe_damage(table, witness)


def _describe_damage(table: Table, witness: Witness | None) -> dict[str, Any]:
    """Describe damage; the keys are left out if there is none."""
    damage: dict[str, Any] = {}
    damaged = table.corrupt + (witness.damaged if witness is not None else 0)
    if damaged:
        damage["damaged"] = damaged
    if witness is not None and witness.sizes > 1:
        damage["frame_sizes"] = witness.sizes
    if table.error is not None:
        damage["damaged"] = damaged + 1
        damage["stopped_by"] = table.error
    return damage


def has_variable_rate(index: FrameIndex) -> bool:
    """Return True if frame times differ from an even grid by more than rounding to the time base explains."""
    times = index.times - index.times[:1]  # float64 has no fractions of times since 1970 in nanoseconds
    if len(times) < 3:
        return False
    even = times[-1] * np.arange(len(times)) / (len(times) - 1)
    step = abs(float(times[-1])) / (len(times) - 1)
    return bool(np.abs(times - even).max() > max(1.5, 0.1 * step))
