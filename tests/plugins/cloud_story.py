"""What a user does with a dataset in a bucket; run as a program, what another process does."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import reelbase
from reelbase.plugin import Storage
from reelbase.registry import registry
from reelbase.testing._codes import read_code
from reelbase.testing.clips import make_clip
from reelbase_plugins._remote.fsspec import BucketStorage

_ROWS = 12


def whole_life(url: str, folder: Path) -> None:
    """A dataset from its first row to its last, each step seen by one who opens it again."""
    clip = make_clip(folder / "clip.mp4", frames=12)
    ds = reelbase.empty(url)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("note", htype="text")
    ds.append({"videos": reelbase.read(folder / "clip.mp4"), "note": "first"})
    first = ds.commit("one row")
    ds.append({"videos": reelbase.read(folder / "clip.mp4"), "note": "second"})
    ds.commit("two rows")

    again = reelbase.load(url)
    assert [again.note[row].text() for row in range(2)] == ["first", "second"]
    assert read_code(again.videos[1, 7].numpy()) == clip.codes[7]

    ds.history.create_branch("side")
    ds.checkout("side")
    ds.note[0] = "changed"
    ds.commit("on the side")
    ds.checkout("main")
    ds.append({"note": "third", "videos": None})
    ds.merge("side")
    assert _notes(url) == ["changed", "second", "third"]
    assert reelbase.load(url, ref=first).note[0].text() == "first"

    ds.maintenance.compact()
    ds.maintenance.expire(keep=1)
    ds.maintenance.gc(grace=timedelta(0))
    assert _notes(url) == ["changed", "second", "third"]
    assert read_code(reelbase.load(url).videos[0, 3].numpy()) == clip.codes[3]
    assert reelbase.load(url).maintenance.verify(deep=True).ok

    reelbase.delete(url)
    assert not reelbase.exists(url)


def two_processes(url: str) -> None:
    """Both append at once, and nothing is lost or doubled."""
    ds = reelbase.empty(url)
    ds.create_tensor("note", htype="text")
    writers = [
        subprocess.Popen([sys.executable, __file__, url, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in "ab"
    ]
    for writer in writers:
        out, _ = writer.communicate(timeout=120)
        assert writer.returncode == 0, out.decode()
    assert sorted(_notes(url)) == sorted(f"{name}{number}" for name in "ab" for number in range(_ROWS))


def in_other_processes(url: str) -> None:
    """A dataset works on in a forked child; a storage, pickled, in a process that knows nothing of this one."""
    ds = reelbase.empty(url)
    ds.create_tensor("note", htype="text")
    ds.append({"note": "mine"})
    assert _forked(ds) == 0
    assert _notes(url) == ["mine", "the child's"]
    registry().open_storage(url).put("beside/it", b"from here")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_told, (registry().open_storage(url),)) == b"from here"
    assert ds.note[0].text() == "mine", "the parent's own client must still work"


def _forked(ds: reelbase.Dataset) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            ds.append({"note": "the child's"})
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _told(storage: Storage) -> bytes:
    return storage.get("beside/it")


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """The requests that are made while the block runs, by what they do."""
    made: Counter[str] = Counter()
    usual = BucketStorage._try_once

    def once(self: BucketStorage, request: Any, *args: Any, **more: Any) -> Any:
        def named(bucket: Any) -> Any:
            coroutine = request(bucket)
            made[coroutine.__name__] += 1
            return coroutine

        return usual(self, named, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(BucketStorage, "_try_once", once)
        yield made


def requests_of_a_user(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[str]]:
    """How many requests the usual calls take."""
    ds = reelbase.empty(url)
    ds.create_tensor("note", htype="text")
    ds.append({"note": "0"})
    found = {}
    with counted(monkeypatch) as found["append"]:
        ds.append({"note": "1"})
    with counted(monkeypatch) as found["transaction of ten"], ds:
        for number in range(10):
            ds.append({"note": str(number)})
    with counted(monkeypatch) as found["open"]:
        again = reelbase.load(url)
    with counted(monkeypatch) as found["first read"]:
        again.note[3].text()
    with counted(monkeypatch) as found["second read"]:
        again.note[4].text()
    return found


def leaves_no_secret(storage: Storage, secret: str, error: BaseException, log: str) -> None:
    """Nothing that a user may show to others holds the secret."""
    import traceback

    text = "".join(traceback.format_exception(error))
    for shown in (repr(storage), repr(storage.credentials), str(error), repr(error), text, log):
        assert secret not in shown


def _notes(url: str) -> list[str]:
    ds = reelbase.load(url)
    return [ds.note[row].text() for row in range(len(ds.note))]


def _append(url: str, name: str) -> None:
    ds = reelbase.load(url)
    for number in range(_ROWS):
        ds.append({"note": f"{name}{number}"})


if __name__ == "__main__":
    _append(*sys.argv[1:])
