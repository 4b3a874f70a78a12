"""Clips that no encoder and no muxer produces. Packets are changed before they are written, or bytes in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from reelbase.testing._codes import draw_code
from reelbase.testing._fieldcoded import Field, encode_fields
from reelbase.testing._isobmff import read_edits, write_edits
from reelbase.testing._mpegts import change_pts, join
from reelbase.testing.clips import Clip, ClipRecipe, Maker, Pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av import Packet
    from av.container import OutputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from reelbase.testing.clips import Feed, Packets

_MOVIE_TICKS_PER_SECOND = 90_000  # time scale of the movie box; any multiple of the frame rate would do


def edit_list(recipe: ClipRecipe, *ranges: tuple[int, int], timed: bool = True) -> Maker:
    """Return a maker of an mp4 whose edit list shows ranges of frames, one after another.

    Args:
        recipe: Recipe of the clip; it must have a constant frame rate.
        ranges: Frame numbers ``(start, stop)`` of each range.
        timed: Whether the times of the frames are known. Pass False if libavformat computes other ones.
    """

    def make(path: Path) -> Clip:
        clip = replace(recipe, mux={**recipe.mux, "movie_timescale": str(_MOVIE_TICKS_PER_SECOND)}).make(path)
        media, movie = (
            int(1 / (Fraction(recipe.fps) * base)) for base in (clip.time_base, Fraction(1, _MOVIE_TICKS_PER_SECOND))
        )
        (_, first), *_ = read_edits(path)
        write_edits(path, [((stop - start) * movie, first + start * media) for start, stop in ranges])
        codes = np.concatenate([clip.codes[slice(*span)] for span in ranges])
        return replace(clip, codes=codes, pts=np.arange(len(codes)) * media if timed else None)

    return make


def cut(recipe: ClipRecipe, packets: int, *, earliest: int, shown: int) -> Maker:
    """Return a maker of a stream without its first packets, like a broadcast that is recorded from the middle.

    Args:
        recipe: Recipe of the whole stream.
        packets: Number of packets to leave out at the start.
        earliest: Frame with the lowest pts among the packets that are left.
        shown: First frame that can be decoded.
    """

    def make(path: Path) -> Clip:
        clip = replace(recipe, video=Pictures(lambda written: written[packets:])).make(path)
        assert clip.pts is not None
        pts = clip.pts - clip.pts[earliest] + clip.pts[0]
        return replace(clip, codes=clip.codes[shown:], pts=pts[shown:])

    return make


def rebuilt(recipe: ClipRecipe, change: Callable[[bytes], bytes]) -> Maker:
    """A file whose bytes are changed and whose frames are not.

    Args:
        recipe: What to encode.
        change: Returns the new bytes of the file.
    """

    def make(path: Path) -> Clip:
        clip = recipe.make(path)
        path.write_bytes(change(path.read_bytes()))
        return clip

    return make


def hidden(recipe: ClipRecipe, every: int) -> Maker:
    """Return a maker of a VP8 stream with frames that are decoded but not shown, like alternate reference frames.

    Args:
        recipe: Recipe with the codec libvpx.
        every: Interval of hidden frames: those whose number is a multiple of it, except key frames.
    """

    def make(path: Path) -> Clip:
        unseen: list[int] = []
        change = partial(_hide, every=every, unseen=unseen)
        clip = replace(recipe, video=Pictures(change)).make(path)
        assert clip.pts is not None
        return replace(clip, codes=np.delete(clip.codes, unseen), pts=np.delete(clip.pts, unseen))

    return make


def _hide(packets: Packets, *, every: int, unseen: list[int]) -> Packets:
    """Clear show_frame, bit 4 of the frame tag (RFC 6386, 9.1), and append the packets' numbers to `unseen`."""
    for number, packet in enumerate(packets):
        if number % every == 0 and not packet.is_keyframe:
            unseen.append(number)
            packet.update(bytes([bytes(packet)[0] & ~0x10]) + bytes(packet)[1:])
    return packets


def retimed(recipe: ClipRecipe, change: Callable[[int, int], int | None]) -> Maker:
    """Return a maker of a transport stream whose times are changed; see `change_pts`.

    A frame without a time is still expected at its old time, because its neighbours show when that is.

    Args:
        recipe: Recipe of a transport stream without B-frames.
        change: Function that is passed the number and the pts of a frame, and returns the new pts or None.
    """

    def make(path: Path) -> Clip:
        clip = recipe.make(path)
        assert clip.pts is not None
        change_pts(path, change)
        changed = [change(number, pts) for number, pts in enumerate(clip.pts.tolist())]
        pts = [old if new is None else new for old, new in zip(clip.pts.tolist(), changed, strict=True)]
        return replace(clip, pts=np.array(pts, np.int64))

    return make


