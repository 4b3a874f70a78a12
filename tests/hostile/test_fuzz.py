"""Real files with bytes flipped, cut, moved and doubled, by seed: no crash, no hang, and no frame that a plain decode
of the same bytes does not show.

Codecs work in processes of their own here, so that a crash fails one test and does not end them all.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from watching import watched

import reelbase
from reelbase.errors import ReelbaseError
from shared_corpus import shared_corpus

av = pytest.importorskip("av")

CLIPS = [
    "h264-b.mp4", "h264-open-gop.ts", "h264-b.avi", "vp9.webm", "edit-middle.mp4", "hevc-open-gop.ts", "mpeg2-b.mpg",
    "av1.ivf", "gif.gif", "h264-fields-apart.mkv", "vp8.ogv", "mpeg2-b.mxf", "pal.dv", "rv20.rm", "wmv2.wmv",
    "h264-b.flv",
]  # fmt: skip
EACH = 8
SECONDS = 30


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """In one of six ways."""
    out = bytearray(data)
    way = chance.randrange(6)
    head = chance.random() < 0.5  # headers break more than packets do
    place = chance.randrange(min(len(out), 4096) if head else len(out))
    if way == 0:
        for _ in range(chance.choice([1, 2, 8, 64])):
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    elif way == 1:
        del out[place:]
    elif way == 2:
        size = chance.choice([1, 4, 16, 188, 4096])
        out[place : place + size] = chance.randbytes(min(size, len(out) - place))
    elif way == 3:
        del out[place : place + chance.choice([1, 4, 188, 5000])]
    elif way == 4:
        out[place:place] = out[place : place + chance.choice([1, 8, 188, 5000])]
    else:
        out[place : place + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\0\0\0\1"])
    return bytes(out)


def sequential(path: Path) -> list[int]:
    """Checksums of the frames that a plain decode shows; of a damaged file as far as it comes."""
    shown = []
    try:
        with av.open(str(path)) as file:
            file.streams.video[0].thread_type = "NONE"
            shown = [_sum(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    except (av.FFmpegError, IndexError, ValueError, OverflowError, MemoryError):
        pass
    return shown


def _sum(frame: np.ndarray) -> int:
    return hash(frame.tobytes())


@pytest.mark.parametrize("name", [*CLIPS, "bunny.mp4"])
def test_spoiled_files(
    name: str, tmp_path: Path, security: Callable[..., None], record_property: Callable[[str, object], None]
) -> None:
    security(isolate_decode="true", isolate_seconds=SECONDS)
    whole = tmp_path / name
    if name == "bunny.mp4":
        whole.write_bytes((files("reelbase.cli") / "clip" / name).read_bytes())
    else:
        shared_corpus()[name](whole)
    data, counts = whole.read_bytes(), Counter[str]()
    seeds = range(EACH if name != "bunny.mp4" else 2)
    for seed in seeds:
        path = tmp_path / f"spoiled{whole.suffix}"
        path.write_bytes(spoiled(data, random.Random(f"{name} {seed}")))
        start = time.monotonic()
        with watched() as seen:
            counts[_outcome(path, seed)] += 1
        assert time.monotonic() - start < 3 * SECONDS, f"{name}, seed {seed}: it took for ever"
        assert seen.network == []
    assert not counts["crashed"], f"of seeds {seeds}"
    record_property("spoiled files", sum(counts.values()))
    record_property("of these refused", counts["refused"])
    record_property("of these read", counts["read"])


def _outcome(path: Path, seed: int) -> str:
    try:
        video = reelbase.read(path, check="full")
        count = video.shape[0]
        if len(video.shape) != 4:
            return "read"
        frames = [video[number].numpy() for number in sorted({0, count // 3, count - 1})]
    except ReelbaseError as error:
        return "crashed" if "ended the process" in str(error) else "refused"
    _check(path, seed, count, frames)
    return "read"


def _check(path: Path, seed: int, count: int, frames: list[np.ndarray]) -> None:
    """The frames are those of a plain decode, as far as that shows as many and they are shown as they are stored."""
    expected = sequential(path)
    numbers = sorted({0, count // 3, count - 1})
    if len(expected) == count:
        wrong = [n for n, frame in zip(numbers, frames, strict=True) if _sum(frame) != expected[n]]
        assert not wrong, f"{path.name}, seed {seed}: frames {wrong} of {count} are others"
