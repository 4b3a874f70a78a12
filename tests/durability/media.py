"""A small video, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.testing.clips import make_clip

_FOLDER = "mem://durability-media"


@cache
def _stored() -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        make_clip(path, frames=4)
        _put_long_ago(MemoryStorage(_FOLDER), path.name, path.read_bytes())
        return f"{_FOLDER}/{path.name}"


def _put_long_ago(storage: MemoryStorage, key: str, data: bytes) -> None:
    """A file that was written to just now is appended in another way, and a replay should go the same."""
    storage.put(key, data)
    (name,) = [name for name in storage._store.objects if name.endswith(key)]
    found = storage._store.objects[name]
    stat = replace(found.stat, modified=datetime.now(UTC) - timedelta(hours=1))
    storage._store.objects[name] = replace(found, stat=stat)


def clip() -> Any:
    """A file of four frames, to append."""
    return reelbase.read(_stored(), check="none")
