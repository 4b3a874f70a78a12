"""Decoding of packets into frames, in the order in which a decoder outputs them.

Every frame carries the number of its packet, so that a frame is recognised by that number and frames are never counted.
"""

from __future__ import annotations

import ctypes
import itertools
import os
from typing import TYPE_CHECKING, Any, cast

from reelbase.errors import CorruptObjectError, ReelbaseError
from reelbase_plugins.video.decoding.decoder_config import limit_coded_pixels
from reelbase_plugins.video.demux.packets import iter_packets
from reelbase_plugins.video.demux.safe_open import Reader, check_pixels, libav_errors, open_container

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    from reelbase.plugin import Blob, FrameIndex
    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig


class DoubtError(Exception):
    """A decoder of several threads met damage, which it conceals in another way each time."""


class Decoding:
    """One decoder over one sequence of packets.

    The ``pts`` of a frame is the number of the packet that it began in: the times of a container may be missing or
    doubled, numbers are not.

    Args:
        context: The decoder.
        max_pixels: Maximum number of pixels of a frame.
        name: Name of the video in messages.

    Attributes:
        failed: Number of packets that the decoder refused.
    """

    def __init__(self, context: VideoCodecContext, max_pixels: int, name: str = "The video") -> None:
        self._context = context
        self._has_threads = context.thread_count > 1
        self._process = os.getpid()
        self._name = name
        self._max_pixels = max_pixels
        self.failed = 0

    def decode_all(self, packets: Iterable[Packet[Any]]) -> Iterator[VideoFrame]:
        """Yield all frames of the packets. A damaged packet does not lose the frames of its neighbours.

        Raises:
            LimitError: a frame is larger than allowed.
        """
        for packet in itertools.chain(packets, [None]):
            yield from self.decode(packet)

    def decode(self, packet: Packet[Any] | None) -> list[VideoFrame]:
        """Decode a packet and return the frames that come out; None ends the sequence and returns the last frames.

        Raises:
            LimitError: a frame is larger than allowed.
            DoubtError: a packet or frame is damaged, and the decoder has several threads.
        """
        try:
            frames = self._context.decode(packet)
        except ReelbaseError:
            raise
        # Decoders report damaged packets by several of PyAV's errors, and by a plain ValueError.
        except libav_errors():
            self.failed += 1
            if self._has_threads:
                raise DoubtError from None
            return []
        for frame in frames:
            if self._has_threads and frame.is_corrupt:
                raise DoubtError
            check_pixels(frame.width, frame.height, self._name, self._max_pixels)
        return frames

    def __del__(self) -> None:
        """Leave the decoder open in a forked process: closing it would wait for threads that do not exist there."""
        if self._has_threads and os.getpid() != self._process:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._context))


def make_packets(
    config: DecoderConfig, packets: Iterable[tuple[int, Any]], before: int | None = None
) -> Iterator[Packet[Any]]:
    """Make packets for a decoder from numbers and bytes.

    New decoder settings are attached where they come into force.

    Args:
        config: Decoder configuration of the video.
        packets: Number and bytes of each packet, in decode order. Packets without bytes are skipped: they would end the
            stream.
        before: Number of the last packet that the decoder was fed; None for a new decoder.
    """
    import av

    for number, data in packets:
        if not len(data):
            continue
        packet: Packet[Any] = av.Packet(len(data))
        packet.update(data)
        packet.pts = packet.dts = number
        if config.changes:
            _attach_settings(config, packet, before, number)
        before = number
        yield packet


def _attach_settings(config: DecoderConfig, packet: Packet[Any], before: int | None, number: int) -> None:
    """Attach the newest settings of the packets after `before`: packets that brought settings may have been skipped."""
    import av

    last_fed = -1 if before is None else before
    changed_at = [changed for changed in config.changes if last_fed < changed <= number]
    if changed_at:
        data = config.changes[max(changed_at)]
        kind = av.packet.packet_sidedata_type_from_literal("new_extradata")
        side_data = av.packet.PacketSideData(kind, len(data))  # type: ignore[call-arg]
        side_data.update(data)
        packet.set_sidedata(side_data)


class Sequential:
    """Iterates over all frames that a file shows, by demuxing and decoding it from its start.

    Args:
        blob: The file.
        config: Decoder configuration of the video.
        filename: Name of the file in messages.
        max_pixels: Maximum number of pixels of a frame.
        index: The index of the file, to check the packets by; None while it is made.

    Attributes:
        failed: Number of packets that the decoder refused, set when the iteration ends.
    """

    def __init__(
        self, blob: Blob, config: DecoderConfig, filename: str, max_pixels: int, index: FrameIndex | None = None
    ) -> None:
        self._blob, self._config, self._filename, self._max_pixels = blob, config, filename, max_pixels
        self._index = index
        self.failed = 0

    def __iter__(self) -> Iterator[VideoFrame]:
        with open_container(Reader(self._blob), self._config.demuxer, filename=self._filename) as container:
            stream = container.streams[self._config.stream]
            context = cast("VideoCodecContext", stream.codec_context)
            context.options = {"max_pixels": str(limit_coded_pixels(self._max_pixels))}
            context.thread_count = 1
            decoding = Decoding(context, self._max_pixels, self._filename)
            yield from decoding.decode_all(self._number_packets(iter_packets(container, stream)))  # type: ignore[arg-type]
            self.failed = decoding.failed

    def _number_packets(self, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
        number = -1
        try:
            for number, packet in enumerate(packets):
                if self._index is not None and number < len(self._index.pos):
                    self._index.check_packets([number], [packet])
                packet.pts = packet.dts = number
                yield packet
        except ReelbaseError:
            raise
        except libav_errors():
            pass  # the demuxer stopped midway: the frames before are kept, as at ingest
        if self._index is not None and number + 1 != len(self._index.pos):
            raise CorruptObjectError(
                f"{self._filename} has {number + 1} packets, not the {len(self._index.pos)} that were indexed.",
                "Restore the object from a copy of the dataset, or replace the row with the original file.",
            )
