"""The words in which header parsers answer."""

from __future__ import annotations

from typing import Final


class Look:
    """Bits of what a packet's headers say."""

    DISPOSABLE: Final = 1  #: no packet (of its layer or below) refers to it
    HIDDEN: Final = 2  #: decoded and not shown
    CONTINUES: Final = 4  #: second field of the frame in the packet before
    START: Final = 8  #: decoding can start here
    CLOSED: Final = 16  #: decoding can start here, and nothing after refers to anything before
    NO_START: Final = 32  #: decoding cannot start here, whatever the container says
    UNSURE: Final = 64  #: only decoding shows what comes of it
    LAYER_SHIFT: Final = 8  #: temporal layer, above the bits
    LAYER_MASK: Final = 7


class Parser:
    """Looks at the packets of one stream in decode order. This one knows nothing."""

    def __init__(self, extradata: bytes) -> None:
        """Take what the container stores apart from the packets."""

    def look(self, data: bytes, *, key: bool) -> int:
        """Bits of `Look` for a packet.

        Args:
            data: The packet, at least one byte.
            key: Whether the container calls it a key frame.
        """
        return 0
