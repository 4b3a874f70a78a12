"""From paths and URLs to storages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reelbase.errors import PluginNotFoundError
from reelbase.registry import registry, scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reelbase.registry import Registry

    Install = Callable[..., str]
    Build = Callable[..., Registry]


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("a/b.mp4", "file"), ("/a/b.mp4", "file"), ("~/a", "file"), ("C:\\videos\\a.mp4", "file"), ("c:/a.mp4", "file"),
        ("c://a", "file"), ("noon:12.mp4", "file"), ("-a.mp4", "file"), ("a b://c", "file"), ("1x://a", "file"),
        ("simplecache::file:///etc/passwd", "file"), ("x::s3://a", "file"), ("", "file"), ("://a", "file"),
        ("s3://a/b", "s3"), ("S3://A/b", "s3"), ("git+ssh://a", "git+ssh"), ("file:///a", "file"), ("mem://", "mem"),
    ],
)  # fmt: skip
def test_scheme(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


def test_unknown_scheme(build: Build) -> None:
    with pytest.raises(PluginNotFoundError) as caught:
        build().open_storage("AZ://x/y")
    known = "file, gcs, gdrive, gs, http, https, mem, s3"
    assert str(caught.value).split("\n")[0] == f"No installed plugin handles az:// URLs; known: {known}."


def test_locate_a_file_by_path_and_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a b.mp4").write_bytes(b"video")
    monkeypatch.chdir(tmp_path)
    for url in (
        "a b.mp4",
        "./a b.mp4",
        str(tmp_path / "a b.mp4"),
        f"file://{tmp_path}/a%20b.mp4",
        f"FILE://{tmp_path}/a b.mp4",
    ):
        storage, key = registry().locate(url)
        assert storage.get(key) == b"video", url


def test_locate_in_memory() -> None:
    storage, key = registry().locate("mem://one/two/three")
    storage.put(key, b"3")
    assert registry().open_storage("MEM://one").get("two/three") == b"3"
    storage.delete(key)


OPTIONS = """
    @hookimpl
    def reelbase_storages():
        target = "reelbase.builtin.memory_storage:MemoryStorage"
        return [StorageSpec(name="vault", target=target, schemes=("vlt", "vault"))]
"""


def test_options_of_configuration_and_call(install: Install, build: Build) -> None:
    install("vault", OPTIONS)
    registry = build('[storage.vault]\na = 1\nb = "two"\n[storage.other]\na = 9')
    assert registry.open_storage("vlt://x").options == {"a": 1, "b": "two"}
    assert registry.open_storage("vault://x", options={"a": 5}).options == {"a": 5, "b": "two"}
    assert registry.locate("vlt://x/y", options={"c": 0})[0].options == {"a": 1, "b": "two", "c": 0}


NORMALIZE = """
    @hookimpl
    def reelbase_normalize_url(url):
        ANSWER
"""


def _answering(answer: str) -> str:
    return NORMALIZE.replace("ANSWER", answer)


def test_the_first_answer_wins_and_is_not_asked_about_again(install: Install, build: Build) -> None:
    install("aa", _answering("return None"))
    install(
        "bb", _answering('return url.replace("https://share.example/", "MEM://shared/") if "share" in url else None')
    )
    install("cc", _answering('return "mem://wrong/x"'))
    registry = build()
    assert registry.normalize("https://share.example/a") == "mem://shared/a"
    assert registry.normalize("https://other.example/a") == "mem://wrong/x"
    storage, key = registry.locate("https://share.example/a/b")
    assert (storage.root, key) == ("mem://shared/a", "b")


def test_plain_paths_are_nobodys_business(install: Install, build: Build) -> None:
    install("greedy", _answering('return "mem://mine/x"'))
    assert build().normalize("/home/me/a.mp4") == "/home/me/a.mp4"


@pytest.mark.parametrize("answer", ["raise KeyError(url)", "return 7"])
def test_one_that_fails_is_skipped_and_warned_of_once(
    install: Install, build: Build, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    install("aa", _answering(answer))
    install("bb", _answering('return "mem://right/x"'))
    registry = build()
    for _ in range(3):
        assert registry.normalize("https://share.example/a") == "mem://right/x"
    assert len(registry.failures()) == 1
    assert len(caplog.records) == 1
    assert "reelbase_normalize_url" in caplog.text
