"""What packets say of themselves: parsers of H.264, HEVC, AV1 and VP9."""
