"""Scripted histories: each step is a function that is run on a dataset and on a model of it.

A step is one acknowledged call, or several with a `yield` after each but the last. Rows are named by numbers that count
from the front, so that a step means the same when another writer's rows come before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from places import Place

Run = Callable[[Any], Iterator[None] | None]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: Of it.
        run: Does it, somewhere; yields after each acknowledged call but the last.
        meets: What it changes that another writer may change too, see `rivals`: then whoever comes second must give
            way. With "all", it may.
        in_parts: Whether it goes on after its effect stands, so that it may fail and yet be done.
        deletes: Whether it deletes, or overwrites, what was committed.
    """

    name: str
    run: Run
    meets: frozenset[str] = frozenset()
    in_parts: bool = False
    deletes: bool = False

    def acts(self, place: Place) -> Iterator[None]:
        """Run it: each turn of the iterator is one acknowledged call."""
        yield from self.run(place) or ()
        yield


class Story:
    """Steps in their order; the first makes a dataset.

    Args:
        name: Of it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        self.at_place("dataset", in_parts=True)(create)

    def at_place(self, *meets: str, **more: bool) -> Callable[[Run], None]:
        """Add a step that makes or opens datasets, or moves about in them: its function is given the place."""

        def add(run: Run) -> None:
            self.steps.append(Step(run.__name__, run, frozenset(meets), **more))

        return add

    def step(self, *meets: str, **more: bool) -> Callable[[Run], None]:
        """Add a step that works on an open dataset: its function is given that."""

        def add(run: Run) -> None:
            self.steps.append(Step(run.__name__, lambda place: run(place.ds), frozenset(meets), **more))

        return add

    def __getitem__(self, name: str) -> Step:
        return next(one for one in self.steps if one.name == name)


def create(place: Place) -> None:
    """A new dataset: it is made, then opened."""
    place.empty()
