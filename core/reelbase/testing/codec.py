"""Tests of the contract of `reelbase.plugin.Codec`."""

# ruff: noqa: D102 - names and messages of the tests are their documentation

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from reelbase.contracts.codec import Codec, Ingested
from reelbase.errors import LimitError, ReelbaseError, UsageError
from reelbase.io.blob import Blob, BytesSource
from reelbase.media.frame_index import FrameIndex
from reelbase.media.media_info import Limits, MediaInfo
from reelbase.media.pixels import PIXEL_FORMS, PIXEL_WORDS, PLANES
from reelbase.testing._threads import together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from reelbase.media.frame_index import Plan

    Array = NDArray[Any]

__all__ = ["CodecCase", "CodecTests", "FrameCodecTests"]

_THREADS = 4
_BYTES_FOR_CLAIMS = 4096


@dataclass(kw_only=True)
class CodecCase:
    """A sample to test a codec with. It should be short, because it is decoded dozens of times.

    Attributes:
        codec: Codec to test.
        data: An encoded sample.
        filename: File name of the sample.
        expected: Array that the sample must decode to, ``(N, H, W, 3)`` or ``(H, W, C)``; None if it is not known.
        tolerance: Largest difference from `expected` that is allowed.
        options: Options to pass to `Codec.encode`.
    """

    codec: Codec
    data: bytes
    filename: str
    expected: Array | None = None
    tolerance: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def sample(self) -> _Sample:
        """The sample after `Codec.ingest`."""
        return _ingest(self.codec, Blob.of(self.data), self.filename)

    @cached_property
    def whole(self) -> Array:
        """The whole decoded sample."""
        return self.sample.decode()


@dataclass(frozen=True)
class _Sample:
    """An ingested sample, and the bytes to decode it from (those of the file, or repacked ones)."""

    codec: Codec
    found: Ingested
    blob: Blob

    def plan(self, request: Sequence[int]) -> Plan:
        assert self.found.index is not None
        return self.found.index.plan(np.array(request, np.int64))

    def decode(self, request: Sequence[int] | None = None, **how: Any) -> Array:
        if self.found.index is None:
            return self.codec.decode(self.blob, None, **how)
        return self.codec.decode(self.blob, self.plan(range(self.frames) if request is None else request), **how)

    def planes(self, request: Sequence[int] | None = None) -> dict[str, Array] | None:
        """None: this sample has no planes."""
        plan = None
        if self.found.index is not None:
            plan = self.plan(range(self.frames) if request is None else request)
        try:
            return self.codec.decode_planes(self.blob, plan)
        except UsageError:
            return None

    @property
    def frames(self) -> int:
        return self.found.info.shape[0]


