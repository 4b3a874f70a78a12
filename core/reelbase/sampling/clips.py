"""Clips: how many frames, how far apart, where in a video."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, fields
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import SampleIndexError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reelbase.sampling.timeline import Ints, Lengths, Timeline

_MAX_DENOMINATOR: Final = 1_000_000  #: of the fraction that a float is taken to stand for
_PLACES: Final = ("random", "uniform", "all", "keyframes")
_PADS: Final = ("repeat_last", "wrap", "zeros", "error", "skip")


@dataclass(frozen=True, eq=False)
class CutClip:
    """The frames of one clip.

    Attributes:
        frames: int64 ``(F,)``: frame numbers.
        is_pad: bool ``(F,)``: True where the video has no frame and `frames` holds a stand-in.
    """

    frames: NDArray[np.int64]
    is_pad: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Which clips are cut from each video.

    A clip is `frames` frames: every `stride`-th one, or, with `fps` or `seconds`, those that are shown at equal steps
    of time, whatever the rate of the video.

    Args:
        frames: Number of frames of a clip.
        stride: Take every stride-th frame.
        fps: Frames per second of the clip, in place of `stride`. Of each video the frames are taken that are shown at
            0, 1/fps, 2/fps … seconds after its first; frames of slower videos repeat.
        seconds: Duration of the clip, in place of `stride`: the same as ``fps=frames / seconds``.
        per_video: Number of clips of each video in an epoch; for ``at="all"`` it follows from the length.
        at: Where the clips begin:

            - "random": anywhere that the clip fits, drawn again in each epoch.
            - "uniform": the same places each time, in the middle of `per_video` equal parts.
            - "all": one after another, every `step` frames, until the last frame is in a clip.
            - "keyframes": at random among the frames that decoding can start at, which is the cheapest.
        step: For ``at="all"``: frames from the start of a clip to that of the next, in the video's own frames, or with
            `fps` in those of the clip. None means that clips follow each other without overlap.
        pad: What is shown in place of frames after the end of the video:

            - "repeat_last": the last frame.
            - "wrap": the frames from the beginning.
            - "zeros": black frames.
            - "error": nothing: a clip that does not fit is an error.
            - "skip": nothing: clips that do not fit are left out.

            Batches say which frames are stand-ins, in ``is_pad``.
        together: Keep the `per_video` clips of a video next to each other in the order, so that they come in one batch
            and what they share is decoded once.

    Raises:
        UsageError: a value is not valid, or two exclude each other.
    """

    frames: int
    stride: int = 1
    fps: float | Fraction | None = None
    seconds: float | Fraction | None = None
    per_video: int = 1
    at: str = "random"
    step: int | None = None
    pad: str = "repeat_last"
    together: bool = False

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "per_video"):
            object.__setattr__(self, name, _check_count(name, getattr(self, name)))
        if self.step is not None:
            object.__setattr__(self, "step", _check_count("step", self.step))
        for name in ("fps", "seconds"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _check_rate(name, getattr(self, name)))
        _check_choice("at", self.at, _PLACES)
        _check_choice("pad", self.pad, _PADS)
        self._check_together()

    def _check_together(self) -> None:
        rates = [name for name in ("fps", "seconds") if getattr(self, name) is not None]
        if self.stride != 1:
            rates.append("stride")
        if len(rates) > 1:
            raise UsageError(f"{rates[0]} and {rates[1]} both say how far apart frames are.", "Pass one of them.")
        if self.step is not None and self.at != "all":
            raise UsageError(f"step={self.step} needs at='all'; it is at={self.at!r}.", "Leave it out, or per_video=.")
        if self.at == "all" and self.per_video != 1:
            raise UsageError(
                f"per_video={self.per_video} cannot be kept with at='all'.", "Pass step=, or at='uniform'."
            )
        if self.at == "keyframes" and self.rate is not None:
            raise UsageError("at='keyframes' counts frames, not seconds.", "Pass stride= in place of fps= or seconds=.")

    @property
    def rate(self) -> Fraction | None:
        """Frames per second, exactly; None if frames are counted."""
        if self.seconds is not None:
            return self.frames / Fraction(self.seconds)
        return None if self.fps is None else Fraction(self.fps)

    @property
    def span(self) -> int:
        """Number of frames from the first to the last of a clip: of the video, or of the clip if it has a rate."""
        return (self.frames - 1) * self.stride + 1

    def count(self, lengths: Lengths) -> NDArray[np.int64]:
        """Return the number of clips of each video: int64 ``(videos,)``.

        Raises:
            UsageError: with ``pad="error"``, a video is shorter than a clip.
        """
        slots = self._count_slots(lengths)
        self._refuse_short(slots)
        if self.at == "all":
            step = self.step or self.span
            whole, partial = np.divmod(np.maximum(slots - self.span, 0), step)
            # The last clip is the first that reaches the last frame; with gaps between clips it may begin before it.
            found = 1 + (whole if self.pad == "skip" else np.minimum(whole + (partial > 0), (slots - 1) // step))
        else:
            found = np.full(len(slots), self.per_video, np.int64)
        is_possible = slots >= (self.span if self.pad == "skip" else 1)
        return np.where(is_possible, found, 0).astype(np.int64)

    def cut(self, timeline: Timeline, number: int, draw: float) -> CutClip:
        """Return the frames of one clip of a video.

        Args:
            timeline: The video's frames.
            number: Which of the video's clips.
            draw: A random number in [0, 1), for places that are drawn.

        Raises:
            SampleIndexError: the video has no frames; or the clip does not fit and `pad` says that this is an error;
                or frames are chosen by time and the times of the video go back.
        """
        slots = len(timeline.times) if self.rate is None else _count_steps(timeline, self.rate)
        if not slots:
            raise SampleIndexError(
                "No clip can be cut: the video has no frames.", "Remove the row, or on_error='skip'."
            )
        places = self._find_start(timeline, slots, number, draw) + np.arange(self.frames) * self.stride
        is_pad = places >= slots
        if is_pad.any() and self.pad in ("error", "skip"):
            raise SampleIndexError(
                f"A clip of {self.span} frames does not fit: it begins at frame {places[0]} of {slots}.",
                "Pass shorter clips, or pad='repeat_last'.",
            )
        places = places % slots if self.pad == "wrap" else np.minimum(places, slots - 1)
        return CutClip(places if self.rate is None else _find_shown(timeline, self.rate, places), is_pad)

    def _find_start(self, timeline: Timeline, slots: int, number: int, draw: float) -> int:
        room = max(1, slots - self.span + 1)
        if self.at == "random":
            return int(draw * room)
        if self.at == "uniform":
            return room * (2 * number + 1) // (2 * self.per_video)
        if self.at == "all":
            return number * (self.step or self.span)
        entries = timeline.entry_frames
        fitting = entries[entries < room]
        chosen = fitting if len(fitting) else entries[:1]
        return int(chosen[int(draw * len(chosen))]) if len(chosen) else 0

    def _count_slots(self, lengths: Lengths) -> Ints:
        """Return how many places for frames each video has: its frames, or the steps of time in it."""
        if self.rate is None:
            return lengths.frames
        if lengths.seconds is None:
            raise UsageError("Clips by fps need the durations of the videos.", "Pass Lengths(frames, seconds).")
        steps = [max(0, math.ceil(seconds * self.rate)) for seconds in lengths.seconds]
        return np.where(lengths.frames > 0, np.array(steps, np.int64), 0)

    def _refuse_short(self, slots: Ints) -> None:
        short = np.flatnonzero((slots > 0) & (slots < self.span))
        if self.pad == "error" and len(short):
            raise UsageError(
                f"{len(short)} videos are shorter than a clip of {self.span} frames: the first is row {short[0]}, with"
                f" {slots[short[0]]}.",
                "Pass pad='repeat_last', 'wrap', 'zeros' or 'skip'.",
            )

    def describe(self) -> dict[str, Any]:
        """Return the settings as JSON values, to compare plans by."""
        return {field.name: _to_json(getattr(self, field.name)) for field in fields(self)}


def _count_steps(timeline: Timeline, rate: Fraction) -> int:
    """Return how many multiples of ``1 / rate`` seconds there are from the first frame until the end of the last."""
    if not len(timeline.times):
        return 0
    if (np.diff(timeline.times) < 0).any():
        raise SampleIndexError("The times of this video go back: no clip can be cut by time.", "Pass stride=.")
    return max(0, math.ceil((timeline.end - int(timeline.times[0])) * timeline.time_base * rate))


def _find_shown(timeline: Timeline, rate: Fraction, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the frames that are shown ``places / rate`` seconds after the first one."""
    ticks = 1 / (rate * timeline.time_base)
    # Frames begin at whole ticks: the frame that is shown at a time is the one that is shown at the tick before it.
    wanted = [int(timeline.times[0]) + math.floor(place * ticks) for place in places.tolist()]
    return np.searchsorted(timeline.times, np.array(wanted, np.int64), side="right") - 1


def _check_count(name: str, value: object) -> int:
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if number < 1:
        raise UsageError(f"{name}={value!r} is not a number of frames or clips.", "Pass a positive int.")
    return number


def _check_rate(name: str, value: Any) -> Fraction:
    item: Any = value.item() if isinstance(value, np.generic) else value
    if isinstance(item, bool) or not isinstance(item, Real) or not math.isfinite(item) or item <= 0:
        raise UsageError(f"{name}={value!r} is not a positive number.", "Pass an int, float or Fraction.")
    exact: Fraction = Fraction(item)  # type: ignore[call-overload]
    # 30000 / 1001 as a float is a little off, and a little early would be the frame before.
    simple = exact.limit_denominator(_MAX_DENOMINATOR)
    return simple if float(simple) == float(item) else exact


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name}={value!r} is not known.", f"Choose one of: {', '.join(map(repr, choices))}.")


def _to_json(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value
