"""Parsers of packet headers: H.264, HEVC, MPEG-1, 2 and 4, AV1, VP8 and VP9."""
