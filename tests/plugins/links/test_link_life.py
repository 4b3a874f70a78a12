"""What works for stored videos works for linked ones."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelbase
from reelbase.errors import (
    DamagedMediaError,
    HtypeError,
    LimitError,
    LinkChangedError,
    ObjectChangedError,
    ObjectNotFoundError,
    UnknownFormatError,
    UsageError,
)
from reelbase.testing.clips import Clip, make_clip, read_code
from reelbase.testing.servers import BadHttpServer
from reelbase.testing.servers.answers import Answer, Request
from reelbase_plugins.video.indexing.verify_index import Check


@pytest.fixture
def linked(ds: reelbase.Dataset, server: BadHttpServer) -> reelbase.Dataset:
    """With links to both clips."""
    ds.links.extend([reelbase.link(f"{server.url}/clip.mp4"), reelbase.link(f"{server.url}/other.mp4")])
    return ds


def _codes(frames: np.ndarray) -> list[int]:
    return [read_code(frame) for frame in frames]


def test_storing_refuses_other_frames(
    ds: reelbase.Dataset, server: BadHttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link whose index promises a frame that does not come, because no part that was read shows it."""
    made = make_clip(tmp_path / "a.mp4", frames=30, gop=10)
    data, index = bytearray(made.path.read_bytes()), reelbase.read(made.path)._cell.frame_index()
    at, size = int(index.pos[12]), int(index.size[12])
    data[at : at + size] = bytes(size)
    server.objects = {"a.mp4": bytes(data)}
    monkeypatch.setattr(Check, "verify_header_index", lambda self, index: True)
    ds.links.append(reelbase.link(f"{server.url}/a.mp4"))
    assert ds.links[0].shape[0] == 30
    videos = ds.create_tensor("videos", htype="video")
    with pytest.raises(DamagedMediaError, match="30 frames as a link, and 29 stored"):
        ds.links.links.store(videos)
    assert not videos[0].exists


