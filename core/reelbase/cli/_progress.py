"""Progress bars on stderr. Without tqdm, or where stderr is not a terminal, nothing is drawn."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(total: int, unit: str, what: str) -> Iterator[Callable[[int], object]]:
    """A function that moves the bar on.

    Args:
        total: Units in all.
        unit: Such as "B", which is shown with prefixes.
        what: Stands before the bar.
    """
    with _bar(total, unit, what) as bar:
        yield (lambda _: None) if bar is None else bar.update


@contextmanager
def transfer(what: str) -> Iterator[Transfer]:
    """A bar of bytes, for work that says how much it is as it goes on."""
    with _bar(None, "B", what) as bar:
        yield Transfer(bar)


class Transfer:
    """To be called with the bytes done and the bytes in all.

    Attributes:
        total: The bytes in all, as last told.
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
def _bar(total: int | None, unit: str, what: str) -> Iterator[Any]:
    if find_spec("tqdm") is None:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, unit_scale=unit == "B", desc=what, disable=None) as bar:
        yield bar
