"""Which URLs credentials are for."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
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
]


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
