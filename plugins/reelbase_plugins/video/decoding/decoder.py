"""From packets to frames: what decodes, in the order it comes out, each frame carrying its packet's number."""

from __future__ import annotations

import ctypes
import itertools
import os
from typing import TYPE_CHECKING, Any, cast

from reelbase.errors import ReelbaseError
from reelbase_plugins.video.decoding.decoder_config import max_coded
from reelbase_plugins.video.demux.packets import packets_of
from reelbase_plugins.video.demux.safe_open import Reader, check_pixels, libav_errors, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig


class DoubtError(Exception):
    """A decoder of several threads met damage, and what it makes of that may be another thing each time."""


class Decoding:
    """One decoder over one sequence of packets.

    Frames come out with ``pts`` set to the number of the packet that they began in: containers' own times may be
    missing or doubled, numbers are not.

    Attributes:
        failed: how many packets the decoder refused.
    """

    def __init__(self, context: VideoCodecContext, max_pixels: int, name: str = "The video") -> None:
        self._context = context
        self._strict = context.thread_count > 1
        self._process = os.getpid()
        self._name = name
        self._max_pixels = max_pixels
        self.failed = 0

    def frames(self, packets: Iterable[Packet[Any]]) -> Iterator[VideoFrame]:
        """All frames that the packets give; a damaged packet does not lose its neighbours.

        Raises:
            LimitError: a frame is larger than allowed.
        """
        for packet in itertools.chain(packets, [None]):
            yield from self.decode(packet)

    def decode(self, packet: Packet[Any] | None) -> list[VideoFrame]:
        """The frames that come out when a packet goes in; None: no more will come.

        Raises:
            LimitError: a frame is larger than allowed.
            DoubtError: damage, and several threads.
        """
        try:
            frames = self._context.decode(packet)
        except ReelbaseError:
            raise
        # What decoders say of damaged packets comes as several of PyAV's errors and as plain ValueError.
        except libav_errors():
            self.failed += 1
            if self._strict:
                raise DoubtError from None
            return []
        for frame in frames:
            if self._strict and frame.is_corrupt:
                raise DoubtError
            check_pixels(frame.width, frame.height, self._name, self._max_pixels)
        return frames

    def __del__(self) -> None:
        """In a fork the threads of a decoder are not there, and closing it would wait for them without end."""
        if self._strict and os.getpid() != self._process:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._context))


def indexed(
    recipe: DecoderConfig, packets: Iterable[tuple[int, Any]], before: int | None = None
) -> Iterator[Packet[Any]]:
    """Packets for a decoder that has had those up to `before`, from numbers and bytes; with the settings in force."""
    import av

    for number, data in packets:
        if not len(data):
            continue
        packet: Packet[Any] = av.Packet(len(data))
        packet.update(data)
        packet.pts = packet.dts = number
        if recipe.changes:
            _change(recipe, packet, before, number)
        before = number
        yield packet


def _change(recipe: DecoderConfig, packet: Packet[Any], before: int | None, number: int) -> None:
    """Attach the newest settings among the packets since the one before, which may have been skipped."""
    import av

    since = -1 if before is None else before
    passed = [n for n in recipe.changes if since < n <= number]
    if passed:
        data = recipe.changes[max(passed)]
        kind = av.packet.packet_sidedata_type_from_literal("new_extradata")
        side = av.packet.PacketSideData(kind, len(data))  # type: ignore[call-arg]
        side.update(data)
        packet.set_sidedata(side)


class Sequential:
    """Iterates over all frames that the file shows, demuxed and decoded from its start by a decoder of its own.

    Attributes:
        failed: packets that the decoder refused, once done.
    """

    def __init__(self, blob: Blob, recipe: DecoderConfig, filename: str, max_pixels: int) -> None:
        self._blob, self._recipe, self._filename, self._max_pixels = blob, recipe, filename, max_pixels
        self.failed = 0

    def __iter__(self) -> Iterator[VideoFrame]:
        with opened(Reader(self._blob), self._recipe.demuxer, filename=self._filename) as container:
            stream = container.streams[self._recipe.stream]
            context = cast("VideoCodecContext", stream.codec_context)
            context.options = {"max_pixels": str(max_coded(self._max_pixels))}
            context.thread_count = 1
            decoding = Decoding(context, self._max_pixels, self._filename)
            yield from decoding.frames(_number(packets_of(container, stream)))  # type: ignore[arg-type]
            self.failed = decoding.failed


def _number(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    try:
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = number
            yield packet
    except ReelbaseError:
        raise
    except libav_errors():
        return  # the demuxer gave up midway: what came before stands, as at ingest
