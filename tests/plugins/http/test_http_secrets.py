"""Credentials go to their own host, and nowhere else: no repr, message, traceback, log or pickle shows them."""

from __future__ import annotations

import logging
import pickle
import traceback
from pathlib import Path

import pytest
from nginx import PASSWORD, USER

import reelbase
from reelbase.errors import AccessDeniedError, CredentialsExpiredError, ReelbaseError, StorageError, UsageError
from reelbase.plugin import Credentials
from reelbase.testing.servers import BadHttpServer, Cut, NoRange, NoReply, Redirect, RedirectLoop, Refused, Slow, Status
from reelbase_plugins.http.storage import HttpStorage

CANARY = "canary-7f3a"
_LOGINS = [
    {"token": CANARY},
    {"username": "me", "password": CANARY},
    {"headers": {"X-Api-Key": CANARY, "Cookie": CANARY}},
    {"headers": {"X-Api-Key": CANARY}, "token": CANARY},
]


def _sent(server: BadHttpServer) -> list[dict[str, str]]:
    kept = ("authorization", "x-api-key", "cookie")
    return [{name: one.request.headers[name] for name in kept if name in one.request.headers} for one in server.ledger]


def test_what_is_sent(server: BadHttpServer) -> None:
    server.objects = {"key": b"1"}
    wanted = [
        {"authorization": f"Bearer {CANARY}"},
        {"authorization": "Basic bWU6Y2FuYXJ5LTdmM2E="},
        {"x-api-key": CANARY, "cookie": CANARY},
        {"authorization": f"Bearer {CANARY}", "x-api-key": CANARY},
    ]
    for login in _LOGINS:
        HttpStorage(server.url, credentials=Credentials(login)).get("key")
    assert _sent(server) == wanted


@pytest.mark.parametrize("login", _LOGINS, ids=lambda one: "+".join(one))
def test_another_host_gets_no_credentials(server: BadHttpServer, login: dict[str, object]) -> None:
    with BadHttpServer({"key": b"1"}) as other:
        storage = HttpStorage(server.url, credentials=Credentials(login))
        server.fail(Redirect(other.url))
        for call in (
            lambda: storage.get("key"),
            lambda: storage.get_ranges("key", [(0, 1), (0, 1)]),
            lambda: storage.stat("key"),
        ):
            call()
        assert _sent(other) == [{}] * 4
        assert all(_sent(server))


def test_credentials_do_not_come_back(server: BadHttpServer) -> None:
    """The other host could choose what is asked in their name."""
    with BadHttpServer({}) as other:
        storage = HttpStorage(server.url, credentials=Credentials({"token": CANARY}))
        server.fail(Redirect(other.url), times=1)
        other.fail(Redirect(f"{server.url}/chosen"))
        with pytest.raises(StorageError):
            storage.get("key")
        assert [bool(one) for one in _sent(server)] == [True, False]


def test_the_same_host_keeps_them(server: BadHttpServer) -> None:
    server.objects = {"there/key": b"1"}
    server.fail(Redirect(f"{server.url}/there"), times=1)
    assert HttpStorage(server.url, credentials=Credentials({"token": CANARY})).get("key") == b"1"
    assert all(_sent(server))


def test_nginx_asks_for_a_password(web: tuple[str, Path]) -> None:
    (web[1] / "private").mkdir(exist_ok=True)
    (web[1] / "private" / "key").write_bytes(b"private")
    url = f"{web[0]}/private"
    right = Credentials({"username": USER, "password": PASSWORD})
    assert HttpStorage(url, credentials=right).get("key", 0, 4) == b"priv"
    for login in (None, Credentials({"username": USER, "password": "wrong"})):
        with pytest.raises(AccessDeniedError, match="401"):
            HttpStorage(url, credentials=login).get("key")


_SIGNED = f"key?X-Amz-Signature={CANARY}&X-Amz-Credential={CANARY}&token={CANARY}"
_FAULTS = [
    Cut(0), NoReply(), Slow(0.5), Status(500), Status(404), Status(418), Refused(401), Refused(403), RedirectLoop(),
    NoRange(chunked=True), Redirect("gopher://x"), Redirect("http://:bad:"), Redirect("http://u:p@h"),
]  # fmt: skip


