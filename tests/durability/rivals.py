"""Other writers: what comes in between while a step is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from places import Place


@dataclass(frozen=True)
class Rival:
    """Another writer.

    Attributes:
        name: What it does.
        run: Does it, on a dataset just opened or on a model.
        meets: A step that meets the same cannot be done after it; other steps must be.
        possible: Whether it can be done there.
    """

    name: str
    run: Callable[[Place], None]
    meets: str
    possible: Callable[[Place], bool]

    def act(self, place: Place) -> None:
        """Do it, if it can be done."""
        if self.possible(place):
            self.run(place)


def _has_rows(place: Place) -> bool:
    return place.ds is not None and "id" in place.ds and len(place.ds["id"]) > 0


def _append(place: Place) -> None:
    ds: Any = place.ds
    with ds:
        ds["id"].append(-7)
        if "text" in ds:
            ds["text"].append("theirs")


def _append_three(place: Place) -> None:
    for _ in range(3):
        place.ds["id"].append(-8)


def _update(place: Place) -> None:
    place.ds["id"][0] = -9


def _create(place: Place) -> None:
    place.ds.create_tensor("rival")


def _set_info(place: Place) -> None:
    place.ds.info["rival"] = True


def _make(place: Place) -> None:
    place.empty()


RIVALS = (
    Rival("appends rows", _append, "rows", _has_rows),
    Rival("makes three commits", _append_three, "rows", _has_rows),
    Rival("replaces a cell", _update, "id[0]", _has_rows),
    Rival("creates a tensor", _create, "tensor", lambda place: place.ds is not None),
    Rival("writes metadata", _set_info, "info", lambda place: place.ds is not None),
    Rival("makes the dataset", _make, "dataset", lambda place: place.ds is None),
)
