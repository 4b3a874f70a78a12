"""Random interleavings of writers, readers and upkeep, on storages that show only a part of what is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from interleavings import Interleaving, PartialStorage

SEEDS = 25  # of each test; by hand, thousands


@pytest.mark.parametrize("block", range(4))
def test_interleavings(block: int, record_property: Callable[[str, object], None]) -> None:
    swept = certain = 0
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        tried = Interleaving(seed)
        problems = tried.run()
        assert not problems, f"seed {seed}, {tried.kind}:\n" + "\n".join(problems)
        swept += not any(key.startswith("packs/00/0000") for key in tried.storage.objects)
        certain += len(tried.record.certain)
    record_property("interleavings", SEEDS)
    assert swept, "gc never had anything to do"
    assert certain > 10 * SEEDS, "hardly anything was written"


def test_a_seed_decides_everything() -> None:
    runs = [Interleaving(7) for _ in range(2)]
    for tried in runs:
        tried.run()
    assert len({tried.schedule.steps for tried in runs}) == 1
    assert runs[0].record.certain == runs[1].record.certain


def _replaces(self: PartialStorage, key: str, data: bytes, *, if_absent: bool = False) -> None:
    _PUT(self, key, data)


def _forgets(self: PartialStorage, key: str, data: bytes, *, if_absent: bool = False) -> None:
    if not key.startswith("packs/") or self.now.second % 7:
        _PUT(self, key, data, if_absent=if_absent)


_PUT = PartialStorage.put


@pytest.mark.parametrize("broken", [_replaces, _forgets])
def test_a_storage_that_breaks_its_contract_is_found(monkeypatch: pytest.MonkeyPatch, broken: object) -> None:
    """Without this the tests above could pass because they see nothing."""
    monkeypatch.setattr(PartialStorage, "put", broken)
    assert any(Interleaving(seed).run() for seed in range(8))
