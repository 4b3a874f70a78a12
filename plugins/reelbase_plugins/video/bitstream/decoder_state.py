"""What a decoder knows from earlier packets, and a decoder that starts later would not know.

Parameter sets stay in effect until others with their number come. A stream may change one once, at a splice, and never
repeat it. The version of x264, which FFmpeg's decoder needs for 4:4:4 streams of older versions, is in the first packet
only. So the packets are read in order, and what each start lacks is kept for the decoders that begin there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from reelbase_plugins.video.bitstream.bit_reader import BitReader, unescape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    #: Parameter sets by type and number.
    Sets = dict[tuple[int, int], bytes]

#: The identifier of x264's message, and the version in its text (ITU-T H.264 D.2.6, user_data_unregistered).
_X264: Final = re.compile(rb"\xdc\x45\xe9\xbd\xe6\xd9\x48\xb7\x96\x2c\xd8\x20\xd9\x23\xee\xefx264 - core (\d{1,9})")
_HEADER_BYTES_READ: Final = 128  # of a parameter set, to find its number


class DecoderState:
    """Collects what decoders that start later have to be given. This base class is for codecs that need nothing.

    Attributes:
        changes: Packet number to the settings of decoders that start there or later; only where they are not those of
            the start before.
        x264_builds: Packet number to the version of x264 that the packet states; only where it is not the one before.
    """

    def __init__(self, extradata: bytes) -> None:
        """Read the settings that the container stores apart from the packets."""
        self.changes: dict[int, bytes] = {}
        self.x264_builds: dict[int, int] = {}

    def replace(self, number: int, extradata: bytes) -> None:
        """Take new settings that the container brings with a packet."""
        self.changes[number] = extradata

    def read(self, number: int, data: bytes, *, start: bool) -> bool:
        """Read the parameter sets and messages of a packet.

        Args:
            number: Its number in decode order.
            data: Its bytes.
            start: True if decoding may start at it.

        Returns:
            True if a sequence parameter set is another one than before. The headers do not say which frames a decoder
            then shows of those that it holds.
        """
        return False


class _NalState(DecoderState):
    """The state of a codec whose packets are made of NAL units."""

    SETS: ClassVar[tuple[int, ...]]  #: types of parameter sets
    SEQUENCE: ClassVar[int]  #: type of sequence parameter sets
    LENGTH_AT: ClassVar[int]  #: byte of a configuration record that holds how many bytes a length has

    def __init__(self, extradata: bytes) -> None:
        super().__init__(extradata)
        self._use(extradata)

    def _use(self, extradata: bytes) -> None:
        self._extradata = extradata
        is_record = len(extradata) > self.LENGTH_AT + 1 and extradata[0] == 1
        self._length_bytes = (extradata[self.LENGTH_AT] & 3) + 1 if is_record else 0
        self._sets = self._find_sets(self._list_sets(extradata) if is_record else _split_annexb(extradata))
        self._given = dict(self._sets)  # what a decoder has that starts at the next packet

    def replace(self, number: int, extradata: bytes) -> None:
        super().replace(number, extradata)
        self._use(extradata)

    def read(self, number: int, data: bytes, *, start: bool) -> bool:
        leading = self._list_leading(data)
        own = self._find_sets(leading)
        if start and number and any(key not in own and self._given.get(key) != nal for key, nal in self._sets.items()):
            self._given = dict(self._sets)
            self.changes[number] = self._make_settings()
        changed = any(key[0] == self.SEQUENCE and self._sets.get(key, nal) != nal for key, nal in own.items())
        self._sets |= own
        self._read_messages(number, leading)
        return changed

    def _list_leading(self, data: bytes) -> list[bytes]:
        """The NAL units before the first one of a picture."""
        leading = []
        for nal in _split_by_lengths(data, self._length_bytes) if self._length_bytes else _split_annexb(data):
            if self._is_picture(nal):
                break
            leading.append(nal)
        return leading

    def _find_sets(self, nals: Iterable[bytes]) -> Sets:
        return {
            (self._kind(nal), self._number(nal)): nal for nal in nals if len(nal) > 2 and self._kind(nal) in self.SETS
        }

    def _make_settings(self) -> bytes:
        """The sets in effect, in the form of the settings that came before."""
        if self._length_bytes:
            return self._make_record()
        return b"".join(b"\0\0\0\1" + nal for _, nal in sorted(self._sets.items()))

    def _sets_of(self, kind: int) -> list[bytes]:
        return [nal for (found, _), nal in sorted(self._sets.items()) if found == kind]

    def _kind(self, nal: bytes) -> int:
        raise NotImplementedError

    def _is_picture(self, nal: bytes) -> bool:
        raise NotImplementedError

    def _number(self, nal: bytes) -> int:
        """The number of a parameter set, by which others refer to it."""
        raise NotImplementedError

    def _list_sets(self, record: bytes) -> Iterator[bytes]:
        """The parameter sets in a configuration record."""
        raise NotImplementedError

    def _make_record(self) -> bytes:
        """A configuration record with the sets in effect."""
        raise NotImplementedError

    def _read_messages(self, number: int, nals: list[bytes]) -> None:
        """Read supplemental messages that change how pictures are decoded."""


class _H264State(_NalState):
    """ITU-T H.264 table 7-1; the avcC record of ISO/IEC 14496-15 5.3.3.1."""

    SETS, SEQUENCE, LENGTH_AT = (7, 8), 7, 4
    _MESSAGE: ClassVar = 6
    _MAX_SETS: ClassVar = {7: 31, 8: 255}  # that a record can hold

    def _kind(self, nal: bytes) -> int:
        return nal[0] & 31

    def _is_picture(self, nal: bytes) -> bool:
        return 1 <= self._kind(nal) <= 5

    def _number(self, nal: bytes) -> int:
        head = BitReader(unescape(nal[1:_HEADER_BYTES_READ]))
        head.skip(24 if self._kind(nal) == self.SEQUENCE else 0)
        return head.ue()

    def _list_sets(self, record: bytes) -> Iterator[bytes]:
        at = 5
        for mask in (31, 255):  # counts of sequence and of picture parameter sets
            count = record[at] & mask if at < len(record) else 0
            at += 1
            for _ in range(count):
                size = int.from_bytes(record[at : at + 2], "big")
                yield record[at + 2 : at + 2 + size]
                at += 2 + size

    def _make_record(self) -> bytes:
        record = self._extradata[:5]
        for kind, reserved_bits in ((7, 0xE0), (8, 0)):
            nals = self._sets_of(kind)[: self._MAX_SETS[kind]]
            record += bytes([reserved_bits | len(nals)]) + b"".join(map(_with_length, nals))
        return record

    def _read_messages(self, number: int, nals: list[bytes]) -> None:
        found = [int(match[1]) for nal in nals if self._kind(nal) == self._MESSAGE and (match := _X264.search(nal))]
        if found and found[-1] != next(reversed(self.x264_builds.values()), None):
            self.x264_builds[number] = found[-1]


class _HevcState(_NalState):
    """ITU-T H.265 table 7-1; the hvcC record of ISO/IEC 14496-15 8.3.3.1."""

    SETS, SEQUENCE, LENGTH_AT = (32, 33, 34), 33, 21
    _VIDEO: ClassVar = 32

    def _kind(self, nal: bytes) -> int:
        return nal[0] >> 1 & 63

    def _is_picture(self, nal: bytes) -> bool:
        return self._kind(nal) < 32

    def _number(self, nal: bytes) -> int:
        layer = (nal[0] & 1) << 5 | nal[1] >> 3  # each layer has numbers of its own
        return layer << 16 | self._number_in_layer(nal)

    def _number_in_layer(self, nal: bytes) -> int:
        head = BitReader(unescape(nal[2:_HEADER_BYTES_READ]))
        if self._kind(nal) == self._VIDEO:
            return head.u(4)
        if self._kind(nal) == self.SEQUENCE:
            head.skip(4)
            sub_layers = head.u(3)
            head.skip(1)
            _skip_profile(head, sub_layers)
        return head.ue()

    def _list_sets(self, record: bytes) -> Iterator[bytes]:
        at = 23
        for _ in range(record[22] if len(record) > 22 else 0):
            count = int.from_bytes(record[at + 1 : at + 3], "big")
            at += 3
            for _ in range(count):
                size = int.from_bytes(record[at : at + 2], "big")
                yield record[at + 2 : at + 2 + size]
                at += 2 + size

    def _make_record(self) -> bytes:
        record = self._extradata[:22] + bytes([len(self.SETS)])
        for kind in self.SETS:
            nals = self._sets_of(kind)
            record += bytes([kind]) + len(nals).to_bytes(2, "big") + b"".join(map(_with_length, nals))
        return record


def _skip_profile(head: BitReader, sub_layers: int) -> None:
    """Skip profile_tier_level (ITU-T H.265 7.3.3)."""
    head.skip(96)
    present = [(head.u(1), head.u(1)) for _ in range(sub_layers)]
    head.skip(2 * (8 - sub_layers) if sub_layers else 0)
    head.skip(sum(88 * profile + 8 * level for profile, level in present))


def _with_length(nal: bytes) -> bytes:
    return len(nal).to_bytes(2, "big") + nal


def _split_by_lengths(data: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if size:
            yield data[at : at + size]
        at += size


def _split_annexb(data: bytes) -> Iterator[bytes]:
    """NAL units after start codes (ITU-T H.264 annex B), without the zero bytes that may follow each."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        start = at + 3
        at = data.find(b"\0\0\1", start)
        yield data[start : at if at >= 0 else len(data)].rstrip(b"\0")


_STATES_BY_CODEC: Final[dict[str, type[DecoderState]]] = {"h264": _H264State, "hevc": _HevcState}


def make_decoder_state(codec: str, extradata: bytes) -> DecoderState:
    """Make the state of a codec.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: Settings that a decoder gets before its first packet.
    """
    return _STATES_BY_CODEC.get(codec, DecoderState)(extradata)
