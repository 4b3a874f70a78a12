"""One codec per container format. The properties in which the formats differ are in `Traits`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from reelbase.errors import DamagedMediaError, UsageError
from reelbase.plugin import PIXEL_FORMS, Codec
from reelbase_plugins.video.demux import recognise
from reelbase_plugins.video.demux.container_traits import Traits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from reelbase.plugin import Blob, FrameIndex, Ingested, Plan, WebClip, WebStream


_LARGE_BOXES = (b"mdat", b"free", b"moov")  # the first box of a file may be as large as its media
_MAX_FIRST_BOX_BYTES = 1 << 24


class Container(Codec):
    """Videos in one container format.

    Implementations are imported when they are called: decoding does not need the code that ingests or encodes.
    """

    traits: ClassVar[Traits]
    pixels: ClassVar[tuple[str, ...]] = (*PIXEL_FORMS, "yuv")

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """See `Codec.ingest`."""
        from reelbase_plugins.video.indexing.build import Ingest

        ingest = Ingest(
            blob, spool, filename=filename, name=self.name, traits=self._find_traits(blob), limits=self.limits
        )
        return ingest.run(check, stream)

    def decode(
        self,
        blob: Blob,
        plan: Plan | None,
        *,
        out: NDArray[np.uint8] | None = None,
        size: tuple[int, int] | None = None,
        pixels: str | None = None,
    ) -> NDArray[Any]:
        """See `Codec.decode`."""
        from reelbase_plugins.video.decoding.execute_plan import read

        return read(blob, plan, out=out, size=size, limits=self.limits, pixels=pixels or "rgb24")

    def decode_planes(self, blob: Blob, plan: Plan | None) -> dict[str, NDArray[Any]]:
        """See `Codec.decode_planes`."""
        from reelbase_plugins.video.decoding.execute_plan import read_planes

        return read_planes(blob, plan, limits=self.limits)

    def stream(
        self, blob: Blob, plan: Plan, *, size: tuple[int, int] | None = None, pixels: str | None = None
    ) -> Iterator[NDArray[Any]]:
        """See `Codec.stream`."""
        from reelbase_plugins.video.decoding.execute_plan import stream

        if pixels == "rgba" and plan.index.decoder.get("alpha"):  # colour and alpha come from two passes
            return super().stream(blob, plan, size=size, pixels=pixels)
        return stream(blob, plan, size=size, limits=self.limits, pixels=pixels or "rgb24")

    def web_stream(self, index: FrameIndex) -> WebStream | None:
        """See `Codec.web_stream`."""
        from reelbase_plugins.video.webcodecs import make_web_stream

        return make_web_stream(index)

    def web_clip(self, frames: Iterable[NDArray[np.uint8]]) -> WebClip | None:
        """See `Codec.web_clip`."""
        from reelbase_plugins.video.webcodecs import encode_web_clip

        return encode_web_clip(frames)

    def _find_traits(self, blob: Blob) -> Traits:
        return self.traits


class BoxContainer(Container):
    """Formats made of boxes, whose tables state the position of every packet (ISO/IEC 14496-12)."""

    traits = Traits(demuxer="mov", timed=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True if the first box has a possible size: words such as "free" and "skip" are in texts, too."""
        size, kind = int.from_bytes(head[:4]), head[4:8]
        return size in (0, 1) or 8 <= size < (1 << 32 if kind in _LARGE_BOXES else _MAX_FIRST_BOX_BYTES)

    def skim(self, blob: Blob, *, filename: str, stream: int | None = None, check: str = "sample") -> Ingested | None:
        """See `Codec.skim`."""
        from reelbase_plugins.video.indexing.from_mp4_header import skim

        is_proven = check != "none"
        return skim(blob, filename=filename, name=self.name, number=stream, limits=self.limits, is_proven=is_proven)


class Mp4(BoxContainer):
    """MP4 and 3GPP (MPEG-4 parts 12 and 14), fragmented files included. Frames can be encoded to it."""

    def encode(self, array: NDArray[Any], **options: Any) -> bytes:
        """See `reelbase_plugins.video.encode.encode`."""
        from reelbase_plugins.video.encode import OPTIONS, encode

        for name in options:
            if name not in OPTIONS:
                raise UsageError(f"The codec {self.name!r} has no option {name!r}.", f"It has {', '.join(OPTIONS)}.")
        return encode(array, **options)


class Mov(BoxContainer):
    """QuickTime."""

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for QuickTime's brand, and for files from before there were brands."""
        return super().claims(head) and (head[4:8] != b"ftyp" or head[8:12] == b"qt  ")