class CodecTests:
    """Tests of a codec. Subclass this and define a fixture `case`; it may be parametrised with several samples.

    For a codec that decodes single frames (`Ingested.index` is not None), subclass `FrameCodecTests` instead.
    """

    has_index: ClassVar[bool] = False

    @pytest.fixture
    def case(self) -> CodecCase:
        """A codec and a sample."""
        raise NotImplementedError("define a fixture `case` that returns a CodecCase")

    # Ingest

    def test_info_is_what_is_decoded(self, case: CodecCase) -> None:
        info = case.sample.found.info
        assert case.whole.shape == info.shape, f"info.shape is {info.shape}, the decoded shape {case.whole.shape}"
        assert case.whole.ndim in {3, 4}, "the decoded shape must be (N, H, W, C) or (H, W, C)"
        assert info.codec == case.codec.name, f"info.codec is {info.codec!r}; the codec is {case.codec.name!r}"

    def test_info_is_stored_as_json(self, case: CodecCase) -> None:
        info = case.sample.found.info
        again = MediaInfo.from_dict(json.loads(json.dumps(info.as_dict(), allow_nan=False)))
        assert again.as_dict() == info.as_dict(), "info must be the same after it was stored as JSON"

    def test_ingest_twice(self, case: CodecCase) -> None:
        again = _ingest(case.codec, Blob.of(case.data), case.filename)
        assert again.found.info == case.sample.found.info, "ingest() returned different info for the same bytes"
        _assert_equal(again.decode(), case.whole, "ingest() of the same bytes led to different frames")

    def test_sample_inside_a_larger_object(self, case: CodecCase) -> None:
        around = Blob.of(b"\xff" * 1001 + case.data + b"\xff" * 77)
        inner = _ingest(case.codec, around.slice(1001, 1001 + len(case.data)), case.filename)
        _assert_equal(inner.decode(), case.whole, "a sample in the middle of a larger object is decoded wrongly")

    def test_claims_its_own(self, case: CodecCase) -> None:
        assert type(case.codec).claims(case.data[:_BYTES_FOR_CLAIMS]), (
            "claims() returns False for the first bytes of the sample"
        )

    def test_the_right_class_is_subclassed(self, case: CodecCase) -> None:
        found = case.sample.found.index is not None
        assert found == self.has_index, "subclass FrameCodecTests if ingest() returns an index, else CodecTests"

    # Decode

    def test_expected(self, case: CodecCase) -> None:
        if case.expected is None:
            return  # the author tests the decoded values elsewhere
        assert case.whole.shape == case.expected.shape, f"shape {case.whole.shape}, not {case.expected.shape}"
        difference = int(np.abs(case.whole.astype(np.int64) - case.expected).max(initial=0))
        assert difference <= case.tolerance, f"values differ by up to {difference}; the case allows {case.tolerance}"

    def test_decode_into(self, case: CodecCase) -> None:
        out = np.full(case.whole.shape, 77, case.whole.dtype)
        got = case.sample.decode(out=out)
        assert got is out, "decode must return the array passed as out="
        _assert_equal(out, case.whole, "decode(out=…) wrote something else")

    @pytest.mark.parametrize("size", [(8, 12), (1, 1), (37, 23)])
    def test_decode_to_a_size(self, case: CodecCase, size: tuple[int, int]) -> None:
        got = case.sample.decode(size=size)
        wanted = (*case.whole.shape[:-3], *size, case.whole.shape[-1])
        assert got.shape == wanted, (
            f"decode(size={size}) returned shape {got.shape}, not {wanted}: size is (height, width)"
        )
        assert got.dtype == case.whole.dtype, f"decode(size={size}) returned {got.dtype}, not {case.whole.dtype}"

    def test_own_size_changes_nothing(self, case: CodecCase) -> None:
        height, width = case.whole.shape[-3:-1]
        _assert_equal(
            case.sample.decode(size=(height, width)), case.whole, "decode(size=its own size) returns other pixels"
        )

    def test_pixels(self, case: CodecCase) -> None:
        assert set(case.codec.pixels) <= set(PIXEL_WORDS), f"pixels is {case.codec.pixels}: the words are {PIXEL_WORDS}"
        for word in set(case.codec.pixels) & set(PIXEL_FORMS):
            form = PIXEL_FORMS[word]
            got = case.sample.decode(pixels=word)
            wanted = (*case.whole.shape[:-1], form.channels)
            assert got.shape == wanted, f"decode(pixels={word!r}) gave shape {got.shape}, not {wanted}"
            assert got.dtype == form.dtype, f"decode(pixels={word!r}) gave {got.dtype}, not {form.dtype}"
            small = case.sample.decode(pixels=word, size=(8, 12))
            assert small.shape[-3:] == (8, 12, form.channels), f"decode(pixels={word!r}, size=(8, 12)): {small.shape}"
            out = np.zeros(wanted, form.dtype)
            assert case.sample.decode(pixels=word, out=out) is out
            _assert_equal(out, got, f"decode(pixels={word!r}, out=…) wrote something else")

    def test_planes(self, case: CodecCase) -> None:
        planes = case.sample.planes() if PLANES in case.codec.pixels else None
        if planes is None:
            return
        assert list(planes) == [name for name in "yuva" if name in planes], f"planes are called {list(planes)}"
        axes = case.whole.ndim - 1
        for name, plane in planes.items():
            assert plane.dtype.name in {"uint8", "uint16"}, f"plane {name} is {plane.dtype}"
            assert plane.ndim == axes, f"plane {name} has the shape {plane.shape}: no channels are wanted"
        if self.has_index:
            request = [case.sample.frames - 1, 0, 0]
            some = case.sample.planes(request) or {}
            for name, plane in planes.items():
                _assert_equal(some[name], plane[request], f"plane {name} of frames {request} is another one")

    def test_results_are_your_own(self, case: CodecCase) -> None:
        first = case.sample.decode()
        kept = first.copy()
        case.sample.decode()
        _assert_equal(first, kept, "a decoded array changed when another one was decoded")
        first[:] = 0
        _assert_equal(case.sample.decode(), kept, "writing into a decoded array changed what is decoded next")

    def test_a_new_codec_gives_the_same(self, case: CodecCase) -> None:
        fresh = type(case.codec)(case.codec.name, limits=case.codec.limits)
        again = _Sample(fresh, case.sample.found, case.sample.blob)
        _assert_equal(
            again.decode(),
            case.whole,
            "a new codec with the stored index decodes other values: the codec has hidden state",
        )

    def test_threads(self, case: CodecCase) -> None:
        whole, sample = case.whole, case.sample

        def run(thread: int) -> None:
            pick = random.Random(thread)  # noqa: S311
            for _ in range(5):
                request = pick.choices(range(sample.frames), k=4) if sample.found.index is not None else None
                got = sample.decode(request)
                _assert_equal(
                    got, whole if request is None else whole[request], f"with {_THREADS} threads, {request} is wrong"
                )

        together(run, _THREADS)

    # Hostile and damaged input

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
    def test_truncated(self, case: CodecCase, share: float) -> None:
        self._check_damaged(case, case.data[: int(len(case.data) * share)], f"cut to {share:.1%}")

    @pytest.mark.parametrize("seed", range(6))
    def test_damaged(self, case: CodecCase, seed: int) -> None:
        self._check_damaged(case, _damage(case.data, seed), f"with random bytes in it (seed {seed})")

    def test_not_a_sample(self, case: CodecCase) -> None:
        for data in (b"", b"\0" * 5000, b"text " * 1000, case.data[:16] + b"\xff" * 5000):
            with pytest.raises(ReelbaseError) as caught:
                _ingest(case.codec, Blob.of(data), "the-name.bin").decode()
            assert "the-name.bin" in str(caught.value), f"the message must name the file: {caught.value}"

    def test_limit_of_pixels(self, case: CodecCase) -> None:
        height, width = case.whole.shape[-3:-1]
        self._check_limited(case, Limits(max_pixels=height * width - 1))
        allowing = type(case.codec)(case.codec.name, limits=Limits(max_pixels=height * width))
        _assert_equal(
            _ingest(allowing, Blob.of(case.data), case.filename).decode(), case.whole, "max_pixels must be inclusive"
        )

    # Encode

    def test_encode(self, case: CodecCase) -> None:
        if type(case.codec).encode is Codec.encode:
            with pytest.raises(UsageError, match="does not encode"):
                case.codec.encode(case.whole)
            return
        data = case.codec.encode(case.whole, **case.options)
        assert type(data) is bytes, f"encode returned a {type(data).__name__}, not bytes"
        assert type(case.codec).claims(data[:_BYTES_FOR_CLAIMS]), "claims() returns False for the output of encode()"
        got = _ingest(case.codec, Blob.of(data), case.filename).decode()
        assert got.shape == case.whole.shape, f"an encoded array of shape {case.whole.shape} was decoded to {got.shape}"

    @pytest.mark.parametrize(
        "array", [np.zeros((2, 2), np.float32), np.zeros(3, np.uint8), np.zeros((0, 4, 4, 3), np.uint8)]
    )
    def test_encode_refuses(self, case: CodecCase, array: Array) -> None:
        with pytest.raises(ReelbaseError):
            case.codec.encode(array, **case.options)

    def test_encode_refuses_unknown_options(self, case: CodecCase) -> None:
        with pytest.raises(UsageError):
            case.codec.encode(case.whole, **case.options, no_such_option=1)

    def _check_damaged(self, case: CodecCase, data: bytes, how: str) -> None:
        """Check that damaged bytes lead to a ReelbaseError, or to an array of the shape in `info`."""
        try:
            sample = _ingest(case.codec, Blob.of(data), case.filename)
            got = sample.decode()
        except ReelbaseError:
            return
        shape = sample.found.info.shape
        assert got.shape == shape, f"a sample {how} has info.shape {shape} and was decoded to {got.shape}"

    def _check_limited(self, case: CodecCase, limits: Limits) -> None:
        strict = type(case.codec)(case.codec.name, limits=limits)
        with pytest.raises(LimitError):
            _ingest(strict, Blob.of(case.data), case.filename).decode()


