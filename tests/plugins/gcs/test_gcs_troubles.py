"""What GcsStorage says and does when something is wrong."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_servers import FakeGcs, free_ports
from cloud_story import leaves_no_secret
from faulty_proxy import FaultyProxy, forward, half_a_body, lost_reply, says, silence
from gcs_sessions import Sessions

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConnectionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    OutcomeUnknownError,
    StorageError,
    StorageTimeoutError,
    ThrottledError,
    UsageError,
)
from reelbase.format.claim import claim
from reelbase.plugin import Credentials
from reelbase_plugins.gcs.storage import GcsStorage

_RATE = b'{"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}'
_DENIED = b'{"error": {"code": 403, "message": "a-canary", "errors": [{"reason": "forbidden"}]}}'
_PIECES = random.Random(1).randbytes(17 << 20)


@pytest.fixture
def proxy(fake_gcs: FakeGcs) -> FaultyProxy:
    made = FaultyProxy(fake_gcs.url)
    made.knows = Sessions()
    return made


@pytest.fixture
def behind(proxy: FaultyProxy, gcs_storage: GcsStorage) -> Iterator[GcsStorage]:
    """The storage, asked through the proxy."""
    gcs_storage.put("key", b"0123456789")
    with proxy.serving() as url:
        yield GcsStorage(gcs_storage.root, options={"endpoint_url": url, "timeout": 5.0})


def again(storage: GcsStorage, **options: Any) -> GcsStorage:
    return GcsStorage(storage.root, options={**storage.options, **options})


@pytest.mark.parametrize("trouble", [says(429, b""), says(403, _RATE), says(503, b""), lost_reply, half_a_body])
def test_a_read_is_repeated(behind: GcsStorage, proxy: FaultyProxy, trouble: Any) -> None:
    proxy.expect("GET", trouble)
    assert behind.get("key") == b"0123456789"
    assert proxy.met == 1


def test_patience_ends(behind: GcsStorage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", says(429, b""), times=2)
    with pytest.raises(ThrottledError, match="fewer requests"):
        again(behind, tries=2).get("key")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (says(200, b"0123456789"), "does not support range requests"),
        (says(206, b"23", Content_Range="bytes 3-4/10"), "bytes=2-3 was requested"),
        (says(206, b"23"), "Content-Range is None"),
    ],
)
def test_other_bytes_than_asked(behind: GcsStorage, proxy: FaultyProxy, reply: Any, words: str) -> None:
    proxy.expect("GET", reply)
    with pytest.raises(BadReplyError, match=words):
        behind.get("key", 2, 4)


def test_no_answer(behind: GcsStorage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", silence)
    with pytest.raises(StorageTimeoutError, match="no answer in time"):
        again(behind, timeout=0.2, tries=1).get("key")


def test_nobody_listens(gcs_storage: GcsStorage) -> None:
    far = again(gcs_storage, endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}", tries=2)
    for call in (lambda: far.get("key"), lambda: far.put("key", b"", if_absent=True)):
        with pytest.raises(ConnectionFailedError, match=r"no connection to 127\.0\.0\.1"):
            call()


def test_a_changed_object(gcs_storage: GcsStorage) -> None:
    gcs_storage.put("key", b"one")
    etag = gcs_storage.stat("key").etag
    gcs_storage.put("key", b"two")
    for wrong in (etag, "no generation"):
        with pytest.raises(ObjectChangedError, match="has changed"):
            gcs_storage.get("key", 0, 2, if_match=wrong)


def test_no_bucket(gcs_storage: GcsStorage) -> None:
    with pytest.raises(ObjectNotFoundError, match="gs://no-such-bucket"):
        GcsStorage("gs://no-such-bucket/a", options=gcs_storage.options).get("key")


@pytest.mark.parametrize("trouble", [lost_reply, says(500, b""), says(503, b"")])
def test_a_claim_of_which_nothing_is_heard(behind: GcsStorage, proxy: FaultyProxy, trouble: Any) -> None:
    proxy.expect("POST", trouble)
    with pytest.raises(OutcomeUnknownError):
        behind.put("claim", b"mine", if_absent=True)
    assert claim(behind, "claim", b"mine"), "reading back must show whose it is"
    assert behind.get("claim") == b"mine"


@pytest.mark.parametrize("trouble", [says(503, b""), lost_reply, half_a_body], ids=["refused", "lost", "broken"])
@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_pieces_go_on_from_where_the_service_has_them(
    behind: GcsStorage, proxy: FaultyProxy, trouble: Any, skipped: int
) -> None:
    """It is asked: what it has is not sent again, which would be there twice."""
    proxy.expect("PUT", forward, times=skipped)
    proxy.expect("PUT", trouble)
    behind.put("large", _PIECES)
    assert behind.get("large") == _PIECES
    assert proxy.met == skipped + 1


def test_an_upload_that_is_not_what_was_sent_is_not_there(behind: GcsStorage, proxy: FaultyProxy) -> None:
    """A proxy changes a piece on its way."""

    def bent(handler: Any) -> None:
        handler.body = b"x" + handler.body[1:]
        forward(handler)

    proxy.expect("PUT", bent)
    with pytest.raises(StorageError, match="did not arrive whole"):
        behind.put("large", _PIECES)
    assert [key for key, _ in behind.list()] == ["key"]


def test_an_upload_claims(behind: GcsStorage, proxy: FaultyProxy) -> None:
    """fake-gcs-server does not look at the condition of an upload in pieces: that it is sent is what can be seen."""
    asked = []

    def look(handler: Any) -> None:
        asked.append(handler.path)
        handler.give(*handler.ask())

    proxy.expect("POST", look)
    proxy.expect("PUT", says(412, b""))
    with pytest.raises(ObjectExistsError):
        behind.put("large", _PIECES, if_absent=True)
    assert "uploadType=resumable" in asked[0]
    assert "ifGenerationMatch=0" in asked[0]


def test_an_upload_goes_to_no_other_host(behind: GcsStorage, proxy: FaultyProxy) -> None:
    proxy.expect("POST", says(200, b"{}", Location="http://attacker.example/upload"))
    with pytest.raises(BadReplyError, match="another host"):
        behind.put("large", _PIECES)


def test_access_denied(behind: GcsStorage, proxy: FaultyProxy) -> None:
    given = GcsStorage(behind.root, options=behind.options, credentials=Credentials({"token": "token-canary"}))
    proxy.expect("GET", says(403, _DENIED))
    with pytest.raises(AccessDeniedError, match="403 forbidden") as caught:
        given.get("key")
    for secret in ("token-canary", "a-canary"):
        leaves_no_secret(given, secret, caught.value, "")


def test_a_token_is_sent(behind: GcsStorage, proxy: FaultyProxy) -> None:
    sent = []

    def look(handler: Any) -> None:
        sent.append(handler.headers["Authorization"])
        handler.give(*handler.ask())

    proxy.expect("GET", look)
    fields = Credentials({"token": "abc"})
    assert GcsStorage(behind.root, options=behind.options, credentials=fields).get("key") == b"0123456789"
    assert sent == ["Bearer abc"]


def test_what_the_environment_has_goes_to_google_alone(
    behind: GcsStorage, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    (tmp_path / "adc.json").write_text(json.dumps(user))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    sent = []

    def look(handler: Any) -> None:
        sent.append(handler.headers["Authorization"])
        handler.give(*handler.ask())

    proxy.expect("GET", look)
    assert again(behind).get("key") == b"0123456789"
    assert sent == [None]


def test_what_the_environment_names_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(AccessDeniedError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        GcsStorage("gs://bucket/a").get("key")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "canary"}, "no field 'password'"),
        ({"token": ""}, "incomplete, or damaged"),
        ({"type": "service_account", "private_key": "canary"}, "incomplete, or damaged"),
        ({"type": "authorized_user", "refresh_token": "canary"}, "incomplete, or damaged"),
    ],
)
def test_wrong_credentials(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        GcsStorage("gs://bucket/a", credentials=Credentials(fields))
    assert "canary" not in str(caught.value)


def test_public_url(gcs_storage: GcsStorage) -> None:
    """Whoever reads anonymously needs no signature; a token cannot sign."""
    gcs_storage.put("a key", b"for all")
    url = gcs_storage.public_url("a key", seconds=60)
    assert url is not None
    with urllib.request.urlopen(url) as reply:
        assert reply.read() == b"for all"
    token = GcsStorage(gcs_storage.root, options=gcs_storage.options, credentials=Credentials({"token": "abc"}))
    assert token.public_url("a key", seconds=60) is None


def test_a_service_account_signs() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    fields = {
        "type": "service_account", "project_id": "p", "private_key": pem, "client_email": "me@p.example",
        "token_uri": "http://127.0.0.1:1/token",
    }  # fmt: skip
    url = GcsStorage("gs://bucket/a", credentials=Credentials(fields)).public_url("b c", seconds=60)
    assert url is not None
    assert url.startswith("https://storage.googleapis.com/bucket/a/b%20c?")
    assert "X-Goog-Signature=" in url
    assert "X-Goog-Expires=60" in url
