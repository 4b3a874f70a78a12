"""URLs that are not links are refused before a file or the network is touched."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reelbase
import reelbase.api  # on first use it is imported: files are opened for that
from reelbase.errors import LinkRefusedError, PluginNotFoundError, UsageError
from reelbase.registry import registry

_TOUCHES = ("open", "os.listdir", "os.scandir", "socket.", "subprocess.", "urllib.")
_watching: list[list[str]] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    for seen in _watching:
        if event.startswith(_TOUCHES):
            seen.append(f"{event} {args}")


sys.addaudithook(_hook)  # for good: hooks cannot be taken away


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the test opens, looks at, or asks the network for."""
    registry().storages.load("http")  # imports open files
    registry().storages.load("local")
    registry().normalize("https://google.com/")
    seen: list[str] = []
    for name in ("stat", "lstat", "readlink"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda path, *a, real=real, **k: (seen.append(f"{path}"), real(path, *a, **k))[1])
    _watching.append(seen)
    yield seen
    _watching.remove(seen)


def test_the_watchers_watch(touched: list[str], tmp_path: Path) -> None:
    touched.clear()
    os.stat(tmp_path)  # noqa: PTH116
    (tmp_path / "a").write_bytes(b"")
    assert len(touched) >= 2


FORMS = {
    "a chain that caches": "simplecache::file:///etc/passwd",
    "another": "filecache::https://host/a.mp4",
    "a chain through a folder": "dir://x::file:///etc/passwd",
    "a chain behind a host": "https://host::file:///etc/passwd",
    "a chain behind a path": "https://host/a::file:///etc/passwd",
    "one slash": "file:/etc/passwd",
    "no slash": "file:etc/passwd",
    "no scheme": "//host/a.mp4",
    "a path": "/etc/passwd",
    "a relative path": "videos/a.mp4",
    "a path in the home folder": "~/a.mp4",
    "a drive": "C:/videos/a.mp4",
    "a user": "https://user@host/a.mp4",
    "a user and a password": "https://user:password@host/a.mp4",
    "a backslash": "https://host\\a.mp4",
    "a backslash in the path": "https://host/a\\..\\b.mp4",
    "a new line": "https://host/a\n.mp4",
    "a carriage return": "https://host/a\r\nX: y",
    "a NUL": "https://host/a\0.mp4",
    "a tab": "https://ho\tst/a.mp4",
    "a blank in front": " https://host/a.mp4",
    "a dot": "https://host/./a.mp4",
    "two dots": "https://host/videos/../a.mp4",
    "two dots at the end": "https://host/videos/..",
    "an escaped dot": "https://host/%2e%2e/a.mp4",
    "an escaped dot in capitals": "https://host/%2E./a.mp4",
    "an escaped slash": "https://host/a%2fb.mp4",
    "an escaped backslash": "https://host/a%5Cb.mp4",
    "an escaped NUL": "https://host/a%00.mp4",
    "an escape in the host": "https://host%2fa/b.mp4",
    "no host": "https:///a.mp4",
    "no bucket": "s3:///a.mp4",
    "a file of another host": "file://server/share/a.mp4",
    "a signature of S3": "https://host/a.mp4?X-Amz-Signature=abc",
    "a token of S3": "s3://bucket/a.mp4?x-amz-security-token=abc",
    "a signature of Google": "https://host/a.mp4?x=1&X-Goog-Signature=abc",
    "a signature of Azure": "https://host/a.mp4?sv=2020&sig=abc",
    "a signature of CloudFront": "https://host/a.mp4?Expires=1&Signature=abc&Key-Pair-Id=x",
    "a token": "https://host/a.mp4?access_token=abc",
    "an escaped name of a token": "https://host/a.mp4?%74oken=abc",
    "a key": "https://host/a.mp4?api-key=abc",
    "a password in the query": "https://host/a.mp4?a=1;password=abc",
    **{f"a query named {name}": f"https://host/a.mp4?x=1&{name}=abc" for name in (
        "hmac", "code", "session", "bearer", "sid", "ticket", "Expires", "X-Amz-Date", "connect.sid", "%2574oken",
    )},
    "a token in the fragment": "https://host/a.mp4#access_token=abc",
    "a session in the path": "https://host/a;jsessionid=abc/b.mp4",
    "a signature in the path": "https://host/exp=1~acl=/*~hmac=abc/a.mp4",
    "a signed URL in the query": "https://host/a?url=https%3A%2F%2Fx%2Fb%3Fsig%3Dabc",
    "a value that only tokens have": "https://host/a?x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "a dot segment with a parameter": "https://host/a/..;/b.mp4",
    "an escaped escape": "https://host/a/%252e%252e/b.mp4",
    "overlong UTF-8": "https://host/a/%c0%ae%c0%ae/b.mp4",
    "nothing": "",
    "no text": 17,
    "too long": "https://host/" + "a" * 9000,
}  # fmt: skip


@pytest.mark.parametrize("url", FORMS.values(), ids=FORMS)
def test_refused(url: str, touched: list[str]) -> None:
    with pytest.raises(LinkRefusedError):
        reelbase.link(url)
    assert not touched


def test_an_unknown_scheme(touched: list[str]) -> None:
    with pytest.raises(PluginNotFoundError, match="smb://"):
        reelbase.link("smb://host/a.mp4")
    assert not touched


def test_secrets_are_not_shown() -> None:
    with pytest.raises(LinkRefusedError) as caught:
        reelbase.link("https://host/a.mp4?X-Amz-Signature=c4nary")
    assert "c4nary" not in str(caught.value)
    with pytest.raises(LinkRefusedError) as caught:
        reelbase.link("https://lab:c4nary@host/a.mp4")
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a.mp4", "HTTPS://Host:8443/My%20videos/a.mp4?version=3", "http://[::1]:80/a.mp4",
        "s3://bucket/a b",
        "gs://bucket/a.mp4", "gcs://bucket/a.mp4", "gdrive://1abcDEF", "https://host/author.mp4?author=me",
        "file:///videos/a.mp4",
    ],
)  # fmt: skip
def test_taken(url: str, touched: list[str]) -> None:
    link = reelbase.link(url, "ENV")
    assert (link.url.lower(), link.creds_key) == (url.lower(), "ENV")
    assert pickle.loads(pickle.dumps(link)) == link
    assert not [one for one in touched if "socket" in one or "passwd" in one]


def test_a_share_link_becomes_the_file_that_it_shares() -> None:
    link = reelbase.link("https://drive.google.com/file/d/1abcDEF/view?usp=sharing&resourcekey=0-xy")
    assert link.url == "gdrive://1abcDEF?resourcekey=0-xy"


@pytest.mark.parametrize("creds_key", ["", 7, {"aws_access_key_id": "x"}])
def test_credentials_are_named_not_given(creds_key: object) -> None:
    with pytest.raises(UsageError, match="creds_key"):
        reelbase.link("https://host/a.mp4", creds_key)  # type: ignore[arg-type]


def test_what_a_hostile_dataset_has_is_refused_when_it_is_read(tmp_path: Path, touched: list[str]) -> None:
    """The rules are those of reading, not only of appending."""
    from reelbase.links.local import Home
    from reelbase.links.source import open_link
    from reelbase.media.stored_link import Pin

    touched.clear()
    for url in ("simplecache::file:///etc/passwd", "file:///etc/passwd", "https://u:p@host/a.mp4"):
        pin = Pin(url, None, 10, "etag")
        with pytest.raises(LinkRefusedError):
            open_link(pin, Home(str(tmp_path))).read()
    assert not touched
