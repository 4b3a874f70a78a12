"""The viewer contract: how ``play`` and ``visualize`` reach whoever looks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from reelbase.contracts.codec import Codec
    from reelbase.io.blob import Blob
    from reelbase.media.frame_index import FrameIndex
    from reelbase.media.media_info import MediaInfo


@dataclass(frozen=True, kw_only=True)
class StoredVideo:
    """One video as it is stored.

    Attributes:
        blob: The file.
        packets: The bytes that the index points into: the file, or a repacked stream.
        index: Its frame index.
        codec: What decodes it.
        info: Shape and facts.
    """

    blob: Blob
    packets: Blob
    index: FrameIndex
    codec: Codec
    info: MediaInfo


class ViewerSource(Protocol):
    """What there is to see: some rows of some tensors, at one commit. Safe to ask from several threads.

    Rows are numbered as in the dataset. What is asked for and not there raises a ReelbaseError. All answers but bytes
    and `StoredVideo` are JSON-able.
    """

    def about(self) -> Mapping[str, Any]:
        """Of all: ``title``, ``version``, ``rows``, ``where``, ``start``, ``info`` and ``tensors``.

        ``where`` is a filter to begin with, ``start`` the row, tensor and frame, or None; ``info`` the dataset's own.
        Each tensor has its ``name``, ``htype``, ``role`` (see `Htype.role`), ``sequence``, ``count`` and ``settings``.
        """

    def versions(self) -> list[Mapping[str, Any]]:
        """The named versions up to this one, newest first: ``ref``, ``message``, ``author`` and ``time`` (ISO 8601)."""

    def html_preview(self) -> str:
        """A still picture of it: a little HTML without scripts, for where nothing can be asked."""

    def rows(self, where: str, start: int, limit: int) -> Mapping[str, Any]:
        """Some of the rows that a filter chooses.

        ``rows``, each with ``row``, ``title`` and ``video`` (the first tensor with one, or None); ``next`` to ask on
        with, or None at the end; and ``seen``, how many were looked at.
        """

    def row(self, row: int) -> Mapping[str, Any]:
        """One row.

        ``values`` by tensor, of what belongs to all of it; ``lengths`` of sequences; ``videos``, with their facts.
        """

    def video(self, row: int, tensor: str) -> StoredVideo:
        """The video at a row."""

    def track(self, row: int, tensor: str, start: int, stop: int) -> list[Any]:
        """The items of a sequence for frames ``start:stop``, as `Htype.drawn` gives them."""

    def curve(self, row: int, tensor: str) -> list[float | None]:
        """A sequence of single numbers, all of it."""

    def picture(self, row: int, tensor: str, frame: int, width: int) -> bytes:
        """One frame as JPEG, at most `width` pixels wide."""

    def clip(self, row: int, tensor: str, start: int, stop: int) -> Any:
        """Frames ``start:stop`` encoded anew for a browser: a `reelbase.plugin.WebClip`."""


class Shown(ABC):
    """A viewer that is open; a context manager that closes it.

    Attributes:
        url: Where it can be seen; "" for one that has no address.
    """

    url: str = ""

    @abstractmethod
    def close(self) -> None:
        """Stop showing; what is shown already may stay on the screen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Viewer(ABC):
    """Shows videos and their annotations to a person."""

    @abstractmethod
    def show(self, showing: ViewerSource, *, open_browser: bool) -> Shown:
        """Begin to show, and return at once.

        Args:
            showing: What.
            open_browser: Bring it before the user's eyes; otherwise only make it reachable.
        """
