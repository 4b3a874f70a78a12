"""How many functions and files a call crosses: a measure of how far a reader must walk to follow it.

Counts calls of Python functions of reelbase and its plugins, in the calling thread and those it starts.
``python paths.py [-v]``; with ``-v`` each function with its number of calls.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import reelbase
from reelbase.testing.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextlib.contextmanager
def count_calls() -> Iterator[Counter[tuple[str, str]]]:
    """Count calls by (file, qualified name) while the block runs."""
    calls: Counter[tuple[str, str]] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and "reelbase" in code.co_filename and not code.co_qualname.endswith(("comp>", "genexpr>")):
            calls[code.co_filename, code.co_qualname] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def main() -> None:
    """Print a line for each path."""
    folder = Path(tempfile.mkdtemp())
    clip = make_clip(folder / "a.mp4", frames=90, bframes=2)
    ds = reelbase.empty(folder / "ds")
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("links", htype="link[video]")
    ds.create_tensor("labels", htype="class_label", class_names=["a", "b"])
    ds.append({"videos": reelbase.read(clip.path), "links": reelbase.link(clip.path.as_uri()), "labels": [0]})
    again = reelbase.load(folder / "ds")
    paths: dict[str, Callable[[], object]] = {
        "warm ds.videos[0, 10:60:5].numpy()": lambda: ds.videos[0, 10:60:5].numpy(),
        "warm ds.labels[0].numpy()": lambda: ds.labels[0].numpy(),
        "append of a local video": lambda: ds.videos.append(reelbase.read(clip.path)),
        "first read of a link": lambda: np.asarray(again.links[0, 5].numpy()),
    }
    for name, call in paths.items():
        for _ in range(2 if name.startswith("warm") else 0):
            call()
        with count_calls() as calls:
            call()
        files = {file for file, _ in calls}
        print(f"{name}: {len(calls)} functions in {len(files)} files, {sum(calls.values())} calls")
        if "-v" in sys.argv:
            for (file, function), count in sorted(calls.items()):
                print(f"    {count:4} {file.partition('reelbase')[2]} {function}")


if __name__ == "__main__":
    main()