class Mkv(Container):
    """Matroska."""

    traits = Traits(demuxer="matroska", timed=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for EBML of any document type other than WebM."""
        return b"webm" not in head[:64]


class Webm(Container):
    """WebM: Matroska for VP8, VP9 and AV1."""

    traits = Traits(demuxer="matroska", timed=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for EBML of the document type WebM."""
        return b"webm" in head[:64]


class Avi(Container):
    """AVI, which stores no presentation times."""

    traits = Traits(demuxer="avi", decoding_times=True)


class Flv(Container):
    """Flash video."""

    traits = Traits(demuxer="flv", timed=True, clock_bits=32)


class Ts(Container):
    """MPEG transport stream of 188, 192 or 204 bytes per transport packet, which cuts video packets into pieces."""

    traits = Traits(demuxer="mpegts", repack=True, timed=True, clock_bits=33)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for transport packets in a row; the first of them may be cut off."""
        return recognise.is_transport_stream(head)


class Mpg(Container):
    """MPEG program stream, or a video elementary stream without a container."""

    traits = Traits(demuxer="mpeg", repack=True, clock_bits=33)
    elementary: ClassVar[Traits] = Traits(demuxer="mpegvideo", assumed_rate=True)

    def _find_traits(self, blob: Blob) -> Traits:
        return self.elementary if blob.read(0, 4) == b"\0\0\1\xb3" else self.traits


class Gif(Container):
    """GIF. Each picture is drawn over the one before, so that decoding can only start at the first."""

    traits = Traits(demuxer="gif", timed=True, single_start=True)


class Asf(Container):
    """Windows Media (ASF)."""

    traits = Traits(demuxer="asf")


class Ivf(Container):
    """IVF, the simple container of tools for VP8, VP9 and AV1."""

    traits = Traits(demuxer="ivf", timed=True)


class Ogg(Container):
    """Ogg."""

    traits = Traits(demuxer="ogg")


class Mxf(Container):
    """SMPTE material exchange format."""

    traits = Traits(demuxer="mxf")


class Dv(Container):
    """Raw DV, with one frame per packet."""

    traits = Traits(demuxer="dv")

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for DIF blocks of 80 bytes: header, two subcode, three VAUX (IEC 61834-2 figure 66)."""
        block_types = [head[at] >> 5 for at in range(0, min(len(head), 480), 80)]
        return block_types == [0, 1, 1, 2, 2, 2]

    def ingest(
        self, blob: Blob, spool: BinaryIO, *, filename: str, check: str = "sample", stream: int | None = None
    ) -> Ingested:
        """See `Codec.ingest`. Blocks are checked first, because FFmpeg's demuxer accepts any bytes as DV."""
        if not self.claims(blob.read(0, 480)):
            raise DamagedMediaError(f"{filename} is not DV: its DIF blocks are not in order.", "Pass a raw DV file.")
        return super().ingest(blob, spool, filename=filename, check=check, stream=stream)


class Rm(Container):
    """RealMedia."""

    traits = Traits(demuxer="rm")


class Nut(Container):
    """NUT, FFmpeg's own container."""

    traits = Traits(demuxer="nut", timed=True)


class Y4m(Container):
    """YUV4MPEG2: uncompressed frames, each after a line of text."""

    traits = Traits(demuxer="yuv4mpegpipe", timed=True)


class Apng(Container):
    """Animated PNG. Each picture is drawn over the one before, so that decoding can only start at the first."""

    traits = Traits(demuxer="apng", timed=True, single_start=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for a PNG of several pictures."""
        return recognise.is_animated_png(head)


class H264(Container):
    """H.264 without a container (Annex B byte stream)."""

    traits = Traits(demuxer="h264", assumed_rate=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for NAL units of H.264, with parameter sets."""
        return recognise.is_h264(head)


class Hevc(Container):
    """HEVC without a container (Annex B byte stream)."""

    traits = Traits(demuxer="hevc", assumed_rate=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for NAL units of HEVC, with parameter sets."""
        return recognise.is_hevc(head)


class M4v(Container):
    """MPEG-4 part 2 without a container."""

    traits = Traits(demuxer="m4v", assumed_rate=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for start codes of MPEG-4."""
        return recognise.is_mpeg4(head)


class Obu(Container):
    """AV1 without a container: open bitstream units with sizes (section 5), as ``.obu`` files of encoders."""

    traits = Traits(demuxer="obu", assumed_rate=True)

    @classmethod
    def claims(cls, head: bytes) -> bool:
        """Return True for a temporal delimiter and a sequence header."""
        return recognise.is_av1(head)
