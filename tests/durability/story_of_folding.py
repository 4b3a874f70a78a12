"""A series of numbers that is appended to, changed and deleted from until the index is folded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from story import Story

FOLDING = Story("folding")
SINGLE_APPENDS = 36  # with more than 32 entries the index is folded


@FOLDING.step()
def create_tensor(ds: Any) -> None:
    ds.create_tensor("id", dtype="int64")


@FOLDING.step()
def extend_one(ds: Any) -> None:
    ds["id"].extend([0, 1, 2])


@FOLDING.step()
def create_a_series(ds: Any) -> None:
    ds.create_tensor("series", dtype="int64")


def append_one(number: int, ds: Any) -> None:
    ds["series"].append(1000 + number)


for _number in range(SINGLE_APPENDS):
    _append = partial(append_one, _number)
    _append.__name__ = f"append_{_number}"  # type: ignore[attr-defined]
    FOLDING.step()(_append)


@FOLDING.step()
def replace_many(ds: Any) -> None:
    with ds:
        for number in range(SINGLE_APPENDS):
            ds["series"][number] = 2000 + number


@FOLDING.step()
def replace_one_more(ds: Any) -> Iterator[None]:
    ds["series"][3] = 3000
    yield
    ds["series"][0] = 3001


@FOLDING.step()
def extend_many(ds: Any) -> None:
    ds["series"].extend(range(6000, 6030))


@FOLDING.step()
def delete_many(ds: Any) -> None:
    with ds:
        for number in range(1, 34):
            ds["series"].pop(number)


@FOLDING.step()
def delete_one_more(ds: Any) -> Iterator[None]:
    ds["series"].pop(1)
    yield
    ds["series"].append(4000)
    yield
    ds["series"].pop(32)


@FOLDING.step()
def delete_tensor(ds: Any) -> None:
    ds.delete_tensor("series")
