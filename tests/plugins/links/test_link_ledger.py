"""What links cost: requests and bytes, counted by servers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloud_servers import FakeGcs, Seaweed

import reelbase
from reelbase import config, registry
from reelbase.io.cache import cached_source
from reelbase.plugin import Credentials
from reelbase.testing.clips import Clip, read_code
from reelbase.testing.servers import BadHttpServer
from reelbase.testing.servers.drive import DriveServer
from reelbase_plugins.gcs.storage import GcsStorage
from reelbase_plugins.gdrive.storage import DriveStorage
from reelbase_plugins.s3.storage import S3Storage

sys.path.insert(0, str(Path(__file__).parent.parent / "http"))
from nginx import nginx

FRAMES = 900


@pytest.fixture(scope="module", params=[{}, {"movflags": "+faststart"}], ids=["headers last", "headers first"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than 20 MB of noise: H.264 with B-frames, a key frame a second."""
    import av

    path = tmp_path_factory.mktemp("large") / "large.mp4"
    rng = np.random.default_rng(3)
    with av.open(str(path), "w", options=request.param) as out:
        options = {"preset": "ultrafast", "crf": "12", "bf": "2", "sc_threshold": "0", "b_strategy": "0"}
        stream: Any = out.add_stream("libx264", rate=30, options=options)
        stream.height, stream.width, stream.pix_fmt = 180, 320, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 30, 2
        for number in range(FRAMES):
            picture = (rng.integers(0, 40, (180, 320, 3)) + number % 200).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert path.stat().st_size > 20_000_000
    return path


@pytest.fixture
def serving(large: Path) -> Iterator[BadHttpServer]:
    with BadHttpServer({"large.mp4": large.read_bytes()}) as server:
        yield server


def _headers(data: bytes) -> int:
    """Bytes of all boxes but the media data."""
    at, total = 0, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        total += 0 if data[at + 4 : at + 8] == b"mdat" else size
        at += size
    return total


def test_a_large_file(serving: BadHttpServer, large: Path, ds: reelbase.Dataset) -> None:
    """Linked, it costs its headers and four groups of pictures; a frame costs one request for its packets."""
    url, data = f"{serving.url}/large.mp4", large.read_bytes()
    ds.links.append(reelbase.link(url))
    assert sum(one.sent for one in serving.ledger) <= _headers(data) + 0.25 * len(data)  # four groups prove the index
    assert len(serving.ledger) <= 10
    stored = reelbase.read(large)
    index = ds.links[0]._one().cell.media().frame_index()
    for number in (7, 300, 404, FRAMES - 1):
        serving.fail(None)
        np.testing.assert_array_equal(ds.links[0, number].numpy(), stored[number].numpy())
        (run,) = index.plan(np.array([number])).runs
        starts, stops = zip(*index.plan(np.array([number])).ranges(run), strict=True)
        assert [one.sent for one in serving.ledger] == [max(stops) - min(starts)]
    np.testing.assert_array_equal(ds.links[0, 395:425].numpy(), stored[395:425].numpy())
    np.testing.assert_array_equal(ds.links[0, ::111].numpy(), stored[::111].numpy())


def test_a_batch_over_several_links_is_planned_together(
    ds: reelbase.Dataset, server: BadHttpServer, clip: Clip, other: Clip
) -> None:
    """One request for each file, though three rows name one of them."""
    for name in ("clip", "other", "clip", "clip"):
        ds.links.append(reelbase.link(f"{server.url}/{name}.mp4"))
    ds.links[:].shape  # noqa: B018 - reads
    server.fail(None)
    frames = ds.links[:, 12:18].numpy()
    assert [[read_code(one) for one in row] for row in frames] == [
        one.codes[12:18].tolist() for one in (clip, other, clip, clip)
    ]
    assert sorted(one.request.path for one in server.ledger) == ["clip.mp4", "other.mp4"]
    server.fail(None)
    ds.links[:, 12:18].numpy()
    assert server.ledger == ()  # the caches have it


