"""Views: a tensor and an index. Making one reads nothing; asking it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np

from reelbase.cells import MissingCell, stacked
from reelbase.contracts.htype import brief
from reelbase.errors import HtypeError, ReelbaseError, UsageError, error_context
from reelbase.io.batch_read import execute
from reelbase.media.sample import Sample
from reelbase.samples.selected import SelectedSample
from reelbase.selection.indexing import Index
from reelbase.viewing.data_source import DatasetViewerSource, show
from reelbase.viewing.html_repr import html_preview_or_none
from reelbase.viewing.tensor_source import TensorSource, Video

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from reelbase.cells import Cell, MediaCell
    from reelbase.contracts.viewer import Shown
    from reelbase.media.sample import Link
    from reelbase.selection.indexing import Selection


T = TypeVar("T")
Chosen = tuple["list[SelectedSample]", bool]


class Source(Protocol):
    """Rows at one commit."""

    @property
    def name(self) -> str:
        """For messages."""

    def __len__(self) -> int: ...

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        """The samples of (valid) rows."""

    def where(self, row: int) -> str:
        """What messages call a row."""


class Readable(ABC):
    """What can be asked of a selection of samples.

    Of one sample the answers are plain; of several rows they are stacked when their shapes agree, else a list.
    Shapes, information and timestamps come from the index and decode nothing.
    """

    @abstractmethod
    def _chosen(self) -> Chosen:
        """The samples with what is taken of each, and whether it is a single row."""

    @abstractmethod
    def _indexed(self, index: Callable[[Index], Index]) -> View:
        """A view of the same rows through another index."""

    def __getitem__(self, key: Any) -> View:
        return self._indexed(lambda index: index.then(key))

    def numpy(
        self, *, size: tuple[int, int] | None = None, out: NDArray[Any] | None = None, aslist: bool = False
    ) -> Any:
        """Read and decode the selection.

        Args:
            size: ``(height, width)`` to scale pictures to, in the same pass as the colour conversion.
            out: A writable, C-contiguous array of exactly the result's shape to write into and return.
            aslist: A list with one array a row, also when they could be stacked.

        Returns:
            Frames are uint8 RGB: ``(N, H, W, 3)``, or ``(H, W, 3)`` for one frame. Other htypes: their dtype.

        Raises:
            SampleIndexError: a row or frame is out of range.
            MissingSampleError: a row holds no sample.
            DamagedMediaError: a frame cannot be decoded.
            UsageError: `size` or `out` do not fit.
        """
        chosen, single = self._chosen()
        if single:
            return execute([chosen[0].planned(size=size, out=out)])[0]
        parts = execute([one.planned(size=size) for one in chosen])
        if aslist:
            return parts
        whole = stacked(parts)
        return whole if out is None else _into(out, whole)

    def data(self) -> Any:
        """The selection in the htype's own form.

        Returns:
            ``{"frames", "timestamps"}`` for video, a str for text, the value for json, ``{"value", …}`` otherwise;
            a list of those for several rows.
        """
        chosen, single = self._chosen()
        parts = execute([one.planned_data() for one in chosen])
        return parts[0] if single else parts

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape that `numpy` gives; ``(N, H, W, C)`` for a video. None where rows differ."""
        chosen, single = self._chosen()
        shapes = [one.ask(lambda cell, taken: cell.shape_of(taken)) for one in chosen]
        if single:
            return shapes[0]
        alike = bool(shapes) and all(len(one) == len(shapes[0]) for one in shapes)
        axes = zip(*shapes, strict=True) if alike else ()
        return (len(shapes), *(axis[0] if len(set(axis)) == 1 else None for axis in axes))

    @property
    def sample_info(self) -> Any:
        """Facts about each media sample, as a dict: duration (in ``timebase`` units), fps, timebase, shape, format,
        filename, modified, codec, rotation and more."""  # noqa: D205, D209
        return self._each(lambda cell, _: dict(cell.media().info.details))

    @property
    def timestamps(self) -> Any:
        """Presentation times of the selected frames in seconds: float32 ``(N,)``, or a scalar for one frame."""
        return self._stacked(lambda cell, taken: cell.media().seconds(taken))

    @property
    def timestamp(self) -> Any:
        """The same as `timestamps`."""
        return self.timestamps

    @property
    def pts(self) -> Any:
        """Exact presentation times in units of ``sample_info["time_base"]``: int64 ``(N,)``, or a scalar."""
        return self._stacked(lambda cell, taken: cell.media().pts(taken))

    def at(self, seconds: float | Sequence[float] | NDArray[np.floating[Any]]) -> View:
        """The frames shown at given times, among the selected ones.

        Args:
            seconds: One time (then the frame axis is dropped) or several.

        Raises:
            SampleIndexError: no frame is shown then.
            UsageError: several rows are selected.
        """
        times = _times(seconds)
        places = self._one().ask(lambda cell, taken: cell.media().shown_at(taken, times.reshape(-1)))
        return self[int(places[0]) if times.ndim == 0 else places]

    def frames(self, *, size: tuple[int, int] | None = None) -> Iterator[NDArray[Any]]:
        """The selected frames of one video, ``(H, W, 3)`` each, in bounded memory."""
        one = self._one()
        with error_context(one.where):
            yield from one.cell.media().stream(one.taken, size)

    def play(self, *, open_browser: bool = True) -> Shown:
        """Show one video, frame by frame or running: in the browser, or in a notebook.

        It is read as it is looked at, by packets: linked and remote videos are not fetched whole, and whoever looks
        gets no credentials. A selection of frames begins at its first.

        Args:
            open_browser: Open a window. False: only serve it; the answer's ``url`` says where.

        Returns:
            What shows it: ``.url``, and ``.close()`` to end. It ends with the process as well.

        Raises:
            UsageError: several rows are selected, or no video.
            PluginNotFoundError: no viewer is installed.
        """
        return show(self._showing(), open_browser=open_browser)

    def _repr_html_(self) -> str | None:
        """What notebooks show of one video: facts, and pictures. None: the text, as of everything else."""
        try:
            showing = self._showing()
        except ReelbaseError:
            return None
        return html_preview_or_none(showing)

    def _showing(self) -> DatasetViewerSource:
        one = self._one()
        media, frame = one.ask(lambda cell, taken: _first_frame(cell.media(), taken))
        shelf = TensorSource("video", "video", Video(), View(_Held(media, one.where)), 1, {})
        title = str(media.info.details.get("filename") or one.where)
        return DatasetViewerSource(title, [shelf], start=(0, shelf.name, frame))

    @property
    def exists(self) -> bool:
        """Whether every selected row holds a sample."""
        return not any(isinstance(one.cell, MissingCell) for one in self._chosen()[0])

    def tobytes(self) -> Any:
        """The stored bytes of the whole sample: the file as it was ingested."""
        return self._each(lambda cell, _: cell.encoded())

    def as_sample(self) -> Sample:
        """The whole media sample as one that can be appended to another tensor: the same bytes, looked through again.

        Raises:
            UsageError: only some frames are selected, several rows, or no media.
        """
        one = self._one()
        media = one.ask(lambda cell, _: cell.media())
        if one.taken.steps:
            raise UsageError(
                "Some frames of a file are no file.", "Append the whole sample, or view.numpy() to encode it."
            )
        return Sample(filename=str(media.info.details.get("filename", "sample")), open=lambda: media.blob)

    def text(self) -> str:
        """`data` of a text sample."""
        return _of_type(self.data(), str)

    def dict(self) -> builtins.dict[str, Any]:
        """`data` of a json sample that is an object."""
        return _of_type(self.data(), dict)

    def list(self) -> builtins.list[Any]:
        """`data` of a json sample that is a list."""
        return _of_type(self.data(), list)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("A view is decoded into a new array: copy=False is not possible.")
        return np.asarray(self.numpy(), dtype)

    def _one(self) -> SelectedSample:
        chosen, single = self._chosen()
        if not single:
            raise UsageError(f"{len(chosen)} rows are selected; this needs one.", "Choose a row: view[0].")
        return chosen[0]

    def _each(self, ask: Callable[[Cell, Selection], Any]) -> Any:
        chosen, single = self._chosen()
        return chosen[0].ask(ask) if single else [one.ask(ask) for one in chosen]

    def _stacked(self, ask: Callable[[Cell, Selection], Any]) -> Any:
        chosen, single = self._chosen()
        return chosen[0].ask(ask) if single else stacked([np.asarray(one.ask(ask)) for one in chosen])


