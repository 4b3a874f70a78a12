"""Compaction lays rows again and changes none of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

import reelbase
from reelbase.errors import CommitConflictError
from reelbase.format import log as logs

ROWS = 130


@pytest.fixture
def ds() -> reelbase.Dataset:
    made = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    made.create_tensor("id", dtype="int64")
    made.create_tensor("boxes", htype="bbox")
    made.create_tensor("text", htype="text")
    made.create_tensor("meta", htype="json")
    made.create_tensor("label", htype="class_label", class_names=["a", "b"])
    made.create_tensor("parts", htype="sequence[generic]", dtype="float32")
    made.create_tensor("image", dtype="uint8", sample_compression="png")
    return made


def row(k: int) -> dict[str, Any]:
    rng = np.random.default_rng(k)
    return {
        "id": [k],
        "boxes": None if k % 9 == 4 else rng.random((k % 4, 4), np.float32),
        "text": "é" * (k % 7),
        "meta": {"k": k, "list": [1, None]},
        "label": k % 2,
        "parts": [np.full(n, k, np.float32) for n in range(k % 3)],
        "image": None if k % 5 else rng.integers(0, 255, (4, 6, 3), np.uint8),
    }


def content(ds: reelbase.Dataset) -> dict[str, list[Any]]:
    return {name: [_plain(one.data()) if one.exists else None for one in tensor] for name, tensor in ds.tensors.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def filled(ds: reelbase.Dataset) -> reelbase.Dataset:
    for k in range(ROWS):
        ds.append(row(k))
    for k in range(0, ROWS, 11):
        ds.text[k] = "replaced"
        ds.image[k] = np.full((2, 2, 3), k, np.uint8)
    ds.delete_rows(list(range(3, 60, 4)))
    ds.text.pop()
    return ds


def test_no_row_changes(ds: reelbase.Dataset) -> None:
    before = content(filled(ds))
    old = ds.history.current
    done = ds.maintenance.compact()
    assert set(done.tensors) == set(ds.tensors)
    assert done.entries * 15 < done.entries_before
    assert content(ds) == before == content(reelbase.load(ds.path)) == content(ds.history.at(old))
    assert not ds.diff(old)
    assert ds.maintenance.verify(deep=True).ok


def test_the_second_time_there_is_nothing_to_do(ds: reelbase.Dataset) -> None:
    filled(ds).maintenance.compact()
    head = ds.history.current
    assert not ds.maintenance.compact()
    assert ds.history.current == head


def test_objects_are_bounded_by_what_is_live(ds: reelbase.Dataset) -> None:
    filled(ds)
    for _ in range(3):
        ds.append(row(1))
        ds.pop()
        ds.maintenance.compact()
    before = content(ds)
    ds.maintenance.expire(keep=0)
    ds.maintenance.gc(timedelta(0))
    stats = ds.maintenance.stats()
    assert stats.versions == 1
    assert stats.orphans.objects == 0
    assert stats.kinds["packs"].objects + stats.kinds["index"].objects <= 8
    assert content(ds) == before
    # Deleted and replaced samples are gone from disk.
    storage = ds._session.store.storage
    held = b"".join(storage.get(key) for key, _ in storage.list("packs/"))
    assert len(held) == stats.kinds["packs"].bytes
    whole = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    assert stats.kinds["packs"].bytes < 1.2 * ds.copy(whole.path + "/copy").maintenance.stats().kinds["packs"].bytes


def test_large_media_stay_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("reelbase.samples.media_layout.MIN_BLOB_BYTES", 64)
    monkeypatch.setattr("reelbase.format.rows.MIN_BLOB_BYTES", 64)
    ds = reelbase.empty(tmp_path / "data")
    images = ds.create_tensor("image", dtype="uint8", sample_compression="png")
    for k in range(5):
        images.append(np.full((20, 20, 3), k, np.uint8))
    blobs = sorted((tmp_path / "data").glob("blobs/*/*"))
    assert len(blobs) == 5
    ds.maintenance.compact()
    assert sorted((tmp_path / "data").glob("blobs/*/*")) == blobs
    assert [int(one.numpy()[0, 0, 0]) for one in ds.image] == list(range(5))


def before_the_claim(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something done just before the next claim, once."""
    claim = logs.Log.claim
    left = [act]

    def interrupted(self: logs.Log, *args: Any) -> bool:
        if left:
            left.pop()()
        return claim(self, *args)

    monkeypatch.setattr(logs.Log, "claim", interrupted)


