"""The flags that header parsers return, and the parser of codecs whose headers are not read."""

from __future__ import annotations

from typing import Final


class PacketFlags:
    """Flags of one packet, as its own headers state them; a temporal layer number is stored above them.

    These are what a parser returns. The flags that an index stores are those of `reelbase.plugin.Flag`.
    """

    DISPOSABLE: Final = 1  #: no packet of its temporal layer or a lower one refers to it
    HIDDEN: Final = 2  #: it is decoded but not shown
    CONTINUES: Final = 4  #: it is the second field of the frame that the packet before began
    START: Final = 8  #: decoding can start here
    CLOSED: Final = 16  #: decoding can start here, and no later packet refers to an earlier one
    NO_START: Final = 32  #: decoding cannot start here, even if the container marks a key frame
    UNSURE: Final = 64  #: the headers do not say which frames come out; only decoding does
    LAYER_SHIFT: Final = 8  #: the temporal layer number begins at this bit
    LAYER_MASK: Final = 7  #: a temporal layer number has three bits


class Parser:
    """Parses the packets of one stream in decode order. This base class sets no flags, for codecs without a parser."""

    def __init__(self, extradata: bytes) -> None:
        """Read the codec settings that the container stores apart from the packets."""

    def parse(self, data: bytes, *, key: bool) -> int:
        """Return the `PacketFlags` of a packet.

        Args:
            data: The bytes of the packet, at least one.
            key: True if the container marks the packet as a key frame.
        """
        return 0