class View(Readable):
    """Some rows of a tensor and what is taken of each, at the commit that the view was made at."""

    def __init__(self, source: Source, index: Index | None = None) -> None:
        self._source = source
        self._index = index or Index()

    def _chosen(self) -> Chosen:
        rows = self._index.resolve(len(self._source))
        cells = self._source.cells([row for row, _ in rows])
        where = self._source.where
        chosen = [
            SelectedSample(*cell.narrow(taken), where(row)) for cell, (row, taken) in zip(cells, rows, strict=True)
        ]
        return chosen, self._index.single

    def _indexed(self, index: Callable[[Index], Index]) -> View:
        return View(self._source, index(self._index))

    def as_link(self) -> Link:
        """The link that a linked sample is, to append to another tensor of links; it is looked at again then.

        Raises:
            UsageError: only some frames are selected, several rows or items, or it is stored here.
        """
        one = self._one()
        pins = one.cell.linked()
        if one.taken.steps or len(pins) != 1:
            raise UsageError(f"{one.where} is not one link.", "Choose a whole sample of a tensor of links: links[0].")
        return pins[0].link

    def __len__(self) -> int:
        if not self._index.single:
            return len(self._index.resolve(len(self._source)))
        shape = self.shape
        if not shape:
            raise TypeError("A single value has no length.")
        return shape[0] or 0

    def __iter__(self) -> Iterator[Self]:
        return (self[k] for k in range(len(self)))  # type: ignore[misc]

    def __repr__(self) -> str:
        rows = self._index.resolve(len(self._source))
        what = f"row {rows[0][0]}" if self._index.single else f"{len(rows)} rows"
        return f"View({self._source.name!r}, {what}{', indexed' if rows and rows[0][1].steps else ''})"


