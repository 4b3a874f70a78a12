"""Objects with locks across a fork: another thread may hold a lock then, and the child would wait for it for ever.

Systems without fork (Windows) need none of this, and have no `os.register_at_fork`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable


class Forkable(Protocol):
    """Something that can be made usable again in a forked child."""

    def _reset_after_fork(self) -> None:
        """Put new locks in place, and drop what only the parent may use."""


_held: WeakSet[Forkable] = WeakSet()


def reset_after_fork(forkable: Forkable) -> None:
    """Call the object's `_reset_after_fork` in every child that is forked while the object lives."""
    _held.add(forkable)


def call_after_fork(callback: Callable[[], object]) -> None:
    """Call `callback` in every forked child; never, on systems without fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


def _reset_all() -> None:
    for forkable in list(_held):
        forkable._reset_after_fork()


call_after_fork(_reset_all)
