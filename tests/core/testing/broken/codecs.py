"""Codecs, one of which is right; each other breaks the contract in one way. Run by ../test_testing_kit.py."""

from __future__ import annotations

import struct
import time
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

from reelbase.contracts.codec import Codec, Ingested
from reelbase.errors import DamagedMediaError, LimitError, ReelbaseError, UsageError
from reelbase.io.blob import Blob
from reelbase.media.frame_index import Flag, FrameIndex, Trust
from reelbase.media.media_info import MediaInfo
from reelbase.testing import CodecCase, CodecTests, FrameCodecTests

HEAD = struct.Struct("<4sIII")


class Plain(Codec):
    """Frames one after another behind a small header: ``PLN1``, number, height, width; then RGB bytes."""

    @classmethod
    def claims(cls, head):
        return head[:4] == b"PLN1"

    def ingest(self, blob, spool, *, filename, check="sample", stream=None):
        count, height, width = self.header(blob, filename)
        self.limit(count, height * width, filename)
        step = height * width * 3
        if blob.size != HEAD.size + count * step:
            raise DamagedMediaError(f"{filename} holds {blob.size} bytes.")
        numbers = np.arange(count)
        index = FrameIndex(
            pos=HEAD.size + numbers * step,
            size=np.full(count, step),
            pts=numbers,
            flags=np.full(count, Flag.KEY | Flag.RAP, np.uint8),
            display=numbers,
            times=numbers,
            end=count,
            time_base=Fraction(1, 25),
            trust=Trust.FULL,
            decoder={"height": height, "width": width},
        )
        return Ingested(info=MediaInfo(shape=(count, height, width, 3), codec=self.name), index=index)

    def header(self, blob, filename):
        head = blob.read(0, HEAD.size)
        if len(head) < HEAD.size or not self.claims(head):
            raise DamagedMediaError(f"{filename} is not a PLN1 file.")
        return HEAD.unpack(head)[1:]

    def limit(self, count, pixels, filename):
        if not count or not pixels or count > self.limits.max_frames or pixels > self.limits.max_pixels:
            raise LimitError(f"{filename} has {count} frames of {pixels} pixels.")

    def decode(self, blob, plan, *, out=None, size=None):
        height, width = plan.index.decoder["height"], plan.index.decoder["width"]
        spans = [span for run in plan.runs for span in plan.ranges(run)]
        parts = [np.frombuffer(part, np.uint8).reshape(height, width, 3) for part in blob.read_ranges(spans)]
        frames = np.stack([resize(part, size) for part in parts]) if parts else self.nothing(height, width, size)
        return place(frames[plan.rows], out)

    def nothing(self, height, width, size):
        return np.zeros((0, *(size or (height, width)), 3), np.uint8)

    def encode(self, array, **options):
        if options:
            raise UsageError(f"PLN1 knows no options; {options} were given.")
        if array.ndim != 4 or array.shape[-1] != 3 or array.dtype != np.uint8 or not array.size:
            raise UsageError(f"{array.shape} {array.dtype} is not an array of frames.")
        return HEAD.pack(b"PLN1", *array.shape[:3]) + array.tobytes()


def resize(frame: Any, size: tuple[int, int] | None) -> Any:
    if size is None:
        return frame
    rows = np.arange(size[0]) * frame.shape[0] // size[0]
    columns = np.arange(size[1]) * frame.shape[1] // size[1]
    return frame[rows][:, columns]


def place(frames: Any, out: Any) -> Any:
    if out is None:
        return frames
    out[...] = frames
    return out


FRAMES = np.random.default_rng(0).integers(0, 256, (7, 10, 14, 3), np.uint8)


class Base(FrameCodecTests):
    Kind: ClassVar[type[Plain]] = Plain

    @pytest.fixture
    def case(self):
        data = Plain("plain").encode(FRAMES)
        return CodecCase(codec=self.Kind("plain"), data=data, filename="a.pln", expected=FRAMES)


class Coloured(Plain):
    """Gray of the red values, and one plane."""

    pixels = ("gray", "yuv")

    def decode(self, blob, plan, *, out=None, size=None, pixels=None):
        frames = super().decode(blob, plan, size=size)
        return place(frames if pixels is None else frames[..., :1], out)

    def decode_planes(self, blob, plan):
        return {"y": super().decode(blob, plan)[..., 0]}


class TestRight(Base):
    Kind = Coloured


