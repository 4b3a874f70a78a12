"""`ds.maintenance.size` counts what is in the storage, as `stats` does by another way."""

from __future__ import annotations

import numpy as np

import reelbase


def test_it_counts_every_object(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x", dtype="int64")
    before = ds.maintenance.size()
    ds.x.extend([np.arange(100_000)])
    after = ds.maintenance.size()
    assert after.objects > before.objects
    assert after.bytes - before.bytes >= 800_000 // 8  # numbers may be stored packed
    total = ds.maintenance.stats().total
    assert after.objects >= total.objects
    assert after.bytes >= total.bytes
