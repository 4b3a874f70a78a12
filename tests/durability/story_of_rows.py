"""Rows of many kinds, alone, together and in transactions; metadata; names; media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from media import clip
from places import Place
from story import Story

ROWS = Story("rows")


def picture(shade: int) -> Any:
    """A small picture."""
    return np.full((2, 3, 3), shade, np.uint8)


def row(number: int) -> dict[str, Any]:
    """A value for every tensor there is in the middle of the history."""
    return {
        "id": number,
        "text": f"row {number}",
        "meta": {"n": number, "of": [1, 2]},
        "label": "cat" if number % 2 else "dog",
        "pair": [number, 0.5],
        "spare": None,
    }


@ROWS.step()
def create_tensor(ds: Any) -> None:
    ds.create_tensor("id", dtype="int64")


@ROWS.step()
def extend_one(ds: Any) -> None:
    ds["id"].extend([0, 1, 2])


@ROWS.step()
def create_tensors_one_by_one(ds: Any) -> Iterator[None]:
    ds.create_tensor("text", htype="text")
    yield
    ds.create_tensor("meta", htype="json")


@ROWS.step()
def create_tensors_at_once(ds: Any) -> None:
    with ds:
        ds.create_tensor("label", htype="class_label", class_names=["cat", "dog"])
        ds.create_tensor("pair")
        ds.create_tensor("spare", htype="text")


# Adding rows


@ROWS.step()
def append_text(ds: Any) -> None:
    ds["text"].append("first")


@ROWS.step()
def append_nothing(ds: Any) -> None:
    ds["meta"].append(None)


@ROWS.step()
def fix_a_dtype(ds: Any) -> None:
    ds["pair"].append([1.5, 2.5])


@ROWS.step()
def append_a_row(ds: Any) -> None:
    ds.append(row(3))


@ROWS.step()
def extend_rows(ds: Any) -> None:
    rows = [row(number) for number in (4, 5)]
    ds.extend({name: [one[name] for one in rows] for name in rows[0]})


@ROWS.step("tensor")  # `append` wants a value for every tensor
def several_writes_of_one_writer(ds: Any) -> Iterator[None]:
    ds["spare"].append("x")
    yield
    ds.append(row(6))
    yield
    ds["spare"].extend(["y", "z"])


@ROWS.step()
def reread(ds: Any) -> Iterator[None]:
    ds.refresh()
    yield
    ds["meta"].append([None])


@ROWS.at_place()
def reopen(place: Place) -> Iterator[None]:
    place.load()
    yield
    place.ds["meta"].append("after opening")


# Transactions


@ROWS.step()
def transaction(ds: Any) -> None:
    with ds:
        ds["id"].append(7)
        ds["text"].append("one")
        ds["text"].append("two")
        ds.append(row(8))
        ds.info["rows"] = 8


@ROWS.step()
def transaction_with_a_new_tensor(ds: Any) -> None:
    with ds:
        ds.create_tensor("extra", dtype="float32")
        ds["extra"].extend([[0.5], [1.5]])
        ds["extra"].info["unit"] = "m"
        ds["label"].append("dog")


@ROWS.step("id[0]")
def transaction_that_edits_what_it_appends(ds: Any) -> None:
    with ds:
        ds["id"].extend([50, 51, 52])  # where another writer's rows may come before them
        end = len(ds["id"])
        ds["id"][end - 2] = 510
        ds["id"].pop(end - 1)
        ds["id"][0] = 100


@ROWS.step()
def transaction_that_fails(ds: Any) -> Iterator[None]:
    try:
        with ds:
            ds["id"].append(-1)
            ds["spare"].clear()
            raise ZeroDivisionError  # noqa: TRY301
    except ZeroDivisionError:
        pass
    yield
    ds["spare"].append("after it")


# Metadata


@ROWS.step()
def set_info(ds: Any) -> None:
    ds.info["license"] = "CC BY"


@ROWS.step()
def update_info(ds: Any) -> None:
    ds.info.update({"license": None, "people": ["a", "b"]})


@ROWS.step()
def delete_info(ds: Any) -> None:
    del ds.info["license"]


@ROWS.step()
def tensor_info(ds: Any) -> None:
    ds["text"].info["language"] = "en"


@ROWS.step()
def large_info(ds: Any) -> None:
    ds.info["large"] = [f"word {number} of many" for number in range(200)]  # moves the schema to an object of its own


# Changing rows


@ROWS.step("id[0]")
def update_a_cell(ds: Any) -> None:
    ds["id"][0] = 10


@ROWS.step()
def update_other_cells(ds: Any) -> Iterator[None]:
    ds["text"][1] = "changed"
    yield
    ds["meta"][0] = {"was": None}
    yield
    ds["text"][1] = None


@ROWS.step()
def pop_in_the_middle(ds: Any) -> None:
    ds["id"].pop(2)


@ROWS.step()
def pop_the_last(ds: Any) -> None:
    ds["text"].pop(10)


@ROWS.step()
def clear(ds: Any) -> Iterator[None]:
    ds["spare"].clear()
    yield
    ds["spare"].append("anew")


@ROWS.step()
def rename(ds: Any) -> Iterator[None]:
    ds.rename_tensor("spare", "notes")
    yield
    ds["notes"].append("renamed")


# Media


@ROWS.step()
def create_media_tensors(ds: Any) -> None:
    with ds:
        ds.create_tensor("picture", sample_compression="png")
        ds.create_tensor("video", htype="video")


@ROWS.step()
def append_pictures(ds: Any) -> Iterator[None]:
    ds["picture"].append(picture(7))
    yield
    ds["picture"].extend([picture(8), None])
    yield
    ds["picture"][0] = picture(9)


@ROWS.step()
def append_a_video(ds: Any) -> None:
    ds["video"].append(clip())


@ROWS.step()
def replace_a_video(ds: Any) -> None:
    with ds:
        ds["video"][0] = clip()
        ds["text"].append("of it")


@ROWS.step()
def delete_media(ds: Any) -> None:
    with ds:
        ds.delete_tensor("video")
        ds.delete_tensor("picture")


@ROWS.step()
def many_small_rows_at_once(ds: Any) -> None:
    with ds:
        for number in range(12):
            ds["notes"].append(f"note {number}" if number % 3 else None)
            ds["label"].extend(["cat"] * (number % 2))


@ROWS.at_place()
def reopen_at_the_end(place: Place) -> Iterator[None]:
    place.load()
    yield
    place.ds["id"].append(5000)


@ROWS.at_place("all")
def start_anew(place: Place) -> Iterator[None]:
    place.empty(overwrite=True)
    yield
    place.ds.create_tensor("id", dtype="int64")
