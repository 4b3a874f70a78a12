"""Named versions, branches that part and meet, tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from places import Place
from story import Story

VERSIONS = Story("versions")


@VERSIONS.step()
def create_tensors(ds: Any) -> None:
    with ds:
        ds.create_tensor("id", dtype="int64")
        ds.create_tensor("text", htype="text")


@VERSIONS.step()
def extend(ds: Any) -> None:
    ds.extend({"id": [0, 1, 2], "text": ["zero", "one", None]})


@VERSIONS.step()
def append_several(ds: Any) -> Iterator[None]:
    ds["id"].append(3)
    yield
    ds["text"].append("three")


@VERSIONS.step()
def name_a_version(ds: Any) -> None:
    ds.commit("four rows")


@VERSIONS.step(in_parts=True)
def tag(ds: Any) -> None:
    ds.history.tag("v1")


@VERSIONS.step(in_parts=True)
def create_branch(ds: Any) -> None:
    ds.history.create_branch("work")


@VERSIONS.at_place()
def write_on_the_branch(place: Place) -> Iterator[None]:
    place.ds.checkout("work")
    yield
    place.ds.append({"id": 10, "text": "of the branch"})
    yield
    place.ds["text"][1] = "changed on the branch"


@VERSIONS.at_place()
def transaction_on_the_branch(place: Place) -> Iterator[None]:
    place.ds.checkout("work")
    yield
    with place.ds as ds:
        ds.extend({"id": [11, 12], "text": ["eleven", None]})
        ds.info["branch"] = "work"


@VERSIONS.step("tensor")  # `append` wants a value for every tensor
def write_on_main(ds: Any) -> Iterator[None]:
    ds.append({"id": 20, "text": "of main"})
    yield
    ds["id"][3] = 30


@VERSIONS.step()
def merge(ds: Any) -> None:
    ds.merge("work")


@VERSIONS.at_place()
def go_on_on_the_branch(place: Place) -> Iterator[None]:
    place.ds.checkout("work")
    yield
    place.ds.append({"id": 13, "text": "after the merge"})


@VERSIONS.step()
def merge_again(ds: Any) -> None:
    ds.merge("work")


@VERSIONS.step("all")
def revert(ds: Any) -> None:
    ds.history.revert("v1")


@VERSIONS.step()
def append_after_it(ds: Any) -> None:
    ds.append({"id": 50, "text": "after the revert"})


@VERSIONS.step(in_parts=True)
def tag_again(ds: Any) -> None:
    ds.history.tag("v2")


@VERSIONS.step(in_parts=True, deletes=True)
def remove_a_tag(ds: Any) -> None:
    ds.history.untag("v1")
