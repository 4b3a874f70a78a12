"""Makes a golden dataset with the reelbase that is installed: ``python make.py 3`` writes ``format-3.zip`` beside it.

``python make.py poisoned`` writes ``poisoned.zip``, of what nobody can read: a reelbase that did not read commits back
before it claimed them wrote such datasets.

Those of earlier formats were made by the code of their time, and are never made again: the test reads them.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import reelbase
from reelbase.format.log import Log
from reelbase.testing.clips import make_clip


def make(folder: Path, clip: Path) -> None:
    ds = reelbase.empty(folder)
    ds.create_tensor("numbers", dtype="int32").extend(range(20))
    ds.create_tensor("words", htype="text").extend(["one", "zwei", "три"])
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"]).extend(["dog", "cat"])
    boxes = ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
    boxes.append([[[1, 2, 3, 4]], [], [[5, 6, 7, 8], [1, 1, 2, 2]]])
    ds.create_tensor("videos", htype="video").append(reelbase.read(clip))
    picture = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    ds.create_tensor("pictures", htype="image", sample_compression="png").append(picture)
    ds.info["origin"] = "golden"
    ds.commit("first")
    ds.history.tag("v1")
    ds.history.create_branch("side")
    ds.numbers[3] = -3
    ds.numbers.pop(0)
    ds.words.append("four")
    ds.commit("second")


def make_poisoned(folder: Path) -> None:
    Log._check_readable = lambda *_: None  # type: ignore[method-assign]
    ds = reelbase.empty(folder)
    ds.create_tensor("n", dtype="int64").extend(range(4))
    ds.info["plain"] = "caf\udce9"  # this can be read, and stays as it is
    ds.commit("before")
    ds.history.create_branch("side")
    reelbase.load(folder, ref="side").n.append(70)
    ds.info["caf\udce9"] = 1
    ds.n.append(4)
    ds.commit("clip\udcff")
    ds.append({"n": 5}, txn=("job\udce9", 5))
    ds.append({"n": 6}, txn=("big", 2**63))
    ds.n.info["x" * 3000 + "\udc80"] = True  # so much that the schema is an index object
    ds.n.append(7)
    ds.history.create_branch("late")


if __name__ == "__main__":
    is_poisoned = sys.argv[1] == "poisoned"
    target = Path(__file__).with_name("poisoned.zip" if is_poisoned else f"format-{sys.argv[1]}.zip")
    with tempfile.TemporaryDirectory() as home, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        path = Path(home)
        if is_poisoned:
            make_poisoned(path / "ds")
        else:
            make(path / "ds", make_clip(path / "clip.mp4", frames=6, gop=3, size=(48, 64)).path)
        for file in sorted((path / "ds").rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(path / "ds"))
