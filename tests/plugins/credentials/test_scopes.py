"""Which URLs credentials are for."""

from __future__ import annotations

import posixpath
import re
import string
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbase.contracts.credentials import Credentials, check_prefixes, is_within
from reelbase.errors import UsageError

INSIDE = [
    ("https://host/train", "https://host/train"),
    ("https://host/train/", "https://host/train"),
    ("https://host/train", "https://host/train/a.mp4"),
    ("https://HOST/train", "https://host/train/a.mp4"),
    ("https://host/train", "HTTPS://Host:443/train/a.mp4"),
    ("https://host:443", "https://host/train/a.mp4"),
    ("https://host.", "https://host/a.mp4"),
    ("https://bücher.example/", "https://xn--bcher-kva.example/a.mp4"),
    ("http://host:8080/x", "http://host:8080/x/a.mp4?version=3"),
    ("s3://bucket", "s3://bucket/a/b.mp4"),
    ("https://host/train", "https://host/%74rain/a.mp4"),
    ("https://host/%74rain", "https://host/train/a.mp4"),
    ("https://host/my folder", "https://host/my%20folder/a.mp4"),
    ("https://host/B\u00fccher", "https://host/B%c3%bccher/a.mp4"),
    ("https://host/train", "https://host/train/caf%e9.mp4"),  # Latin-1
    ("https://host/train", "https://host/train/a;version=2/100%25 a%2520b.mp4"),
    ("https://host/train", "https://host/train/.hidden/a..b/c..mp4"),
    ("s3://bucket/100%", "s3://bucket/100%/a.mp4"),
]

