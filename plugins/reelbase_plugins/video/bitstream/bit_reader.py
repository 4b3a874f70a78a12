"""A reader of bits and Exp-Golomb codes in video headers."""

from __future__ import annotations


class BitReader:
    """Reads bits of a byte string, most significant first.

    Reading past the end gives zeros: headers of damaged files end early, and parsers must not raise for them.

    Args:
        data: Payload without emulation prevention bytes; see `unescape`.

    Attributes:
        left: Number of bits that are not read yet; negative after reading past the end.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def u(self, count: int) -> int:
        """Read an unsigned number of `count` bits."""
        self.left -= count
        if self.left < 0:
            return 0
        return (self._value >> self.left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Skip `count` bits."""
        self.left -= count

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb code (ITU-T H.264 9.1)."""
        zeros = 0
        while self.left > 0 and not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros) if zeros < 33 else 0

    def se(self) -> int:
        """Read a signed Exp-Golomb code (ITU-T H.264 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def unescape(nal: bytes) -> bytes:
    """Remove the emulation prevention bytes of a NAL unit (ITU-T H.264 7.4.1)."""
    return nal.replace(b"\0\0\3", b"\0\0")
