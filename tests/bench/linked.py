"""Compares linked with stored videos: number of frames, times, and frames at jumps, over all mp4 and mov of folders.

    python tests/bench/linked.py FOLDER…

Prints how many are the same, refused by both, and different; the latter by name.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import reelbase

SUFFIXES = (".mp4", ".mov", ".m4v", ".3gp")
FRAMES_COMPARED = 9
SIZE = (48, 64)


def main(folders: list[str]) -> None:
    found: Counter[str] = Counter()
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            outcome = compare(path)
            found[outcome.partition(":")[0]] += 1
            if outcome not in ("same", "refused by both"):
                print(path, outcome)
    print(dict(found))


def compare(path: Path) -> str:
    ds = reelbase.empty("mem://linked-and-stored", overwrite=True)
    ds.create_tensor("stored", htype="video")
    ds.create_tensor("linked", htype="link[video]")
    refused = [append(ds.stored, reelbase.read(path)), append(ds.linked, reelbase.link(path.resolve().as_uri()))]
    if any(refused):
        return "refused by both" if all(refused) else f"refused by one: {refused}"
    stored, linked = ds.stored[0], ds.linked[0]
    if stored.shape != linked.shape or not np.array_equal(stored.pts, linked.pts):
        return f"different: {stored.shape} and {linked.shape}"
    count = stored.shape[0] or 0
    frames = {0, count // 2, count - 1, *np.random.default_rng(0).integers(0, count, FRAMES_COMPARED - 3).tolist()}
    differing = [frame for frame in sorted(frames) if not is_same(stored[frame], linked[frame])]
    return f"different: frames {differing}" if differing else "same"


def append(tensor: Any, value: Any) -> str:
    """Append a value; return why it was refused, or ""."""
    try:
        tensor.append(value)
    except reelbase.ReelbaseError as error:
        return str(error).splitlines()[0]
    return ""


def is_same(one: Any, other: Any) -> bool:
    """Return True if both give the same picture, or both refuse."""
    pictures = []
    for view in (one, other):
        try:
            pictures.append(view.numpy(size=SIZE))
        except reelbase.ReelbaseError as error:
            pictures.append(np.array(type(error).__name__))
    return np.array_equal(*pictures)


if __name__ == "__main__":
    main(sys.argv[1:])