def test_headers_of_other_containers_are_read_in_one_pass(
    ds: reelbase.Dataset, tmp_path: Path, server: BadHttpServer
) -> None:
    from reelbase.testing.clips import make_clip

    made = make_clip(tmp_path / "a.ts", container="mpegts", frames=60, bframes=2)
    server.objects = {"a.ts": made.path.read_bytes()}
    ds.links.append(reelbase.link(f"{server.url}/a.ts"))
    assert sum(one.sent for one in server.ledger) <= made.path.stat().st_size + 4096
    assert [read_code(one) for one in ds.links[0].numpy()] == made.codes.tolist()


def test_nginx(tmp_path: Path, clip: Clip, ds: reelbase.Dataset) -> None:
    (tmp_path / "nginx").mkdir()
    with nginx(tmp_path / "nginx") as url:
        (tmp_path / "nginx" / "www" / "a b.mp4").write_bytes(clip.path.read_bytes())
        _whole_life(ds, f"{url}/a%20b.mp4", None, clip)


def test_s3(seaweed: Seaweed, clip: Clip, ds: reelbase.Dataset, environment: pytest.MonkeyPatch) -> None:
    """With the environment's credentials; asked anonymously, the service refuses."""
    storage = S3Storage("s3://linked", options=seaweed.options(), credentials=Credentials(seaweed.OWNER))
    seaweed.make_bucket("linked")
    storage.put("videos/clip.mp4", clip.path.read_bytes())
    for name, value in seaweed.options().items():
        environment.setenv(f"REELBASE_STORAGE__S3__{name.upper()}", str(value))
    for name, value in seaweed.OWNER.items():
        environment.setenv(name.upper(), value)
    _reset()
    _whole_life(ds, "s3://linked/videos/clip.mp4", "ENV", clip)
    with pytest.raises(reelbase.errors.AccessDeniedError):
        ds.links.append(reelbase.link("s3://linked/videos/clip.mp4"))
    storage.put("videos/clip.mp4", clip.path.read_bytes()[::-1])
    cached_source.forget()
    with pytest.raises(reelbase.errors.LinkChangedError, match="Row 0"):
        ds.links[0, 50].numpy()


def test_gcs(fake_gcs: FakeGcs, clip: Clip, ds: reelbase.Dataset, environment: pytest.MonkeyPatch) -> None:
    fake_gcs.make_bucket("linked")
    GcsStorage("gs://linked", options=fake_gcs.options()).put("clip.mp4", clip.path.read_bytes())
    environment.setenv("REELBASE_STORAGE__GCS__ENDPOINT_URL", fake_gcs.url)
    _reset()
    _whole_life(ds, "gcs://linked/clip.mp4", None, clip)


def test_drive(clip: Clip, ds: reelbase.Dataset, environment: pytest.MonkeyPatch) -> None:
    with DriveServer() as server:
        folder = server.add_folder("linked", public=True).id
        options = {"endpoint_url": server.url}
        DriveStorage(f"gdrive://{folder}", options=options, credentials=Credentials({"token": "good"})).put(
            "clip.mp4", clip.path.read_bytes()
        )
        environment.setenv("REELBASE_STORAGE__GDRIVE__ENDPOINT_URL", server.url)
        _reset()
        with pytest.raises(reelbase.errors.AccessDeniedError):  # Drive wants a key, also of those who are nobody
            ds.links.append(reelbase.link(f"gdrive://{folder}/clip.mp4"))
        environment.setenv("REELBASE_STORAGE__GDRIVE__API_KEY", "key")
        _reset()
        _whole_life(ds, f"gdrive://{folder}/clip.mp4", None, clip)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No account of whoever runs the tests is used."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    yield monkeypatch
    monkeypatch.undo()
    _reset()


def _reset() -> None:
    config.reset()
    registry.reset()


def _whole_life(ds: reelbase.Dataset, url: str, creds_key: str | None, clip: Clip) -> None:
    """A link is made, read, surveyed and stored."""
    ds.links.append(reelbase.link(url, creds_key))
    assert ds.links[0].sample_info["filename"] == url
    assert [read_code(one) for one in ds.links[0, 20:30].numpy()] == clip.codes[20:30].tolist()
    assert reelbase.load(ds.path).links[0].tobytes() == clip.path.read_bytes()
    assert ds.links.links.survey().ok
    videos = ds.create_tensor("videos", htype="video")
    assert ds.links.links.store(videos) == 1
    assert videos[0].tobytes() == clip.path.read_bytes()
