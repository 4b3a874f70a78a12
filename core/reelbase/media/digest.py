"""What identifies a file by its content, wherever it is and whatever it is called."""

from __future__ import annotations

import hashlib
import zlib


class Digest:
    """Checksums of bytes that come one part after another.

    Attributes:
        size: Number of bytes so far.
        crc: Their CRC-32, as `zlib.crc32` computes it.
    """

    def __init__(self, data: bytes = b"") -> None:
        self.size = self.crc = 0
        self._sha = hashlib.sha256()
        self.update(data)

    def update(self, data: bytes) -> None:
        """Add bytes."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self._sha.update(data)

    @property
    def sha256(self) -> str:
        """SHA-256 (FIPS 180-4) in 64 hexadecimal digits, as ``sha256sum`` prints it. Equal for equal files only."""
        return self._sha.hexdigest()
