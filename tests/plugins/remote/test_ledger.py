"""What reading from afar costs: requests, bytes and round trips, counted by a proxy before real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ledger import Ledger, least
from remote_places import Place

import reelbase
from reelbase.io.blob import MERGE_GAP, merge
from reelbase.io.cache import cached_source
from reelbase.testing.clips import Clip, read_code

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERHEAD = 4096  # a commit, a page, the headers of chunks


def _needed(clip: Clip, frames: Sequence[int]) -> tuple[int, int]:
    """Ranges and bytes that frames of the clip take, as a reader without any waste would fetch them."""
    index = reelbase.read(clip.path)._cell.frame_index()
    plan = index.plan(np.asarray(frames))
    spans = merge([span for run in plan.runs for span in plan.ranges(run)], MERGE_GAP)
    return len(spans), sum(stop - start for start, stop in spans)


def _codes(frames: Any) -> list[int]:
    return [read_code(frame) for frame in frames]


def test_open_a_million_rows(backend: Place[Ledger]) -> None:
    ds, spent = least(backend.proxy, lambda: reelbase.load(f"{backend.url}/numbers", read_only=True, **backend.how))
    assert len(ds.n) == 1_000_000
    # The root and the hint; then a miss, and where there are listings, one that shows that nothing newer is there.
    assert len(spent.requests) == (3 if backend.url.startswith("http") else 4)
    assert spent.trips == 2
    assert spent.bytes <= OVERHEAD


def test_one_number_of_a_million(backend: Place[Ledger]) -> None:
    def first() -> Any:
        cached_source.forget()
        return reelbase.load(f"{backend.url}/numbers", read_only=True, **backend.how).n[777_777].numpy()

    value, spent = least(backend.proxy, first)
    assert value == 777_777
    assert (len(spent.requests), spent.trips) == (5 if backend.url.startswith("http") else 6, 4)


@pytest.mark.parametrize("ask", ["shape", "sample_info", "timestamps"])
def test_facts(backend: Place[Ledger], ask: str) -> None:
    """Two round trips: where the row lies, then what is known of it. Nothing of the video itself."""

    def facts() -> Any:
        cached_source.forget()
        ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
        with backend.proxy.counted() as spent:
            getattr(ds.videos[3], ask)
        return spent

    spent = min((facts() for _ in range(3)), key=lambda one: one.trips)
    assert spent.trips <= 2
    assert spent.bytes <= 2 * OVERHEAD
    ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
    ds.videos[3].shape  # noqa: B018 - reads
    with backend.proxy.counted() as again:
        getattr(ds.videos[3], ask)
    assert not again.requests


def test_a_cold_frame(backend: Place[Ledger], clip: Clip) -> None:
    """Three round trips after the dataset is open."""

    def cold() -> Any:
        cached_source.forget()
        ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
        with backend.proxy.counted() as spent:
            assert read_code(ds.videos[3, 50].numpy()) == clip.codes[50]
        return spent

    spent = min((cold() for _ in range(3)), key=lambda one: one.trips)
    assert spent.trips <= 3
    assert len(spent.requests) <= 3
    assert spent.bytes <= _needed(clip, [50])[1] + 2 * OVERHEAD


@pytest.mark.parametrize(
    "frames",
    [slice(90, 91), slice(20, 36), slice(0, 80, 5)],
    ids=["a frame", "a clip of 16", "a stride of 5"],
)
def test_warm(backend: Place[Ledger], clip: Clip, frames: slice) -> None:
    """One round trip, for exactly the bytes that the frames take, of rows that were looked at before."""
    cached_source.forget()
    ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
    rows = iter([35, 20, 5])  # each of bytes that were not read before
    for row in (5, 20, 35):
        ds.videos[row].shape  # noqa: B018 - reads
    pixels, spent = least(backend.proxy, lambda: ds.videos[next(rows), frames].numpy())
    assert _codes(pixels) == clip.codes[frames].tolist()
    ranges, size = _needed(clip, range(*frames.indices(120)))
    assert (len(spent.requests), spent.bytes, spent.trips) == (ranges, size, 1)


def test_a_batch_of_32_clips(backend: Place[Ledger], clip: Clip) -> None:
    """Three round trips cold, for all of them together; neighbours in one pack share requests."""

    def batch() -> Any:
        cached_source.forget()
        ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
        with backend.proxy.counted() as spent:
            pixels = ds.videos[4:36, 40:56].numpy()
        assert all(_codes(one) == clip.codes[40:56].tolist() for one in pixels)
        return spent

    spent = min((batch() for _ in range(3)), key=lambda one: one.trips)
    assert spent.trips <= 3
    assert len(spent.requests) <= 3
    assert spent.bytes <= 32 * clip.path.stat().st_size + 2 * OVERHEAD


def test_a_file_without_a_dataset(backend: Place[Ledger], clip: Clip) -> None:
    """A small file is fetched whole: what it is, then all of it."""

    def whole() -> Any:
        return reelbase.read(f"{backend.url}/clip.mp4", **backend.how)[50].numpy()

    frame, spent = least(backend.proxy, whole)
    assert read_code(frame) == clip.codes[50]
    assert len(spent.requests) <= 2
    assert 0 <= spent.bytes - clip.path.stat().st_size <= OVERHEAD


def test_ingest_of_a_remote_file(backend: Place[Ledger], clip: Clip, tmp_path: Any) -> None:
    """The bytes come once."""
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    with backend.proxy.counted() as spent:
        ds.videos.append(reelbase.read(f"{backend.url}/clip.mp4", **backend.how))
    assert 0 <= spent.bytes - clip.path.stat().st_size <= OVERHEAD  # GCS describes the object in a body
    assert len(spent.requests) <= 2
    assert ds.videos[0].tobytes() == clip.path.read_bytes()


def test_ingest_of_a_large_remote_file(
    backend: Place[Ledger], clip: Clip, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above `stream_above`, too: it is stored first, and looked through where it is stored."""
    monkeypatch.setenv("REELBASE_STREAM_ABOVE", "1kB")
    reelbase.config.reset()
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video")
    with backend.proxy.counted() as spent:
        ds.videos.append(reelbase.read(f"{backend.url}/clip.mp4", **backend.how))
    assert spent.bytes <= clip.path.stat().st_size + 2 * OVERHEAD
    assert ds.videos[0].tobytes() == clip.path.read_bytes()


def test_walking_clip_by_clip(backend: Place[Ledger], clip: Clip) -> None:
    """All of a video, in clips of 8 frames: fewer requests than clips, and no byte twice."""
    cached_source.forget()
    ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
    ds.videos[9].shape  # noqa: B018 - reads
    with backend.proxy.counted() as spent:
        for start in range(0, 120, 8):
            assert _codes(ds.videos[9, start : start + 8].numpy()) == clip.codes[start : start + 8].tolist()
    assert len(spent.requests) <= 5
    starts = [int(one.rpartition("bytes=")[2].partition("-")[0]) for one, _ in spent.requests]
    ends = [start + size for start, (_, size) in zip(starts, spent.requests, strict=True)]
    assert starts == sorted(starts)
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_the_second_time_is_free(backend: Place[Ledger], clip: Clip) -> None:
    cached_source.forget()
    opening = 3 if backend.url.startswith("http") else 4
    for requests in (
        opening + 3,
        opening,
    ):  # another handle only asks for what is newer
        with backend.proxy.counted() as spent:
            ds = reelbase.load(f"{backend.url}/videos", read_only=True, **backend.how)
            assert read_code(ds.videos[11, 50].numpy()) == clip.codes[50]
        assert len(spent.requests) == requests