def resized(*recipes: ClipRecipe, lost: tuple[int, ...] = ()) -> Maker:
    """Return a maker of a transport stream whose frame size changes from one recipe to the next.

    Args:
        recipes: Recipes of the parts. The `offset` of each must be the time at which the one before it ends.
        lost: Codes of frames that libavcodec drops at the change.
    """

    def make(path: Path) -> Clip:
        parts, clips = [], []
        for recipe in recipes:
            clips.append(recipe.make(path))
            parts.append(path.read_bytes())
        path.write_bytes(join(parts))
        codes, pts = (np.concatenate([getattr(clip, name) for clip in clips]) for name in ("codes", "pts"))
        seen = ~np.isin(codes, lost)
        return replace(clips[0], codes=codes[seen], pts=pts[seen], resized=True)

    return make


def restarted(*recipes: ClipRecipe, header: int = 0) -> Maker:
    """Files one after another in one, as ``cat`` joins them, each with a clock of its own.

    The first frame of each is expected when the last frame of the one before ends.

    Args:
        recipes: To be joined, at a constant frame rate.
        header: Bytes at the start of the files that only the first may have.
    """

    def make(path: Path) -> Clip:
        parts: list[bytes] = []
        clips: list[Clip] = []
        for recipe in recipes:
            clips.append(recipe.make(path))
            parts.append(path.read_bytes()[header if parts else 0 :])
        path.write_bytes(join(parts) if recipes[0].container == "mpegts" else b"".join(parts))
        pts: list[NDArray[np.int64]] = []
        for clip in clips:
            assert clip.pts is not None
            moved = 2 * pts[-1][-1] - pts[-1][-2] - clip.pts[0] if pts else 0
            pts.append(clip.pts + moved)
        return replace(clips[0], codes=np.concatenate([clip.codes for clip in clips]), pts=np.concatenate(pts))

    return make


def spliced(recipe: ClipRecipe, then: ClipRecipe) -> Maker:
    """Return a maker of a stream that is joined from two streams of the same codec.

    The parameter sets of the second stream are only in its first packet.

    Args:
        recipe: Recipe of the first part. Its container is used for the whole stream.
        then: Recipe of the second part, with the codec "libx264" or "libx265".
    """

    def make(path: Path) -> Clip:
        second = replace(then, first=recipe.first + recipe.frames, container="mpegts")
        part = second.make(path)
        packets = _read_packets(path, second, part, after=recipe.frames)
        replace(recipe, video=_PicturesThenPackets(packets)).make(path)
        return replace(recipe, frames=recipe.frames + then.frames).describe(path)

    return make


@dataclass(frozen=True)
class _PicturesThenPackets:
    """The pictures of a recipe, followed by packets that are encoded already; see `reelbase.testing.clips.Track`."""

    packets: Packets

    def open(self, out: OutputContainer, recipe: ClipRecipe) -> Feed:
        feed = Pictures().open(out, recipe)
        stream = out.streams.video[-1]

        def feed_and_append(number: int | None) -> None:
            feed(number)
            if number is None:
                for packet in self.packets:
                    packet.stream = stream
                    out.mux(packet)

        return feed_and_append


def _read_packets(path: Path, recipe: ClipRecipe, clip: Clip, *, after: int) -> Packets:
    """Read the packets of a transport stream, with times in units of ``1 / fps`` that start after `after` frames."""
    import av

    assert clip.pts is not None
    start, step = int(clip.pts[0]), 1 / (Fraction(recipe.fps) * clip.time_base)
    packets: Packets = []
    with av.open(str(path)) as file:
        for packet in file.demux(file.streams.video[0]):
            if packet.size:
                data = bytes(packet) if not packets else _remove_parameter_sets(bytes(packet), recipe.codec)
                copy: Packet[VideoStream] = av.Packet(data)  # type: ignore[assignment]
                copy.pts, copy.dts = (
                    after + round((time - start) / step) for time in (packet.pts or 0, packet.dts or 0)
                )
                copy.time_base, copy.is_keyframe = 1 / Fraction(recipe.fps), packet.is_keyframe
                packets.append(copy)
    return packets


