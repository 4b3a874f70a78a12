"""Datasets through the public API, with what the core itself brings."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import reelbase
from reelbase.errors import (
    DatasetExistsError,
    DatasetNotFoundError,
    HtypeError,
    MissingSampleError,
    PluginNotFoundError,
    ReadOnlyError,
    SampleIndexError,
    TensorExistsError,
    TensorNotFoundError,
    TransactionError,
    UsageError,
)


def test_made_loaded_opened_deleted(path: str) -> None:
    assert not reelbase.exists(path)
    with pytest.raises(DatasetNotFoundError, match="No dataset"):
        reelbase.load(path)
    ds = reelbase.open(path)
    ds.create_tensor("x").append([1, 2])
    with pytest.raises(DatasetExistsError, match="already"):
        reelbase.empty(path)
    assert reelbase.open(path).x[0].numpy().tolist() == [1, 2]
    assert reelbase.exists(path)
    reelbase.delete(path)
    assert not reelbase.exists(path)
    with pytest.raises(DatasetNotFoundError):
        reelbase.delete(path)


def test_overwrite_starts_anew(path: str) -> None:
    ds = reelbase.empty(path)
    ds.create_tensor("x").append(1)
    ds.info["a"] = 1
    again = reelbase.empty(path, overwrite=True)
    assert again.tensors == {}
    assert dict(again.info) == {}
    assert reelbase.load(path).tensors == {}


@pytest.mark.parametrize(
    "value", [[1, 2, 3], 7, 2.5, True, np.zeros((2, 0, 3)), np.arange(6, dtype=np.int16).reshape(2, 3), 1j]
)
def test_arrays_come_back(ds: reelbase.Dataset, path: str, value: object) -> None:
    ds.create_tensor("x").append(value)
    for one in (ds, reelbase.load(path)):
        got = one.x[0].numpy()
        np.testing.assert_array_equal(got, value)
        assert got.dtype == np.asarray(value).dtype
        assert got.flags.writeable
        assert one.x[0].shape == np.shape(value)


def test_many_rows(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x", dtype="int32")
    ds.x.extend(range(5000))
    for k in range(100):
        ds.x.append(k)
    loaded = reelbase.load(path)
    assert len(loaded.x) == 5100
    np.testing.assert_array_equal(loaded.x.numpy(), [*range(5000), *range(100)])
    np.testing.assert_array_equal(loaded.x[[0, -1, 4999, 5000]].numpy(), [0, 99, 4999, 0])


def test_ragged_rows_are_a_list(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([[1], [2, 3], [4]])
    assert [one.tolist() for one in ds.x.numpy()] == [[1], [2, 3], [4]]
    assert ds.x[::2].numpy().shape == (2, 1)
    assert len(ds.x[::2].numpy(aslist=True)) == 2
    assert ds.x.shape == (3, None)
    assert ds.x.shape_interval == ((3, 1), (3, 2))
    assert ds.x[:2].shape == (2, None)


def test_rows_of_a_dataset(ds: reelbase.Dataset) -> None:
    ds.create_tensor("a")
    ds.create_tensor("b")
    ds.extend({"a": range(10), "b": [[k, k] for k in range(10)]})
    assert len(ds) == 10
    assert ds[3].a.numpy() == 3
    assert ds[-1]["b"].numpy().tolist() == [9, 9]
    assert ds[2:8:2].a.numpy().tolist() == [2, 4, 6]
    assert ds[2:8][1].a.numpy() == 3
    assert ds[[1, 1, -2]].b[:, 0].numpy().tolist() == [1, 1, 8]
    assert [int(row.a.numpy()) for row in ds[5:]] == [5, 6, 7, 8, 9]
    assert len(ds[5:]) == 5
    assert list(ds[0].tensors) == ["a", "b"]
    with pytest.raises(SampleIndexError, match="Row 10 is out of range"):
        ds[10]
    with pytest.raises(TensorNotFoundError, match="no tensor 'c'"):
        ds[0].c  # noqa: B018


def test_whole_rows_stay_aligned(ds: reelbase.Dataset) -> None:
    ds.create_tensor("a").extend([1, 2, 3])
    ds.create_tensor("b")
    ds.append({"a": 4, "b": 40})
    assert (len(ds.a), len(ds.b)) == (4, 4)
    assert ds[3].b.numpy() == 40
    with pytest.raises(MissingSampleError, match="Row 1 of tensor 'b'"):
        ds.b[1].numpy()
    assert not ds.b[1].exists
    assert ds.b[3].exists


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ({"a": 1}, UsageError, "no value for tensor 'b'"),
        ({"a": 1, "b": 2, "c": 3}, TensorNotFoundError, "no tensor 'c'"),
        ({"a": 1, "b": "text"}, HtypeError, "'text'"),
        ([1, 2], UsageError, "not a row"),
    ],
)
def test_a_wrong_row_changes_nothing(ds: reelbase.Dataset, row: object, error: type[Exception], words: str) -> None:
    ds.create_tensor("a")
    ds.create_tensor("b")
    before = ds._session.commit.seq
    with pytest.raises(error, match=words):
        ds.append(row)
    assert (len(ds.a), len(ds.b), ds._session.commit.seq) == (0, 0, before)


def test_columns_of_different_lengths(ds: reelbase.Dataset) -> None:
    ds.create_tensor("a")
    ds.create_tensor("b")
    with pytest.raises(UsageError, match="Column 'b' ends after 2 rows"):
        ds.extend({"a": [1, 2, 3], "b": iter([1, 2])})
    assert len(ds) == 0


def test_extend_is_one_commit_or_none(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x")
    before = ds._session.commit.seq
    ds.x.extend([1, 2, 3])
    assert ds._session.commit.seq == before + 1
    with pytest.raises(HtypeError):
        ds.x.extend([4, 5, object()])
    assert ds.x.numpy().tolist() == [1, 2, 3]
    assert ds._session.commit.seq == before + 1


def test_none_is_a_missing_sample(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([1, None, 3])
    with pytest.raises(MissingSampleError, match="Row 1"):
        ds.x[1].numpy()
    with pytest.raises(MissingSampleError):
        ds.x.numpy()
    assert ds.x[[0, 2]].numpy().tolist() == [1, 3]
    ds.x[1] = 2
    ds.x[0] = None
    assert ds.x[1:].numpy().tolist() == [2, 3]
    assert not ds.x[0].exists


def test_update_pop_clear(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x").extend(range(6))
    ds.x[2] = 20
    ds.x[-1] = 50
    ds.x.pop()
    ds.x.pop(0)
    assert ds.x.numpy().tolist() == [1, 20, 3, 4]
    ds.x[0] = 10
    ds.x.append(99)
    assert reelbase.load(path).x.numpy().tolist() == [10, 20, 3, 4, 99]
    with pytest.raises(SampleIndexError, match="Row 5"):
        ds.x[5] = 1
    with pytest.raises(SampleIndexError, match="too many"):
        ds.x[0, 1] = 1
    ds.x.clear()
    assert len(ds.x) == 0
    with pytest.raises(SampleIndexError):
        ds.x.pop()
    ds.x.append(1)
    assert ds.x.numpy().tolist() == [1]


def test_a_view_pins_its_commit(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([1, 2])
    view, rows = ds.x[:], ds[:]
    ds.x[0] = 9
    ds.x.append(3)
    assert view.numpy().tolist() == [1, 2]
    assert rows.x.numpy().tolist() == [1, 2]
    assert ds.x.numpy().tolist() == [9, 2, 3]


def test_transaction_is_one_commit(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    ds.create_tensor("y")
    other = reelbase.load(path)
    before = ds._session.commit.seq
    with ds:
        for k in range(5):
            ds.x.append(k)
            ds.y.append(-k)
        assert ds.x.numpy().tolist() == [0, 1, 2, 3, 4]
        ds.x[0] = 7
        ds.create_tensor("z").append(1)
        assert ds.x[0].numpy() == 7
        other.refresh()
        assert len(other.x) == 0
    assert ds._session.commit.seq == before + 1
    other.refresh()
    assert other.x.numpy().tolist() == [7, 1, 2, 3, 4]
    assert "z" in other


def test_an_exception_rolls_back(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x").append(0)
    with pytest.raises(ZeroDivisionError), ds:
        ds.x.append(1)
        ds.create_tensor("y")
        ds.info["k"] = 1
        raise ZeroDivisionError
    for one in (ds, reelbase.load(path)):
        assert one.x.numpy().tolist() == [0]
        assert "y" not in one
        assert dict(one.info) == {}
    assert not list(ds._session.store.storage.list("packs/zz"))


def test_a_caught_error_leaves_the_transaction_whole(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x")
    with ds:
        ds.x.append(1)
        with pytest.raises(HtypeError):
            ds.x.extend([2, "no"])
        ds.x.append(3)
    assert ds.x.numpy().tolist() == [1, 3]


def test_transactions_do_not_nest(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x")
    with ds:
        ds.x.append(1)
        with pytest.raises(TransactionError, match="nest"), ds:
            pass
        with pytest.raises(TransactionError):
            ds.refresh()
    assert len(ds.x) == 1


def test_read_only(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x").append(1)
    loaded = reelbase.load(path, read_only=True)
    for write in (
        lambda: loaded.x.append(2),
        lambda: loaded.create_tensor("y"),
        lambda: loaded.x.pop(),
        lambda: loaded.info.update(a=1),
        loaded.__enter__,
    ):
        with pytest.raises(ReadOnlyError, match="read-only"):
            write()
    assert loaded.x[0].numpy() == 1


def test_schema(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("a").append(1)
    with pytest.raises(TensorExistsError, match="'a'"):
        ds.create_tensor("a")
    ds.rename_tensor("a", "group/b")
    assert list(reelbase.load(path).tensors) == ["group/b"]
    assert ds["group/b"].numpy().tolist() == [1]
    assert ds.group.b[0].numpy() == 1
    assert ds["group"]["b"].name == "group/b"
    assert list(ds.group.tensors) == ["b"]
    old = ds["group/b"]
    ds.delete_tensor("group/b")
    with pytest.raises(TensorNotFoundError, match="deleted"):
        len(old)
    with pytest.raises(TensorNotFoundError, match="no tensor 'group/b'"):
        ds.delete_tensor("group/b")
    assert not hasattr(ds, "group")


@pytest.mark.parametrize("name", ["", "a b", "/a", "a/", "a//b", "../a", 3, "ä", "_", "a" * 3 + "\n"])
def test_names(ds: reelbase.Dataset, name: object) -> None:
    if name == "_":
        ds.create_tensor(name)
        return
    with pytest.raises(UsageError, match="cannot name a tensor"):
        ds.create_tensor(name)


def test_a_tensor_named_like_a_method(ds: reelbase.Dataset) -> None:
    ds.create_tensor("append").extend([1])
    assert ds["append"][0].numpy() == 1
    ds.append({"append": 2})
    assert ds["append"].numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"htype": "banana"}, PluginNotFoundError, "banana"),
        ({"htype": "sequence[sequence[generic]]"}, HtypeError, "wrapper"),
        ({"htype": "linked[generic]"}, HtypeError, "wrapper"),
        ({"htype": 3}, HtypeError, "not a name"),
        ({"dtype": "float33"}, HtypeError, "float33"),
        ({"dtype": "datetime64[s]"}, HtypeError, "datetime64"),
        ({"coords": 1}, HtypeError, "coords"),
        ({"sample_compression": "zip"}, PluginNotFoundError, "zip"),
    ],
)
def test_wrong_settings(ds: reelbase.Dataset, settings: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ds.create_tensor("x", **settings)
    assert ds.tensors == {}


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("float32", np.float64(0.1), True),
        ("float32", np.float64(1e300), False),
        ("float32", np.inf, True),
        ("float32", 2**24 + 1, False),
        ("int8", 127, True),
        ("int8", 128, False),
        ("uint8", -1, False),
        ("int64", np.uint64(2**63), False),
        ("uint64", np.int64(-1), False),
        ("int64", 3.0, True),
        ("int64", 3.5, False),
        ("int64", np.nan, False),
        ("bool", 1, True),
        ("bool", 2, False),
        ("int64", True, True),
        ("float64", 1j, False),
        ("complex64", 0.5, True),
    ],
)
def test_values_are_cast_only_when_they_survive(ds: reelbase.Dataset, dtype: str, value: object, fits: bool) -> None:
    ds.create_tensor("x", dtype=dtype)
    if not fits:
        with pytest.raises(HtypeError, match="does not fit"):
            ds.x.append(value)
        assert len(ds.x) == 0
        return
    ds.x.append(value)
    assert ds.x[0].numpy().dtype == dtype


def test_the_first_sample_fixes_the_dtype(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    assert ds.x.dtype is None
    ds.x.append(np.int16(3))
    assert reelbase.load(path).x.dtype == np.int16
    with pytest.raises(HtypeError, match="70000"):
        ds.x.append(70000)


def test_sequences(ds: reelbase.Dataset) -> None:
    ds.create_tensor("s", htype="sequence[generic]")
    ds.s.extend([np.arange(24).reshape(4, 3, 2), [[1, 2, 3], [4]], [], None])
    assert ds.s[0].shape == (4, 3, 2)
    assert ds.s[0, 1:3].numpy().tolist() == np.arange(24).reshape(4, 3, 2)[1:3].tolist()
    assert ds.s[1].shape == (2, None)
    assert [one.tolist() for one in ds.s[1].numpy()] == [[1, 2, 3], [4]]
    assert ds.s[1, 1].numpy().tolist() == [4]
    assert ds.s[1, :, 0].numpy().tolist() == [1, 4]
    assert ds.s[1, ..., 0].numpy().tolist() == [1, 4]
    assert ds.s[1, [1, 0]].shape == (2, None)
    assert ds.s[1, ::-1, 0].numpy().tolist() == [4, 1]
    assert ds.s[2].shape == (0,)
    assert len(ds.s[2].numpy()) == 0
    assert not ds.s[3].exists
    with pytest.raises(HtypeError, match="not a sequence"):
        ds.s.append(3)
    with pytest.raises(SampleIndexError):
        ds.s[1, 2].numpy()


def test_info(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    ds.info["source"] = {"url": "a", "n": [1, 2]}
    ds.x.info.update(unit="m", scale=2)
    loaded = reelbase.load(path)
    assert loaded.info == {"source": {"url": "a", "n": [1, 2]}}
    assert dict(loaded.x.info) == {"unit": "m", "scale": 2}
    del ds.x.info["unit"]
    assert dict(ds.x.info) == {"scale": 2}
    with pytest.raises(UsageError, match="'k'"):
        ds.info["k"] = {1, 2}
    with pytest.raises(UsageError, match="key"):
        ds.info[3] = 1
    with pytest.raises(KeyError):
        del ds.info["none"]
    with pytest.raises(KeyError):
        ds.info["none"]


def test_large_schemas_stay_out_of_commits(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    ds.info["names"] = [f"a long name of class {k}" for k in range(20_000)]
    for k in range(5):
        ds.x.append(k)
    assert len(ds._session.commit.body) < 4096
    assert len(reelbase.load(path).info["names"]) == 20_000


def test_many_tensors(ds: reelbase.Dataset, path: str) -> None:
    with ds:
        for k in range(300):
            ds.create_tensor(f"t{k}")
    for _ in range(40):
        ds.append(dict.fromkeys(ds.tensors, 1))
    assert len(ds._session.commit.body) < 256 * 1024
    assert reelbase.load(path).t299.numpy().sum() == 40


def test_summary_and_reprs(ds: reelbase.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("x").extend([[1, 2], [3, 4]])
    ds.create_tensor("y", htype="sequence[generic]")
    ds.summary()
    out = capsys.readouterr().out
    assert "sequence[generic]" in out
    assert "(2,)" in out
    assert "different lengths (0 to 2)" in out
    assert repr(ds.x) == "Tensor('x', htype='generic', rows=2)"
    assert "rows=2" in repr(ds)
    assert repr(ds.x[0, 1]) == "View('x', row 0, indexed)"
    assert repr(ds[0]) == "Row(0, tensors: x, y)"


def test_hints(ds: reelbase.Dataset) -> None:
    ds.create_tensor("videos")
    with pytest.raises(AttributeError, match="Did you mean 'videos'"):
        ds.vidoes  # noqa: B018
    with pytest.raises(KeyError, match="Did you mean 'videos'"):
        ds["vidoes"]


def test_views_are_arrays(ds: reelbase.Dataset) -> None:
    ds.create_tensor("x").extend([[1, 2], [3, 4]])
    assert np.asarray(ds.x[0]).tolist() == [1, 2]
    assert np.asarray(ds.x[:], dtype=np.float32).dtype == np.float32
    out = np.zeros((2, 2), np.int64)
    assert ds.x[:].numpy(out=out) is out
    assert out.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UsageError, match="out="):
        ds.x[0].numpy(out=np.zeros(3, np.int64))
    with pytest.raises(UsageError, match="size="):
        ds.x[0].numpy(size=(1, 1))
    with pytest.raises(UsageError, match="not a video"):
        ds.x[0].timestamps  # noqa: B018
    assert [one.numpy().tolist() for one in ds.x] == [[1, 2], [3, 4]]
    assert len(ds.x[0]) == 2


def test_threads_write_and_read(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    errors: list[BaseException] = []

    def work(base: int) -> None:
        try:
            for k in range(20):
                ds.append({"x": base + k})
                seen = ds.x.numpy()
                assert len(seen) == len(set(np.asarray(seen).tolist()))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(100 * k,)) for k in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert sorted(reelbase.load(path).x.numpy().tolist()) == sorted(100 * k + i for k in range(4) for i in range(20))


def test_two_writers_rebase(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x")
    ds.create_tensor("y")
    other = reelbase.load(path)
    ds.append({"x": 1, "y": 10})
    other.append({"x": 2, "y": 20})
    ds.append({"x": 3, "y": 30})
    loaded = reelbase.load(path)
    assert loaded.x.numpy().tolist() == [1, 2, 3]
    assert loaded.y.numpy().tolist() == [10, 20, 30]


def test_conflicts_are_told(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x").extend([0, 1, 2])
    one, two = reelbase.load(path), reelbase.load(path)
    one.x[1] = 10
    two.x[2] = 20
    stale = reelbase.load(path)
    one.x[1] = 11
    with pytest.raises(reelbase.errors.CommitConflictError, match="row 1 of 'x'"):
        stale.x[1] = 12
    assert reelbase.load(path).x.numpy().tolist() == [0, 11, 20]
    stale = reelbase.load(path)
    one.delete_tensor("x")
    with pytest.raises(reelbase.errors.CommitConflictError, match="dropped"):
        stale.x.append(1)


def test_first_appends_of_two_writers(path: str) -> None:
    reelbase.empty(path).create_tensor("x")
    one, two, three = (reelbase.load(path) for _ in range(3))
    one.x.append(np.int32(1))
    two.x.append(np.int32(2))
    with pytest.raises(HtypeError, match="int32"):
        three.x.append(np.float32(2))
    assert reelbase.load(path).x.numpy().tolist() == [1, 2]


def test_scattered_updates_keep_the_commit_small(ds: reelbase.Dataset, path: str) -> None:
    ds.create_tensor("x").extend(range(5000))
    with ds:
        for row in range(0, 5000, 2):
            ds.x[row] = -row
    assert len(ds._session.commit.body) < 64 * 1024
    expected = np.arange(5000)
    expected[::2] *= -1
    np.testing.assert_array_equal(reelbase.load(path).x.numpy(), expected)


def test_a_wrong_item_of_a_sequence_is_named(ds: reelbase.Dataset) -> None:
    ds.create_tensor("s", htype="sequence[generic]", dtype="int8")
    with pytest.raises(HtypeError, match="Item 2: 300"):
        ds.s.append([[1], [2], [300]])
    assert len(ds.s) == 0
