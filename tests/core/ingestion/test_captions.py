"""What viewers call a row: its labels and texts, or the name of its file; never an object of JSON."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ingest_files import Files

import reelbase
from reelbase.viewing.data_source import DatasetViewerSource


def captions(ds: reelbase.Dataset) -> list[str]:
    source: DatasetViewerSource = ds._viewer_source()
    return [card.title for card in source.rows("", 0, 100).rows]


def test_rows_that_were_ingested_have_the_names_of_their_files(ds: reelbase.Dataset, files: Files) -> None:
    names = ["a.mp4", "caf\udce9.mp4", "sub/b.mp4"]
    for mark, name in enumerate(names):
        files.put(name, mark)
    reelbase.ingest(ds, files.root)
    ds.append({"videos": None, "videos_source": {"not": "a name"}})
    assert captions(ds) == ["a.mp4", r"caf\udce9.mp4", "b.mp4", ""]
    html = ds._repr_html_() or ""
    assert re.findall(r'title="([^"]*)"', html) == ["row 0 a.mp4", r"row 1 caf\udce9.mp4", "row 2 b.mp4"]


def test_labels_and_texts_come_first(ds: reelbase.Dataset, files: Files) -> None:
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
    ds.create_tensor("words", htype="text")
    ds.create_tensor("facts", htype="json")
    video = reelbase.read(files.put("a.mp4"))
    rows = [
        ([0], "one", {"x": 1}),
        ([1, 1, 0], None, ["red", {"x": 1}, "blue"]),
        (None, None, "plain"),
        (None, "", [[1]]),
    ]
    for labels, words, facts in rows:
        ds.append({"videos": video, "labels": labels, "words": words, "facts": facts})
    assert captions(ds) == ["cat, one", "dog, cat, red, blue", "plain", "a.mp4"]


def test_pictures_and_links(ds: reelbase.Dataset, files: Files) -> None:
    ds.delete_tensor("videos")
    ds.create_tensor("links", htype="link[video]")
    ds.create_tensor("pictures", htype="image")
    link = reelbase.link("https://videos.example/folder/b.mp4", verify=False)  # captions follow no link
    ds.append({"links": link, "pictures": None})
    ds.append({"links": None, "pictures": reelbase.encode(np.zeros((8, 8, 3), np.uint8))})
    assert captions(ds) == ["b.mp4", "array.png"]


@pytest.mark.parametrize("numbers", [[1.5], [], None])
def test_tensors_of_numbers_name_nothing(numbers: list[float] | None) -> None:
    ds = reelbase.empty("mem://captions", overwrite=True)
    ds.create_tensor("numbers", htype="generic")
    ds.append({"numbers": numbers})
    assert captions(ds) == [""]
