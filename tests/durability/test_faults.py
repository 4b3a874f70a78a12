"""The fault-injecting storage: it keeps the contract while it has no fault, and each fault does what it says."""

from __future__ import annotations

import pickle
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.contracts.storage import Storage
from reelbase.errors import ObjectExistsError, ObjectNotFoundError, OutcomeUnknownError, StorageError, StorageFullError
from reelbase.testing import FaultyStorage, Stopped, StorageTests
from reelbase.testing.faults import (
    Chain,
    Delayed,
    Fault,
    Full,
    Interleave,
    Lasting,
    NoReply,
    OwnEcho,
    Refused,
    ReplyCut,
    Stop,
    StopAfter,
    Torn,
)


@pytest.fixture
def inner() -> Iterator[Storage]:
    storage = MemoryStorage(f"mem://{uuid.uuid4().hex}")
    yield storage
    for key, _ in storage.list():
        storage.delete(key)


@pytest.fixture
def storage(inner: Storage) -> FaultyStorage:
    return FaultyStorage(inner)


class TestContract(StorageTests):
    @pytest.fixture
    def storage(self, inner: Storage) -> Storage:
        return FaultyStorage(inner)

    def again(self, storage: Storage) -> Storage:
        return FaultyStorage(MemoryStorage(storage.root))

    def test_locate(self, filled: Storage) -> None:
        assert repr(filled) == f"FaultyStorage({filled.root!r})"  # URLs find what it wraps


def test_every_operation_is_counted(storage: FaultyStorage) -> None:
    storage.put("a", b"12345")
    storage.put("b", b"", if_absent=True)
    storage.get("a", 1, 2)
    storage.get_ranges("a", [(0, 1), (1, 2), (2, 3)])
    storage.stat("a")
    storage.list("a")
    storage.leftovers()
    storage.delete("a")
    kinds = [(call.kind, call.key, call.if_absent) for call in storage.calls]
    assert kinds == [
        ("put", "a", False), ("put", "b", True), ("get", "a", False), ("get_ranges", "a", False), ("stat", "a", False),
        ("list", "a", False), ("leftovers", "", False), ("delete", "a", False),
    ]  # fmt: skip


def test_a_copy_has_no_fault(storage: FaultyStorage) -> None:
    storage.put("a", b"1")
    storage.arm(Stop())
    assert pickle.loads(pickle.dumps(storage)).get("a") == b"1"


@pytest.mark.parametrize(("fault", "stands"), [(Stop(), False), (StopAfter(), True)])
def test_a_dead_process_does_nothing_more(storage: FaultyStorage, inner: Storage, fault: Fault, stands: bool) -> None:
    storage.put("old", b"1")
    storage.arm(fault, at=1)
    storage.put("first", b"1")
    with pytest.raises(Stopped):
        storage.put("second", b"1")
    with pytest.raises(Stopped):
        storage.delete("old")
    with pytest.raises(Stopped):
        storage.get("old")
    storage.heal()
    with pytest.raises(Stopped):
        storage.list()
    found = {key for key, _ in inner.list()}
    assert found == {"old", "first", "second"} if stands else {"old", "first"}


def test_torn(storage: FaultyStorage, inner: Storage) -> None:
    storage.arm(Torn(lambda key: key == "hint"))
    storage.put("other", b"1234")
    storage.put("claim", b"1234", if_absent=True)
    with pytest.raises(Stopped):
        storage.put("hint", b"1234")
    assert (inner.get("other"), inner.get("claim"), inner.get("hint")) == (b"1234", b"1234", b"12")


@pytest.mark.parametrize(
    ("fault", "error", "stands"),
    [
        (ReplyCut(), OutcomeUnknownError, True), (NoReply(), OutcomeUnknownError, False),
        (OwnEcho(), ObjectExistsError, True), (Refused(), StorageError, False), (Full(), StorageFullError, False),
        (Delayed(), OutcomeUnknownError, False),
    ],
)  # fmt: skip
def test_claims(storage: FaultyStorage, inner: Storage, fault: Fault, error: type[Exception], stands: bool) -> None:
    storage.arm(fault)
    with pytest.raises(error) as caught:
        storage.put("key", b"mine", if_absent=True)
    assert type(caught.value) is error
    assert bool(list(inner.list())) == stands
    assert storage.struck == storage.calls[0]
    storage.put("another", b"", if_absent=True)  # once only


@pytest.mark.parametrize("fault", [ReplyCut(), NoReply(), Refused()])
def test_reads_fail_as_storages_fail(storage: FaultyStorage, fault: Fault) -> None:
    storage.put("key", b"1")
    for read in (storage.get, storage.stat, storage.list, lambda key: storage.get_ranges(key, [(0, 1)])):
        storage.arm(fault)
        with pytest.raises(StorageError) as caught:
            read("key")
        assert type(caught.value) is StorageError


def test_a_cut_reply_hides_every_outcome(storage: FaultyStorage) -> None:
    storage.put("key", b"theirs")
    storage.arm(ReplyCut())
    with pytest.raises(OutcomeUnknownError):
        storage.put("key", b"mine", if_absent=True)
    assert storage.get("key") == b"theirs"


def test_a_lasting_fault_ends_when_the_storage_heals(storage: FaultyStorage) -> None:
    storage.arm(Lasting(Full()), at=1)
    storage.put("a", b"")
    for key in "bc":
        with pytest.raises(StorageFullError):
            storage.put(key, b"")
    assert storage.get("a") == b""
    storage.heal()
    storage.put("b", b"")
    assert [key for key, _ in storage.list()] == ["a", "b"]


def test_a_chain_strikes_twice(storage: FaultyStorage) -> None:
    storage.arm(Chain(OwnEcho(), Refused()))
    with pytest.raises(ObjectExistsError):
        storage.put("key", b"mine", if_absent=True)
    with pytest.raises(StorageError):
        storage.get("key")
    assert storage.get("key") == b"mine"


def test_somebody_comes_in_between(storage: FaultyStorage, inner: Storage) -> None:
    storage.arm(Interleave(lambda: inner.put("key", b"theirs")))
    with pytest.raises(ObjectExistsError):
        storage.put("key", b"mine", if_absent=True)


def test_delayed_writes_arrive_out_of_order(storage: FaultyStorage, inner: Storage) -> None:
    storage.arm(Delayed(by=2))
    with pytest.raises(OutcomeUnknownError):
        storage.put("hint", b"old")
    storage.put("hint", b"new")
    assert inner.get("hint") == b"new"
    storage.get("hint")
    assert inner.get("hint") == b"old"


def test_a_delayed_write_outlives_its_process(storage: FaultyStorage, inner: Storage) -> None:
    storage.arm(Chain(Delayed(by=10), Stop()))
    with pytest.raises(OutcomeUnknownError):
        storage.put("key", b"late")
    with pytest.raises(Stopped):
        storage.get("key")
    with pytest.raises(ObjectNotFoundError):
        inner.get("key")
    storage.land()
    assert inner.get("key") == b"late"


def test_it_needs_no_pytest() -> None:
    code = "import sys; from reelbase.testing import FaultyStorage; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
