"""Linked and remote videos: read by packets as they are looked at, and no credential reaches the page."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_servers import Seaweed

import reelbase
from reelbase import registry
from reelbase.config import reset as forget_settings
from reelbase.plugin import Credentials
from reelbase.testing.clips import Clip, make_clip
from reelbase_plugins.s3.storage import S3Storage
from whole_run import worker

from .conftest import Window

BUCKET = f"looked-at-{worker()}"
LONG = {"b": "4M", "minrate": "4M", "maxrate": "4M", "bufsize": "1M", "nal-hrd": "cbr", "preset": "ultrafast"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    path = tmp_path_factory.mktemp("afar") / "clip.mp4"
    return make_clip(path, frames=300, gop=30, bframes=2, options=LONG)


@pytest.fixture(scope="module")
def stored(seaweed: Seaweed, clip: Clip) -> S3Storage:
    storage = S3Storage(f"s3://{BUCKET}", options=seaweed.options(), credentials=Credentials(seaweed.OWNER))
    seaweed.make_bucket(BUCKET)
    storage.put("clip.mp4", clip.path.read_bytes())
    return storage


@pytest.fixture
def configured(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service's address from the environment, as a user would set it."""
    for name, value in seaweed.options().items():
        monkeypatch.setenv(f"REELBASE_STORAGE__S3__{name.upper()}", str(value))
    forget_settings()
    registry.reset()
    yield
    monkeypatch.undo()
    forget_settings()
    registry.reset()


@pytest.fixture
def dataset(stored: S3Storage, seaweed: Seaweed, clip: Clip, configured: None, tmp_path: Path) -> reelbase.Dataset:
    """In S3, with a video of its own and a linked one that is there too."""
    ds = reelbase.empty(f"s3://{BUCKET}/{tmp_path.name}", creds=seaweed.OWNER)
    ds.create_tensor("videos", htype="video")
    ds.create_tensor("links", htype="link[video]")
    ds.add_creds_key("TEMP_KEY")
    ds.populate_creds("TEMP_KEY", seaweed.OWNER)
    ds.append(
        {"videos": reelbase.read(clip.path), "links": reelbase.link(f"s3://{BUCKET}/clip.mp4", creds_key="TEMP_KEY")}
    )
    return ds


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each read from S3."""
    sizes: list[int] = []
    ranges = S3Storage.get_ranges

    def counted(self: S3Storage, key: str, wanted: Any, *, if_match: Any = None) -> Any:
        found = ranges(self, key, wanted, if_match=if_match)
        sizes.append(sum(map(len, found)))
        return found

    monkeypatch.setattr(S3Storage, "get_ranges", counted)
    return sizes


@pytest.mark.parametrize("tensor", ["videos", "links"])
def test_a_part_of_it_is_read(
    tensor: str, dataset: reelbase.Dataset, clip: Clip, window: Window, serve: Callable[..., str], read: list[int]
) -> None:
    window.open(serve(dataset[tensor][0]))
    assert window.at(0).code == clip.codes[0]
    window.page.eval_on_selector("#seek", "slider => { slider.value = 200; slider.dispatchEvent(new Event('input')); }")
    assert window.at(200).code == clip.codes[200]
    assert window.backend == "WebCodecs"
    assert 0 < sum(read) < clip.path.stat().st_size * 0.6


def test_no_credential_in_any_answer(dataset: reelbase.Dataset, seaweed: Seaweed, serve: Callable[..., str]) -> None:
    url = serve(dataset)
    asked = [
        "", "main.js", "data/about", "data/versions", "data/rows", "data/row/0", "data/rows?where=links.fps>1",
        *(f"data/{what}/0/{tensor}{more}" for tensor in (0, 1) for what, more in (
            ("index", ""), ("packets", "/0/9"), ("frame", "/3"), ("clip", "/0/3"), ("media", ""), ("frame", "/999"),
        )),
    ]  # fmt: skip
    secrets = [*seaweed.OWNER.values(), "X-Amz", "Signature", "TEMP_KEY", "endpoint", str(seaweed.port)]
    for path in asked:
        try:
            with urllib.request.urlopen(url + path) as reply:
                answer = f"{reply.headers}".encode() + reply.read()
        except urllib.error.HTTPError as error:
            answer = f"{error.headers}".encode() + error.read()
        for secret in secrets:
            assert secret.encode() not in answer, (path, secret)


def test_what_has_gone(
    dataset: reelbase.Dataset, stored: S3Storage, clip: Clip, window: Window, serve: Callable[..., str]
) -> None:
    """A linked file that is not there any more is said on the page, without where and how it was asked for."""
    stored.put("other.mp4", clip.path.read_bytes())
    dataset.links.append(reelbase.link(f"s3://{BUCKET}/other.mp4", creds_key="TEMP_KEY"))
    stored.delete("other.mp4")
    window.page.goto(serve(dataset.links[1]))
    window.page.wait_for_selector("#message:not([hidden])", timeout=60_000)
    assert "other.mp4" in window.text("#message")
    window.problems = [one for one in window.problems if "400 (Bad Request)" not in one]
