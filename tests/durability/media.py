"""A small video, in memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import reelbase
from reelbase.builtin.memory import MemoryStorage
from reelbase.testing.clips import make_clip

_FOLDER = "mem://durability-media"


@cache
def _stored() -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        make_clip(path, frames=4)
        MemoryStorage(_FOLDER).put(path.name, path.read_bytes())
        return f"{_FOLDER}/{path.name}"


def clip() -> Any:
    """A file of four frames, to append."""
    return reelbase.read(_stored(), check="none")
