"""The viewer contract: what ``play`` and ``visualize`` pass to a viewer, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from reelbase.contracts.codec import Codec, WebClip
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
        codec: The codec that decodes it.
        info: Shape and facts.
        media_type: The IANA media type of the file, from the codec's spec; "" if it declares none.
    """

    blob: Blob
    packets: Blob
    index: FrameIndex
    codec: Codec
    info: MediaInfo
    media_type: str = ""


@dataclass(frozen=True, kw_only=True)
class ShownTensor:
    """One tensor that is shown.

    Attributes:
        name: Its name in the dataset.
        htype: The htype it was created with, such as ``"sequence[bbox]"``.
        role: How to show an item; see `Htype.role`.
        sequence: True if a row holds several items.
        count: Number of rows.
        settings: JSON-able settings of the htype.
    """

    name: str
    htype: str
    role: str
    sequence: bool
    count: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Start:
    """The frame that a viewer shows first.

    Attributes:
        row: Row number.
        tensor: Name of the video tensor.
        frame: Frame number.
    """

    row: int
    tensor: str
    frame: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What a viewer shows first: the title, the tensors, and where to start.

    Attributes:
        title: The dataset's path, or the name of a single video.
        version: The version that is shown, such as ``"main@12"``; "" for a single video.
        rows: Number of rows of the longest tensor.
        where: The filter to start with; "" for none.
        start: The frame to start with; None shows the rows first.
        info: The dataset's own metadata, JSON-able.
        tensors: All tensors, in the order they were created.
    """

    title: str
    version: str
    rows: int
    where: str
    start: Start | None
    info: Mapping[str, Any]
    tensors: tuple[ShownTensor, ...]


@dataclass(frozen=True, kw_only=True)
class ShownVersion:
    """A named version of the dataset.

    Attributes:
        ref: The version's name, such as ``"main@12"``.
        message: The commit's message; None if it has none.
        author: The user who committed it.
        time: The time of the commit, as ISO 8601.
    """

    ref: str
    message: str | None
    author: str
    time: str


@dataclass(frozen=True, kw_only=True)
class RowCard:
    """A row as a list or grid shows it.

    Attributes:
        row: Row number.
        title: Its labels and texts, or else the name of its file; at most 120 characters.
        video: The first tensor with a video in this row, or None.
    """

    row: int
    title: str
    video: str | None


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """Some of the rows that a filter selects.

    Attributes:
        rows: A card for each row that the filter selects.
        next: The row to continue with; None at the end.
        seen: How many rows were compared with the filter.
    """

    rows: tuple[RowCard, ...]
    next: int | None
    seen: int


@dataclass(frozen=True, kw_only=True)
class RowDetails:
    """The values of one row.

    Attributes:
        row: Row number.
        values: Values of the tensors that are neither videos nor sequences, by tensor; JSON-able, long ones shortened.
        lengths: Number of items of each sequence, by tensor.
        videos: Facts of each video, by tensor; JSON-able.
    """

    row: int
    values: Mapping[str, Any]
    lengths: Mapping[str, int]
    videos: Mapping[str, Any]


class ViewerSource(Protocol):
    """The data that a viewer shows: rows of some tensors, at one commit. Several threads may call it.

    Rows are numbered as in the dataset. A row, tensor or frame that does not exist raises a ReelbaseError.
    """

    def overview(self) -> Overview:
        """Return the title, the tensors, and where to start."""

    def versions(self) -> list[ShownVersion]:
        """Return the named versions up to this one, newest first."""

    def html_preview(self) -> str:
        """Return a preview as HTML without scripts, for pages that have no server, such as a saved notebook."""

    def rows(self, where: str, start: int, limit: int) -> RowPage:
        """Return a page of the rows that a filter selects.

        Args:
            where: A filter expression; "" selects all rows.
            start: The row to start at.
            limit: How many rows to return, at most.

        Raises:
            FilterError: `where` is not a valid filter.
        """

    def row(self, row: int) -> RowDetails:
        """Return the values of one row."""

    def video(self, row: int, tensor: str) -> StoredVideo:
        """Return the stored video of a row in tensor `tensor`."""

    def track(self, row: int, tensor: str, start: int, stop: int) -> list[Any]:
        """Return the items of a sequence for frames ``start:stop``, as `Htype.drawn` returns them; JSON-able."""

    def curve(self, row: int, tensor: str) -> list[float | None]:
        """Return all values of a sequence of single numbers; None for each that is not a finite number."""

    def picture(self, row: int, tensor: str, frame: int, width: int) -> bytes:
        """Return one frame as JPEG, at most `width` pixels wide."""

    def clip(self, row: int, tensor: str, start: int, stop: int) -> WebClip:
        """Return frames ``start:stop`` encoded for a browser that cannot decode the stored packets."""


class Shown(ABC):
    """An open viewer; also a context manager that closes it.

    Attributes:
        url: The address of the page; "" if it has none.
    """

    url: str = ""

    @abstractmethod
    def close(self) -> None:
        """Stop serving the page. What is on the screen already may stay there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Viewer(ABC):
    """Shows videos and their annotations to a person."""

    @abstractmethod
    def show(self, source: ViewerSource, *, open_browser: bool) -> Shown:
        """Open the viewer and return without waiting for the user.

        Args:
            source: The data to show.
            open_browser: Open a window for the user; if False, only make the page reachable at the returned ``url``.
        """
