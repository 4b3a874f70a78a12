"""Upkeep: small chunks are laid together, and what old versions alone needed is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from story import Story

UPKEEP = Story("upkeep")


@UPKEEP.step()
def create_tensors(ds: Any) -> None:
    with ds:
        ds.create_tensor("id", dtype="int64")
        ds.create_tensor("text", htype="text")
        ds.extend({"id": [0, 1, 2], "text": ["zero", "one", None]})


@UPKEEP.step()
def append_and_replace(ds: Any) -> Iterator[None]:
    ds["id"].append(3)
    yield
    ds["text"][0] = "nought"


@UPKEEP.step(in_parts=True)
def tag(ds: Any) -> None:
    ds.history.tag("v1")


@UPKEEP.step(in_parts=True)
def branch(ds: Any) -> None:
    ds.history.create_branch("work")


@UPKEEP.step()
def append(ds: Any) -> None:
    ds.append({"id": 4, "text": "four"})


@UPKEEP.step()
def compact(ds: Any) -> None:
    ds.maintenance.compact()


@UPKEEP.step()
def expire(ds: Any) -> None:
    ds.maintenance.expire(keep=0)


@UPKEEP.step(deletes=True)
def collect_garbage(ds: Any) -> None:
    ds.maintenance.gc(timedelta(0))


@UPKEEP.step()
def append_to_what_is_left(ds: Any) -> None:
    ds["id"].append(5)
