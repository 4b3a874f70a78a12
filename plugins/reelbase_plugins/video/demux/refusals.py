"""Files that libav opens, and of which no video can be kept: encrypted ones and still pictures.

libav decodes the one to garbage, or to nothing; of the other it shows one tile, where the picture has several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.errors import MediaError, UnknownFormatError
from reelbase_plugins.video.demux.boxes import is_still_picture, list_sample_formats
from reelbase_plugins.video.demux.recognise import find_transport_packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from reelbase_plugins.video.demux.safe_open import Reader

#: Sample entries of encrypted video: common encryption (ISO/IEC 23001-7), and the older one of QuickTime.
_ENCRYPTED_ENTRIES: Final = frozenset({b"encv", b"drmi"})
#: Metadata that libav's demuxers set for content encryption, of the file or of a stream.
_ENCRYPTION_KEYS: Final = {"matroska": ("enc_key_id",), "asf": ("encryption", "ASF_Protection_Type", "ASF_Key_ID")}
_TS_HEAD_BYTES: Final = 4096
_TS_BYTES_LOOKED_AT: Final = 1 << 18


def check_can_be_kept(container: InputContainer, reader: Reader, demuxer: str, filename: str) -> None:
    """Check that an open file is not one that can only be refused.

    Raises:
        UnknownFormatError: it is a still picture.
        MediaError: it is encrypted.
    """
    if demuxer == "mov":
        if is_still_picture(reader):
            raise UnknownFormatError(
                f"{filename} is a still picture (HEIF, such as HEIC or AVIF), not a video.",
                "Convert it to PNG or JPEG, and append it to an image tensor.",
            )
        if _ENCRYPTED_ENTRIES & set(list_sample_formats(reader)):
            raise make_encrypted_error(filename)
    if demuxer == "mpegts" and _is_scrambled(reader, {stream.id for stream in container.streams.video}):
        raise make_encrypted_error(filename)
    stated = set(container.metadata).union(*(stream.metadata for stream in container.streams.video))
    if not stated.isdisjoint(_ENCRYPTION_KEYS.get(demuxer, ())):
        raise make_encrypted_error(filename)


def _is_scrambled(reader: Reader, pids: set[int]) -> bool:
    """Return True if most transport packets of the video are scrambled (ISO/IEC 13818-1, 2.4.3.3)."""
    data = reader.read_span(0, _TS_BYTES_LOOKED_AT)
    start, step = find_transport_packets(data[:_TS_HEAD_BYTES]) or (0, 188)
    scrambled = [
        bool(data[at + 3] & 0xC0)
        for at in range(start, len(data) - 3, step)
        if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF in pids
    ]
    return 2 * sum(scrambled) > len(scrambled)


def check_packet(packet: Packet[VideoStream], filename: str) -> None:
    """Check that a packet is not encrypted.

    Raises:
        MediaError: the container states how it is encrypted.
    """
    if packet.has_sidedata("encryption_info"):
        raise make_encrypted_error(filename)


def make_encrypted_error(filename: str) -> MediaError:
    """Return the error that says so."""
    return MediaError(
        f"{filename} is encrypted (DRM): its frames cannot be decoded.", "Pass a copy without encryption."
    )
