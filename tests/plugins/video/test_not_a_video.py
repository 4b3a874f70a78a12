"""Files that are refused because no video can be kept of them, stored and linked alike."""

from __future__ import annotations

import uuid
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import odd_files
import pytest

import reelbase
from reelbase.errors import DamagedMediaError, MediaError, UnknownFormatError
from reelbase.testing._tracks import Attachment, Cover
from reelbase.testing.clips import ClipRecipe, Track, read_code

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("av")

ENCRYPTED: dict[str, Callable[[Path], None]] = {
    "cenc.mp4": odd_files.common_encryption,
    "cenc-fragments.mp4": partial(odd_files.common_encryption, movflags="frag_keyframe+empty_moov"),
    "encv.mp4": partial(odd_files.renamed_entry, kind=b"encv"),
    "drmi.m4v": partial(odd_files.renamed_entry, kind=b"drmi"),
    "key.webm": odd_files.encrypted_webm,
    "drm.wmv": partial(odd_files.protected_wmv, extended=False),
    "extended-drm.wmv": partial(odd_files.protected_wmv, extended=True),
    "scrambled.ts": odd_files.scrambled_ts,
}
COVERS = [("a.m4a", "mp4", Cover()), ("a.mka", "matroska", Attachment())]


@pytest.fixture(params=["video", "link[video]"])
def append(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], reelbase.View]:
    """Append a file to a new tensor, as itself or as a link, and return its view."""
    ds = reelbase.empty(tmp_path / "dataset")
    ds.create_tensor("videos", htype=request.param)

    def append(path: Path) -> reelbase.View:
        ds.videos.append(reelbase.read(str(path)) if request.param == "video" else reelbase.link(path.as_uri()))
        return ds.videos[-1]

    return append


@pytest.mark.parametrize("name", ENCRYPTED)
def test_encrypted(name: str, tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    ENCRYPTED[name](tmp_path / name)
    with pytest.raises(MediaError, match=rf"{name} is encrypted \(DRM\): its frames cannot be decoded"):
        append(tmp_path / name)


@pytest.mark.parametrize("kept", [set(), {30}], ids=str)
def test_nearly_all_packets_damaged(kept: set[int], tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    odd_files.damaged(tmp_path / "a.mp4", kept)
    with pytest.raises(DamagedMediaError, match=r"a\.mp4: .* of its 40 h264 packets can"):
        append(tmp_path / "a.mp4")


@pytest.mark.parametrize("kept", [{0}, {0, 12, 24}], ids=str)
@pytest.mark.parametrize("check", ["sample", "full"])
def test_only_key_frames_undamaged(kept: set[int], check: str, tmp_path: Path) -> None:
    odd_files.damaged(tmp_path / "a.mp4", kept)
    with pytest.raises(DamagedMediaError, match=r"a\.mp4: 3\d of its 40 h264 packets cannot be decoded"):
        reelbase.read(str(tmp_path / "a.mp4"), check=check).numpy()


def test_some_packets_damaged(tmp_path: Path) -> None:
    odd_files.damaged(tmp_path / "a.mp4", set(range(40)) - {5, 6, 7})
    assert reelbase.read(str(tmp_path / "a.mp4")).sample_info["damaged"] >= 3


@pytest.mark.parametrize(
    ("name", "container", "cover"), [("a.m4a", "mp4", Cover()), ("a.mka", "matroska", Attachment())]
)
def test_sound_with_a_cover(
    name: str, container: str, cover: Track, tmp_path: Path, append: Callable[[Path], reelbase.View]
) -> None:
    odd_files.sound_with_cover(tmp_path / name, container, cover)
    with pytest.raises(MediaError, match=f"{name} holds no video, only: audio, cover picture"):
        append(tmp_path / name)


@pytest.mark.parametrize("brand", [b"avif", b"heic", b"mif1", b"miaf"])
def test_still_pictures(brand: bytes, tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    """By the brand, or where that says nothing (miaf) by the boxes."""
    path = tmp_path / "a.avif"
    ClipRecipe(container="avif", codec="libsvtav1", frames=1, options={"svtav1-params": "lp=1"}).make(path)
    path.write_bytes(path.read_bytes().replace(b"ftypavif", b"ftyp" + brand))
    with pytest.raises(MediaError, match=r"still picture(.|\n)*Convert it to PNG or JPEG.*image tensor"):
        append(path)


def test_still_pictures_are_no_images_either(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    ClipRecipe(container="avif", codec="libsvtav1", frames=1, options={"svtav1-params": "lp=1"}).make(path)
    with pytest.raises(UnknownFormatError, match=r"still picture(.|\n)*Convert it to PNG or JPEG"):
        append_image(path)


def test_animated_webp(tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    odd_files.animated_webp(tmp_path / "a.webp")
    with pytest.raises(UnknownFormatError, match=r"is an animated WebP(.|\n)*Convert it to APNG, GIF or mp4"):
        append(tmp_path / "a.webp")


def test_animated_png_is_a_video_and_not_an_image(tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    path = tmp_path / "a.png"
    ClipRecipe(container="apng", codec="apng", pix_fmt="rgb24", frames=5).make(path)
    assert [read_code(frame) for frame in append(path).numpy()] == [0, 1, 2, 3, 4]
    with pytest.raises(UnknownFormatError, match=r"looks like apng \(video\)"):
        append_image(path)


def test_png_of_one_picture_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    ClipRecipe(container="apng", codec="apng", pix_fmt="rgb24", frames=1).make(path)
    chunk = b"acTL" + (1).to_bytes(4) + bytes(4)
    data = path.read_bytes()
    path.write_bytes(data[:33] + (8).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) + data[33:])
    assert read_code(append_image(path).numpy()) == 0
    assert reelbase.read(str(path)).sample_info["format"] == "png"


def test_streams_without_packets_are_passed_over(tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    odd_files.several_bit_rates(tmp_path / "a.wmv")
    video = append(tmp_path / "a.wmv")
    assert [read_code(frame) for frame in video.numpy()] == list(range(40))
    assert video.sample_info["stream"] == 2


def test_the_track_of_animated_avif(tmp_path: Path, append: Callable[[Path], reelbase.View]) -> None:
    path = tmp_path / "a.avif"
    ClipRecipe(container="avif", codec="libsvtav1", main=1, options={"svtav1-params": "lp=1"}).make(path)
    assert [read_code(frame) for frame in append(path).numpy()] == list(range(40))


def append_image(path: Path) -> reelbase.View:
    ds = reelbase.empty(f"mem://{uuid.uuid4().hex}")
    ds.create_tensor("images", htype="image")
    ds.images.append(reelbase.read(str(path)))
    return ds.images[0]
