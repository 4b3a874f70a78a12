"""URLs reach the server as their user spelled them, and keys whatever they hold."""

from __future__ import annotations

import pytest

from reelbase.errors import BadReplyError, ConfigError, ObjectNotFoundError, StorageError, UsageError
from reelbase.testing.servers import Answer, BadHttpServer, Fault, Honest, Request
from reelbase_plugins.http.address import Address
from reelbase_plugins.http.storage import HttpStorage


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("/a.mp4", "/a.mp4"), ("/a/b/c.mp4", "/a/b/c.mp4"), ("", "/"), ("/", "/"), ("/a/", "/a/"), ("/a//b", "/a//b"),
        ("//b", "//b"), ("?a=1", "/?a=1"), ("/a?", "/a?"), ("/two words.mp4", "/two%20words.mp4"), ("/a%20b", "/a%20b"),
        ("/Grüße", "/Gr%C3%BC%C3%9Fe"), ("/100%", "/100%25"), ("/%zz", "/%25zz"), ("/%41", "/%41"), ("/a+b", "/a+b"),
        ("/a%2Bb", "/a%2Bb"), ("/o/videos%2Fclip.mp4?alt=media&token=1", "/o/videos%2Fclip.mp4?alt=media&token=1"),
        ("/caf%E9.mp4", "/caf%E9.mp4"), ("/a,b;c=d", "/a,b;c=d"), ("/a%2Cb", "/a%2Cb"), ("/a.mp4#t=5", "/a.mp4"),
        ("/a.mp4?sig=a%2Fb%3D&x=é#t", "/a.mp4?sig=a%2Fb%3D&x=%C3%A9"), ("/x?url=http://h/p?q", "/x?url=http://h/p?q"),
        ("/tab\t\n.mp4", "/tab%09%0A.mp4"), ("/back\\slash", "/back%5Cslash"), ("/動画.mp4", "/%E5%8B%95%E7%94%BB.mp4"),
    ],
)  # fmt: skip
def test_urls_as_they_are_spelled(server: BadHttpServer, written: str, target: str) -> None:
    class Echo(Fault):
        def answer(self, request: Request, honest: Honest) -> Answer:
            return Answer(status=200, body=b"1")

    server.fail(Echo())
    root, key = HttpStorage.locate(server.url + written)
    storage = HttpStorage(root)
    assert storage.get(key) == b"1"
    assert [one.request.target for one in server.ledger] == [target]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTP://Host.Example/a", ("http", "host.example", 80)), ("https://h/a", ("https", "h", 443)),
        ("https://h:8443/a", ("https", "h", 8443)), ("http://[::1]:80/a", ("http", "[::1]", 80)),
        ("http://münchen.example/a", ("http", "xn--mnchen-3ya.example", 80)),
    ],
)  # fmt: skip
def test_hosts(url: str, origin: tuple[str, str, int]) -> None:
    assert Address.of(url).origin == origin


@pytest.mark.parametrize(
    "url",
    ["http://", "http:///a", "http://h:99999/a", "http://h:x/a", "http://h h/a", "ftp://h/a", "http://a\\b/c", "/a"],
)
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        HttpStorage(url)


@pytest.mark.parametrize("key", ["", "a//b", "../a", "a/../b", "a/.", "/..", "/%2e%2e", "/%2e%2e%2fa", "a/", "\ud800"])
def test_keys_that_are_none(server: BadHttpServer, key: str) -> None:
    storage = HttpStorage(f"{server.url}/in")
    for call in (storage.get, storage.stat, lambda key: storage.get_ranges(key, [(0, 1)])):
        with pytest.raises(StorageError, match="is not a key"):
            call(key)
    assert not server.ledger


def test_the_query_goes_with_every_key(server: BadHttpServer) -> None:
    """As the tokens of Azure's containers do."""
    server.objects = {"data/a": b"1", "data/b/c": b"2"}
    storage = HttpStorage(f"{server.url}/data?sig=1")
    assert storage.get("a") + storage.get("b/c") == b"12"
    assert [one.request.query for one in server.ledger] == ["sig=1", "sig=1"]
    assert storage.root == f"{server.url}/data"
    assert storage.public_url("a", seconds=9) == f"{server.url}/data/a?sig=1"


class _To(Fault):
    def __init__(self, location: str) -> None:
        self._location = location

    def answer(self, request: Request, honest: Honest) -> Answer:
        return honest(request) if request.query == "there" else Answer(status=302, headers={"Location": self._location})


@pytest.mark.parametrize(
    "location", ["/data/key?there", "key?there", "../data/key?there", "?there", "//{host}/data/key?there"]
)
def test_relative_redirects(server: BadHttpServer, location: str) -> None:
    server.objects = {"data/key": b"1"}
    server.fail(_To(location.format(host=server.url.removeprefix("http://"))))
    assert HttpStorage(f"{server.url}/data").get("key") == b"1"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://h/a", "javascript:1", "http://[bad/a"])
def test_redirects_out_of_the_web(server: BadHttpServer, location: str) -> None:
    server.fail(_To(location))
    with pytest.raises(BadReplyError, match="invalid web address"):
        HttpStorage(server.url).get("key")


def test_a_redirect_to_a_folder(server: BadHttpServer) -> None:
    server.fail(_To("/key/"))
    with pytest.raises(ObjectNotFoundError, match="folder"):
        HttpStorage(server.url).get("key")


def test_options_that_are_none() -> None:
    for options in ({"tmeout": 1}, {"concurrency": 0}, {"tries": "many"}):
        with pytest.raises(ConfigError):
            HttpStorage("http://h", options=options)
