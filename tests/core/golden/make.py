"""Makes a golden dataset with the reelbase that is installed: ``python make.py 3`` writes ``format-3.zip`` beside it.

Those of earlier formats were made by the code of their time, and are never made again: the test reads them.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import reelbase
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


if __name__ == "__main__":
    target = Path(__file__).with_name(f"format-{sys.argv[1]}.zip")
    with tempfile.TemporaryDirectory() as home, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        path = Path(home)
        make(path / "ds", make_clip(path / "clip.mp4", frames=6, gop=3, size=(48, 64)).path)
        for file in sorted((path / "ds").rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(path / "ds"))
