"""An index that does not hold is found out and demoted, step by step."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from reelbase.errors import DamagedMediaError, FrameSizeError, UsageError
from reelbase.plugin import Blob, Flag, Limits, Trust
from reelbase.testing.clips import read_code
from reelbase_plugins.video.decoding.decoder import Sequential
from reelbase_plugins.video.decoding.decoder_config import DecoderConfig
from reelbase_plugins.video.demux import containers
from reelbase_plugins.video.indexing.verify_index import Check, watch
from shared_corpus import shared_corpus

pytest.importorskip("av")

MAX = 1 << 26
CODECS = {"mp4": containers.Mp4, "ts": containers.Ts, "avi": containers.Avi, "mkv": containers.Mkv}


def ingested(tmp_path, name, **how):
    """Return codec, index, the blob to decode from and the blob of the file."""
    path = tmp_path / name
    shared_corpus()[name](path)
    codec = CODECS[path.suffix[1:]](path.suffix[1:])
    file, spool = Blob.of(path.read_bytes()), io.BytesIO()
    found = codec.ingest(file, spool, filename=name, **how)
    return codec, found, Blob.of(spool.getvalue()) if found.index.repacked else file, file


def proof(index, blob, file):
    config = DecoderConfig.from_dict(index.decoder)
    return Check(blob, config, Limits(max_pixels=MAX)), watch(Sequential(file, config, "a", MAX))


def settled(index, blob, file):
    check, witness = proof(index, blob, file)
    return check.find_trust(index, witness, everything=True, damaged=bool(witness.damaged))


def flagged(index, where, flag):
    flags = index.flags.copy()
    flags[where] |= flag
    return replace(index, flags=flags)


def test_a_good_index_is_trusted(tmp_path):
    _, found, blob, file = ingested(tmp_path, "h264-b.mp4")
    assert found.index.trust == Trust.FULL
    assert settled(found.index, blob, file) == Trust.FULL
    assert proof(found.index, blob, file)[0].verify_sample(found.index)


def test_wrong_disposables_are_not_skipped(tmp_path):
    _, found, blob, file = ingested(tmp_path, "h264-b.mp4")
    wrong = flagged(found.index, (found.index.flags & Flag.RAP) == 0, Flag.DISPOSABLE)
    assert not proof(wrong, blob, file)[0].verify_sample(wrong)
    assert settled(wrong, blob, file) == Trust.NO_SKIP


def test_leading_pictures_unmarked_are_found(tmp_path):
    _, found, blob, file = ingested(tmp_path, "h264-open-gop.mp4")
    index = found.index
    assert (index.flags & Flag.LEADING).any()
    wrong = replace(index, flags=index.flags & np.uint8(~(Flag.LEADING | Flag.OPEN) & 255))
    assert not proof(wrong, blob, file)[0].verify_sample(wrong)
    assert settled(wrong, blob, file) == Trust.PREVIOUS


def test_starts_that_are_none_leave_the_whole(tmp_path):
    _, found, blob, file = ingested(tmp_path, "h264-one-gop.mp4")
    wrong = flagged(found.index, slice(None), Flag.RAP)
    assert settled(wrong, blob, file) == Trust.WHOLE


def test_a_wrong_decoder_leaves_the_container(tmp_path):
    codec, found, blob, file = ingested(tmp_path, "h264-b.mp4")
    index = replace(found.index, crcs=None)
    wrong = replace(index, pos=np.roll(index.pos, 1), size=np.roll(index.size, 1))
    assert settled(wrong, blob, file) == Trust.CONTAINER
    last = replace(wrong, trust=Trust.CONTAINER)
    request = np.array([7, 0, 7, 39])
    good = codec.decode(blob, index.plan(request))
    assert np.array_equal(codec.decode(file, last.plan(request)), good)
    assert [read_code(frame) for frame in codec.stream(file, last.plan(request))] == [
        read_code(frame) for frame in good[[1, 0, 3]]
    ]


def test_packed_avi_is_demoted_and_right(tmp_path):
    codec, found, blob, _ = ingested(tmp_path, "mpeg4-packed.avi")
    assert found.index.trust < Trust.NO_SKIP
    codes = [read_code(frame) for frame in codec.decode(blob, found.index.plan(np.arange(len(found.index))))]
    assert codes == sorted(codes)


@pytest.mark.parametrize("check", ["sample", "full", "none"])
def test_how_much_is_checked(tmp_path, check):
    _, found, _, _ = ingested(tmp_path, "h264-b.mp4", check=check)
    assert found.index.trust == Trust.FULL
    assert found.info.details["checked"] == ("nothing" if check == "none" else "every frame")  # so few cost no more


def test_unknown_check(tmp_path):
    with pytest.raises(UsageError, match="'some'"):
        ingested(tmp_path, "h264-b.mp4", check="some")


def test_a_sample_is_enough_where_times_are_sure(tmp_path, monkeypatch):
    monkeypatch.setattr(Check, "is_cheap", lambda self, packets: False)
    _, found, _, _ = ingested(tmp_path, "h264-b.mkv")
    assert found.info.details["checked"] == "a sample of frames"
    _, found, _, _ = ingested(tmp_path, "h264-b.avi")
    assert "order of all" in found.info.details["checked"]


def test_sizes_that_change(tmp_path):
    codec, found, blob, _ = ingested(tmp_path, "resized.ts")
    plan = found.index.plan(np.arange(len(found.index)))
    with pytest.raises(FrameSizeError, match="size="):
        codec.decode(blob, plan)
    assert codec.decode(blob, plan, size=(48, 64)).shape == (len(found.index), 48, 64, 3)


def test_a_frame_that_does_not_come(tmp_path):
    codec, found, _, file = ingested(tmp_path, "h264-b.mp4")
    data = bytearray(file.read())
    packet = int(found.index.display[20])
    at, size = int(found.index.pos[packet]), int(found.index.size[packet])
    data[at : at + size] = bytes(size)
    with pytest.raises(DamagedMediaError, match=f"Frame 20 did not come out of packet {packet}"):
        codec.decode(Blob.of(data), replace(found.index, crcs=None).plan(np.array([20])))
