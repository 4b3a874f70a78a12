"""Bytes from afar are kept: always the right ones, none asked for twice, and no more of them than allowed."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase import config
from reelbase.io.cache import cached_source
from reelbase.io.cache.cached_source import Cached
from reelbase.io.cache.disk import Disk
from reelbase.io.cache.memory import Memory

DATA = random.Random(7).randbytes(300_000)
MAGIC = b"reelbase piece 1\n"


class Counting:
    """Objects of the same bytes; what was asked of them."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self.calls = 0

    def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        self.calls += 1
        self.asked.append((start, len(self.data) if stop is None else stop))
        return self.data[start:stop]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.calls += 1
        self.asked += ranges
        return [self.data[start:stop] for start, stop in ranges]

    @property
    def size(self) -> int:
        return sum(stop - start for start, stop in self.asked)


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the caches of this process again, by these settings."""

    def make(**named: object) -> None:
        for name, value in named.items():
            monkeypatch.setenv(f"REELBASE_{name.upper()}", str(value))
        config.reset()
        cached_source.forget()

    make()
    yield make
    monkeypatch.undo()
    make()


spans = st.tuples(st.integers(0, 3000), st.integers(0, 400)).map(lambda one: (one[0], one[0] + one[1]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(spans, min_size=1, max_size=4), max_size=30), st.integers(0, 4000), st.integers(100, 3000))
def test_bytes_are_right_and_bounded(requests: list[list[tuple[int, int]]], limit: int, size: int) -> None:
    """Any requests, also beyond the end, with any room."""
    data = DATA[:size]
    memory = Memory(limit)
    source = Counting(data)
    one = Cached(source, "x")
    caches = _Memories(memory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cached_source, "_caches", lambda: caches)
        for ranges in requests:
            source.asked.clear()
            before = [(first, first + len(held)) for first, held in memory.find(("x", "key"), 0, 10_000)]
            assert one.get_ranges("key", ranges) == [data[start:stop] for start, stop in ranges]
            assert not any(max(a, c) < min(b, d) for a, b in source.asked for c, d in before), "held, and asked for"
            assert memory.size <= limit
            held = memory.find(("x", "key"), 0, 10_000)
            assert sum(len(piece) for _, piece in held) == memory.size
            assert all(piece == data[first : first + len(piece)] for first, piece in held)


class _Memories(cached_source._Caches):
    """Only memory, of a size that a test chose, and nobody reads ahead."""

    def __init__(self, memory: Memory) -> None:
        self.walks = cached_source.Walks()
        self._memory, self._disk, self._ahead = memory, None, 0


def test_nothing_is_asked_for_twice(caches: Any) -> None:
    source = Counting()
    one = Cached(source, "twice")
    assert one.get("a", 100, 200) == DATA[100:200]
    assert one.get_ranges("a", [(150, 250), (120, 130)]) == [DATA[150:250], DATA[120:130]]
    assert source.asked == [(100, 200), (200, 250)]
    assert one.get("b", 100, 200) == DATA[100:200]
    assert Cached(source, "another").get("a", 100, 200) == DATA[100:200]
    assert source.size == 350


def test_the_end_of_an_object(caches: Any) -> None:
    one = Cached(Counting(), "end")
    for _ in range(2):
        assert one.get("a", len(DATA) - 10, len(DATA) + 10) == DATA[-10:]
        assert one.get("a") == DATA


def test_no_room_at_all(caches: Any) -> None:
    caches(cache_bytes=0)
    source = Counting()
    one = Cached(source, "none")
    for _ in range(2):
        assert one.get("a", 5, 50) == DATA[5:50]
    assert source.size == 90


def test_who_walks_is_read_ahead_of(caches: Any) -> None:
    source = Counting(DATA * 100)
    one = Cached(source, "walk")
    for start in range(0, 20_000_000, 100_000):
        assert one.get("a", start, start + 100_000) == source.data[start : start + 100_000]
    assert source.calls < 15
    assert source.size < 20_000_000 + 8 * 2**20 + 1


def test_who_jumps_costs_no_byte_more(caches: Any) -> None:
    source = Counting(DATA * 100)
    one = Cached(source, "jump")
    starts = random.Random(1).sample(range(0, 29_000_000, 500_000), 40)
    for start in starts:
        one.get_ranges("a", [(start, start + 1000), (start + 2000, start + 3000)])
    assert source.size == 40 * 2000


def test_disk_outlives_the_process(caches: Any, tmp_path: Path) -> None:
    caches(cache_dir=tmp_path / "kept")
    source = Counting()
    assert Cached(source, "disk").get("a", 10, 5000) == DATA[10:5000]
    cached_source.forget()
    again = Cached(source, "disk")
    assert again.get_ranges("a", [(0, 100), (4000, 6000)]) == [DATA[:100], DATA[4000:6000]]
    assert source.asked == [(10, 5000), (0, 10), (5000, 6000)]
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("harm", ["torn", "flipped", "empty"])
def test_a_damaged_file_is_a_miss(caches: Any, tmp_path: Path, harm: str) -> None:
    caches(cache_dir=tmp_path)
    source = Counting()
    Cached(source, "harm").get("a", 0, 1000)
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    body = bytearray(file.read_bytes())
    body[-1] ^= 1
    file.write_bytes({"torn": body[:-5], "flipped": body, "empty": MAGIC}[harm])
    cached_source.forget()
    assert Cached(source, "harm").get("a", 0, 1000) == DATA[:1000]
    assert source.size == 2000
    cached_source.forget()
    assert Cached(source, "harm").get("a", 0, 1000) == DATA[:1000]
    assert source.size == 2000, "the damaged file was not replaced"


def test_disk_is_bounded_and_a_users_files_stay(tmp_path: Path) -> None:
    disk = Disk(tmp_path, 1_000_000)
    disk.keep(("x", "first"), 0, DATA[:1000])
    folder = next(tmp_path.iterdir())
    mine = [tmp_path / "notes.txt", folder / "7-9", tmp_path / "holiday" / "0-5"]
    mine[2].parent.mkdir()
    for path in mine:
        path.write_bytes(b"a user's")
    for number in range(100):
        disk.keep(("x", f"key {number}"), 0, DATA[:50_000])
    held = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert held <= 1_000_000 * 1.06
    assert all(path.read_bytes() == b"a user's" for path in mine)
    assert disk.find(("x", "key 99"), 0, 50_000) == [(0, DATA[:50_000])]
    assert not disk.find(("x", "first"), 0, 1000)
    assert disk.find(("x", "first"), 7, 9) == [], "a user's file is not a piece"


def test_a_folder_that_cannot_be_written(caches: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    caches(cache_dir=tmp_path / "file")
    one = Cached(Counting(), "broken")
    for start in range(0, 100_000, 1000):
        assert one.get("a", start, start + 10) == DATA[start : start + 10]
    assert len([record for record in caplog.records if "nothing is kept" in record.message]) == 1


def test_many_processes_share_a_folder(caches: Any, tmp_path: Path) -> None:
    """They write, read and evict at the same time, in far too little room; every byte is right."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        assert pool.starmap(_work, [(str(tmp_path), seed) for seed in range(3)]) == [None] * 3
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def _work(folder: str, seed: int) -> None:
    rng = random.Random(seed)
    disk = Disk(Path(folder), 400_000)
    for _ in range(300):
        name, start = ("x", str(rng.randrange(5))), rng.randrange(0, 290_000, 1000)
        stop = start + rng.randrange(1, 9000)
        for first, data in disk.find(name, start, stop):
            assert data == DATA[first : first + len(data)]
        disk.keep(name, start, DATA[start:stop])


def test_a_fork_starts_with_nothing(caches: Any) -> None:
    source = Counting()
    Cached(source, "fork").get("a", 0, 100)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_asked_again, (source,)) == 200
    assert source.size == 100


def _asked_again(source: Counting) -> int:
    assert Cached(source, "fork").get("a", 0, 100) == DATA[:100]
    return source.size
