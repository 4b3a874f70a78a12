"""What is known of one media sample without decoding it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what a codec may use, most of them from the ``[security]`` table of the configuration.

    Attributes:
        max_pixels: Largest width times height of one frame.
        max_frames: Largest number of frames (or packets) of one video.
        threads: Most threads that one call decodes with (configuration key ``threads``); 0 means one per core.
    """

    max_pixels: int = 67_108_864
    max_frames: int = 10_000_000
    threads: int = 0


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """Shape and description of one encoded sample.

    Attributes:
        shape: Shape of the decoded array: ``(N, H, W, C)`` for video, ``(H, W, C)`` for an image.
        codec: Name of the codec (its plugin spec) that decodes the sample.
        details: JSON-able facts shown by ``sample_info``, in the order they are shown.
        sha256: SHA-256 of the file's bytes, 64 hexadecimal digits; None where the file was not read whole.
    """

    shape: tuple[int, ...]
    codec: str
    details: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None

    def as_sample_info(self) -> dict[str, Any]:
        """The facts that ``sample_info`` shows."""
        return {**self.details, **({"sha256": self.sha256} if self.sha256 else {})}

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that is stored."""
        return {"shape": list(self.shape), "codec": self.codec, "details": dict(self.details)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> MediaInfo:
        """The inverse of `as_dict`."""
        return cls(
            shape=tuple(stored["shape"]), codec=stored["codec"], details=stored["details"], sha256=stored.get("sha256")
        )