class TestWrongClass(CodecTests):
    """test_the_right_class_is_subclassed"""

    @pytest.fixture
    def case(self):
        return CodecCase(codec=Plain("plain"), data=Plain("plain").encode(FRAMES), filename="a.pln", expected=FRAMES)


class TestShapeOfAnother(Base):
    """test_info_is_what_is_decoded"""

    class Kind(Plain):
        def ingest(self, blob, spool, *, filename, check="sample", stream=None):
            found = super().ingest(blob, spool, filename=filename)
            count, height, width, channels = found.info.shape
            info = MediaInfo(shape=(count, width, height, channels), codec=self.name)
            return Ingested(info=info, index=found.index)


class TestInfoIsNoJson(Base):
    """test_info_is_stored_as_json"""

    class Kind(Plain):
        def ingest(self, blob, spool, *, filename, check="sample", stream=None):
            found = super().ingest(blob, spool, filename=filename)
            info = MediaInfo(shape=found.info.shape, codec=self.name, details={"rate": Fraction(25)})
            return Ingested(info=info, index=found.index)


class TestKeepsTheIndexToItself(Base):
    """test_index_is_stored test_a_new_codec_gives_the_same"""

    class Kind(Plain):
        def ingest(self, blob, spool, *, filename, check="sample", stream=None):
            found = super().ingest(blob, spool, filename=filename)
            self.index = found.index
            return found

        def decode(self, blob, plan, *, out=None, size=None):
            if plan.index is not getattr(self, "index", None):
                raise DamagedMediaError("I have not seen this one.")
            return super().decode(blob, plan, out=out, size=size)


class TestIgnoresTheOffset(Base):
    """test_sample_inside_a_larger_object"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            return super().decode(Blob(blob.source, blob.key, 0, blob.offset + blob.size), plan, out=out, size=size)


class TestDeniesItsOwn(Base):
    """test_claims_its_own"""

    class Kind(Plain):
        @classmethod
        def claims(cls, head):
            return head[:4] == b"PLN2"

        def header(self, blob, filename):
            return HEAD.unpack(blob.read(0, HEAD.size))[1:]


class TestSkimsTheWrongFrames(Base):
    """test_skim_leads_to_the_same_frames"""

    class Kind(Plain):
        def skim(self, blob, *, filename, stream=None):
            found = self.ingest(blob, None, filename=filename)
            return replace(found, index=replace(found.index, pos=found.index.pos[::-1].copy()))


class TestOffByOne(Base):
    """test_expected"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            return place(np.roll(super().decode(blob, plan, size=size), 1, axis=2), out)


class TestNextFrameWhenAlone(Base):
    """test_each_frame_alone"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            if len(plan.frames) == 1:
                plan = plan.index.plan((plan.frames + 1) % len(plan.index))
            return super().decode(blob, plan, out=out, size=size)


class TestAlwaysAscending(Base):
    """test_any_order_with_repeats test_every_other_frame"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            request = np.sort(plan.frames[plan.rows])
            return super().decode(blob, plan.index.plan(request), out=out, size=size)


class TestDropsRepeats(Base):
    """test_any_order_with_repeats"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            if out is None:
                plan = plan.index.plan(np.array(list(dict.fromkeys(plan.frames[plan.rows].tolist())), np.int64))
            return super().decode(blob, plan, out=out, size=size)


class TestNothingIsFlat(Base):
    """test_no_frames"""

    class Kind(Plain):
        def nothing(self, height, width, size):
            return np.zeros((0, 3), np.uint8)


class TestIgnoresOut(Base):
    """test_decode_into test_decode_some_into"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            return super().decode(blob, plan, size=size)


class TestWidthByHeight(Base):
    """test_decode_to_a_size"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            return super().decode(blob, plan, out=out, size=None if size is None else size[::-1])


class TestOtherScalerAtOwnSize(Base):
    """test_own_size_changes_nothing"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            frames = super().decode(blob, plan, size=size)
            return place(frames if size is None else frames ^ 1, out)


class TestStreamsRepeats(Base):
    """test_stream"""

    class Kind(Plain):
        def stream(self, blob, plan, *, size=None):
            yield from self.decode(blob, plan, size=size)


class TestStreamsOneBuffer(Base):
    """test_streamed_frames_are_kept"""

    class Kind(Plain):
        def stream(self, blob, plan, *, size=None):
            buffer = None
            for frame in super().stream(blob, plan, size=size):
                buffer = frame.copy() if buffer is None else buffer
                buffer[...] = frame
                yield buffer