def test_everything_that_can_be_asked(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
    stored = linked.create_tensor("videos", htype="video")
    stored.append(reelbase.read(clip.path))
    ours, theirs = linked.links[0], stored[0]
    server.fail(None)
    assert ours.shape == theirs.shape == (60, 96, 128, 3)
    assert linked.links.shape == (2, None, 96, 128, 3)
    np.testing.assert_array_equal(ours.timestamps, theirs.timestamps)
    info = ours.sample_info
    assert info["filename"] == f"{server.url}/clip.mp4"
    assert {k: info[k] for k in info if k not in {"filename", "trust", "checked", "sha256"}} == {
        k: v for k, v in theirs.sample_info.items() if k not in {"filename", "trust", "checked", "sha256"}
    }
    assert server.ledger == ()  # all of that is in the dataset
    np.testing.assert_array_equal(ours.at(1.0).numpy(), theirs.at(1.0).numpy())
    np.testing.assert_array_equal(ours[10:20:3].data()["frames"], theirs[10:20:3].numpy())
    np.testing.assert_array_equal(ours.numpy(size=(48, 64)), theirs.numpy(size=(48, 64)))
    assert [read_code(frame) for frame in ours[5:9].frames()] == clip.codes[5:9].tolist()
    assert ours.tobytes() == clip.path.read_bytes()
    assert linked.links.dtype == np.uint8
    assert linked.links.meta["htype"] == "link[video]"


def test_a_dataset_that_is_opened_anew(linked: reelbase.Dataset, server: BadHttpServer, other: Clip) -> None:
    server.fail(None)
    again = reelbase.load(linked.path)
    assert read_code(again.links[1, 7].numpy()) == other.codes[7]
    assert len(server.ledger) == 1


def test_missing_rows_and_sequences(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip, other: Clip) -> None:
    linked.links.append(None)
    assert not linked.links[2].exists
    shots = linked.create_tensor("shots", htype="sequence[link[video]]")
    shots.append([linked.links[1], reelbase.link(f"{server.url}/clip.mp4"), linked.links[0]])
    shots.append([])
    assert shots[0].shape == (3, None, 96, 128, 3)
    assert _codes(shots[0, 1, 5:8].numpy()) == clip.codes[5:8].tolist()
    assert _codes(shots[0, 0].numpy()) == other.codes.tolist()
    assert shots[1].shape[0] == 0


@pytest.mark.parametrize("linked", [True, False])
def test_transport_streams_in_a_sequence(tmp_path: Path, linked: bool) -> None:
    """They are repacked; each item finds its own packets."""
    made = [make_clip(tmp_path / f"{n}.ts", container="mpegts", frames=20, first=n * 30, bframes=2) for n in range(3)]
    with BadHttpServer({f"{n}.ts": one.path.read_bytes() for n, one in enumerate(made)}) as server:
        ds = reelbase.empty(tmp_path / "ds")
        shots = ds.create_tensor("shots", htype="sequence[link[video]]" if linked else "sequence[video]")
        open_ = reelbase.link if linked else reelbase.read
        shots.append([open_(f"{server.url}/{n}.ts") for n in range(3)])
        for n, one in enumerate(made):
            assert _codes(shots[0, n].numpy()) == one.codes.tolist()


def test_many_links_are_looked_at_together(ds: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
    """Several at a time; in order; one that is wrong takes all of them back."""
    meeting = _Meeting(4)

    def links() -> Iterator[Any]:
        for number in range(20):
            yield reelbase.link(f"{server.url}/{('clip', 'other')[number % 2]}.mp4")

    server.fail(meeting, 4)
    ds.links.extend(links())
    assert not meeting.broken
    assert [one.shape[0] for one in ds.links] == [60, 30] * 10
    with pytest.raises(ObjectNotFoundError, match="gone"):
        ds.links.extend([*links(), reelbase.link(f"{server.url}/gone.mp4"), *links()])
    assert len(ds.links) == 20


def test_wrong_values(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
    videos = linked.create_tensor("videos", htype="video")
    for value in (reelbase.read(clip.path), "https://host/a.mp4", np.zeros((2, 4, 4, 3), np.uint8), 3):
        with pytest.raises(HtypeError, match=r"reelbase\.link"):
            linked.links.append(value)
    with pytest.raises(HtypeError, match="Link"):
        videos.append(reelbase.link(f"{server.url}/clip.mp4"))
    with pytest.raises(UsageError, match="not one link"):
        linked.links.append(linked.links[0, 3:5])
    with pytest.raises(ObjectNotFoundError, match=r"gone\.mp4"):
        linked.links.append(reelbase.link(f"{server.url}/gone.mp4"))
    server.objects = {**server.objects, "text.mp4": b"ffconcat version 1.0\nfile secret.mp4"}
    with pytest.raises(UnknownFormatError, match=r"text\.mp4"):
        linked.links.append(reelbase.link(f"{server.url}/text.mp4"))
    assert len(linked.links) == 2


@pytest.mark.parametrize("htype", ["link[bbox]", "link[link[video]]", "link[sequence[video]]", "link[]", "link"])
def test_wrong_htypes(ds: reelbase.Dataset, htype: str) -> None:
    with pytest.raises(reelbase.ReelbaseError, match=r"link|htype"):
        ds.create_tensor("wrong", htype=htype)


def test_a_codec_may_be_required(ds: reelbase.Dataset, server: BadHttpServer, tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv", container="matroska", frames=4)
    server.objects = {**server.objects, "a.mkv": (tmp_path / "a.mkv").read_bytes()}
    only = ds.create_tensor("only", htype="link[video]", sample_compression="mp4")
    only.append(reelbase.link(f"{server.url}/clip.mp4"))
    with pytest.raises(UnknownFormatError, match="not mp4"):
        only.append(reelbase.link(f"{server.url}/a.mkv"))


def test_pictures(ds: reelbase.Dataset, server: BadHttpServer) -> None:
    picture = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    ds.create_tensor("stored", htype="image").append(picture)
    server.objects = {**server.objects, "a.png": ds.stored[0].tobytes()}
    ds.create_tensor("pictures", htype="link[image]").append(reelbase.link(f"{server.url}/a.png"))
    assert ds.pictures[0].shape == (5, 7, 3)
    np.testing.assert_array_equal(ds.pictures[0].numpy(), picture)
    with pytest.raises(UnknownFormatError):
        ds.pictures.append(reelbase.link(f"{server.url}/clip.mp4"))


def test_appending_a_view_of_a_link(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
    """To links a link, to videos the file."""
    more = linked.create_tensor("more", htype="link[video]")
    more.append(linked.links[0])
    more.extend(linked.links)
    assert [one.as_link().url for one in more] == [f"{server.url}/{n}.mp4" for n in ("clip", "clip", "other")]
    videos = linked.create_tensor("videos", htype="video")
    videos.append(linked.links[0])
    server.objects = {}
    assert videos[0].tobytes() == clip.path.read_bytes()
    assert _codes(videos[0].numpy()) == clip.codes.tolist()


def test_without_verifying(ds: reelbase.Dataset, server: BadHttpServer, clip: Clip) -> None:
    ds.links.append(reelbase.link(f"{server.url}/clip.mp4", verify=False))
    ds.links.append(reelbase.link(f"{server.url}/gone.mp4", verify=False))
    assert ds.links[0].exists
    assert ds.links[0].as_link().url.endswith("clip.mp4")
    assert server.ledger == ()
    assert _codes(ds.links[0, 5:9].numpy()) == clip.codes[5:9].tolist()
    asked = len(server.ledger)
    assert ds.links[0].shape == (60, 96, 128, 3)
    assert len(server.ledger) == asked  # looked at once
    with pytest.raises(ObjectNotFoundError, match="Row 1 of tensor 'links'"):
        ds.links[1].shape  # noqa: B018 - reads
    assert ds.links.links.reindex([0]) == [0]
    server.fail(None)
    assert reelbase.load(ds.path).links[0].shape == (60, 96, 128, 3)
    assert server.ledger == ()


def test_a_source_that_changed(linked: reelbase.Dataset, server: BadHttpServer, other: Clip) -> None:
    server.objects = {**server.objects, "clip.mp4": other.path.read_bytes()}
    with pytest.raises(LinkChangedError, match=r"Row 0 of tensor 'links'.*clip\.mp4.*\n.*reindex") as caught:
        linked.links[0, 40].numpy()
    assert isinstance(caught.value, ObjectChangedError)
    with pytest.raises(LinkChangedError, match="Row 0"):
        linked.links[:, 20].numpy()
    with pytest.raises(LinkChangedError):
        linked.links[0].tobytes()


class _Meeting:
    """Answers so many requests when all of them are there."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    @property
    def broken(self) -> bool:
        return self._barrier.broken

    def answer(self, request: Request, honest: Callable[[Request], Answer]) -> Answer:
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(20)
        return honest(request)


class _NoEtags:
    """A server without etags, as small ones are."""

    def answer(self, request: Request, honest: Callable[[Request], Answer]) -> Answer:
        return honest(request).with_headers(ETag=None)


def test_a_source_without_etags_that_changed(
    ds: reelbase.Dataset, server: BadHttpServer, clip: Clip, other: Clip
) -> None:
    server.fail(_NoEtags())
    ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
    assert read_code(ds.links[0, 40].numpy()) == clip.codes[40]
    server.objects = {"clip.mp4": other.path.read_bytes()}
    for one in (ds, pickle.loads(pickle.dumps(ds))):
        with pytest.raises(LinkChangedError, match="Row 0"):
            one.links[0, 4].numpy()


def test_a_local_file_that_changed(ds: reelbase.Dataset, tmp_path: Path, clip: Clip, other: Clip) -> None:
    shutil.copy(clip.path, tmp_path / "a.mp4")
    ds.links.append(reelbase.link(f"file://{tmp_path}/a.mp4"))
    shutil.copy(other.path, tmp_path / "a.mp4")
    with pytest.raises(LinkChangedError, match="Row 0"):
        ds.links[0, 3].numpy()


def test_survey_and_reindex(linked: reelbase.Dataset, server: BadHttpServer, other: Clip) -> None:
    links = linked.links
    links.append(reelbase.link(f"{server.url}/clip.mp4", verify=False))
    links.append(reelbase.link(f"{server.url}/gone.mp4", verify=False))
    links.append(links[0])
    assert links.links.survey(slice(0, 2)).ok
    server.objects = {**server.objects, "clip.mp4": other.path.read_bytes()}
    server.fail(None)
    done: list[tuple[int, int]] = []
    found = links.links.survey(progress=lambda *one: done.append(one))
    assert not found.ok
    assert [one.state for one in found.links] == ["changed", "reachable", "unseen", "missing", "changed"]
    assert found.rows("changed", "missing") == [0, 3, 4]
    assert "row 3: " in str(found)
    assert done[-1] == (4, 4)
    assert len([one for one in server.ledger if one.request.path == "clip.mp4"]) == 2  # pinned, and unseen
    assert links.links.reindex() == [0, 2, 4]
    assert links[0].shape == links[4].shape == (30, 96, 128, 3)
    assert read_code(links[2, 5].numpy()) == other.codes[5]
    assert links.links.survey([0, 1, 2, 4]).ok
    with pytest.raises(UsageError, match="holds no links"):
        linked.create_tensor("videos", htype="video").links  # noqa: B018 - raises


def test_storing_what_links_name(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip, other: Clip) -> None:
    links = linked.links
    links.extend([None, reelbase.link(f"{server.url}/gone.mp4", verify=False), links[0]])
    videos = linked.create_tensor("videos", htype="video")
    with pytest.raises(ObjectNotFoundError, match="Row 3"):
        links.links.store(videos)
    server.objects = {**server.objects, "gone.mp4": clip.path.read_bytes()}
    done: list[tuple[int, int]] = []
    assert links.links.store(videos, progress=lambda *one: done.append(one)) == 4
    assert done == [(4, 4)]
    server.objects = {}
    assert [one.exists for one in videos] == [True, True, False, True, True]
    assert _codes(videos[1].numpy()) == other.codes.tolist()
    assert videos[4].tobytes() == clip.path.read_bytes()
    assert links.links.store(videos) == 0
    with pytest.raises(UsageError, match="cannot store the files"):
        links.links.store(links)


def test_storing_goes_on_where_it_was_cut_short(linked: reelbase.Dataset, server: BadHttpServer) -> None:
    links = linked.links
    links.extend([links[0] for _ in range(20)])
    videos = linked.create_tensor("videos", htype="video")

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        links.links.store(videos, progress=stop)
    stood = sum(one.exists for one in videos)
    assert 0 < stood < 22
    assert links.links.store(videos) == 22 - stood
    assert all(one.exists for one in videos)


def test_sequences_are_stored_too(linked: reelbase.Dataset, clip: Clip, other: Clip) -> None:
    shots = linked.create_tensor("shots", htype="sequence[link[video]]")
    shots.append([linked.links[1], linked.links[0]])
    stored = linked.create_tensor("stored", htype="sequence[video]")
    assert shots.links.store(stored) == 1
    assert stored[0, 0].tobytes() == other.path.read_bytes()
    assert _codes(stored[0, 1].numpy()) == clip.codes.tolist()


def test_copies_keep_links(linked: reelbase.Dataset, server: BadHttpServer, tmp_path: Path, clip: Clip) -> None:
    server.fail(None)
    some = linked.copy(tmp_path / "some", rows=[0])
    whole = linked.copy(tmp_path / "whole", history=True)
    assert server.ledger == ()
    assert some.links[0].as_link() == whole.links[0].as_link() == linked.links[0].as_link()
    assert read_code(some.links[0, 9].numpy()) == read_code(whole.links[0, 9].numpy()) == clip.codes[9]


def test_versions_and_upkeep(linked: reelbase.Dataset, server: BadHttpServer, clip: Clip, other: Clip) -> None:
    first = linked.commit("two links")
    linked.history.create_branch("side")
    linked.checkout("side")
    linked.links[1] = linked.links[0]
    linked.links.append(linked.links[0])
    linked.commit("on the side")
    linked.checkout("main")
    assert linked.diff("main", "side").tensors
    linked.merge("side")
    assert read_code(reelbase.load(linked.path, ref=first).links[1, 7].numpy()) == other.codes[7]
    server.fail(None)
    linked.maintenance.compact()
    linked.maintenance.expire(keep=1)
    linked.maintenance.gc(grace=timedelta(0))
    assert linked.maintenance.verify(deep=True).ok
    assert server.ledger == ()  # nothing of that asks for what is linked
    assert [read_code(one.numpy()) for one in linked.links[:, 7]] == [clip.codes[7]] * 3


def test_in_other_processes(linked: reelbase.Dataset, clip: Clip) -> None:
    assert read_code(linked.links[0, 7].numpy()) == clip.codes[7]
    pid = os.fork()
    if not pid:
        code = 1
        try:
            code = 0 if read_code(linked.links[0, 40].numpy()) == clip.codes[40] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_read, (linked, 30)) == clip.codes[30]
    assert read_code(linked.links[0, 50].numpy()) == clip.codes[50]


def _read(ds: reelbase.Dataset, frame: int) -> int:
    return read_code(ds.links[0, frame].numpy())


def test_equal_links_share_a_source(linked: reelbase.Dataset) -> None:
    linked.links.append(linked.links[0])
    first, last = (linked.links[row]._one().cell.media().blob.source for row in (0, 2))
    assert first is last
    assert pickle.loads(pickle.dumps(first)) is first


def test_a_scan_has_a_limit_and_says_how_far_it_is(
    server: BadHttpServer, tmp_path: Path, configured: Callable[[str], None]
) -> None:
    made = make_clip(tmp_path / "a.mkv", container="matroska", frames=30)
    server.objects = {"a.mkv": made.path.read_bytes()}
    ds = reelbase.empty(tmp_path / "ds")
    links = ds.create_tensor("links", htype="link[video]")
    done: list[tuple[int, int]] = []
    links.append(reelbase.link(f"{server.url}/a.mkv", progress=lambda *one: done.append(one)))
    size = made.path.stat().st_size
    assert done == [(size, size)]
    configured("[security]\nmax_link_scan = 1000")
    with pytest.raises(LimitError, match=rf"a\.mkv: .*{size} bytes.*1000"):
        links.append(reelbase.link(f"{server.url}/a.mkv"))


def test_credentials_that_nobody_knows(ds: reelbase.Dataset, server: BadHttpServer) -> None:
    """Only rows that use them are blocked; nothing is asked."""
    ds.links.append(reelbase.link(f"{server.url}/clip.mp4"))
    ds.links.append(reelbase.link("s3://bucket/a.mp4", "MY_KEY", verify=False))
    server.fail(None)
    with pytest.raises(UsageError, match=r"Row 1 of tensor 'links'.*'MY_KEY'"):
        ds.links[1].shape  # noqa: B018 - reads
    assert ds.links[0].shape == (60, 96, 128, 3)
    with pytest.raises(UsageError, match="ENV"):
        ds.links.append(reelbase.link(f"{server.url}/clip.mp4", "ENV"))
    assert server.ledger == ()
