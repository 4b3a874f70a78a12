"""An encoder of field-coded H.264, in which every frame consists of two pictures, a top and a bottom field.

Common encoders no longer write such streams, but many broadcasts use them. Macroblocks are either sent as plain samples
(I_PCM) or skipped, so that decoding gives exactly the samples of the input. Clause numbers are those of ITU-T H.264
(08/2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

_FRAME_NUM_BITS, _POC_BITS = 4, 8


@dataclass(frozen=True, kw_only=True)
class Field:
    """One coded field.

    Attributes:
        data: Bytes in Annex B format, with parameter sets before an IDR field.
        frame: Number of its frame, in display order.
        bottom: Whether it is the bottom field, the second one of its frame.
        key: Whether it is the first field of an IDR frame.
    """

    data: bytes
    frame: int
    bottom: bool
    key: bool


def encode_fields(frames: list[Planes], *, gop: int, fps: int) -> Iterator[Field]:
    """Encode frames as fields, top first, in decode order: ``I2 P4 b3 P6 b5 …``. No picture refers to a b picture.

    Args:
        frames: Y, U and V planes in 4:2:0, uint8. The height must be a multiple of 32 and the width one of 16. Samples
            must not be zero.
        gop: Number of frames from one IDR frame to the next; must be odd. Groups are closed.
        fps: Frames per second, written to the parameter sets.
    """
    height, width = frames[0][0].shape
    sets = _make_nal(3, 7, _make_sequence_set(width // 16, height // 32, fps)) + _make_nal(3, 8, _make_picture_set())
    for start in range(0, len(frames), gop):
        yield from _encode_group(frames[start : start + gop], start, sets)


def _encode_group(frames: list[Planes], start: int, sets: bytes) -> Iterator[Field]:
    last: Planes | None = None
    frame_num = 0
    for number in _sort_in_decode_order(len(frames)):
        is_b = number % 2 == 1 and number + 1 < len(frames)
        for bottom in (False, True):
            nal = _encode_slice(frames[number], last, number, frame_num, bottom=bottom, reference=not is_b)
            key = number == 0 and not bottom
            yield Field(data=sets + nal if key else nal, frame=start + number, bottom=bottom, key=key)
        if not is_b:
            last, frame_num = frames[number], frame_num + 1


def _sort_in_decode_order(count: int) -> list[int]:
    """Return frame numbers in decode order: each odd one after the even one that follows it in display order."""
    return sorted(range(count), key=lambda number: (number + 1, 1) if number % 2 else (number, 0))


class _Bits:
    """A bit writer with the Exp-Golomb codes of clause 9.1."""

    def __init__(self) -> None:
        self.done = bytearray()
        self._value = self._count = 0

    def u(self, count: int, value: int) -> None:
        self._value, self._count = self._value << count | value, self._count + count
        while self._count >= 8:
            self._count -= 8
            self.done.append(self._value >> self._count & 0xFF)
            self._value &= (1 << self._count) - 1

    def ue(self, *values: int) -> None:
        for value in values:
            self.u(2 * (value + 1).bit_length() - 1, value + 1)

    def align(self) -> None:
        self.u(-self._count % 8, 0)

    def trailing(self) -> bytes:
        self.u(1, 1)
        self.align()
        return bytes(self.done)


def _make_nal(ref_idc: int, kind: int, payload: bytes) -> bytes:
    """Make a NAL unit with start code and emulation prevention (7.3.1)."""
    out, zeros = bytearray([0, 0, 0, 1, ref_idc << 5 | kind]), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def _make_sequence_set(columns: int, pairs: int, fps: int) -> bytes:
    """Make a seq_parameter_set_rbsp (7.3.2.1.1): Main profile, frame_mbs_only_flag 0."""
    bits = _Bits()
    bits.u(24, 77 << 16 | 30)
    bits.ue(0, _FRAME_NUM_BITS - 4, 0, _POC_BITS - 4, 2)
    bits.u(1, 0)
    bits.ue(columns - 1, pairs - 1)
    bits.u(5, 0b00101)  # fields, no MBAFF, direct 8x8, no cropping, VUI follows
    bits.u(5, 0b00001)  # VUI with the timing only
    bits.u(32, 1)
    bits.u(32, 2 * fps)
    bits.u(5, 0b10001)  # fixed rate, no HRD (2), no pic_struct, bitstream restriction
    bits.u(1, 1)
    bits.ue(0, 0, 10, 10, 1, 2)  # max_num_reorder_frames 1, max_dec_frame_buffering 2
    return bits.trailing()


def _make_picture_set() -> bytes:
    """Make a pic_parameter_set_rbsp (7.3.2.2): CAVLC, deblocking controlled by slices."""
    bits = _Bits()
    bits.ue(0, 0)
    bits.u(2, 0)
    bits.ue(0, 0, 0)
    bits.u(3, 0)
    bits.ue(0, 0, 0)
    bits.u(3, 0b100)
    return bits.trailing()


def _encode_slice(
    planes: Planes, last: Planes | None, poc: int, frame_num: int, *, bottom: bool, reference: bool
) -> bytes:
    """Encode a field as one slice (7.3.3): an I slice if there is no reference, else a P slice."""
    idr = last is None and not bottom
    intra = last is None
    bits = _Bits()
    bits.ue(0, 7 if intra else 5, 0)
    bits.u(_FRAME_NUM_BITS, frame_num % (1 << _FRAME_NUM_BITS))
    bits.u(2, 0b10 | bottom)
    if idr:
        bits.ue(0)
    bits.u(_POC_BITS, (2 * poc + bottom) % (1 << _POC_BITS))
    if not intra:
        bits.u(2, 0)  # no override of the number of references, no reordering
    if reference:
        bits.u(2 if idr else 1, 0)
    bits.ue(0, 1)  # slice_qp_delta 0, no deblocking
    _write_macroblocks(bits, _split_field(planes, bottom=bottom), _split_field(last, bottom=bottom) if last else None)
    return _make_nal(3 if reference else 0, 5 if idr else 1, bits.trailing())


def _split_field(planes: Planes, *, bottom: bool) -> Planes:
    y, u, v = (plane[int(bottom) :: 2] for plane in planes)
    return y, u, v


def _write_macroblocks(bits: _Bits, field: Planes, last: Planes | None) -> None:
    """Write slice data (7.3.4). A skipped macroblock repeats the last reference field of its parity (8.2.4.2.5)."""
    skipped = 0
    for row in range(field[0].shape[0] // 16):
        for column in range(field[0].shape[1] // 16):
            samples = _get_samples(field, row, column)
            if last is not None and samples == _get_samples(last, row, column):
                skipped += 1
                continue
            if last is None:
                bits.ue(25)
            else:
                bits.ue(skipped, 30)
                skipped = 0
            bits.align()
            bits.done += samples
    if skipped:
        bits.ue(skipped)


def _get_samples(field: Planes, row: int, column: int) -> bytes:
    parts = []
    for plane, edge in zip(field, (16, 8, 8), strict=True):
        block = plane[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge]
        parts.append(block.tobytes())
    return b"".join(parts)