@pytest.mark.parametrize("what", ["append", "update", "delete", "compact", "new column"])
def test_another_writer_comes_first(ds: reelbase.Dataset, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    other = reelbase.load(filled(ds).path)

    def act() -> None:
        if what == "append":
            with other:
                other.append(row(500))
                other.text[-1] = "changed where it was appended"
        elif what == "update":
            other.text[2] = "theirs"
        elif what == "delete":
            other.delete_rows([1])
        elif what == "compact":
            other.maintenance.compact()
        else:
            with other:
                other.append(row(3))  # no image yet in these rows
                other.append(row(5))

    before_the_claim(monkeypatch, act)
    ds.maintenance.compact()
    other.refresh()
    assert content(ds) == content(other)
    assert content(reelbase.load(ds.path)) == content(other)
    assert not ds.maintenance.compact() or what in ("append", "new column")
    assert ds.maintenance.verify(deep=True).ok


def test_a_stale_writer_changes_the_row_it_means(ds: reelbase.Dataset) -> None:
    stale = reelbase.load(filled(ds).path)
    wanted = content(ds)
    ds.maintenance.compact()
    stale.text[20] = "stale"
    stale.id.pop(0)
    wanted["text"][20] = "stale"
    wanted["id"].pop(0)
    assert content(reelbase.load(ds.path)) == wanted


def test_a_stale_update_conflicts_across_a_compaction(ds: reelbase.Dataset) -> None:
    stale = reelbase.load(filled(ds).path)
    ds.text[20] = "mine"
    ds.maintenance.compact()
    with pytest.raises(CommitConflictError, match="row"):
        stale.text[20] = "theirs"


def test_damage_is_not_carried_on(tmp_path: Path) -> None:
    ds = reelbase.empty(tmp_path / "data")
    ds.create_tensor("text", htype="text")
    for k in range(3):
        ds.text.append(f"text {k}")
    pack = next((tmp_path / "data").glob("packs/*/*"))
    body = bytearray(pack.read_bytes())
    body[-1] ^= 1
    pack.write_bytes(body)
    head = ds.history.current
    with pytest.raises(reelbase.errors.CorruptObjectError, match="damaged"):
        reelbase.load(tmp_path / "data").maintenance.compact()
    assert reelbase.load(tmp_path / "data").history.current == head


@settings(max_examples=60, deadline=None)
@example([("append", 1), ("append", 4), ("delete", [0, 2, 3]), ("compact", None)])
@example([("append", 40), ("delete", list(range(1, 39))), ("compact", None)])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 40)),
            st.tuples(st.just("update"), st.integers(0, 10**6)),
            st.tuples(st.just("delete"), st.lists(st.integers(0, 10**6), min_size=1, max_size=20)),
            st.tuples(st.just("compact"), st.none()),
        ),
        max_size=25,
    )
)
def test_any_history(steps: list[tuple[str, Any]]) -> None:
    ds = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    tensor = ds.create_tensor("x", htype="text")
    model: list[str] = []
    for number, (what, value) in enumerate(steps):
        if what == "append":
            for k in range(value):
                tensor.append(f"{number}.{k}")
                model.append(f"{number}.{k}")
        elif what == "update" and model:
            tensor[value % len(model)] = model[value % len(model)] = f"u{number}"
        elif what == "delete" and model:
            gone = {one % len(model) for one in value}
            ds.delete_rows(sorted(gone))
            model = [one for at, one in enumerate(model) if at not in gone]
        elif what == "compact":
            ds.maintenance.compact()
            assert not ds.maintenance.compact()
        assert len(tensor) == len(model)
    assert [one.data() for one in tensor] == model
    assert [one.data() for one in reelbase.load(ds.path).x] == model
    assert ds.maintenance.verify(deep=True).ok
    reelbase.delete(ds.path)
