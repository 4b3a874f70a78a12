"""What the service refuses, loses and bends: the right error, the right number of tries, never wrong bytes."""

from __future__ import annotations

import io
import os
import pickle
import time
import traceback
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConfigError,
    ConnectionFailedError,
    CredentialsExpiredError,
    ObjectChangedError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    ReelbaseError,
    StorageError,
    StorageFullError,
    StorageTimeoutError,
    ThrottledError,
    UsageError,
)
from reelbase.plugin import Credentials
from reelbase.testing._threads import together
from reelbase.testing.servers.drive import Answer, DriveServer, Fault
from reelbase_plugins.gdrive.storage import DriveStorage
from reelbase_plugins.gdrive.writing import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CANARY = "CANARY-SECRET"
_BIG = bytes(range(256)) * (2 * CHUNK // 256) + b"end"


# Refusals


@pytest.mark.parametrize(
    ("status", "reason", "error", "tries"),
    [
        (401, "authError", CredentialsExpiredError, 1),
        (403, "insufficientPermissions", AccessDeniedError, 1),
        (403, "insufficientFilePermissions", AccessDeniedError, 1),
        (403, "cannotDownloadAbusiveFile", AccessDeniedError, 1),
        (403, "accessNotConfigured", AccessDeniedError, 1),
        (403, "somethingNew", AccessDeniedError, 1),
        (403, "userRateLimitExceeded", ThrottledError, 3),
        (403, "rateLimitExceeded", ThrottledError, 3),
        (429, "rateLimitExceeded", ThrottledError, 3),
        (403, "downloadQuotaExceeded", ThrottledError, 1),
        (403, "storageQuotaExceeded", StorageFullError, 1),
        (404, "notFound", ObjectNotFoundError, 2),  # looked for once more: it may have been replaced
        (400, "badRequest", StorageError, 1),
        (500, "internalError", StorageError, 3),
        (502, "backendError", StorageError, 3),
        (503, "backendError", StorageError, 3),
    ],
)
def test_refusals(
    drive: DriveServer,
    opened: Callable[..., DriveStorage],
    status: int,
    reason: str,
    error: type[Exception],
    tries: int,
) -> None:
    drive.add_file("a", b"12345")
    drive.fail(Fault(kind="media", status=status, reason=reason, message=_CANARY), times=20)
    with pytest.raises(error) as caught:
        opened().get("a")
    assert type(caught.value) is error
    assert "gdrive://root/a" in str(caught.value)
    assert _CANARY not in _formatted(caught.value)
    assert len(str(caught.value).splitlines()) == 2
    assert drive.counts()["media"] == tries


@pytest.mark.parametrize("kind", ["list", "media"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=429),
        Fault(status=403, reason="userRateLimitExceeded"),
        Fault(cut="before"),
        Fault(cut="short"),
    ],
)
def test_what_passes_is_tried_again(
    drive: DriveServer, opened: Callable[..., DriveStorage], kind: str, fault: Fault
) -> None:
    drive.add_file("a", b"12345")
    drive.fail(replace(fault, kind=kind), times=2)
    assert opened().get("a", 1, 4) == b"234"


