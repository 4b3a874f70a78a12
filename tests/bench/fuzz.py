"""Coverage-guided fuzzing, by Atheris, of what reads bytes that a stranger may have made. See README.md.

python tests/bench/fuzz.py manifest --seconds 60
"""

from __future__ import annotations

import argparse
import io
import os
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import atheris
import numpy as np

with atheris.instrument_imports(include=["reelbase", "reelbase_plugins"]):
    import reelbase
    from reelbase.errors import ReelbaseError
    from reelbase.format import commit as commits
    from reelbase.format.store import Store
    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import FrameIndex
    from reelbase.registry import registry

from reelbase.testing.clips import make_clip

_HEAD: Final = struct.Struct("<4sIII")


def manifest(data: bytes) -> None:
    """The JSON and the entries of a commit; the checksum is made right."""
    size = int.from_bytes(data[:2], "little")
    body, inline = data[2 : 2 + size], data[2 + size :]
    head = _HEAD.pack(b"RBC2", len(body), len(inline), zlib.crc32(inline, zlib.crc32(body)))
    commits.decode(_STORE, head + body + inline, "a commit")


def index(data: bytes) -> None:
    """A frame index, and a plan by it."""
    found = FrameIndex.from_bytes(data)
    found.plan(np.arange(min(len(found), 50)))


def mp4(data: bytes) -> None:
    """The headers of an mp4 that is linked."""
    registry().codec("mp4").skim(Blob.of(data), filename="a.mp4")


def png(data: bytes) -> None:
    """A picture, whole."""
    blob, codec = Blob.of(data), registry().codec("png")
    codec.ingest(blob, io.BytesIO(), filename="a.png")
    codec.decode(blob, None)


_STORE = Store(registry().open_storage("mem://fuzz"))
TARGETS: Final[dict[str, Callable[[bytes], None]]] = {"manifest": manifest, "index": index, "mp4": mp4, "png": png}


def seeds(target: str, folder: Path) -> None:
    """A few real ones to begin with."""
    clip = make_clip(folder.parent / "clip.mp4", frames=12, gop=6, bframes=2)
    ds = reelbase.empty(folder.parent / "ds")
    ds.create_tensor("v", htype="video")
    ds.v.append(reelbase.read(clip.path))
    newest = max((folder.parent / "ds" / "log").rglob("*.rbc")).read_bytes()
    _, size, _, _ = _HEAD.unpack_from(newest)
    frames = ds.v[0]._chosen()[0][0].cell.frame_index().to_bytes()
    picture = registry().codec("png").encode(ds.v[0, 0].numpy()[:8, :8])
    made = {
        "manifest": size.to_bytes(2, "little") + newest[_HEAD.size :],
        "index": frames,
        "mp4": clip.path.read_bytes(),
        "png": picture,
    }
    (folder / "seed").write_bytes(made[target])


def main() -> None:
    """Fuzz one target; an error that is none of ours ends it, and Atheris keeps the input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    run = TARGETS[chosen.target]

    def once(data: bytes) -> None:
        try:
            run(data)
        except ReelbaseError:
            return

    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        corpus = Path(home, "corpus")
        corpus.mkdir()
        seeds(chosen.target, corpus)
        options = [f"-max_total_time={chosen.seconds}", "-max_len=100000", "-print_final_stats=1", str(corpus)]
        atheris.Setup([sys.argv[0], *options], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
