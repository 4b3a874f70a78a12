"""Check at ingest that decoded frames can be converted, so that nothing is accepted that every read would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase_plugins.video.decoding.convert import FrameConverter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from reelbase_plugins.video.decoding.decoder_config import DecoderConfig


class ConversionCheck:
    """Converts one frame of each kind: whether swscale can depends on format, size and colour tags alone.

    Args:
        config: Decoder configuration of the video.
        filename: Name of the file in messages.
    """

    def __init__(self, config: DecoderConfig, filename: str) -> None:
        self._config = config
        self._filename = filename
        self._converted: set[object] = set()

    def check(self, frame: VideoFrame) -> None:
        """Convert the frame unless one of its kind was converted before.

        Raises:
            MediaError: it cannot be converted.
        """
        tags = (frame.colorspace, frame.color_range, frame.color_primaries, frame.interlaced_frame)
        kind = (frame.format.name, frame.width, frame.height, tags)
        if kind not in self._converted:
            # with a size, so that frames of another size than the first are converted too
            FrameConverter(self._config, self._config.shape).convert(frame, self._filename)
            self._converted.add(kind)