class FrameCodecTests(CodecTests):
    """Tests of a codec that decodes single frames, in addition to those of `CodecTests`."""

    has_index = True

    def test_index_has_a_row_for_each_frame(self, case: CodecCase) -> None:
        index, shape = case.sample.found.index, case.sample.found.info.shape
        assert index is not None
        assert case.whole.ndim == 4, "a sample with a frame index must be decoded to (N, H, W, 3)"
        assert case.whole.shape[-1] == 3, "frames must be RGB"
        assert case.whole.dtype == np.uint8, f"frames are {case.whole.dtype}, not uint8"
        assert len(index) == shape[0], f"the index has {len(index)} frames, info.shape {shape[0]}"
        assert bool(np.all(np.diff(index.times) >= 0)), "the frames' times must ascend"
        assert index.end >= index.times[-1], "the last frame ends before it starts"

    def test_index_is_stored(self, case: CodecCase) -> None:
        sample = case.sample
        assert sample.found.index is not None
        stored = FrameIndex.from_bytes(sample.found.index.to_bytes())
        again = _Sample(case.codec, Ingested(info=sample.found.info, index=stored), sample.blob)
        _assert_equal(again.decode(), case.whole, "a stored and loaded index leads to other frames")

    def test_skim_leads_to_the_same_frames(self, case: CodecCase) -> None:
        found = case.codec.skim(Blob.of(case.data), filename=case.filename)
        if found is None:
            return  # this codec cannot make an index without reading the whole sample
        assert found.info.shape == case.sample.found.info.shape, "skim() and ingest() disagree about the shape"
        skimmed = _Sample(case.codec, found, Blob.of(case.data))
        _assert_equal(skimmed.decode(), case.whole, "the index of skim() leads to other frames than that of ingest()")
        last = case.sample.frames - 1
        _assert_equal(
            skimmed.decode([last]), case.whole[[last]], "the last frame by the index of skim() is another one"
        )

    def test_each_frame_alone(self, case: CodecCase) -> None:
        for frame in reversed(range(case.sample.frames)):
            alone = case.sample.decode([frame])
            _assert_equal(alone, case.whole[[frame]], f"frame {frame} decoded alone is not frame {frame} of all")

    @pytest.mark.parametrize("seed", range(8))
    def test_any_order_with_repeats(self, case: CodecCase, seed: int) -> None:
        pick = random.Random(seed)  # noqa: S311
        request = pick.choices(range(case.sample.frames), k=pick.randint(1, 12))
        _assert_equal(case.sample.decode(request), case.whole[request], f"frames {request} came out wrong")

    def test_every_other_frame(self, case: CodecCase) -> None:
        request = list(range(0, case.sample.frames, 2))[::-1]
        _assert_equal(case.sample.decode(request), case.whole[request], f"frames {request} came out wrong")

    def test_no_frames(self, case: CodecCase) -> None:
        got = case.sample.decode([])
        assert got.shape == (0, *case.whole.shape[1:]), f"an empty plan was decoded to shape {got.shape}"

    def test_decode_some_into(self, case: CodecCase) -> None:
        request = [case.sample.frames - 1, 0, 0]
        out = np.full((3, *case.whole.shape[1:]), 77, np.uint8)
        assert case.sample.decode(request, out=out) is out
        _assert_equal(out, case.whole[request], f"decode(out=…) of frames {request} wrote something else")

    def test_stream(self, case: CodecCase) -> None:
        frames = case.sample.frames
        request = [frames - 1, 0, frames // 2, 0]
        streamed = list(case.codec.stream(case.sample.blob, case.sample.plan(request)))
        wanted = sorted(set(request))
        assert len(streamed) == len(wanted), f"stream() yielded {len(streamed)} frames for {len(wanted)} distinct ones"
        _assert_equal(
            np.stack(streamed), case.whole[wanted], "stream() must yield the distinct frames in ascending order"
        )

    def test_streamed_frames_are_kept(self, case: CodecCase) -> None:
        plan = case.sample.plan(range(case.sample.frames))
        kept = list(case.codec.stream(case.sample.blob, plan))
        _assert_equal(np.stack(kept), case.whole, "a frame of stream() changed after the next one was yielded")

    def test_stream_left_early(self, case: CodecCase) -> None:
        frames = case.codec.stream(case.sample.blob, case.sample.plan(range(case.sample.frames)))
        next(iter(frames))
        del frames
        _assert_equal(
            case.sample.decode([0]), case.whole[[0]], "decoding is wrong after a stream that was not read to its end"
        )

    @pytest.mark.parametrize("share", [0.0, 0.3])
    def test_cut_after_it_was_indexed(self, case: CodecCase, share: float) -> None:
        sample = case.sample
        kept = sample.blob.read()[: int(sample.blob.size * share)]
        cut = Blob(BytesSource(kept), case.filename, 0, sample.blob.size)
        with pytest.raises(ReelbaseError):
            _Sample(case.codec, sample.found, cut).decode()

    @pytest.mark.parametrize("seed", range(4))
    def test_changed_after_it_was_indexed(self, case: CodecCase, seed: int) -> None:
        sample = case.sample
        changed = _Sample(case.codec, sample.found, Blob.of(_damage(sample.blob.read(), seed)))
        try:
            got = changed.decode()
        except ReelbaseError:
            return
        assert got.shape == case.whole.shape, f"changed bytes were decoded to {got.shape}, not {case.whole.shape}"

    def test_limit_of_frames(self, case: CodecCase) -> None:
        if case.sample.frames > 1:
            self._check_limited(case, Limits(max_frames=case.sample.frames - 1))


def _ingest(codec: Codec, blob: Blob, filename: str) -> _Sample:
    spool = io.BytesIO()
    found = codec.ingest(blob, spool, filename=filename)
    if found.index is not None and found.index.repacked:
        assert spool.getvalue(), "the index says that packets are repacked, but nothing was written to the spool"
        return _Sample(codec, found, Blob.of(spool.getvalue()))
    return _Sample(codec, found, blob)


def _damage(data: bytes, seed: int) -> bytes:
    pick, spoilt = random.Random(seed), bytearray(data)  # noqa: S311
    for _ in range(1 + len(data) // 200):
        spoilt[pick.randrange(len(data))] = pick.randrange(256)
    return bytes(spoilt)


def _assert_equal(got: Array, wanted: Array, message: str) -> None:
    assert got.shape == wanted.shape, f"{message}: shape {got.shape}, not {wanted.shape}"
    assert got.dtype == wanted.dtype, f"{message}: dtype {got.dtype}, not {wanted.dtype}"
    assert np.array_equal(got, wanted), f"{message}: {int((got != wanted).sum())} of {wanted.size} values differ"
