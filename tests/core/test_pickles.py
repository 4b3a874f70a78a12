"""Datasets and what is got from them, in other processes: spawned ones, forked ones, those of a fork server."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import reelbase
from reelbase.errors import TransactionError, UsageError

SECRET = "canary-0123456789"


@pytest.fixture
def ds(tmp_path: Path) -> reelbase.Dataset:
    made = reelbase.empty(tmp_path / "ds")
    made.create_tensor("x", dtype="int64").extend(range(5))
    made.create_tensor("words", htype="text").extend(["a", "b", "c", "d", "e"])
    return made


def read_rows(ds: reelbase.Dataset) -> list[int]:
    return [int(one) for one in ds.x[:].numpy()]


def read_view(view: Any) -> list[str]:
    return view.data()


def append(ds: reelbase.Dataset, value: int) -> int:
    ds.append({"x": value, "words": str(value)})
    return len(ds)


# A fork of a process with threads is what data loaders do; Python warns of it.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("way", ["spawn", "forkserver", "fork"])
def test_in_another_process(ds: reelbase.Dataset, way: str) -> None:
    view = ds.words[1:3]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(way)) as pool:
        assert pool.submit(read_rows, ds).result() == [0, 1, 2, 3, 4]
        assert pool.submit(read_view, view).result() == ["b", "c"]
        assert pool.submit(append, ds, 5).result() == 6
    ds.refresh()
    assert read_rows(ds) == [0, 1, 2, 3, 4, 5]


def test_it_stands_where_it_stood(ds: reelbase.Dataset) -> None:
    sent = pickle.dumps(ds)
    ds.x.append(5)
    copy = pickle.loads(sent)
    assert read_rows(copy) == [0, 1, 2, 3, 4]
    copy.refresh()
    assert read_rows(copy) == [0, 1, 2, 3, 4, 5]
    ds.checkout("main@2")
    old = pickle.loads(pickle.dumps(ds))
    assert old.read_only
    assert old.history.current == ds.history.current


@pytest.mark.parametrize("what", ["x", "rows", "row", "history", "maintenance", "info", "version"])
def test_parts(ds: reelbase.Dataset, what: str) -> None:
    parts = {
        "x": (ds.x, len), "rows": (ds[1:3], lambda rows: rows.numbers), "row": (ds[4], lambda row: row.words.data()),
        "history": (ds.history, lambda history: history.current),
        "maintenance": (ds.maintenance, lambda one: one.stats()),
        "info": (ds.info, dict), "version": (ds.history.current, lambda one: one.ref),
    }  # fmt: skip
    part, ask = parts[what]
    assert ask(pickle.loads(pickle.dumps(part))) == ask(part)


def test_no_transaction_is_sent(ds: reelbase.Dataset) -> None:
    with ds:
        ds.x.append(5)
        with pytest.raises(TransactionError, match="another process"):
            pickle.dumps(ds)
    assert len(pickle.loads(pickle.dumps(ds)).x) == 6


def test_credentials_do_not_travel(tmp_path: Path) -> None:
    ds = reelbase.empty(tmp_path / "ds", creds={"token": SECRET})
    ds.create_tensor("x")
    file = reelbase.read(tmp_path / "a.mp4", creds={"token": SECRET})
    for one in (ds, ds.x, ds.x[:], file):
        with pytest.raises(UsageError, match="not sent to another process") as caught:
            pickle.dumps(one)
        assert SECRET not in str(caught.value)
        assert SECRET not in repr(one)
    assert SECRET not in repr(vars(ds._session.store.storage))


def test_creds_must_be_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not one of the configured names") as caught:
        reelbase.load(tmp_path, creds=SECRET)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)