def _remove_parameter_sets(data: bytes, codec: str) -> bytes:
    """Remove the parameter sets from a packet in the byte stream format (ITU-T H.264 and H.265, annex B)."""
    nals = re.split(rb"\x00?\x00\x00\x01", data)[1:]
    if codec == "libx264":
        kept = [nal for nal in nals if nal[0] & 31 not in (7, 8)]
    else:
        kept = [nal for nal in nals if nal[0] >> 1 & 63 not in (32, 33, 34)]
    return b"".join(b"\0\0\0\1" + nal for nal in kept)


def packed(recipe: ClipRecipe) -> Maker:
    """Return a maker of an MPEG-4 stream in the packed form of DivX.

    There, a P picture and the B picture after it are in one packet, which is followed by an empty one.

    Args:
        recipe: Recipe with the codec mpeg4 and at most one B-frame in a row.
    """
    return replace(recipe, video=Pictures(lambda packets: _pack(packets, recipe))).make


def _pack(packets: Packets, recipe: ClipRecipe) -> Packets:
    import av

    shown = [packet.pts or 0 for packet in packets]
    data = [bytes(packet) for packet in packets]
    start = data[0].index(b"\x00\x00\x01\xb6")
    data[0] = data[0][:start] + b"\x00\x00\x01\xb2DivX503b1393p" + data[0][start:]
    for place in range(1, len(data)):
        if shown[place] < shown[place - 1]:  # a B picture after the P picture that it refers to
            empty = _make_empty_picture(shown[place], int(recipe.fps))
            data[place - 1 : place + 1] = [data[place - 1] + data[place], empty]
    for number, (packet, content) in enumerate(zip(packets, data, strict=True)):
        new: Packet[VideoStream] = av.Packet(content)  # type: ignore[assignment]
        packets[number] = new
        new.pts = new.dts = number
        new.stream, new.time_base, new.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    return packets


def _make_empty_picture(tick: int, fps: int) -> bytes:
    """Make a P picture with vop_coded 0 (ISO/IEC 14496-2, 6.2.5), which repeats the picture before it."""
    width = max(1, (fps - 1).bit_length())
    bits = f"010{1}{tick % fps:0{width}b}10" + "0"
    bits += "1" * (-len(bits) % 8)
    return b"\x00\x00\x01\xb6" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def field_coded(container: str, *, frames: int = 23, fps: int = 25, together: bool = False) -> Maker:
    """Return a maker of H.264 in which every frame is coded as two fields; see `reelbase.testing._fieldcoded`.

    Args:
        container: Name of the muxer.
        frames: Number of frames.
        fps: Frames per second.
        together: Whether both fields of a frame are in one packet, as mp4 requires.
    """
    size = (96, 128)

    def make(path: Path) -> Clip:
        import av

        fields = list(encode_fields([_draw_planes(code, size) for code in range(frames)], gop=9, fps=fps))
        with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as out:
            stream = out.add_mux_stream("h264", rate=fps, width=size[1], height=size[0])
            for packet in _make_packets(fields, fps, together=together):
                packet.stream = stream
                out.mux(packet)
        return ClipRecipe(frames=frames, size=size, fps=fps).describe(path)

    return make


def _make_packets(fields: list[Field], fps: int, *, together: bool) -> list[Packet[Stream]]:
    import av

    packets = []
    step = 2 if together else 1
    for number in range(0, len(fields), step):
        field = fields[number]
        packet = av.Packet(b"".join(part.data for part in fields[number : number + step]))
        packet.time_base, packet.duration, packet.is_keyframe = Fraction(1, 2 * fps), step, field.key
        packet.pts, packet.dts = 2 * field.frame + field.bottom, number - 2
        packets.append(packet)
    return packets


def _draw_planes(code: int, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a code as planes in 4:2:0. Without the ripple, parts of the picture do not change, and can be skipped."""
    import av

    picture = av.VideoFrame.from_ndarray(draw_code(code, size, ripple=False), format="rgb24")
    height, width = size
    samples = picture.reformat(format="yuv420p").to_ndarray().astype(np.uint8, copy=False).ravel()
    y, u, v = np.split(samples, [height * width, height * width * 5 // 4])
    half = (height // 2, width // 2)
    return y.reshape(size), u.reshape(half), v.reshape(half)
