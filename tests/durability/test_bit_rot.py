"""Single bits flipped anywhere in a dataset: what is read is right, or an error says that it is not."""

from __future__ import annotations

import os
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import ReelbaseError
from shared_corpus import shared_corpus

FLIPS = int(os.environ.get("TEST_FLIPS", "150"))  # 1,000 take two minutes
CLIPS = (
    "h264-b.mp4",
    "mpeg2-b.ts",
    "mpeg4-packed.avi",
    "gif.gif",
)  # in the file, repacked, by the container, one group


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> MemoryStorage:
    """A dataset of every kind of sample, with a tag and a branch."""
    folder = tmp_path_factory.mktemp("clips")
    storage = MemoryStorage(f"mem://rot-{uuid.uuid4().hex}")
    ds = reelbase.empty(storage.root)
    with ds:
        for name in CLIPS:
            clip = shared_corpus()[name](folder / name)
            ds.create_tensor(name.replace(".", "_").replace("-", "_"), htype="video").append(reelbase.read(clip.path))
        pictures = np.random.default_rng(0).integers(0, 255, (3, 24, 32, 3), np.uint8)
        ds.create_tensor("pictures", htype="image", sample_compression="png").extend(pictures)
        ds.create_tensor("shots", htype="sequence[image]", sample_compression="png").append(list(pictures))
        ds.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"}).append(
            [[[1, 2, 3, 4]], [], [[5, 6, 7, 8], [1, 1, 2, 2]]]
        )
        ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"]).extend(["dog", "cat", "dog"])
        ds.create_tensor("words", htype="text").extend([f"word {number}" for number in range(200)])
        ds.create_tensor("facts", htype="json").append({"a": [1, 2, {"b": None}]})
        ds.create_tensor("numbers", dtype="float64").extend(np.arange(5000) / 7)
    ds.history.tag("v1")
    ds.history.create_branch("side")
    ds.words[3] = "another"
    ds.delete_rows([150])
    return storage


def look(root: str) -> Iterator[tuple[str, Any]]:
    """Everything that one reads there, one thing after another."""
    for ref in ("main", "v1", "side"):
        yield f"{ref} opens", None
        ds = reelbase.load(root, ref=ref, read_only=True)
        for name, tensor in ds.tensors.items():
            yield f"{ref} {name} has rows", len(tensor)
            for row in sorted({0, len(tensor) // 2, len(tensor) - 1}):
                for what, value in look_at(tensor[row], tensor.htype):
                    yield f"{ref} {name}[{row}] {what}", value


def look_at(view: reelbase.View, htype: str) -> Iterator[tuple[str, Any]]:
    if htype == "video":
        yield "bytes", view.tobytes()
        for frame in (len(view.pts) - 1, 0):
            yield f"frame {frame}", view[frame].numpy().tobytes()
        yield "frames", view[5:30:3].numpy().tobytes()
        yield "times", view.timestamps.tobytes()
    elif htype == "generic":
        yield "value", view.numpy().tobytes()
    else:
        yield "value", repr(view.data())


def test_flipped_bits(storage: MemoryStorage, record_property: Callable[[str, object], None]) -> None:
    objects = {key: storage.get(key) for key, _ in storage.list()}
    expected = dict(look(storage.root))
    chance, counts, silent = random.Random(3), Counter[str](), []
    keys = sorted(objects)
    weights = [len(objects[key]) for key in keys]
    for number in range(FLIPS):
        # Half of them anywhere by bytes, half by objects: small ones matter as much.
        key = chance.choices(keys, weights)[0] if number % 2 else chance.choice(keys)
        data = bytearray(objects[key])
        if not data:
            continue
        place = chance.randrange(len(data))
        data[place] ^= 1 << chance.randrange(8)
        storage.put(key, bytes(data))
        outcome = judge(storage.root, expected)
        counts[outcome.split(":")[0]] += 1
        if outcome.startswith("wrong"):
            silent.append(f"byte {place} of {key}: {outcome}")
        storage.put(key, objects[key])
    for outcome, count in counts.items():
        record_property(f"flipped bits: {outcome}", count)
    assert not silent, f"{len(silent)} of {FLIPS}: " + "\n".join(silent[:20])


def judge(root: str, expected: dict[str, Any]) -> str:
    """What comes of a look at everything; whatever is shown before an error must be right, too."""
    failed, looking = "harmless", look(root)
    what = "opening"
    while True:
        try:
            what, value = next(looking)
        except StopIteration:
            return failed
        except ReelbaseError:
            return "said"
        except Exception as error:
            return f"wrong: {type(error).__name__} after {what}: {error}"
        if value is not None and expected.get(what) != value:
            return f"wrong: {what}"
