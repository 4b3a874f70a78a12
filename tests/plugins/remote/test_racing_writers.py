"""Processes append to one dataset while one reply in ten is cut after the work was done: no row is lost or doubled."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cloud_servers import FakeGcs, Seaweed
from faulty_proxy import FaultyProxy, Trouble, forward, lost_reply

import reelbase
from reelbase.errors import CommitOutcomeUnknownError, ReelbaseError

WRITERS = 3
ROWS = 40
HASTE = {"timeout": 10.0, "tries": 8, "deadline": 60.0}


class Careless(FaultyProxy):
    """Loses one reply in ten."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._random = random.Random(1)

    def next_for(self, method: str, path: str) -> Trouble:
        with self._lock:
            lost = self._random.random() < 0.1
            self.met += lost
        return lost_reply if lost else forward


def _write(url: str, how: dict[str, Any], writer: int) -> tuple[list[int], list[int]]:
    """Appends; the numbers that were acknowledged, and those of which nobody knows."""
    known, unknown = [], []
    ds = reelbase.load(url, **how)
    for number in range(writer * ROWS, (writer + 1) * ROWS):
        try:
            ds.append({"n": number, "text": f"row {number}"})
            known.append(number)
        except CommitOutcomeUnknownError:
            unknown.append(number)
            ds = reelbase.load(url, **how)
        except ReelbaseError as error:
            raise AssertionError(f"{number}: {error!r}") from None
    return known, unknown


def _race(url: str, proxied: dict[str, Any], direct: dict[str, Any], proxy: FaultyProxy, record: Any) -> None:
    ds = reelbase.empty(url, **direct)
    ds.create_tensor("n", dtype="int64")
    ds.create_tensor("text", htype="text")
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        told = pool.starmap(_write, [(url, proxied, writer) for writer in range(WRITERS)])
    known = {number for one, _ in told for number in one}
    unknown = {number for _, one in told for number in one}
    found = reelbase.load(url, **direct)
    numbers = Counter(found.n.numpy().tolist())
    texts = [view.text() for view in found.text]
    assert texts == [f"row {number}" for number in found.n.numpy().tolist()], "a row whose tensors disagree"
    assert found.maintenance.verify(deep=True).ok
    record("rows acknowledged", len(known))
    record("lost", len(known - set(numbers)))
    record("doubled", sum(count > 1 for count in numbers.values()))
    record("replies cut", proxy.met)
    assert proxy.met > WRITERS * ROWS // 10
    assert not known - set(numbers)
    assert max(numbers.values()) == 1
    assert set(numbers) <= known | unknown
    assert len(known) > WRITERS * ROWS * 0.9


def test_s3(seaweed: Seaweed, record_property: Callable[[str, object], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    seaweed.make_bucket("race")
    proxy = Careless(seaweed.url)
    with proxy.serving() as seen:
        proxied = {"options": {**seaweed.options(), "endpoint_url": seen, **HASTE}, "creds": seaweed.OWNER}
        direct = {"options": seaweed.options(), "creds": seaweed.OWNER}
        _race("s3://race/ds", proxied, direct, proxy, record_property)


def test_gcs(fake_gcs: FakeGcs, record_property: Callable[[str, object], None]) -> None:
    fake_gcs.make_bucket("race")
    proxy = Careless(fake_gcs.url)
    with proxy.serving() as seen:
        proxied = {"options": {"endpoint_url": seen, **HASTE}}
        _race("gs://race/ds", proxied, {"options": fake_gcs.options()}, proxy, record_property)
