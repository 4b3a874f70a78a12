"""Progress bars on stderr. Nothing is shown without tqdm, or if stderr is not a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(total: int, unit: str, what: str) -> Iterator[Callable[[int], object]]:
    """Show a progress bar, and yield the function that advances it by a number of units.

    Args:
        total: Total number of units.
        unit: Name of the unit; "B" is shown with prefixes, as in MB.
        what: Text in front of the bar.
    """
    with _open_bar(total, unit, what) as bar:
        yield (lambda _: None) if bar is None else bar.update


@contextmanager
def transfer(what: str) -> Iterator[Transfer]:
    """Show a progress bar of bytes for work whose total is only known while it runs.

    Args:
        what: Text in front of the bar.
    """
    with _open_bar(None, "B", what) as bar:
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
        self.total = total
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._done)
        self._done = done


@contextmanager
def _open_bar(total: int | None, unit: str, what: str) -> Iterator[Any]:
    if find_spec("tqdm") is None:
        yield None
        return
    from tqdm.auto import tqdm  # optional, so imported only here

    # disable=None: no bar if stderr is not a terminal

    with tqdm(total=total, unit=unit, unit_scale=unit == "B", desc=what, disable=None) as bar:
        yield bar
