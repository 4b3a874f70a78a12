"""Threads, forks, other processes: each process has its own connections and threads."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import time

import pytest

from reelbase.errors import StorageError
from reelbase.testing._threads import together
from reelbase.testing.servers import BadHttpServer, Slow, Status
from reelbase_plugins.http import connections
from reelbase_plugins.http.storage import HttpStorage

DATA = bytes(range(256)) * 40
RANGES = [(at, at + 10) for at in range(0, 400, 20)]
_WANTED = [DATA[start:stop] for start, stop in RANGES]


@pytest.fixture
def storage(server: BadHttpServer) -> HttpStorage:
    server.objects = {"key": DATA}
    return HttpStorage(server.url)


def _reads(storage: HttpStorage) -> None:
    assert storage.get_ranges("key", RANGES) == _WANTED
    assert storage.stat("key").size == len(DATA)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes(storage: HttpStorage, method: str) -> None:
    _reads(storage)  # connections are open, threads are there
    children = [multiprocessing.get_context(method).Process(target=_reads, args=(storage,)) for _ in range(2)]
    for child in children:
        child.start()
    _reads(storage)
    for child in children:
        child.join(60)
        assert child.exitcode == 0


def test_a_fork_while_others_read(storage: HttpStorage) -> None:
    ending = threading.Event()

    def read() -> None:
        while not ending.is_set():
            _reads(storage)

    busy = [threading.Thread(target=read) for _ in range(3)]
    for one in busy:
        one.start()
    try:
        for _ in range(5):
            child = multiprocessing.get_context("fork").Process(target=_reads, args=(storage,))
            child.start()
            child.join(60)
            assert child.exitcode == 0
    finally:
        ending.set()
        for one in busy:
            one.join()


def test_pickled_it_holds_nothing_open(storage: HttpStorage) -> None:
    before = pickle.dumps(storage)
    _reads(storage)
    assert pickle.dumps(storage) == before
    _reads(pickle.loads(before))


def test_connections_are_kept(server: BadHttpServer) -> None:
    server.objects = {"key": DATA}
    storage = HttpStorage(server.url)
    for key in ["key", "nothing"] * 20:
        try:
            storage.get(key, 5, 9)
        except StorageError:
            assert key == "nothing"
    port = int(server.url.rpartition(":")[2])
    pool = connections.get_pool_manager().connection_from_host("127.0.0.1", port, "http")
    assert pool.num_connections == 1


@pytest.mark.parametrize("most", [1, 2, 5])
def test_requests_at_once_are_bounded(server: BadHttpServer, most: int) -> None:
    at_once: list[int] = []
    now = 0
    lock = threading.Lock()

    class Watched(dict[str, bytes]):
        def get(self, path: str, default: object = None) -> bytes:  # type: ignore[override]
            nonlocal now
            with lock:
                now += 1
                at_once.append(now)
            server.pause(0.01)
            with lock:
                now -= 1
            return DATA

    server.objects = Watched()
    assert HttpStorage(server.url, options={"concurrency": most}).get_ranges("key", RANGES) == _WANTED
    assert max(at_once) == most


def test_many_threads_share_the_helpers(storage: HttpStorage, server: BadHttpServer) -> None:
    server.fail(Slow(0.002))
    together(lambda _: _reads(storage), 40)


def test_an_error_ends_the_rest(storage: HttpStorage, server: BadHttpServer) -> None:
    server.objects = {}
    with pytest.raises(StorageError):
        storage.get_ranges("key", [(at, at + 1) for at in range(1000)])
    assert len(server.ledger) < 50


def test_after_an_error_nothing_is_asked(storage: HttpStorage, server: BadHttpServer) -> None:
    server.fail(Status(500), times=7)
    storage = HttpStorage(server.url, options={"tries": 4, "concurrency": 8})
    server.objects = {}
    with pytest.raises(StorageError):
        storage.get_ranges("key", [(at, at + 1) for at in range(8)])
    time.sleep(0.05)  # what was on its way has come
    asked = len(server.ledger)
    time.sleep(1)
    assert len(server.ledger) == asked
