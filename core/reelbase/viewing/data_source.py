"""What a viewer is told of tensors: which rows there are, which videos, and what belongs to a frame."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from reelbase.contracts.viewer import StoredVideo
from reelbase.errors import SampleIndexError, TensorNotFoundError, UsageError
from reelbase.registry import registry
from reelbase.selection.filter import Filter
from reelbase.viewing.html_repr import html_preview
from reelbase.viewing.json_values import bounded, jsonable, number, words
from reelbase.viewing.tensor_source import media_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reelbase.contracts.specs import ViewerSpec
    from reelbase.contracts.viewer import Shown
    from reelbase.viewing.tensor_source import TensorSource

_AT_ONCE: Final = 500
_LOOKED_AT: Final = 5_000
_CLIP: Final = 64
_WIDEST: Final = 1280


class DatasetViewerSource:
    """See `reelbase.contracts.viewer.DatasetViewerSource`.

    Args:
        title: Of all.
        shelves: The tensors.
        version: Which version of the dataset it is, if it is one.
        versions: Lists those before it.
        info: The dataset's own metadata.
        where: A filter to begin with.
        start: Row, tensor and frame to begin with.
    """

    def __init__(
        self,
        title: str,
        shelves: Sequence[TensorSource],
        *,
        version: str = "",
        versions: Callable[[], list[dict[str, Any]]] = list,
        info: Mapping[str, Any] | None = None,
        where: str = "",
        start: tuple[int, str, int] | None = None,
    ) -> None:
        self._title = title
        self._shelves = {one.name: one for one in shelves}
        self._version = version
        self._versions = versions
        self._info = info or {}
        self._where = where
        self._start = start

    @cached_property
    def _count(self) -> int:
        return max((one.count for one in self._shelves.values()), default=0)

    def about(self) -> dict[str, Any]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.about`."""
        return {
            "title": self._title,
            "version": self._version,
            "where": self._where,
            "rows": self._count,
            "start": self._start,
            "info": {name: bounded(value) for name, value in self._info.items()},
            "tensors": [one.about() for one in self._shelves.values()],
        }

    def versions(self) -> list[Mapping[str, Any]]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.versions`."""
        return list(self._versions())

    def html_preview(self) -> str:
        """See `reelbase.contracts.viewer.DatasetViewerSource.html_preview`."""
        return html_preview(self)

    def rows(self, where: str, start: int, limit: int) -> dict[str, Any]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.rows`."""
        limit, at = min(max(limit, 1), _AT_ONCE), max(start, 0)
        found: list[dict[str, Any]] = []
        chosen = Filter(where) if where.strip() else None
        stop = min(self._count, at + _LOOKED_AT)
        while at < stop and len(found) < limit:
            if chosen is None or chosen.matches(self._plain(at, chosen.names)):
                found.append(self._card(at))
            at += 1
        return {"rows": found, "next": at if at < self._count else None, "seen": at - max(start, 0)}

    def _plain(self, row: int, names: frozenset[str]) -> Mapping[str, Any]:
        """What a filter asks of a row; tensors that it does not ask for are only named."""
        return {"row": row, **{n: one.value(row) if n in names else None for n, one in self._shelves.items()}}

    def _card(self, row: int) -> dict[str, Any]:
        videos = [one.name for one in self._shelves.values() if one.film and one.holds(row)]
        said = [one for one in self._shelves.values() if one.item.role in ("labels", "text") and not one.sequence]
        title = ", ".join(words(value) for one in said if (value := one.value(row)))
        return {"row": row, "title": title[:120], "video": videos[0] if videos else None}

    def row(self, row: int) -> dict[str, Any]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.row`."""
        self._check(row)
        here = [one for one in self._shelves.values() if one.holds(row)]
        videos = {one.name: one.value(row) for one in here if one.film}
        lengths = {one.name: len(one.rows[row]) for one in here if one.sequence}
        single = [one for one in here if not one.sequence and not one.film]
        return {
            "row": row,
            "values": {one.name: bounded(one.value(row)) for one in single},
            "lengths": lengths,
            "videos": jsonable(videos),
        }

    def video(self, row: int, tensor: str) -> StoredVideo:
        """See `reelbase.contracts.viewer.DatasetViewerSource.video`."""
        cell = media_of(self._shelf(tensor).rows[self._check(row)])
        return StoredVideo(
            blob=cell.blob, packets=cell.packets, index=cell.frame_index(), codec=cell.codec, info=cell.info
        )

    def track(self, row: int, tensor: str, start: int, stop: int) -> list[Any]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.track`."""
        items = self._shelf(tensor).drawn(self._check(row), start, stop, self._size(row))
        return [jsonable(one) for one in items]

    def curve(self, row: int, tensor: str) -> list[float | None]:
        """See `reelbase.contracts.viewer.DatasetViewerSource.curve`."""
        values = self._shelf(tensor).value(self._check(row))
        return [number(one) for one in values] if isinstance(values, list) else []

    def picture(self, row: int, tensor: str, frame: int, width: int) -> bytes:
        """See `reelbase.contracts.viewer.DatasetViewerSource.picture`."""
        view = self._shelf(tensor).rows[self._check(row)]
        frames, height, full, *_ = view.shape
        if not 0 <= frame < (frames or 0):
            raise SampleIndexError(f"Frame {frame} is out of range: there are {frames}.")
        width = min(max(width, 16), full)
        pixels = view[frame].numpy(size=(max(1, round(height * width / full)), width))
        return registry().codec("jpeg").encode(pixels)

    def clip(self, row: int, tensor: str, start: int, stop: int) -> Any:
        """See `reelbase.contracts.viewer.DatasetViewerSource.clip`."""
        footage = self.video(row, tensor)
        stop = min(stop, start + _CLIP, len(footage.index))
        if not 0 <= start < stop:
            raise SampleIndexError(f"Frames {start}:{stop} are out of range: there are {len(footage.index)}.")
        view = self._shelf(tensor).rows[row]
        made = footage.codec.web_clip(view[start:stop].frames(size=_smaller(*footage.info.shape[1:3])))
        if made is None:
            raise UsageError(f"The codec {footage.codec.name!r} makes no clips for browsers.")
        return made

    def _size(self, row: int) -> tuple[int, int]:
        """Height and width of the frames of the row's first video."""
        for one in self._shelves.values():
            if one.film and one.holds(row):
                _, height, width, *_ = one.rows[row].shape
                return height, width
        return 1, 1

    def _shelf(self, tensor: str) -> TensorSource:
        if tensor not in self._shelves:
            raise TensorNotFoundError(f"There is no tensor {tensor!r}.", f"There are: {', '.join(self._shelves)}.")
        return self._shelves[tensor]

    def _check(self, row: int) -> int:
        if not 0 <= row < self._count:
            raise SampleIndexError(f"Row {row} is out of range: there are {self._count}.")
        return row


def show(showing: DatasetViewerSource, *, open_browser: bool = True) -> Shown:
    """Hand over to the viewer for where this process runs; what is only served is so to a browser.

    Raises:
        PluginNotFoundError, MissingDependencyError: none is installed.
    """
    kinds = registry().viewers
    here = "notebook" if open_browser and _in_notebook() else "browser"
    specs: Sequence[ViewerSpec] = [one for one in kinds.specs() if one.environment == here] or list(kinds.specs())
    if not specs:
        raise kinds.missing("No installed plugin shows videos", here, [])
    return kinds.load(specs[0].name)().show(showing, open_browser=open_browser)


def _smaller(height: int, width: int) -> tuple[int, int] | None:
    """What to scale large frames to, so that they are encoded while a person waits."""
    if width <= _WIDEST:
        return None
    return max(2, round(height * _WIDEST / width / 2) * 2), _WIDEST


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this: its shell has one, a terminal's has not."""
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None else None
    return instance is not None and getattr(instance, "kernel", None) is not None