@pytest.mark.parametrize("fault", _FAULTS, ids=str)
def test_no_error_tells(server: BadHttpServer, caplog: pytest.LogCaptureFixture, fault: object) -> None:
    server.objects = {"a/key": bytes(2_000_000)}
    root, key = HttpStorage.locate(f"{server.url}/a/{_SIGNED}")
    login = Credentials({"token": CANARY, "headers": {"X-Api-Key": CANARY}})
    storage = HttpStorage(root, options={"tries": 2, "timeout": 0.2}, credentials=login)
    server.fail(fault)  # type: ignore[arg-type]
    with caplog.at_level(logging.DEBUG):
        for call in (lambda: storage.get(key, 3, 9), lambda: storage.get_ranges(key, [(0, 1), (2, 3)])):
            with pytest.raises(StorageError) as caught:
                call()
            error = caught.value
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            # Locals of this test's own frame are the user's own.
            shown = shown[shown.index("storage.py") :]
            for text in (shown, str(error), repr(error), pickle.dumps(error).decode("latin-1"), caplog.text):
                assert CANARY not in text
            assert f"{server.url}/a/key" in str(error)


def test_no_log_tells(server: BadHttpServer, caplog: pytest.LogCaptureFixture) -> None:
    server.objects = {"a/key": b"12"}
    root, key = HttpStorage.locate(f"{server.url}/a/{_SIGNED}")
    with caplog.at_level(logging.DEBUG):
        HttpStorage(root, credentials=Credentials({"token": CANARY})).get_ranges(key, [(0, 1), (1, 2)])
    assert caplog.text.count("/a/key") == 2, "urllib3 logs what is asked for"
    assert CANARY not in caplog.text


def test_no_repr_tells(server: BadHttpServer) -> None:
    root, key = HttpStorage.locate(f"{server.url}/a/{_SIGNED}")
    storage = HttpStorage(root, credentials=Credentials({"token": CANARY, "headers": {"X-Api-Key": CANARY}}))
    for one in (
        storage,
        storage.root,
        key,
        storage.credentials,
        *vars(storage).values(),
        *vars(storage._client).values(),
    ):
        assert CANARY not in repr(one)
        assert CANARY not in str(one)
    assert repr(storage) == f"HttpStorage('{server.url}/a/?…')"


def test_credentials_are_not_pickled(server: BadHttpServer) -> None:
    with pytest.raises(UsageError, match="not sent to another process"):
        pickle.dumps(HttpStorage(server.url, credentials=Credentials({"token": CANARY})))


@pytest.mark.parametrize(
    "login",
    [
        {"tokne": CANARY}, {"aws_access_key_id": CANARY}, {"token": CANARY, "username": "a", "password": CANARY},
        {"username": "a"}, {"password": CANARY}, {"token": CANARY.encode()}, {"headers": CANARY}, {"headers": [CANARY]},
        {"headers": {"Range": CANARY}}, {"headers": {"X": f"{CANARY}\r\nHost: evil"}}, {"headers": {"X:": CANARY}},
        {"token": f"{CANARY}\n"}, {"username": f"{CANARY}:", "password": CANARY}, {"headers": {"X": 5}},
        {"headers": {"X": f"{CANARY}☃"}}, {"headers": {5: CANARY}},
    ],
    ids=str,
)  # fmt: skip
def test_credentials_that_are_none(login: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="headers, password, token, username") as caught:
        HttpStorage("http://127.0.0.1:1", credentials=Credentials(login))
    assert CANARY not in str(caught.value)


def test_a_user_in_the_url(server: BadHttpServer) -> None:
    for call in (HttpStorage, HttpStorage.locate):
        with pytest.raises(UsageError, match="names a user") as caught:
            call(f"{server.url.replace('//', f'//me:{CANARY}@')}/a")
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "over"),
    [
        ("X-Amz-Date=20200101T000000Z&X-Amz-Expires=600", True),
        ("X-Goog-Date=20200101T000000Z&X-Goog-Expires=9", True),
        ("X-Amz-Date=29990101T000000Z&X-Amz-Expires=600", False), ("Expires=1577836800", True),
        ("Expires=99999999999", False),
        ("se=2020-01-01T00:00:00Z&sig=1", True), ("se=2999-01-01&sig=1", False),
        ("X-Amz-Expires=x&se=y", False), ("", False),
    ],
)  # fmt: skip
def test_signed_urls_that_are_over(server: BadHttpServer, query: str, over: bool) -> None:
    server.fail(Refused())
    root, key = HttpStorage.locate(f"{server.url}/key?{query}")
    with pytest.raises(AccessDeniedError) as caught:
        HttpStorage(root).get(key)
    assert isinstance(caught.value, CredentialsExpiredError) is over


def test_the_library_is_as_quiet(server: BadHttpServer) -> None:
    with pytest.raises(ReelbaseError) as caught:
        len(reelbase.read(f"{server.url}/a.mp4"))
    assert "a.mp4" in str(caught.value)
