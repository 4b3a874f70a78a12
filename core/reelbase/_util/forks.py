"""Objects with locks across a fork: another thread may hold one then, and the child would wait for ever."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something that can be made usable again in a forked child."""

    def _reset_after_fork(self) -> None:
        """Put new locks in place, and let go of what is only the parent's."""


_held: WeakSet[Forkable] = WeakSet()


def reset_after_fork(one: Forkable) -> None:
    """Have `one` renewed in every child that is forked while it lives."""
    _held.add(one)


def _reset_after_fork() -> None:
    for one in list(_held):
        one._reset_after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)
