"""What S3Storage says and does when something is wrong."""

from __future__ import annotations

import logging
import pickle
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cloud_servers import Seaweed, free_ports
from cloud_story import leaves_no_secret
from faulty_proxy import FaultyProxy, half_a_body, lost_reply, says, silence

from reelbase.errors import (
    AccessDeniedError,
    BadReplyError,
    ConfigError,
    ConnectionFailedError,
    CredentialsExpiredError,
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
from reelbase_plugins.s3.storage import S3Storage

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>secret</Message></Error>"
_BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"
_PIECES = bytes(9 << 20)


@pytest.fixture
def proxy(seaweed: Seaweed) -> FaultyProxy:
    return FaultyProxy(seaweed.url)


@pytest.fixture
def behind(proxy: FaultyProxy, storage: S3Storage) -> Iterator[S3Storage]:
    """The storage, asked through the proxy."""
    storage.put("key", b"0123456789")
    with proxy.serving() as url:
        yield S3Storage(storage.root, options={**storage.options, "endpoint_url": url, "timeout": 5.0})


def again(storage: S3Storage, **options: Any) -> S3Storage:
    return S3Storage(storage.root, options={**storage.options, **options})


# Reading


def test_a_throttled_read_waits(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", says(503, _SLOW_DOWN, Retry_After="1"))
    proxy.expect("GET", says(503, _SLOW_DOWN))
    start = time.monotonic()
    assert behind.get("key") == b"0123456789"
    assert time.monotonic() - start >= 1, "it must wait as long as the service asks"
    assert proxy.met == 2


def test_patience_ends(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", says(503, _SLOW_DOWN), times=2)
    with pytest.raises(ThrottledError, match="fewer requests"):
        again(behind, tries=2).get("key")
    assert proxy.met == 2, "nobody else may try again"


@pytest.mark.parametrize("trouble", [lost_reply, half_a_body, says(500, _BROKEN)])
def test_a_broken_read_is_repeated(behind: S3Storage, proxy: FaultyProxy, trouble: Any) -> None:
    proxy.expect("GET", trouble)
    assert behind.get("key") == b"0123456789"
    assert proxy.met == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (says(200, b"0123456789"), "does not support range requests"),
        (says(206, b"23", Content_Range="bytes 3-4/10"), "bytes=2-3 was requested"),
        (says(206, b"234", Content_Range="bytes 2-4/10"), "bytes=2-3 was requested"),
        (says(206, b"23"), "Content-Range is None"),
    ],
)
def test_other_bytes_than_asked(behind: S3Storage, proxy: FaultyProxy, reply: Any, words: str) -> None:
    proxy.expect("GET", reply)
    with pytest.raises(BadReplyError, match=words):
        behind.get("key", 2, 4)


def test_another_object_than_asked(behind: S3Storage, proxy: FaultyProxy) -> None:
    """A cache in between that does not look at If-Match."""
    etag = behind.stat("key").etag
    proxy.expect("GET", says(206, b"23", Content_Range="bytes 2-3/10", ETag='"of-another"'))
    with pytest.raises(ObjectChangedError):
        behind.get("key", 2, 4, if_match=etag)


def test_no_answer(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", silence)
    with pytest.raises(StorageTimeoutError, match="no answer in time"):
        again(behind, timeout=0.2, tries=1).get("key")


def test_nobody_listens(storage: S3Storage) -> None:
    far = again(storage, endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}", tries=2)
    with pytest.raises(ConnectionFailedError, match=r"no connection to 127\.0\.0\.1"):
        far.get("key")
    with pytest.raises(ConnectionFailedError):  # it was never sent: nothing is unknown
        far.put("key", b"", if_absent=True)


def test_a_changed_object(storage: S3Storage) -> None:
    storage.put("key", b"one")
    etag = storage.stat("key").etag
    storage.put("key", b"two")
    with pytest.raises(ObjectChangedError, match="has changed"):
        storage.get("key", 0, 2, if_match=etag)


def test_no_bucket(storage: S3Storage) -> None:
    nowhere = S3Storage("s3://no-such-bucket/a", options=storage.options)
    with pytest.raises(ObjectNotFoundError, match="there is no bucket s3://no-such-bucket"):
        nowhere.get("key")


# Writing


@pytest.mark.parametrize("trouble", [lost_reply, says(500, _BROKEN), says(409, b"")])
def test_a_claim_of_which_nothing_is_heard(behind: S3Storage, proxy: FaultyProxy, trouble: Any) -> None:
    proxy.expect("PUT", trouble)
    # A connection that had been used before makes the HTTP client repeat the request by itself: then it says "exists".
    with pytest.raises((OutcomeUnknownError, ObjectExistsError)):
        behind.put("claim", b"mine", if_absent=True)
    assert claim(behind, "claim", b"mine"), "reading back must show whose it is"
    assert behind.get("claim") == b"mine"


def test_a_claim_that_is_throttled_is_repeated(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("PUT", says(503, _SLOW_DOWN), times=2)
    behind.put("claim", b"mine", if_absent=True)
    assert proxy.met == 2


def test_an_overwrite_is_repeated(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("PUT", says(500, _BROKEN))
    behind.put("key", b"new")
    assert behind.get("key") == b"new"


def test_pieces_are_repeated(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("PUT", says(500, _BROKEN), part="partNumber=2")
    behind.put("large", _PIECES, if_absent=True)
    assert behind.get("large") == _PIECES
    with pytest.raises(ObjectExistsError):
        behind.put("large", _PIECES, if_absent=True)
    assert proxy.met == 1


def test_leftovers(behind: S3Storage, proxy: FaultyProxy) -> None:
    """A writer that is cut off before it can clean up leaves pieces, which are found and deleted."""
    proxy.expect("PUT", says(403, b""), part="partNumber=2")
    proxy.expect("DELETE", says(403, b""), part="uploadId")
    with pytest.raises(AccessDeniedError):
        behind.put("large", _PIECES)
    [(key, stat)] = list(behind.leftovers())
    assert key.endswith("/large")
    assert stat.size == 8 << 20
    assert stat.modified is not None
    assert [name for name, _ in behind.list()] == ["key"]
    behind.delete(key)
    assert list(behind.leftovers()) == []


# Who asks


def test_expired(behind: S3Storage, proxy: FaultyProxy) -> None:
    proxy.expect("GET", says(400, _EXPIRED))
    with pytest.raises(CredentialsExpiredError, match="ExpiredToken") as caught:
        behind.get("key")
    assert "secret" not in str(caught.value)


def test_access_denied(seaweed: Seaweed, storage: S3Storage, caplog: pytest.LogCaptureFixture) -> None:
    storage.put("key", b"1")
    caplog.set_level(logging.INFO)
    reader = S3Storage(storage.root, options=storage.options, credentials=Credentials(seaweed.READER))
    for call in (lambda: reader.put("new", b"1"), lambda: reader.get("key"), lambda: list(reader.list())):
        with pytest.raises(AccessDeniedError, match=re.escape(storage.root)) as caught:
            call()
        leaves_no_secret(reader, seaweed.READER["aws_secret_access_key"], caught.value, caplog.text)
    with pytest.raises(UsageError, match="another process"):
        pickle.dumps(reader)


def test_a_wrong_secret(seaweed: Seaweed, storage: S3Storage) -> None:
    wrong = {**seaweed.OWNER, "aws_secret_access_key": "not-it-canary"}
    with pytest.raises(AccessDeniedError, match="does not accept the credentials") as caught:
        S3Storage(storage.root, options=storage.options, credentials=Credentials(wrong)).get("key")
    leaves_no_secret(storage, "not-it-canary", caught.value, "")


def test_a_profile_that_is_not_there(storage: S3Storage) -> None:
    with pytest.raises(StorageError, match="ProfileNotFound"):
        again(storage, profile="nobody").get("key")


def test_given_credentials_work(seaweed: Seaweed, bucket: str) -> None:
    """Without anything in the environment; and the two fields may name the service."""
    fields = {**seaweed.OWNER, "endpoint_url": seaweed.url, "aws_region": "us-east-1"}
    storage = S3Storage(f"s3://{bucket}/given", credentials=Credentials(fields))
    storage.put("key", b"1")
    assert storage.get("key") == b"1"


def test_nobody_may_read_what_is_public(seaweed: Seaweed, public: str) -> None:
    nobody = S3Storage(public, options=seaweed.options())
    assert nobody.get("key") == b"for all"
    with pytest.raises(AccessDeniedError):
        nobody.put("key", b"mine")
    assert S3Storage(public, options={**seaweed.options(), "anonymous": "true"}).stat("key").size == 7


def test_public_url(storage: S3Storage) -> None:
    import urllib.request

    storage.put("a key", b"for a while")
    url = storage.public_url("a key", seconds=60)
    assert url is not None
    with urllib.request.urlopen(url) as reply:
        assert reply.read() == b"for a while"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aws_access_key_id": "a", "aws_secret_key": "b"}, "aws_secret_key"),
        ({"aws_access_key_id": "a"}, "two fields"),
        ({"aws_access_key_id": "a", "aws_secret_access_key": 1}, "strings"),
    ],
)
def test_wrong_credentials(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        S3Storage("s3://bucket/a", credentials=Credentials(fields))


@pytest.mark.parametrize("url", ["s3://", "s3:///key", "s3://user:pass@bucket/a", "s3://a::b/c", "s3://x y/c"])
def test_wrong_urls(url: str) -> None:
    with pytest.raises(UsageError, match="does not name a bucket") as caught:
        S3Storage(url)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("options", [{"endpoint": "x"}, {"addressing_style": "host"}, {"timeout": "soon"}])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        S3Storage("s3://bucket", options=options)


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "./a", "a\0b"])
def test_keys_that_are_none(storage: S3Storage, key: str) -> None:
    with pytest.raises(StorageError, match="is not a key"):
        storage.get(key)


def test_markers_of_folders_do_not_show(storage: S3Storage) -> None:
    """Consoles make empty objects whose names end with a slash."""
    bucket = storage.bucket()
    for name in ("", "empty/"):
        bucket.client.run(bucket.write(storage.place.prefix + name, b"", if_absent=False), 30)
    storage.put("full/key", b"1")
    assert [key for key, _ in storage.list()] == ["full/key"]


def test_a_long_list(storage: S3Storage) -> None:
    """Of more than a page."""
    keys = [f"{number // 100}/{number:04}" for number in range(1050)]
    storage.map_concurrently(lambda key: storage.put(key, b""), keys)
    assert [key for key, _ in storage.list()] == sorted(keys)
