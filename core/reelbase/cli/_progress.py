"""Progress on stderr: a bar on a terminal, lines elsewhere (a log file, a job of CI) and without tqdm."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from reelbase.cli._output import format_size, say

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_BETWEEN_LINES: Final = 10.0


@contextmanager
def transfer(what: str, *, says_little: bool = True) -> Iterator[Transfer]:
    """Show the progress of work on bytes whose total is only known while it runs.

    Args:
        what: Text in front of the bar.
        says_little: Without a bar, write nothing about work that takes less than ten seconds.
    """
    with _open_bar(what, says_little=says_little) as bar:
        yield Transfer(bar)


class Transfer:
    """A progress callback: called with the bytes done and the total bytes.

    Attributes:
        total: The total of the last call.
    """

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._done = 0
        self.total = 0

    def __call__(self, done: int, total: int) -> None:
        self.total = self._bar.total = total
        self._bar.update(done - self._done)
        self._done = done


class Lines:
    """In place of a bar: a line every ten seconds, and one at the end.

    Args:
        what: Text in front of each line.
        says_little: Write nothing about work that takes less than ten seconds; else write a line at once.

    Attributes:
        total: Number of bytes of the whole work.
    """

    def __init__(self, what: str, *, says_little: bool) -> None:
        self.total = 0
        self._what = what
        self._done = 0
        self._says_end = not says_little
        self._shown_at = time.monotonic() if says_little else float("-inf")

    def update(self, done: int) -> None:
        """Note that more bytes are done."""
        self._done += done
        now = time.monotonic()
        ended = self._says_end and self._done >= self.total
        if now - self._shown_at >= SECONDS_BETWEEN_LINES or ended:
            self._shown_at, self._says_end = now, True
            say(f"{self._what}: {format_size(self._done)} of {format_size(self.total)}")


@contextmanager
def _open_bar(what: str, *, says_little: bool) -> Iterator[Any]:
    if not sys.stderr.isatty() or find_spec("tqdm") is None:
        yield Lines(what, says_little=says_little)
        return
    from tqdm.auto import tqdm  # optional, so imported only here

    with tqdm(total=None, unit="B", unit_scale=True, desc=what) as bar:
        yield bar
