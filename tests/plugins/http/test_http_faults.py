"""Every fault, in every call: the right bytes or an error that says what happened, in a known number of requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConnectionFailedError,
    CredentialsExpiredError,
    ObjectChangedError,
    ObjectNotFoundError,
    StorageError,
    StorageTimeoutError,
    ThrottledError,
)
from reelbase.testing.servers import (
    BadHttpServer,
    ChangingETag,
    Cut,
    Encoded,
    Endless,
    Expired,
    Fault,
    FaultProxy,
    Headless,
    HtmlForMissing,
    NoLength,
    NoRange,
    NoReply,
    Redirect,
    RedirectLoop,
    Refused,
    Short,
    Slow,
    Status,
    Throttled,
    Trouble,
    WrongContentRange,
)
from reelbase_plugins.http.storage import HttpStorage

DATA = bytes(range(256)) * 40
RANGES = [(5, 100), (300, 9000)]
_TRIES = 3


@pytest.fixture
def storage(server: BadHttpServer) -> HttpStorage:
    server.objects = {"a/key": DATA}
    # One request at a time: they are counted.
    return HttpStorage(f"{server.url}/a", options={"tries": _TRIES, "timeout": 0.5, "concurrency": 1})


def _get(storage: HttpStorage) -> object:
    return storage.get("key", 5, 100) == DATA[5:100]


def _get_ranges(storage: HttpStorage) -> object:
    return storage.get_ranges("key", RANGES) == [DATA[start:stop] for start, stop in RANGES]


def _stat(storage: HttpStorage) -> object:
    return storage.stat("key").size == len(DATA)


_CALLS: dict[str, Callable[[HttpStorage], object]] = {"get": _get, "get_ranges": _get_ranges, "stat": _stat}
_FINE = None
_Outcome = tuple[type[StorageError] | None, int]

#: For each fault what get, get_ranges (of two ranges) and stat come to, and with how many requests.
_TABLE: list[tuple[Fault, _Outcome, _Outcome, _Outcome]] = [
    (NoRange(), (_FINE, 1), (_FINE, 2), (_FINE, 1)),
    (NoRange(chunked=True), (_FINE, 1), (_FINE, 2), (_FINE, 1)),
    (WrongContentRange(), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (WrongContentRange(by=-1), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (WrongContentRange(says=None), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (WrongContentRange(says="bytes */10240"), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (WrongContentRange(says="bytes 99-5/10240"), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (WrongContentRange(says="seconds 5-99/10240"), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (Short(), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 1)),
    (Endless(), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 2)),
    (Endless(more=1), (BadReplyError, 1), (BadReplyError, 1), (_FINE, 2)),
    (NoLength(), (BadReplyError, 1), (BadReplyError, 1), (BadReplyError, 2)),
    (Cut(after=50), (ConnectionFailedError, 3), (ConnectionFailedError, 3), (_FINE, 1)),
    (Cut(after=50, reset=True), (ConnectionFailedError, 3), (ConnectionFailedError, 3), (_FINE, 1)),
    (Cut(after=0), (ConnectionFailedError, 3), (ConnectionFailedError, 3), (_FINE, 1)),
    (NoReply(), (ConnectionFailedError, 3), (ConnectionFailedError, 3), (ConnectionFailedError, 3)),
    (NoReply(reset=True), (ConnectionFailedError, 3), (ConnectionFailedError, 3), (ConnectionFailedError, 3)),
    (Status(500), (StorageError, 3), (StorageError, 3), (StorageError, 3)),
    (Status(418), (StorageError, 1), (StorageError, 1), (StorageError, 1)),
    (Status(204, body=b""), (BadReplyError, 1), (BadReplyError, 1), (BadReplyError, 1)),
    (Status(304, body=b""), (BadReplyError, 1), (BadReplyError, 1), (BadReplyError, 1)),
    (Status(302), (BadReplyError, 1), (BadReplyError, 1), (BadReplyError, 1)),
    (Status(404), (ObjectNotFoundError, 1), (ObjectNotFoundError, 1), (ObjectNotFoundError, 1)),
    (Status(410), (ObjectNotFoundError, 1), (ObjectNotFoundError, 1), (ObjectNotFoundError, 1)),
    (Status(416), (StorageError, 2), (StorageError, 2), (StorageError, 1)),
    (Throttled(), (ThrottledError, 3), (ThrottledError, 3), (ThrottledError, 3)),
    (Throttled(503, "0"), (ThrottledError, 3), (ThrottledError, 3), (ThrottledError, 3)),
    (Throttled(429, "999"), (StorageTimeoutError, 1), (StorageTimeoutError, 1), (StorageTimeoutError, 1)),
    (Refused(401), (AccessDeniedError, 1), (AccessDeniedError, 1), (AccessDeniedError, 1)),
    (Refused(403), (AccessDeniedError, 1), (AccessDeniedError, 1), (AccessDeniedError, 2)),
    (Expired(), (CredentialsExpiredError, 1), (CredentialsExpiredError, 1), (CredentialsExpiredError, 2)),
    (ChangingETag(), (_FINE, 1), (ObjectChangedError, 2), (_FINE, 1)),
    (Encoded(), (BadReplyError, 1), (BadReplyError, 1), (BadReplyError, 1)),
    (Headless(403), (_FINE, 1), (_FINE, 2), (_FINE, 2)),
    (Headless(405), (_FINE, 1), (_FINE, 2), (_FINE, 2)),
    (Headless(501), (_FINE, 1), (_FINE, 2), (_FINE, 2)),
    (Slow(0.1), (_FINE, 1), (_FINE, 2), (_FINE, 1)),
    (Slow(0.9), (StorageTimeoutError, 3), (StorageTimeoutError, 3), (StorageTimeoutError, 3)),
    (RedirectLoop(), (BadReplyError, 6), (BadReplyError, 6), (BadReplyError, 6)),
    (HtmlForMissing(), (_FINE, 1), (_FINE, 2), (_FINE, 1)),
]
_CASES = [
    pytest.param(fault, call, outcome, id=f"{fault}-{call}")
    for fault, *outcomes in _TABLE
    for call, outcome in zip(_CALLS, outcomes, strict=True)
]


@pytest.mark.parametrize(("fault", "call", "outcome"), _CASES)
def test_table(storage: HttpStorage, server: BadHttpServer, fault: Fault, call: str, outcome: _Outcome) -> None:
    server.fail(fault)
    error, requests = outcome
    if error is None:
        assert _CALLS[call](storage)
    else:
        with pytest.raises(error) as caught:
            _CALLS[call](storage)
        assert caught.type is error
        first, *rest = str(caught.value).splitlines()
        assert f"{server.url}/a/key" in first
        assert rest, "it must say what to do"
    assert len(server.ledger) == requests, [str(one) for one in server.ledger]
    server.fail(None)
    assert _CALLS[call](storage), "the storage must work again after the fault"


_PASSING = [
    Cut(5),
    Cut(5, reset=True),
    NoReply(),
    NoReply(reset=True),
    Status(500),
    Status(502),
    Throttled(),
    Slow(0.9),
]


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("fault", _PASSING, ids=str)
def test_what_passes_is_tried_again(storage: HttpStorage, server: BadHttpServer, fault: Fault, call: str) -> None:
    server.fail(fault, times=2)
    assert _CALLS[call](storage)


def test_retry_after_is_honoured(storage: HttpStorage, server: BadHttpServer) -> None:
    server.fail(Throttled(503, "1"), times=1)
    start = time.monotonic()
    assert storage.get("key") == DATA
    assert time.monotonic() - start >= 1
    assert [one.status for one in server.ledger] == [503, 200]


# Whole objects


@pytest.mark.parametrize("fault", [NoLength(), Cut(after=9000), Encoded()], ids=str)
def test_a_whole_object_that_may_not_be_whole(storage: HttpStorage, server: BadHttpServer, fault: Fault) -> None:
    server.fail(fault)
    with pytest.raises(StorageError):
        storage.get("key")


def test_a_whole_object_in_chunks(storage: HttpStorage, server: BadHttpServer) -> None:
    server.fail(NoRange(chunked=True))
    assert storage.get("key") == DATA
    assert storage.get("key", 0, 20000) == DATA
    assert storage.get("key", 10000) == DATA[10000:]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_object_without_ranges_is_not_fetched_for_a_part(server: BadHttpServer, chunked: bool) -> None:
    big = bytes(50_000_000)
    server.objects = {"big": big}
    storage = HttpStorage(server.url)
    server.fail(NoRange(chunked=chunked))
    for start, stop in [(0, 10), (10, 20), (49_000_000, None)]:
        with pytest.raises(BadReplyError, match="it does not support ranges"):
            storage.get("big", start, stop)
    assert storage.get("big") == big
    assert storage.get("big", 0, None if chunked else len(big)) == big


# Objects that change


def test_if_match(storage: HttpStorage, server: BadHttpServer) -> None:
    etag = storage.stat("key").etag
    assert storage.get("key", 1, 5, if_match=etag) == DATA[1:5]
    assert storage.get_ranges("key", RANGES, if_match=etag) == [DATA[a:b] for a, b in RANGES]
    server.objects = {"a/key": DATA[::-1]}
    for call in (
        lambda: storage.get("key", 1, 5, if_match=etag),
        lambda: storage.get_ranges("key", RANGES, if_match=etag),
    ):
        with pytest.raises(ObjectChangedError):
            call()


@pytest.mark.parametrize("fault", [ChangingETag(), NoRange()], ids=str)
def test_if_match_on_a_server_that_ignores_it(storage: HttpStorage, server: BadHttpServer, fault: Fault) -> None:
    server.fail(fault)
    with pytest.raises(ObjectChangedError):
        storage.get("key", 1, 5, if_match='"of another time"')


def test_a_weak_etag_is_compared_and_not_sent(storage: HttpStorage, server: BadHttpServer) -> None:
    with pytest.raises(ObjectChangedError):
        storage.get("key", 1, 5, if_match='W/"1"')
    assert "if-match" not in server.ledger[-1].request.headers


# The way there


@pytest.fixture
def proxy(server: BadHttpServer) -> Iterator[FaultProxy]:
    with FaultProxy(int(server.url.rpartition(":")[2])) as proxy:
        yield proxy


_TROUBLES = [
    Trouble(cut_after=300), Trouble(cut_after=300, reset=True), Trouble(cut_after=10),
    Trouble(drop_reply=True), Trouble(drop_reply=True, reset=True),
]  # fmt: skip


@pytest.mark.parametrize("trouble", _TROUBLES, ids=str)
def test_a_bad_way(server: BadHttpServer, proxy: FaultProxy, trouble: Trouble) -> None:
    server.objects = {"key": DATA}
    storage = HttpStorage(proxy.url, options={"tries": 3})
    proxy.fail(trouble, times=2)
    assert storage.get("key") == DATA
    assert proxy.connections == 3


@pytest.mark.parametrize("trouble", _TROUBLES, ids=str)
def test_a_way_that_stays_bad(server: BadHttpServer, proxy: FaultProxy, trouble: Trouble) -> None:
    server.objects = {"key": DATA}
    proxy.fail(trouble)
    with pytest.raises(ConnectionFailedError):
        HttpStorage(proxy.url, options={"tries": 3}).get("key")
    assert proxy.connections == 3


def test_a_slow_way(server: BadHttpServer, proxy: FaultProxy) -> None:
    server.objects = {"key": DATA}
    proxy.fail(Trouble(bandwidth=4000))
    with pytest.raises(StorageTimeoutError, match="the time for one call was over"):
        HttpStorage(proxy.url, options={"deadline": 0.5, "timeout": 0.4}).get("key", 0, 9000)
    proxy.fail(Trouble(latency=0.05))
    assert HttpStorage(proxy.url).get("key") == DATA


def test_nobody_there(server: BadHttpServer) -> None:
    with BadHttpServer({}) as gone:
        url = gone.url
    with pytest.raises(ConnectionFailedError, match="no connection could be made"):
        HttpStorage(url, options={"tries": 2}).get("key")


# No fault ever gives wrong bytes

_FAULTS = [None, *(row[0] for row in _TABLE if not isinstance(row[0], Slow))]


@pytest.fixture(scope="module")
def shared() -> Iterator[BadHttpServer]:
    with BadHttpServer({"key": DATA}) as server:
        yield server


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fault=st.sampled_from(_FAULTS),
    times=st.sampled_from([1, 2, None]),
    ranges=st.lists(st.tuples(st.integers(0, 11000), st.integers(0, 11000)), min_size=1, max_size=6),
)
def test_never_wrong_bytes(
    shared: BadHttpServer, fault: Fault | None, times: int | None, ranges: list[tuple[int, int]]
) -> None:
    storage = HttpStorage(shared.url, options={"tries": 2, "concurrency": 3, "deadline": 5})
    shared.fail(fault, times)
    try:
        got = storage.get_ranges("key", ranges)
    except StorageError:
        assert fault is not None
    else:
        assert got == [DATA[start:stop] if start < stop else b"" for start, stop in ranges]
    try:
        assert storage.get("key", *ranges[0]) == DATA[slice(*ranges[0])] or ranges[0][0] > ranges[0][1]
    except StorageError:
        assert fault is not None


def test_redirects_elsewhere(storage: HttpStorage, server: BadHttpServer) -> None:
    with BadHttpServer({"b/a/key": DATA}) as other:
        for status in (301, 302, 303, 307, 308):
            server.fail(Redirect(f"{other.url}/b", status))
            for call in _CALLS.values():
                assert call(storage)
