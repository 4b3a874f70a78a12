"""A progress bar on stderr."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(total: int, unit: str, what: str) -> Iterator[Callable[[int], object]]:
    """A function that moves the bar on; without tqdm, or where stderr is no terminal, nothing is drawn.

    Args:
        total: Units in all.
        unit: Such as "B", which is shown with prefixes.
        what: Stands before the bar.
    """
    if find_spec("tqdm") is None:
        yield lambda _: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, unit_scale=unit == "B", desc=what, disable=None) as bar:
        yield bar.update
