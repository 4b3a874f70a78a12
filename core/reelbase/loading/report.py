"""What happened in an epoch: clips, videos that could not be read, and who waited for whom."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

_MAX_KEPT: Final = 1000  #: failures that are kept with their reasons; all are counted


@dataclass(frozen=True)
class Failure:
    """A clip that could not be read.

    Attributes:
        row: Row of the video.
        reason: Why: the first line of the error.
        substitute: Row of the video that took its place; None if it was left out.
    """

    row: int
    reason: str
    substitute: int | None = None


@dataclass
class Report:
    """Counts of one epoch, up to now. ``print(loader.report())`` shows them in words.

    Attributes:
        clips: Clips that were given out.
        batches: Batches that were given out.
        failed: Clips that could not be read.
        failures: The first of these, with row and reason.
        bytes_read: Bytes of packets that were fetched for clips.
        waited: Seconds that the caller waited for batches.
        elapsed: Seconds since the epoch began.
    """

    clips: int = 0
    batches: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    bytes_read: int = 0
    waited: float = 0.0
    elapsed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add_failure(self, failure: Failure) -> int:
        """Count a clip that could not be read. Returns how many there are now."""
        with self._lock:
            self.failed += 1
            if len(self.failures) < _MAX_KEPT:
                self.failures.append(failure)
            return self.failed

    def __str__(self) -> str:
        share = self.waited / self.elapsed if self.elapsed else 0.0
        lines = [
            f"{self.clips} clips in {self.batches} batches, {self.elapsed:.1f} s; {self.bytes_read / 1e6:.1f} MB read.",
            f"Your code waited {share:.0%} of the time for batches.",
        ]
        lines += [f"{self.failed} clips could not be read:"] if self.failed else []
        lines += [f"  {_describe(failure)}" for failure in self.failures[:10]]
        return "\n".join(lines)


def _describe(failure: Failure) -> str:
    instead = "left out" if failure.substitute is None else f"row {failure.substitute} in its place"
    return f"row {failure.row} ({instead}): {failure.reason}"