@dataclass(frozen=True)
class _Held:
    """One sample as the source of a view.

    Attributes:
        cell: The sample.
        place: What messages call it.
    """

    cell: Cell
    place: str

    @property
    def name(self) -> str:
        return self.place

    def __len__(self) -> int:
        return 1

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        return [self.cell for _ in rows]

    def where(self, row: int) -> str:
        return self.place


def _first_frame(media: MediaCell, taken: Selection) -> tuple[MediaCell, int]:
    numbers = np.atleast_1d(media.frame_numbers(taken))
    return media, int(numbers[0]) if len(numbers) else 0


def _times(seconds: object) -> NDArray[np.float64]:
    try:
        times = np.asarray(seconds, np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{brief(seconds)} is no time.", "Give seconds: a number or a list of numbers.") from None
    if times.ndim > 1:
        raise UsageError(f"Times of shape {times.shape} are not one list.", "Give a number or a flat list.")
    return times


def _into(out: NDArray[Any], whole: Any) -> NDArray[Any]:
    if not isinstance(whole, np.ndarray) or out.shape != whole.shape:
        raise UsageError(f"out= has shape {out.shape}; the selection does not.", "Ask .shape, or leave out= away.")
    out[...] = whole
    return out


def _of_type(value: Any, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise HtypeError(f"{brief(value)} is no {wanted.__name__}.", "Use data(): it gives whatever the sample is.")
    return value
