"""Files that no video can be kept of, made from clips: encrypted, scrambled, mostly damaged, sound with a cover."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from reelbase.testing._tracks import Tone
from reelbase.testing.clips import ClipRecipe, Track

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "01" * 16, "encryption_kid": "02" * 16}
_CONTENT_ENCRYPTION = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")
_EXTENDED_CONTENT_ENCRYPTION = bytes.fromhex("14e68a292226174cb935dae07ee9289c")
_TRACK_ENTRY, _TRACKS, _SEGMENT_INFO = b"\xae", b"\x16\x54\xae\x6b", b"\x15\x49\xa9\x66"


def common_encryption(path: Path, **mux: str) -> None:
    """An mp4 whose packets are encrypted (ISO/IEC 23001-7)."""
    ClipRecipe(mux={**_KEYS, **mux}).make(path)


def renamed_entry(path: Path, kind: bytes) -> None:
    """An mp4 whose sample entry says that it is encrypted, and no more."""
    ClipRecipe().make(path)
    data = path.read_bytes()
    at = data.index(b"avc1", data.index(b"stsd"))
    path.write_bytes(data[:at] + kind + data[at + 4 :])


def encrypted_webm(path: Path) -> None:
    """A WebM with a ContentEncryption element in its track (RFC 9559, 5.1.4.1.31)."""
    ClipRecipe(container="webm", codec="libvpx", options={"cpu-used": "8"}).make(path)
    data = path.read_bytes()
    tracks = data.index(_TRACKS, data.index(_SEGMENT_INFO, data.index(_SEGMENT_INFO) + 4))  # the first is in an index
    entry = data.index(_TRACK_ENTRY, tracks + 4)
    encryption = bytes.fromhex("6d808e 62408b 50338101 503584 47e281aa")  # with the key id 0xaa
    for at, name in ((tracks, _TRACKS), (entry, _TRACK_ENTRY)):
        data = _grow_element(data, at + len(name), len(encryption))
    body = entry + 1 + _vint_bytes(data[entry + 1])
    path.write_bytes(data[:body] + encryption + data[body:])


def _vint_bytes(first: int) -> int:
    return 9 - first.bit_length()


def _grow_element(data: bytes, at: int, by: int) -> bytes:
    count = _vint_bytes(data[at])
    size = int.from_bytes(data[at : at + count]) + by
    return data[:at] + size.to_bytes(count) + data[at + count :]


def protected_wmv(path: Path, *, extended: bool) -> None:
    """A Windows Media file whose header says that it is protected (ASF specification, 3.14 and 3.15)."""
    ClipRecipe(container="asf", codec="wmv2", fps=25, options={"q:v": "3"}).make(path)
    if extended:
        header = "<WRMHEADER></WRMHEADER>".encode("utf-16le")
        added = _asf_object(_EXTENDED_CONTENT_ENCRYPTION, struct.pack("<I", len(header)) + header)
    else:
        parts = (b"secret", b"DRM\0", b"key\0", b"http://h/\0")
        added = _asf_object(_CONTENT_ENCRYPTION, b"".join(struct.pack("<I", len(part)) + part for part in parts))
    data = path.read_bytes()
    size, objects = struct.unpack_from("<QI", data, 16)
    path.write_bytes(data[:16] + struct.pack("<QI", size + len(added), objects + 1) + data[28:30] + added + data[30:])


def _asf_object(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<Q", 24 + len(body)) + body


def scrambled_ts(path: Path) -> None:
    """A transport stream whose video packets are scrambled (ISO/IEC 13818-1, 2.4.3.3)."""
    ClipRecipe(container="mpegts").make(path)
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF == 0x100:
            payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            data[at + 3] |= 0x80
            data[payload : at + 188] = bytes(byte ^ 0x5A for byte in data[payload : at + 188])
    path.write_bytes(data)


def damaged(path: Path, kept: set[int]) -> None:
    """An mp4 of 40 frames of which only some packets are as they were."""
    import av

    ClipRecipe().make(path)
    with av.open(str(path)) as file:
        packets = [(packet.pos or 0, packet.size) for packet in file.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for number, (pos, size) in enumerate(packets):
        if number not in kept:
            data[pos : pos + size] = np.random.default_rng(number).bytes(size)
    path.write_bytes(data)


def sound_with_cover(path: Path, container: str, cover: Track) -> None:
    """Sound and a cover picture, which is a video stream to libav."""
    import av

    recipe = ClipRecipe()
    with av.open(str(path), "w", format=container) as out:
        feeds = [track.open(out, recipe) for track in (Tone(), cover)]
        for number in (*range(recipe.frames), None):
            for feed in feeds:
                feed(number)


def several_bit_rates(path: Path) -> None:
    """A Windows Media file that declares three videos, of which only the smallest has packets."""
    import av

    with av.open(str(path), "w", format="asf") as out:
        streams = []
        for height, width in ((192, 256), (144, 192), (96, 128)):
            stream = out.add_stream("wmv2", rate=25, options={"q:v": "3"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        recipe = ClipRecipe(fps=25)
        for number in range(recipe.frames):
            frame = recipe.picture(number)
            frame.pts = number
            out.mux(streams[2].encode(frame))
        out.mux(streams[2].encode(None))


def animated_webp(path: Path) -> None:
    """An animated WebP, as libwebp writes it."""
    ClipRecipe(container="webp", codec="libwebp_anim", pix_fmt="bgra", frames=5, mux={}).make(path)
