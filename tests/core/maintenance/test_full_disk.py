"""A full disk: expiry and garbage collection free space with what they have."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import textwrap
import uuid
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import StorageFullError
from reelbase.format import keys
from reelbase.registry import Registry

BLOCK = 4096


class Quota(MemoryStorage):
    """Has so many blocks. An object that is replaced takes up its blocks until the new one is there."""

    blocks = math.inf

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        body = data if isinstance(data, bytes) else bytes(data.read())  # type: ignore[union-attr]
        used = sum(math.ceil(stat.size / BLOCK) for _, stat in self.list())
        if used + max(math.ceil(len(body) / BLOCK), 1) > self.blocks:
            raise StorageFullError(f"There is no space left to write {key!r}.", "Make room.")
        super().put(key, body, if_absent=if_absent)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Quota:
    storage = Quota(f"mem://quota-{uuid.uuid4().hex}")
    monkeypatch.setattr(Registry, "open_storage", lambda self, root, **how: storage)
    return storage


def test_expire_and_gc_where_nothing_can_be_written(storage: Quota) -> None:
    ds = reelbase.empty(storage.root)
    ds.create_tensor("n", dtype="int64")
    for number in range(8):
        ds.n.append([number] * 1000)
    ds.n[0:6] = [[0]] * 6
    ds.maintenance.compact()
    ds.history.create_branch("side")
    ds._session.log.flush_hint()
    storage.blocks = sum(math.ceil(stat.size / BLOCK) for _, stat in storage.list())
    with pytest.raises(StorageFullError):
        ds.n.append([99])
    assert ds.maintenance.expire(keep=0)
    found = ds.maintenance.gc(timedelta(0))
    assert found.objects >= 6
    assert found.versions
    assert storage.get(keys.latest("main")) == ds._session.commit.body, "the hint is there again"
    ds.n.append([99])
    again = reelbase.load(storage.root)
    assert [view.numpy()[0] for view in again.n] == [0] * 6 + [6, 7, 99]
    assert again.maintenance.verify(deep=True).ok


def test_a_disk_without_any_room_says_so(storage: Quota) -> None:
    ds = reelbase.empty(storage.root)
    ds.create_tensor("n", dtype="int64").extend(range(3))
    storage.blocks = 0
    with pytest.raises(StorageFullError):
        ds.maintenance.expire(keep=0)
    assert reelbase.load(storage.root).n.numpy().tolist() == [0, 1, 2]


_ON_A_SMALL_DISK = """
    import os, sys
    from datetime import timedelta
    from pathlib import Path
    import numpy as np
    import reelbase
    from reelbase.errors import StorageFullError

    root = Path(sys.argv[1])
    ds = reelbase.empty(root / "ds")
    ds.create_tensor("n", dtype="uint8")
    count = 0
    try:
        while True:
            ds.n.append(np.random.default_rng(count).integers(0, 255, 30_000, np.uint8))
            count += 1
    except StorageFullError:
        pass
    for row in range(count):  # nothing is left for these either, but what is there can be deleted
        try:
            ds.n[row] = np.zeros(1, np.uint8)
        except StorageFullError:
            break
    try:
        with open(root / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(512)):
                pass
    except OSError:
        pass
    free = os.statvfs(root).f_bfree
    assert free == 0, free
    left = len(ds)
    ds.maintenance.expire(keep=0)
    found = ds.maintenance.gc(timedelta(0))
    assert found.objects or not found.versions, found
    ds = reelbase.load(root / "ds")
    assert len(ds) == left
    ds.info["after"] = True
    assert ds.maintenance.verify(deep=True).ok
    print(found.objects, len(found.versions))
"""


def test_a_small_disk(tmp_path: Path) -> None:
    """A tmpfs of 1 MiB, in a mount namespace of its own that ends with the process."""
    unshare = shutil.which("unshare")
    probe = [unshare or "", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("cannot make a mount namespace here")
    script = f'mount -t tmpfs -o size=1m tmpfs "$1" && exec "{sys.executable}" -c "$2" "$1"'
    command = [unshare, "-rm", "sh", "-c", script, "sh", str(tmp_path), textwrap.dedent(_ON_A_SMALL_DISK)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    _, versions = map(int, run.stdout.split())
    assert versions > 10
