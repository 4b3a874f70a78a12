"""Frames of linked files are those of stored ones: every clip of the corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reelbase
from reelbase.media.frame_index import Trust
from reelbase.testing.servers import BadHttpServer
from shared_corpus import shared_corpus

RESIZED = {"resized.ts", "resized-mpeg2.ts"}
HEADERS_SUFFICE = {
    "h264-b.mp4", "h264-b.mov", "h264-b-fragmented.mp4", "h264-b-faststart.mp4", "h264-open-gop.mp4", "hevc-b.mp4",
    "hevc-open-gop.mp4", "av1.mp4", "vp9.mp4", "vfr.mp4", "edit-middle.mp4",
    "edit-hevc-open-gop.mp4", "turned-90.mp4", "sound.mp4", "two-videos.mp4", "prores-odd.mov",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(shared_corpus()))
def test_a_linked_clip_shows_what_a_stored_one_does(name: str, tmp_path: Path) -> None:
    shared_corpus()[name](tmp_path / name)
    size = (96, 128) if name in RESIZED else None
    with BadHttpServer({name: (tmp_path / name).read_bytes()}) as server:
        ds = reelbase.empty(tmp_path / "ds")
        ds.create_tensor("links", htype="link[video]").append(reelbase.link(f"{server.url}/{name}"))
        ds.create_tensor("videos", htype="video").append(reelbase.read(tmp_path / name))
        linked, stored = ds.links[0], ds.videos[0]
        whole = stored.numpy(size=size)
        assert linked.shape == stored.shape
        np.testing.assert_array_equal(linked.numpy(size=size), whole)
        np.testing.assert_array_equal(linked.pts, stored.pts)
        for frame in {0, len(whole) // 2, len(whole) // 3, len(whole) - 1}:
            np.testing.assert_array_equal(linked[frame].numpy(size=size), whole[frame])
        np.testing.assert_array_equal(linked[::-3].numpy(size=size), whole[::-3])
        assert linked.tobytes() == stored.tobytes()
        skimmed = linked._one().cell.media().frame_index().trust == Trust.NO_SKIP
        assert skimmed or name not in HEADERS_SUFFICE


def test_what_the_headers_tell_is_what_a_pass_through_the_file_finds(tmp_path: Path) -> None:
    """But for what was checked, and what only packets tell."""
    makers = shared_corpus()
    for name in sorted(HEADERS_SUFFICE):
        makers[name](tmp_path / name)
        with BadHttpServer({name: (tmp_path / name).read_bytes()}) as server:
            ds = reelbase.empty(tmp_path / f"ds-{name}")
            ds.create_tensor("links", htype="link[video]").append(reelbase.link(f"{server.url}/{name}"))
            found = dict(ds.links[0].sample_info)
        known = dict(reelbase.read(tmp_path / name).sample_info)
        for one in ("filename", "checked", "trust"):
            found.pop(one), known.pop(one)
        assert found == known, name


@pytest.mark.parametrize("name", ["h264-b.mp4", "hevc-open-gop.mp4", "vfr.mp4", "h264-b.mkv"])
def test_how_far_a_link_is_verified(name: str, tmp_path: Path) -> None:
    """Nothing, parts, or all of the file; where the headers are true, the frames are the same."""
    shared_corpus()[name](tmp_path / name)
    body = (tmp_path / name).read_bytes()
    ds = reelbase.empty(tmp_path / "ds")
    links = ds.create_tensor("links", htype="link[video]")
    read: list[list[int]] = [[], [], []]
    with BadHttpServer({name: body}) as server:
        for verify, calls in zip((True, "full", False), read, strict=True):
            url = f"{server.url}/{name}"
            links.append(reelbase.link(url, verify=verify, progress=lambda done, _, calls=calls: calls.append(done)))
        facts = [links[row].sample_info for row in range(3)]
        stored = reelbase.read(tmp_path / name)
        for row in range(3):
            np.testing.assert_array_equal(links[row].numpy(), stored.numpy())
            np.testing.assert_array_equal(links[row].pts, stored.pts)
    assert read[1] == [len(body)]
    assert (facts[1]["trust"], facts[1]["checked"]) == (
        "full",
        reelbase.read(tmp_path / name, check="full").sample_info["checked"],
    )
    by_headers = name.endswith("mp4")
    assert (facts[2]["trust"] == "header") is by_headers
    assert facts[0]["trust"] != "header"
    assert read[0] == ([] if by_headers else [len(body)])


def test_a_word_that_is_no_way_to_verify() -> None:
    for verify in ("header", None, 1):
        with pytest.raises(reelbase.errors.UsageError, match="verify="):
            reelbase.link("https://videos.example/a.mp4", verify=verify)  # type: ignore[arg-type]
