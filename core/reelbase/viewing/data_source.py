"""The source that a viewer reads: rows of tensors, their videos, and the items that belong to each frame."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from reelbase.contracts.viewer import Overview, RowCard, RowDetails, RowPage, StoredVideo
from reelbase.errors import SampleIndexError, TensorNotFoundError, UsageError
from reelbase.registry import registry
from reelbase.selection.filter import Filter
from reelbase.viewing.html_repr import html_preview
from reelbase.viewing.json_values import as_number, as_words, shorten, to_json
from reelbase.viewing.tensor_source import media_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.contracts.codec import WebClip
    from reelbase.contracts.specs import ViewerSpec
    from reelbase.contracts.viewer import Shown, ShownVersion, Start
    from reelbase.viewing.tensor_source import TensorSource

MAX_ROWS_PER_PAGE: Final = 500
MAX_ROWS_FILTERED_PER_PAGE: Final = 5_000  #: then the page gets what was found so far, and asks again
MAX_FRAMES_PER_CLIP: Final = 64
MAX_CLIP_WIDTH: Final = 1280  #: pixels; wider frames are scaled, so that they are encoded while a person waits
MAX_TITLE_CHARACTERS: Final = 120


class DatasetViewerSource:
    """Tensors as a viewer sees them. Implements `reelbase.contracts.viewer.ViewerSource`.

    Args:
        title: What is shown: the dataset's path, or a file name.
        tensors: The tensors.
        version: The version of the dataset, such as "main@12"; "" if it is not one.
        versions: Lists the versions up to this one.
        info: The dataset's own metadata.
        where: The filter to start with.
        start: The frame to start with.
        rows: Numbers of the rows that are shown, in their order; None shows all.
    """

    def __init__(
        self,
        title: str,
        tensors: Sequence[TensorSource],
        *,
        version: str = "",
        versions: Callable[[], list[ShownVersion]] = list,
        info: Mapping[str, Any] | None = None,
        where: str = "",
        start: Start | None = None,
        rows: Sequence[int] | None = None,
    ) -> None:
        self._title = title
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._version = version
        self._versions = versions
        self._info = info or {}
        self._where = where
        self._start = start
        self._shown = range(self._count) if rows is None else rows

    @cached_property
    def _count(self) -> int:
        return max((tensor.count for tensor in self._tensors.values()), default=0)

    def overview(self) -> Overview:
        """See `ViewerSource.overview`."""
        return Overview(
            title=self._title,
            version=self._version,
            rows=len(self._shown),
            where=self._where,
            start=self._start,
            info={name: shorten(value) for name, value in self._info.items()},
            tensors=tuple(tensor.describe() for tensor in self._tensors.values()),
        )

    def versions(self) -> list[ShownVersion]:
        """See `ViewerSource.versions`."""
        return self._versions()

    def html_preview(self) -> str:
        """See `ViewerSource.html_preview`."""
        return html_preview(self)

    def rows(self, where: str, start: int, limit: int) -> RowPage:
        """See `ViewerSource.rows`."""
        limit, first = min(max(limit, 1), MAX_ROWS_PER_PAGE), max(start, 0)
        expression = (
            Filter(where, self._tensors, lambda name: self._tensors[name].value_type) if where.strip() else None
        )
        place, stop = first, min(len(self._shown), first + MAX_ROWS_FILTERED_PER_PAGE)
        cards: list[RowCard] = []
        while place < stop and len(cards) < limit:
            row = int(self._shown[place])
            if expression is None or expression.matches(self._values(row, expression.names)):
                cards.append(self._make_card(row))
            place += 1
        return RowPage(rows=tuple(cards), next=place if place < len(self._shown) else None, seen=place - first)

    def _values(self, row: int, names: frozenset[str]) -> Mapping[str, Any]:
        """A row for a filter that uses `names`."""
        return {"row": row} | {name: self._tensors[name].value(row) for name in names}

    def _make_card(self, row: int) -> RowCard:
        tensors = self._tensors.values()
        videos = [tensor.name for tensor in tensors if tensor.is_video and tensor.has_sample(row)]
        return RowCard(row=row, title=self._find_title(row)[:MAX_TITLE_CHARACTERS], video=videos[0] if videos else None)

    def _find_title(self, row: int) -> str:
        """The labels and texts of a row; if it has none, the name of its file."""
        tensors = [tensor for tensor in self._tensors.values() if not tensor.is_sequence]
        described_by = [tensor for tensor in tensors if tensor.item.role in ("labels", "text")]
        words = [text for tensor in described_by if (text := as_words(tensor.value(row)))]
        names = (name for tensor in tensors if (name := tensor.file_name(row)))
        return ", ".join(words) or next(names, "")

    def row(self, row: int) -> RowDetails:
        """See `ViewerSource.row`."""
        self._check_row(row)
        present = [tensor for tensor in self._tensors.values() if tensor.has_sample(row)]
        videos = {tensor.name: tensor.value(row) for tensor in present if tensor.is_video}
        single = [tensor for tensor in present if not tensor.is_sequence and not tensor.is_video]
        return RowDetails(
            row=row,
            values={tensor.name: shorten(tensor.value(row)) for tensor in single},
            lengths={tensor.name: len(tensor.rows[row]) for tensor in present if tensor.is_sequence},
            videos=to_json(videos),
        )

    def video(self, row: int, tensor: str) -> StoredVideo:
        """See `ViewerSource.video`."""
        cell = media_of(self._tensor(tensor).rows[self._check_row(row)])
        types = registry().codecs.spec(cell.codec.name).media_types
        return StoredVideo(
            blob=cell.blob,
            packets=cell.packets,
            index=cell.frame_index(),
            codec=cell.codec,
            info=cell.info,
            media_type=types[0] if types else "",
        )

    def track(self, row: int, tensor: str, start: int, stop: int) -> list[Any]:
        """See `ViewerSource.track`."""
        items = self._tensor(tensor).draw_items(self._check_row(row), start, stop, self._frame_size(row))
        return [to_json(item) for item in items]

    def curve(self, row: int, tensor: str) -> list[float | None]:
        """See `ViewerSource.curve`."""
        values = self._tensor(tensor).value(self._check_row(row))
        return [as_number(value) for value in values] if isinstance(values, list) else []

    def picture(self, row: int, tensor: str, frame: int, width: int) -> bytes:
        """See `ViewerSource.picture`."""
        view = self._tensor(tensor).rows[self._check_row(row)]
        frames, height, full_width, *_ = view.shape
        if not 0 <= frame < (frames or 0):
            raise SampleIndexError(f"Frame {frame} is out of range: the video has {frames} frames.")
        width = min(max(width, 16), full_width)
        pixels = view[frame].numpy(size=(max(1, round(height * width / full_width)), width))
        return registry().codec("jpeg").encode(pixels)

    def clip(self, row: int, tensor: str, start: int, stop: int) -> WebClip:
        """See `ViewerSource.clip`."""
        video = self.video(row, tensor)
        stop = min(stop, start + MAX_FRAMES_PER_CLIP, len(video.index))
        if not 0 <= start < stop:
            raise SampleIndexError(f"Frames {start}:{stop} are out of range: the video has {len(video.index)} frames.")
        view = self._tensor(tensor).rows[row]
        clip = video.codec.web_clip(view[start:stop].frames(size=_limit_size(*video.info.shape[1:3])))
        if clip is None:
            raise UsageError(f"The codec {video.codec.name!r} makes no clips for browsers.")
        return clip

    def _frame_size(self, row: int) -> tuple[int, int]:
        """``(height, width)`` of the row's first video; (1, 1) if it has none."""
        for tensor in self._tensors.values():
            if tensor.is_video and tensor.has_sample(row):
                _, height, width, *_ = tensor.rows[row].shape
                return height, width
        return 1, 1

    def _tensor(self, name: str) -> TensorSource:
        if name not in self._tensors:
            raise TensorNotFoundError(f"There is no tensor {name!r}.", f"There are: {', '.join(self._tensors)}.")
        return self._tensors[name]

    def _check_row(self, row: int) -> int:
        if not 0 <= row < self._count:
            raise SampleIndexError(f"Row {row} is out of range: there are {self._count} rows.")
        return row


def show(source: DatasetViewerSource, *, open_browser: bool = True) -> Shown:
    """Pass the source to the viewer of this environment: a notebook's, or the browser's (which also serves pages).

    Raises:
        PluginNotFoundError: no viewer is installed.
        MissingDependencyError: the viewer needs a package that is not installed.
    """
    kinds = registry().viewers
    environment = "notebook" if open_browser and _in_notebook() else "browser"
    every = list(kinds.specs())
    specs: Sequence[ViewerSpec] = [spec for spec in every if spec.environment == environment] or every
    if not specs:
        raise kinds.missing_error("No installed plugin shows videos", environment, [])
    return kinds.load(specs[0].name)().show(source, open_browser=open_browser)


def _limit_size(height: int, width: int) -> tuple[int, int] | None:
    """The ``(height, width)`` to scale large frames to, both even as encoders need; None for others."""
    if width <= MAX_CLIP_WIDTH:
        return None
    return max(2, round(height * MAX_CLIP_WIDTH / width / 2) * 2), MAX_CLIP_WIDTH


def _in_notebook() -> bool:
    """Return True in a notebook: its shell has a kernel, that of a terminal has none."""
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None else None
    return instance is not None and getattr(instance, "kernel", None) is not None