OUTSIDE = [
    ("https://host/train", "https://host/trainX/a.mp4"),
    ("https://host/train", "https://host/Train/a.mp4"),
    ("https://host/train", "https://host/"),
    ("https://host", "https://host.evil.example/a.mp4"),
    ("https://host", "https://host@evil.example/a.mp4"),
    ("https://host", "https://evil.example/https://host/a.mp4"),
    ("https://host", "https://host:8443/a.mp4"),
    ("https://host", "http://host/a.mp4"),
    ("https://host/train", "https://host/train/../other/a.mp4"),
    ("https://host/train", "https://host/train/%2e%2e/other/a.mp4"),
    ("https://host/train", "https://host/train%2f..%2fother"),
    ("https://host/train", "https://host/train\\..\\other"),
    ("https://host/train", "https://host/train::file:///etc/passwd"),
    ("https://host", "https://host\t.evil.example/a.mp4"),
    ("https://h\u03bfst", "https://host/a.mp4"),  # a Greek omicron
    ("s3://bucket", "s3://bucket-evil/a.mp4"),
    ("s3://bucket", "s3://Bucket/a.mp4"),
    ("gdrive://AbC", "gdrive://abc"),
    ("s3://bucket/folder", "s3://bucket/folder-b/a.mp4"),
    ("https://host", "https://host:0443/a.mp4"),
    ("s3://bucket/a b", "s3://bucket/a%20b/c.mp4"),  # another key: S3 decodes nothing
    ("https://host/train,1", "https://host/train%2C1/a.mp4"),  # reserved: maybe another folder
    *(("https://host/train", f"https://host/train/{up}/other/a.mp4") for up in (
        "..;", "..;x=y", "%2e%2e;", "..%3b", "..%3Bx", "..%253b", ".;", ";/..", "%252e%252e", "%252E.",
        "%25252e%25252e",
        ".%252e;a",
        "%c0%ae%c0%ae", "%C0%AE.", "%c0%6e%c0%6e", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae.", "%fc%80%80%80%80%ae.",
        "..%c0%af", "%c1%9c..", "%u002e%u002e", "..%u2215", "%uff0e.", "..%5c", "..%255c", "\\..", "..%20", "..%09",
        ".. ",
        ".%20.", "...", "%20..", "..%00", "..%2500", "\uff0e\uff0e", "%ef%bc%8e%ef%bc%8e", "..\uff0f", "x\uff0f..",
        "\u2025", "%e2%80%a5", "..%0d%0a", "a%0d%0aX-Header:%20b", "%2525252525252e", "100%/..;", "%", "%zz", "%2",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("prefix", "url"), INSIDE)
def test_inside(prefix: str, url: str) -> None:
    assert is_within(url, check_prefixes([prefix]))


@pytest.mark.parametrize(("prefix", "url"), OUTSIDE)
def test_outside(prefix: str, url: str) -> None:
    assert not is_within(url, check_prefixes([prefix]))


NO_PREFIXES = [
    "",
    "host/folder",
    "https://",
    "s3:///folder",
    "https://user@host",
    "https://host/..",
    "/folder",
    "https://host/a/..;/b",
    "https://host/%252e%252e",
    7,
    "*://h",
]


@pytest.mark.parametrize("prefix", NO_PREFIXES)
def test_what_is_no_prefix(prefix: object) -> None:
    with pytest.raises(UsageError, match="not a prefix of URLs"):
        check_prefixes([prefix])


def test_a_text_is_no_list() -> None:
    with pytest.raises(UsageError, match="not a list"):
        check_prefixes("https://host/")


_NAMES = st.text(string.ascii_letters + string.digits + "-_~", min_size=1, max_size=8)
_PATHS = st.lists(_NAMES, max_size=4)


@given(_PATHS, _PATHS, _NAMES)
def test_segments(folder: list[str], below: list[str], more: str) -> None:
    """What is in a folder is inside; what only begins with its letters is not."""
    prefix = "/".join(["https://host", *folder])
    prefixes = check_prefixes([prefix])
    assert is_within("/".join([prefix, *below]), prefixes)
    if folder:
        assert not is_within("/".join([prefix + more, *below]), prefixes)
        assert not is_within("/".join(["https://host", *folder[:-1]]), prefixes)


@given(st.text(max_size=40))
def test_nothing_odd_is_inside(text: str) -> None:
    """Whatever is written behind a host: it is inside only if it is that host's."""
    url = f"https://host{text}"
    if is_within(url, check_prefixes(["https://host"])):
        rest = text.removeprefix(".").removeprefix(":443")
        assert not rest or rest[0] in "/?#"


_READERS = (
    lambda path: unquote(path),
    lambda path: unquote(unquote(path)),
    lambda path: unquote(unquote(unquote(path))),
    lambda path: re.sub(";[^/]*", "", unquote(path)),
    lambda path: unquote(re.sub(";[^/]*", "", path)),
    lambda path: unquote(path).replace("\\", "/"),
    lambda path: unicodedata.normalize("NFKC", unquote(path)),
    lambda path: re.sub("[ .]+(?=/|$)", lambda end: ".." if end[0].strip() == ".." else "", unquote(path)),
)
_PIECES = st.lists(
    st.sampled_from(
        ["a", "/", ".", "..", ";", "%2e", "%2f", "%25", "2e", "2f", "%3b", "\\", "%5c", " ", "%20", "\uff0e"]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=2000)
@given(_PIECES)
def test_no_server_reads_it_as_another_folder(text: str) -> None:
    """Servers that decode once, twice or three times, drop what follows a semicolon, and so on."""
    url = f"https://host/train/{text}"
    if is_within(url, check_prefixes(["https://host/train"])):
        for read in _READERS:
            path = posixpath.normpath(read(f"/train/{text}"))
            assert path == "/train" or path.startswith("/train/")


def test_credentials_without_prefixes_cover_everything() -> None:
    assert Credentials({"token": "x"}).covers("https://anywhere/")


@pytest.mark.parametrize(
    ("seconds", "stale"), [(3600, False), (361, False), (59, False), (29, False), (0, True), (-5, True)]
)
def test_stale(seconds: float, stale: bool) -> None:
    """Just got, they are stale only if they have ended."""
    assert Credentials({}, expires_at=datetime.now(UTC) + timedelta(seconds=seconds)).stale == stale


def test_stale_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Credentials({}, expires_at=datetime.now(UTC) + timedelta(hours=1))
    for minutes, stale in ((50, False), (55, True)):
        given._got_at = datetime.now(UTC) - timedelta(minutes=minutes)
        given.expires_at = given._got_at + timedelta(hours=1)
        assert given.stale == stale


def test_a_time_without_a_timezone() -> None:
    with pytest.raises(UsageError, match="timezone"):
        Credentials({}, expires_at=datetime(2030, 1, 1))