def test_retry_after_is_heeded(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", b"1")
    drive.fail(Fault(kind="media", status=429, headers=(("Retry-After", "1"),)))
    begun = time.monotonic()
    assert opened().get("a") == b"1"
    assert time.monotonic() - begun >= 1
    drive.fail(Fault(kind="media", status=429, headers=(("Retry-After", "3600"),)))
    with pytest.raises(StorageTimeoutError, match="asks to wait 3600 s"):
        opened().get("a")


def test_nobody_listens(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    storage = opened()
    drive.close()
    for call in (storage.get, lambda key: storage.put(key, b"")):
        with pytest.raises(ConnectionFailedError):
            call("a")


def test_an_answer_that_does_not_come(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", b"1")

    def late(answer: Answer) -> Answer:
        time.sleep(1)
        return answer

    drive.fail(Fault(kind="media", bend=late), times=2)
    with pytest.raises(StorageTimeoutError):
        opened(timeout=0.3, tries=2).get("a")


# Replies that are not what was asked for


def _bent(status: int | None = None, **headers: str) -> Callable[[Answer], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: Answer(status or answer.status, answer.headers | named, answer.body)


@pytest.mark.parametrize(
    "bend",
    [
        _bent(200),
        _bent(Content_Range="bytes 0-2/10"),
        _bent(Content_Range="bytes 2-4/9999"),
        _bent(Content_Range="bytes 2-5/*"),
        _bent(Content_Range=""),
        _bent(Content_Range="lines 2-5/10"),
        lambda answer: Answer(206, answer.headers, answer.body[:-1]),
        lambda answer: Answer(416, {}, b""),
        lambda answer: Answer(302, {"Location": "http://127.0.0.1:9/"}, b""),
        lambda answer: Answer(416, {"Content-Range": "bytes */10"}, b""),
    ],
)
def test_other_bytes_than_were_asked_for(
    drive: DriveServer, opened: Callable[..., DriveStorage], bend: Callable[[Answer], Answer]
) -> None:
    drive.add_file("a", b"0123456789")
    storage = opened()
    drive.fail(Fault(kind="media", bend=bend), times=3)
    with pytest.raises(BadReplyError):
        if storage.get("a", 2, 6) == b"2345":  # what is allowed in place of an error
            raise BadReplyError("")
    with pytest.raises(BadReplyError):
        if storage.get_ranges("a", [(2, 6), (3, 5)]) == [b"2345", b"34"]:
            raise BadReplyError("")


def test_a_file_that_changes_while_it_is_read(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    file = drive.add_file("a", b"old")
    storage = opened()
    etag = storage.stat("a").etag

    def changing(answer: Answer) -> Answer:
        file.write(b"new")
        return answer

    drive.fail(Fault(kind="media", bend=changing))
    with pytest.raises(ObjectChangedError):
        storage.get("a", if_match=etag)
    assert storage.get("a", if_match=storage.stat("a").etag) == b"new"


def test_ranges_are_bounded_by_concurrency(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", bytes(100))
    going, most = [], []

    def slow(answer: Answer) -> Answer:
        going.append(1)
        most.append(len(going))
        time.sleep(0.02)
        going.pop()
        return answer

    drive.fail(Fault(kind="media", bend=slow), times=30)
    opened(concurrency=3).get_ranges("a", [(at, at + 1) for at in range(30)])
    assert 1 < max(most) <= 3


# Writing


def test_large_objects_go_in_chunks(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    asked = []

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size)
            return super().read(min(size or 0, 1_000_000))

    storage = opened()
    for data in (_BIG, File(_BIG), File(_BIG[: 2 * CHUNK]), io.BytesIO(_BIG[: CHUNK + 1])):
        drive.asked.clear()
        storage.put("a", data)  # type: ignore[arg-type]
        wanted = data if isinstance(data, bytes) else data.getvalue()
        assert storage.get("a") == wanted
        assert max(len(one.body) for one in drive.asked) == CHUNK
    assert min(asked) > 0
    assert max(asked) <= CHUNK + 1, "the whole file was asked for at once"


@pytest.mark.parametrize("fault", [Fault(cut="before"), Fault(cut="after"), Fault(status=503), Fault(status=429)])
@pytest.mark.parametrize("data", [b"small", _BIG])
@pytest.mark.parametrize("kind", ["create", "update", "chunk", "ids"])
def test_writes_are_tried_again_and_done_once(
    drive: DriveServer, opened: Callable[..., DriveStorage], kind: str, data: bytes, fault: Fault
) -> None:
    storage = opened()
    if kind == "update":
        drive.add_file("a", b"old")
    drive.fail(replace(fault, kind=kind), times=2)
    storage.put("a", data)
    (one,) = drive.files.find("name = 'a'")
    assert one.data == data


def test_a_write_that_is_never_answered(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.fail(Fault(kind="create", cut="after"), times=20)
    with pytest.raises(OutcomeUnknownError, match="may have been written"):
        opened().put("a", b"1", if_absent=True)
    assert len(drive.files.find("name = 'a'")) == 1


def test_no_room(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.quota = 10
    for data in (bytes(11), _BIG):
        with pytest.raises(StorageFullError, match="storageQuotaExceeded"):
            opened().put("a", data)
    assert drive.files.find("name = 'a'") == []


def test_a_stream_that_breaks_is_not_the_network(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            if not part:
                raise OSError("the disk is gone")
            return part

    for size in (10, 2 * CHUNK + 5):
        with pytest.raises(OSError, match="the disk is gone"):
            opened().put("a", Broken(bytes(size)))
    assert drive.files.find("name = 'a'") == []


def test_delete_removes_for_good(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    storage = opened()
    storage.put("a", b"1")
    drive.fail(Fault(kind="delete", cut="after"))
    storage.delete("a")
    assert drive.files.find("name = 'a'") == []
    drive.add_file("a", b"1", public=True)
    with pytest.raises(AccessDeniedError, match="insufficientFilePermissions"):
        _public(drive).delete("a")


# Who asks


def _public(drive: DriveServer) -> DriveStorage:
    drive.files.root.public = True
    return DriveStorage(
        "gdrive://root", options={"endpoint_url": drive.url}, credentials=Credentials({"api_key": "key"})
    )


def _user(drive: DriveServer) -> dict[str, str]:
    return {"client_id": "id", "client_secret": _CANARY, "refresh_token": "refresh", "token_uri": f"{drive.url}/token"}


def test_a_service_account(drive: DriveServer, account: dict[str, str], opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", b"1")
    assert opened(credentials=account).get("a") == b"1"
    assert drive.counts()["token"] == 1


def test_the_environment_has_a_service_account(drive: DriveServer) -> None:
    drive.add_file("a", b"1")
    assert DriveStorage("gdrive://root", options={"endpoint_url": drive.url}).get("a") == b"1"


def test_the_environment_has_nothing(drive: DriveServer, environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(environment.parent / "none"))
    storage = DriveStorage("gdrive://root", options={"endpoint_url": drive.url})
    with pytest.raises(AccessDeniedError, match="gcloud auth application-default login"):
        storage.get("a")


def test_a_user_whose_token_runs_out(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", b"1")
    storage = opened(credentials=_user(drive))
    assert storage.get("a") == b"1"
    drive.tokens.clear()
    assert storage.get("a") == b"1"
    assert drive.counts()["token"] == 2
    drive.tokens.clear()
    drive.refresh_tokens.clear()
    with pytest.raises(CredentialsExpiredError):
        storage.get("a")


def test_an_api_key(drive: DriveServer) -> None:
    file = drive.add_file("a", b"1")
    storage = _public(drive)
    assert storage.get("a") == b"1"
    assert not any("key" in one.query for one in drive.asked), "a key in the URL is logged on its way"
    with pytest.raises(AccessDeniedError):
        storage.put("b", b"1")
    drive.files.root.public = False
    with pytest.raises(ObjectNotFoundError):
        storage.get("a")
    drive.keys.clear()
    options = {"endpoint_url": drive.url, "api_key": "wrong"}
    with pytest.raises(AccessDeniedError):
        DriveStorage(f"gdrive://{file.id}", options=options).get("")


@pytest.mark.parametrize(
    "fields",
    [
        {"token": _CANARY, "tokn": "x"},
        {"client_id": "a"},
        {},
        {"type": "service_account", "private_key": _CANARY},
        {"aws_access_key_id": "a"},
    ],
)
def test_credentials_that_are_none(opened: Callable[..., DriveStorage], fields: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        opened(credentials=fields).get("a")
    assert _CANARY not in _formatted(caught.value)


def test_options_that_are_none() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'timeout'"):
        DriveStorage("gdrive://root", options={"timeot": 1})


def test_secrets_are_shown_nowhere(
    drive: DriveServer, account: dict[str, str], opened: Callable[..., DriveStorage], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    errors = []
    secrets = [account["private_key"].splitlines()[1], _CANARY, "refresh"]
    drive.tokens.clear()
    for fields in (
        {"token": _CANARY},
        {**_user(drive), "token_uri": "http://127.0.0.1:9/token"},
        {"api_key": _CANARY},
        account,
    ):
        storage = opened("gdrive://root?resourcekey=0-CANARY-SECRET", credentials=fields, tries=1)
        for fault in (Fault(status=401), Fault(status=500), Fault(cut="before"), Fault()):
            drive.fail(fault, times=4)
            for call in (storage.get, partial(_put, storage), partial(_pickled, storage)):
                with pytest.raises(ReelbaseError) as caught:
                    call("a")
                    raise ReelbaseError(repr(storage) + repr(vars(storage)))
                errors.append(_formatted(caught.value))
    # Google's client logs URLs: the key of the service and those of links must not be in them.
    shown = "\n".join([*errors, caplog.text])
    assert len(errors) > 30
    assert not [one for one in secrets if one in shown.replace("refresh_token", "").replace("refreshed", "")]


def _put(storage: DriveStorage, key: str) -> None:
    storage.put(key, b"1")


def _pickled(storage: DriveStorage, key: str) -> bytes:
    return pickle.dumps((storage, key))


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


# Threads and processes


def test_threads_share_a_storage(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    storage = opened()
    bodies = {f"folder/{at}": bytes([at]) * (at * 999) for at in range(12)}

    def run(me: int) -> None:
        for key, body in bodies.items():
            if hash(key) % 12 == me:
                storage.put(key, body)

    together(run, 12)
    together(lambda me: [storage.put(key, body) for at, (key, body) in enumerate(bodies.items()) if at == me], 12)
    assert len(drive.files.find("name = 'folder'")) == 1

    def read(me: int) -> None:
        for key, body in bodies.items():
            assert storage.get_ranges(key, [(me, me + 50), (0, len(body))]) == [body[me : me + 50], body]

    together(read, 8)


def test_a_forked_child_has_connections_of_its_own(drive: DriveServer, opened: Callable[..., DriveStorage]) -> None:
    drive.add_file("a", b"12345")
    storage = opened()
    assert storage.get("a") == b"12345"
    child = os.fork()
    if child == 0:
        good = all(storage.get("a", at, at + 1) == b"12345"[at : at + 1] for at in range(5))
        os._exit(0 if good else 1)
    assert all(storage.get("a", at, at + 1) == b"12345"[at : at + 1] for at in range(5))
    assert os.waitpid(child, 0)[1] == 0
