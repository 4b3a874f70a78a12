"""Who may ask: a token, a host of this machine, no other site; what comes back carries no secret and runs no script."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Playwright

import reelbase
from reelbase.testing.clips import Clip, make_clip
from reelbase_plugins.browser.guard import is_local
from reelbase_plugins.browser.range_header import MAX_BYTES_PER_ANSWER, RangeError, parse_range

from .conftest import ARGUMENTS, CHROMIUM, Window

HOSTILE = '"><script>document.title = "hacked"</script><img src=x onerror="document.title=\'hacked\'">'


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return make_clip(tmp_path / "clip.mp4", frames=30, gop=10)


@pytest.fixture
def url(clip: Clip, serve: Callable[..., str]) -> str:
    ds = reelbase.empty("mem://guarded", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read(clip.path))
    return serve(ds)


class Reply:
    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()


def ask(url: str, path: str = "", method: str = "GET", **headers: str) -> Reply:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path if path.startswith("/") else parts.path + path, headers=named)
    reply = Reply(connection.getresponse())
    connection.close()
    return reply


def test_the_token(url: str) -> None:
    assert ask(url, "data/about").status == 200
    token = urlsplit(url).path.strip("/")
    for path in (
        "/",
        "/data/about",
        f"/{token[:-1]}/data/about",
        f"/{token}x/data/about",
        f"/x{token}/",
        "//",
        "/%00/",
    ):
        reply = ask(url, path)
        assert reply.status == 403, path
        assert token.encode() not in reply.body
    assert len(token) >= 32


OTHER_HOSTS = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "", "[::1].evil.example",
    "[::1]evil", "[::1]:80.evil.example", "[::1", "::1]", "localhost.evil", "localhost:80.evil.example",
    "localhost:x", "localhost:", "localhost:99999", "localhost:80:80", "localhost:-1", "evil@localhost",
    "localhost@evil", "localhost/", "localhost?", "localhost#", "127.0.0.1:80@evil", "[::1%25lo]",
    "[::ffff:127.0.0.1]", "127.1", "127.0.0.256", "0177.0.0.1", "2130706433", "0.0.0.0", "localhost, evil.example",
    "evil.example:localhost", "localhost evil", "127.0.0.1.", "[127.0.0.1]",
]  # fmt: skip


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_rebinding(url: str, host: str) -> None:
    assert ask(url, "data/about", Host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8888", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:80"])
def test_hosts_of_this_machine(url: str, host: str) -> None:
    assert ask(url, "data/about", Host=host).status == 200


@given(st.text(max_size=40))
def test_any_other_host_is_not_local(name: str) -> None:
    if is_local(name):
        assert re.fullmatch(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?", name.lower())


def test_hosts_are_compared_whole() -> None:
    for host in OTHER_HOSTS:
        assert not is_local(host), host


def raw(url: str, lines: list[str], path: str = "data/about") -> bytes:
    """What comes back to a request whose lines are sent as they are."""
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join([f"GET {parts.path}{path} HTTP/1.1", *lines, "", ""]).encode("latin-1"))
        return connection.recv(1 << 16)


def test_names_of_headers_have_no_case(url: str) -> None:
    for local in ("host: localhost", "HOST: localhost", "Host:localhost", "hOsT:   localhost  "):
        assert raw(url, [local]).startswith(b"HTTP/1.1 200"), local
        for site in ("sec-fetch-site: cross-site", "SEC-FETCH-SITE: cross-site", "Sec-Fetch-Site: Cross-Site"):
            assert raw(url, [local, site]).startswith(b"HTTP/1.1 403"), (local, site)


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: evil.example", "Host: localhost"], ["host: localhost", "Host: evil.example"],
        ["Host: localhost", "sec-fetch-site: cross-site", "Sec-Fetch-Site: same-origin"],
        ["Host: localhost", "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"],
        ["Host: localhost", "Range: bytes=0-1", "Range: bytes=2-3"],
        ["Host: localhost", "no header", "Sec-Fetch-Site: none"],
        ["Host: localhost", "Content-Length: 5"], ["Host: localhost", "Transfer-Encoding: chunked"], [],
    ],
)  # fmt: skip
def test_headers_that_say_two_things(url: str, lines: list[str]) -> None:
    """And what follows on the connection is not taken for another request."""
    reply = raw(url, lines)
    assert reply.split()[1] in (b"400", b"403"), reply
    assert reply.count(b"HTTP/1.1") == 1


def test_a_body_is_no_second_request(url: str) -> None:
    inner = f"GET {urlsplit(url).path}data/about HTTP/1.1\r\nHost: localhost\r\n\r\n"
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as connection:
        head = f"GET {parts.path}data/about HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n\r\n"
        connection.sendall((head + inner).encode())
        said = b""
        while data := connection.recv(1 << 16):
            said += data
    assert said.count(b"HTTP/1.1 ") == 1
    assert b" 403 " in said


@pytest.mark.parametrize("path", ["//[/x", "http://[::1/x", "*", "/a:b@c/", "/\x01\x1b[2J", "/%zz"])
def test_odd_targets_get_an_answer(url: str, path: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", parts.port or 0), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(1 << 16).split()[1] in (b"400", b"403", b"404")


def test_the_log_has_no_token_and_no_escape(url: str, caplog: pytest.LogCaptureFixture) -> None:
    token = urlsplit(url).path.strip("/")
    with caplog.at_level(logging.DEBUG, "reelbase.viewer"):
        ask(url, "data/about")
        ask(url, "/" + "".join(f"%{ord(letter):02x}" for letter in token) + "/data/about")
        ask(url, f"/{token}/%1b%5b2J%e2%80%ae")
        time.sleep(0.2)
    assert "data/about" in caplog.text
    assert token not in unquote(caplog.text)
    assert "\x1b" not in caplog.text
    assert "\u202e" not in caplog.text


def test_other_sites(url: str) -> None:
    for site in ("cross-site", "same-site"):
        assert ask(url, "data/about", Sec_Fetch_Site=site, Sec_Fetch_Mode="cors").status == 403
        assert ask(url, "data/media/0/0", Sec_Fetch_Site=site, Sec_Fetch_Dest="video").status == 403
        frame = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
        assert ask(url, "", **frame).status == 403
        assert ask(url, "", **{**frame, "Sec_Fetch_Dest": "document"}).status == 200
    for site in ("same-origin", "none"):
        assert ask(url, "data/about", Sec_Fetch_Site=site).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_but_reading(url: str, method: str) -> None:
    assert ask(url, "data/about", method).status in (405, 501)


def test_headers(url: str) -> None:
    for path in ("", "app.js", "data/about", "data/media/0/0", "nothing"):
        headers = ask(url, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd", "page/../server.py", "%2e%2e/%2e%2e/etc/passwd", "..%2fserver.py", "data", "data/",
        "data/no",
        "data/row/x", "data/row/-1", "data/row/1/2/3", "data/index/0", "data/frame/0/0/0/0", "data/media/0",
        "data/row/%D9%A3",
        "data/about?x=1", "data/frame/0/0/0?height=3", "static", "__init__.py",
    ],
)  # fmt: skip
def test_what_is_not_there(url: str, path: str) -> None:
    assert ask(url, path).status == 404


def test_out_of_range(url: str) -> None:
    for path in (
        "row/99",
        "index/99/0",
        "index/0/7",
        "frame/0/0/30",
        "clip/0/0/30/40",
        "track/0/0/0/5",
        "packets/9/0/0/1",
    ):
        reply = ask(url, f"data/{path}")
        assert reply.status == 400, path
        assert json.loads(reply.body)["error"]
    assert ask(url, "data/rows?where=import").status == 400
    assert json.loads(ask(url, "data/rows?where=nothing==1").body)["error"].startswith("There is no tensor 'nothing'")


RANGES = [
    ("bytes=0-9", (0, 10)), ("bytes=10-", (10, 1000)), ("bytes=-100", (900, 1000)), ("bytes=999-", (999, 1000)),
    ("bytes=0-99999", (0, 1000)), ("bytes=-99999", (0, 1000)), ("items=0-9", None), (None, None),
    ("bytes=1000-", RangeError), ("bytes=5-2", RangeError), ("bytes=0-1,5-6", RangeError), ("bytes=-", RangeError),
    ("bytes=-0", RangeError), ("bytes=x-y", RangeError),
    ("Bytes=0-9", (0, 10)), ("bytes= 0-9", (0, 10)), ("bytes=0" + "0" * 5000 + "-9", (0, 10)),
    ("bytes=5-" + "9" * 5000, (5, 1000)), ("bytes=-" + "9" * 5000, (0, 1000)),
    ("bytes=" + "9" * 5000 + "-", RangeError),
    ("bytes=" + "9" * 19 + "-" + "9" * 5000, RangeError), ("bytes=1 2-3 4", RangeError), ("bytes=+1-2", RangeError),
    ("bytes=1_0-20", RangeError), ("bytes=\u0663-9", RangeError), ("bytes=" + "0-1," * 10_000 + "5-6", RangeError),
    ("bytes=--5", RangeError), ("bytes=", RangeError), ("bytes", None),
]  # fmt: skip


@pytest.mark.parametrize(("header", "wanted"), RANGES)
def test_ranges(header: str | None, wanted: object) -> None:
    if wanted is RangeError:
        with pytest.raises(RangeError):
            parse_range(header, 1000)
    else:
        assert parse_range(header, 1000) == wanted


def test_media(url: str, clip: Clip) -> None:
    data = clip.path.read_bytes()
    reply = ask(url, "data/media/0/0", Range="bytes=5-104")
    assert (reply.status, reply.body) == (206, data[5:105])
    assert reply.headers["Content-Range"] == f"bytes 5-104/{len(data)}"
    assert reply.headers["Content-Type"] == "video/mp4"
    assert ask(url, "data/media/0/0").status == 206
    assert ask(url, "data/media/0/0", Range=f"bytes={len(data)}-").status == 416
    assert ask(url, "data/media/0/0", Range=f"bytes={'9' * 5000}-").status == 416
    assert ask(url, "data/media/0/0", Range=f"bytes=5-{'9' * 5000}").body == data[5:]
    assert ask(url, "data/media/0/0", Range="bytes=" + ",".join(f"{at}-{at}" for at in range(5000))).status == 416
    assert ask(url, "data/media/0/0", range="bytes=5-104").body == data[5:105]
    head = ask(url, "data/media/0/0", "HEAD")
    assert (head.status, head.body, int(head.headers["Content-Length"])) == (200, b"", len(data))
    assert MAX_BYTES_PER_ANSWER == 1 << 20


@pytest.mark.parametrize(
    ("container", "suffix", "media_type"),
    [
        ("mpegts", ".ts", "video/mp2t"),  # not a translation file of Qt
        ("mov", ".mov", "video/quicktime"),
        ("matroska", ".mkv", "video/x-matroska"),
        ("avi", ".html", "video/x-msvideo"),  # the name does not count
        ("ivf", ".ivf", "application/octet-stream"),  # its codec declares no type
    ],
)
def test_files_have_the_type_that_their_codec_declares(
    container: str, suffix: str, media_type: str, tmp_path: Path, serve: Callable[..., str]
) -> None:
    codec = "libvpx-vp9" if container == "ivf" else "libx264"
    clip = make_clip(tmp_path / f"a{suffix}", container=container, codec=codec, frames=4)
    ds = reelbase.empty(tmp_path / "ds")
    ds.create_tensor("videos", htype="video").append(reelbase.read(clip.path))
    reply = ask(serve(ds), "data/media/0/0")
    assert (reply.status, reply.headers["Content-Type"]) == (206, media_type)


def test_hostile_words(clip: Clip, window: Window, serve: Callable[..., str], tmp_path: Path) -> None:
    """Class names, text and file names are shown as they are, and nothing of them runs."""
    named = tmp_path / "<img src=x onerror=alert(1)>.mp4"
    named.write_bytes(clip.path.read_bytes())
    ds = reelbase.empty("mem://hostile", overwrite=True)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("labels", htype="class_label", class_names=[HOSTILE])
    ds.create_tensor("each", htype="sequence[class_label]", class_names=[HOSTILE])
    ds.create_tensor("boxes", htype="sequence[bbox]")
    ds.create_tensor("note", htype="text")
    boxes = np.zeros((30, 1, 4), np.float32)
    row = {"videos": reelbase.read(named), "labels": [0], "each": [[0]] * 30, "note": HOSTILE, "boxes": boxes}
    ds.append(row)
    ds.append(row)
    window.open(serve(ds))
    assert HOSTILE in window.text("#boxes")
    assert HOSTILE in window.text("#facts")
    assert HOSTILE[:20] in window.text("#grid")
    window.page.fill("#where", HOSTILE)
    window.press("Enter")
    window.page.wait_for_selector("#message:not([hidden])")
    assert HOSTILE[:10] in window.text("#message")
    assert window.page.title().startswith("mem://hostile")
    assert not window.page.query_selector_all("#boxes img, #facts img, #grid script, #message img")
    window.problems = [one for one in window.problems if "400 (Bad Request)" not in one]


def test_a_name_that_points_here(url: str, playwright: Playwright) -> None:
    """As an attacker's may: the browser asks this server, and gets nothing."""
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, rules])
    reply = browser.new_page().goto(url.replace("127.0.0.1", "evil.example"))
    assert reply is not None
    assert reply.status == 403
    browser.close()


def test_closing(clip: Clip) -> None:
    shown = reelbase.read(clip.path).play(open_browser=False)
    with shown:
        assert ask(shown.url).status == 200
    with pytest.raises(OSError, match="refused"):
        ask(shown.url)
    shown.close()
