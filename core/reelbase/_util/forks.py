"""Make objects with locks usable in a forked child.

Another thread of the parent may hold a lock at the moment of the fork. That thread does not exist in the child, which
would wait for the lock for ever. Systems without fork (Windows) need none of this, and have no `os.register_at_fork`.
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


_forkables: WeakSet[Forkable] = WeakSet()


def reset_after_fork(forkable: Forkable) -> None:
    """Call the object's `_reset_after_fork` in every child that is forked while the object lives."""
    _forkables.add(forkable)


def call_after_fork(callback: Callable[[], object]) -> None:
    """Call `callback` in every child that is forked from now on. Does nothing on systems without fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


def _reset_all() -> None:
    for forkable in list(_forkables):
        forkable._reset_after_fork()


call_after_fork(_reset_all)