class TestStreamHoldsTheCodec(Base):
    """test_stream_left_early"""

    class Kind(Plain):
        streaming = False

        def stream(self, blob, plan, *, size=None):
            frames = list(super().stream(blob, plan, size=size))
            self.streaming = True
            yield from frames[:1]
            self.streaming = False
            yield from frames[1:]

        def decode(self, blob, plan, *, out=None, size=None):
            if self.streaming:
                raise DamagedMediaError("busy")
            return super().decode(blob, plan, out=out, size=size)


class TestLendsItsBuffer(Base):
    """test_results_are_your_own"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            frames = super().decode(blob, plan, size=size)
            kept = self.__dict__.setdefault("kept", {}).setdefault(frames.shape, frames.copy())
            if not kept.any():
                return place(kept, out)
            kept[...] = frames
            return place(kept, out)


class TestSharesACursor(Base):
    """test_threads"""

    class Kind(Plain):
        cursor = None

        def decode(self, blob, plan, *, out=None, size=None):
            self.cursor = plan
            time.sleep(0.001)
            return super().decode(blob, self.cursor, out=out, size=size)


class TestTrustsTheLength(Base):
    """test_truncated test_not_a_sample"""

    class Kind(Plain):
        def header(self, blob, filename):
            return HEAD.unpack(blob.read(0, HEAD.size))[1:]


class TestNamesNoFile(Base):
    """test_not_a_sample"""

    class Kind(Plain):
        def header(self, blob, filename):
            return super().header(blob, "it")

        def limit(self, count, pixels, filename):
            super().limit(count, pixels, "it")


class TestFillsUpWithBlack(Base):
    """test_cut_after_it_was_indexed"""

    class Kind(Plain):
        def decode(self, blob, plan, *, out=None, size=None):
            try:
                return super().decode(blob, plan, out=out, size=size)
            except ReelbaseError:
                return np.zeros((len(plan.rows), *FRAMES.shape[1:]), np.uint8)


class TestChecksumRaisesItsOwn(Base):
    """test_changed_after_it_was_indexed"""

    class Kind(Plain):
        def ingest(self, blob, spool, *, filename, check="sample", stream=None):
            found = super().ingest(blob, spool, filename=filename)
            found.index.decoder["sum"] = sum(blob.read())
            return found

        def decode(self, blob, plan, *, out=None, size=None):
            assert sum(blob.read()) == plan.index.decoder["sum"]
            return super().decode(blob, plan, out=out, size=size)


class TestNoLimits(Base):
    """test_limit_of_pixels test_limit_of_frames"""

    class Kind(Plain):
        def limit(self, count, pixels, filename):
            pass


class TestExclusiveLimit(Base):
    """test_limit_of_pixels"""

    class Kind(Plain):
        def limit(self, count, pixels, filename):
            super().limit(count, pixels + 1, filename)


class TestEncodesAnArray(Base):
    """test_encode"""

    class Kind(Plain):
        def encode(self, array, **options):
            return bytearray(super().encode(array, **options))


class TestEncodesAnything(Base):
    """test_encode_refuses"""

    class Kind(Plain):
        def encode(self, array, **options):
            return super().encode(np.zeros((1, 2, 2, 3), np.uint8), **options)


class TestTakesAnyOption(Base):
    """test_encode_refuses_unknown_options"""

    class Kind(Plain):
        def encode(self, array, **options):
            return super().encode(array)


class TestUnknownWord(Base):
    """test_pixels"""

    class Kind(Coloured):
        pixels = ("gray", "grey")


class TestGrayOfThreeChannels(Base):
    """test_pixels"""

    class Kind(Coloured):
        def decode(self, blob, plan, *, out=None, size=None, pixels=None):
            return super().decode(blob, plan, out=out, size=size)


class TestPlanesInOrder(Base):
    """test_planes"""

    class Kind(Coloured):
        def decode_planes(self, blob, plan):
            return super().decode_planes(blob, plan.index.plan(np.sort(plan.frames[plan.rows])))


class TestPlanesWithChannels(Base):
    """test_planes"""

    class Kind(Coloured):
        def decode_planes(self, blob, plan):
            return {name: plane[..., None] for name, plane in super().decode_planes(blob, plan).items()}
