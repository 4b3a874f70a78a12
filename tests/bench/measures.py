"""What is measured of reading, and what was hoped for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from worker import Task

SMALL: Final = (224, 224)
COLD: Final = "new process + 1 frame"


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        name: Name of the row.
        task: What is done in one repetition; random, so that caches that remember frames do not help.
        calls: By which the time is divided for the column of ours.
    """

    name: str
    task: Task
    calls: int = 1


#: Ours / the fastest peer, at most: of H.264 and HEVC, and of VP9 and AV1.
GOALS: Final = {
    "open + 1 frame": (0.6, 0.8),
    "random frame": (0.75, 1.0),
    "16-frame clip": (0.75, 1.0),
    "16-frame clip, stride 2": (0.75, 1.0),
    "16 frames, stride 5": (0.6, 0.9),
    "16 frames, stride 30": (0.6, 0.9),
    "walk in 16-frame clips": (0.9, 0.95),
    "full read": (0.9, 1.0),
    "16-frame clip, 224x224": (0.7, 0.9),
    "every 5th frame, 224x224": (0.7, 0.9),
}
HARD: Final = ("vp9", "av1")  # names of files for the second goal


def goal(row: str, video: str) -> float | None:
    """What was hoped for of a row of a video."""
    goals = GOALS.get(row)
    return goals and goals[video.startswith(HARD)]


def measures(count: int, random: np.random.Generator) -> list[Measure]:
    """The rows for a video of `count` frames, with other frames each time."""

    def starts(n: int, span: int) -> list[int]:
        return random.integers(0, max(1, count - span), n).tolist()

    def some(step: int, n: int) -> list[list[int]]:
        return [list(range(start, min(start + 16 * step, count), step)) for start in starts(n, 16 * step)]

    return [
        Measure("open + 1 frame", Task([[n] for n in starts(4, 1)], reopen=True), 4),
        Measure("random frame", Task([[n] for n in starts(6, 1)]), 6),
        Measure("16-frame clip", Task(some(1, 4)), 4),
        Measure("16-frame clip, stride 2", Task(some(2, 4)), 4),
        Measure("16 frames, stride 5", Task(some(5, 3)), 3),
        Measure("16 frames, stride 30", Task(some(30, 2)), 2),
        Measure("16 random frames at once", Task([sorted(random.permutation(count)[:16].tolist())])),
        Measure("walk in 16-frame clips", Task([list(range(n, n + 16)) for n in range(0, min(count, 320) - 15, 16)])),
        Measure("full read", Task(walk=True)),
        Measure("16-frame clip, 224x224", Task(some(1, 4), size=SMALL), 4),
        Measure("every 5th frame, 224x224", Task([list(range(0, count, 5))], size=SMALL)),
    ]
