"""Views: a tensor and an index. Making a view reads nothing; its methods and properties read what they need."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np

from reelbase.cells import check_narrowing, stack
from reelbase.cells.arrays import check_size
from reelbase.contracts.htype import brief
from reelbase.contracts.viewer import Start
from reelbase.conversion import ArrayLike
from reelbase.errors import HtypeError, ReelbaseError, UsageError
from reelbase.io.batch_read import execute
from reelbase.media.pixels import check_pixels
from reelbase.samples.foreign import ForeignSource, Selected, SingleSource, link_of, sample_of
from reelbase.samples.selected import SelectedSample
from reelbase.sealed import Sealed
from reelbase.selection.indexing import Index
from reelbase.viewing.data_source import DatasetViewerSource, show
from reelbase.viewing.html_repr import html_preview_or_none
from reelbase.viewing.tensor_source import TensorSource, Video

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from reelbase.cells import Cell
    from reelbase.contracts.viewer import Shown
    from reelbase.io.batch_read import PendingRead
    from reelbase.media.sample import Link, Sample

    Seconds = float | Fraction | Decimal | np.floating[Any]

T = TypeVar("T")


class Source(ForeignSource, Protocol):
    """Rows that a view reads from: those of a tensor at one commit, or a single file."""

    @property
    def name(self) -> str:
        """The tensor's or file's name, for messages."""


class Readable(Sealed, Selected, ArrayLike):
    """What you can ask of a selection of samples.

    For one sample the answers are plain values; for several rows they are stacked if their shapes agree, else a list.
    Shapes, information and timestamps come from the index and decode nothing.

    Subclasses say which rows there are (`_source`) and which of them are selected (`_index`).
    """

    _source: Source
    _index: Index

    def _how_to_set(self, name: str) -> str:
        return "A view is read-only. Write to the tensor: ds.x[row] = value, or ds.x.info[key] = value."

    def _select(self) -> list[SelectedSample]:
        """Return the selected samples with the part selected of each. Reads their facts; nothing is decoded."""
        source = self._source
        rows = self._index.resolve(len(source))
        cells = source.cells([row for row, _ in rows])
        return [
            SelectedSample(*cell.narrow(selection), source.label(row))
            for cell, (row, selection) in zip(cells, rows, strict=True)
        ]

    def _get_selection(self) -> tuple[Any, Index]:
        return self._source, self._index

    def __getitem__(self, key: Any) -> View:
        index = self._index.then(key)
        index.check(len(self._source))
        return View(self._source, index)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise UsageError(
            f"{self!r} is read-only.", "Write to the tensor: ds.x[row] = value, or ds.x[row, 2:5] = part of an array."
        )

    def numpy(
        self,
        *,
        size: tuple[int, int] | None = None,
        out: NDArray[Any] | None = None,
        aslist: bool = False,
        pixels: str | None = None,
    ) -> Any:
        """Read and decode the selection.

        Args:
            size: ``(height, width)`` to scale pictures to, in the same pass as the colour conversion.
            out: A writable, C-contiguous array of exactly the result's shape to write into and return.
            aslist: Return a list with one array per row, even if they could be stacked; None for a row without a
                sample.
            pixels: What to convert pictures to. None, the default, is "rgb24" for frames of videos, and an image's own
                channels and bits:

                - "rgb24": uint8, C = 3; alpha is dropped, not blended.
                - "rgba": uint8, C = 4; alpha is 255 where the file has none.
                - "gray": uint8, C = 1: the luma, from 0 to 255.
                - "rgb48": uint16, C = 3, from 0 to 65535, for content of more than 8 bits.
                - "gray16": uint16, C = 1, from 0 to 65535.
                - "yuv": the planes that the decoder gives, see below. Neither `size` nor `out` can be used.

        Returns:
            Frames are uint8 RGB: ``(N, H, W, 3)``, or ``(H, W, 3)`` for one frame. Other htypes: their dtype.

            With "yuv", a dict with an array per plane: "y", "u", "v" and "a", as far as the file has them. Each is
            ``(N, h, w)``, or ``(h, w)`` for one frame or image; "u" and "v" are smaller where chroma is subsampled.
            They are uint8, or uint16 in native byte order for more than 8 bits, with the values of the stream: 0 to
            1023 for 10 bits, in the range ``sample_info["color_range"]``. Nothing is converted, and planes are not
            turned upright either (``sample_info["rotation"]``, ``["flipped"]``). Several rows give a list of dicts.

        Raises:
            SampleIndexError: a row or frame is out of range.
            MissingSampleError: a row holds no sample, and `aslist` is not set.
            DamagedMediaError: a frame cannot be decoded.
            UsageError: `size`, `out` or `pixels` do not fit.
        """
        check_pixels(pixels)
        size = None if size is None else check_size(size)
        samples = self._select()
        if self._index.is_single:
            return execute([samples[0].prepare_array(size, out, pixels)])[0]
        if aslist:
            return _execute_existing(samples, lambda sample: sample.prepare_array(size, pixels=pixels))
        arrays = execute([sample.prepare_array(size, pixels=pixels) for sample in samples])
        whole = stack(arrays)
        return whole if out is None else _write_into(out, whole)

    def data(self) -> Any:
        """The selection in the htype's own form.

        Returns:
            ``{"frames", "timestamps"}`` for video, a str for text, the value for json, ``{"value", …}`` otherwise;
            a list of those for several rows, with None for a row without a sample.

        Raises:
            MissingSampleError: the one selected row holds no sample.
        """
        samples = self._select()
        if self._index.is_single:
            return execute([samples[0].prepare_data()])[0]
        return _execute_existing(samples, SelectedSample.prepare_data)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape that `numpy` gives; ``(N, H, W, C)`` for a video. None where rows differ."""
        shapes = [sample.shape() for sample in self._select()]
        if self._index.is_single:
            return shapes[0]
        alike = bool(shapes) and all(len(shape) == len(shapes[0]) for shape in shapes)
        axes = zip(*shapes, strict=True) if alike else ()
        return (len(shapes), *(lengths[0] if len(set(lengths)) == 1 else None for lengths in axes))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that `numpy` gives, without reading what is selected; object where rows differ."""
        dtypes = {sample.dtype() for sample in self._select()}
        return dtypes.pop() if len(dtypes) == 1 else np.dtype(object)

    @property
    def sample_info(self) -> Any:
        """Facts about each media sample, as a dict: duration (in ``timebase`` units), fps, timebase, shape, format,
        filename, modified, codec, rotation and more."""  # noqa: D205, D209
        return self._ask_each(SelectedSample.sample_info)

    @property
    def timestamps(self) -> Any:
        """Presentation times of the selected frames in seconds: float64 ``(N,)``, or a scalar for one frame.

        Each is the float64 nearest to the exact time, which is ``pts * Fraction(sample_info["time_base"])``. `at` finds
        the frame of each.
        """
        return self._ask_and_stack(SelectedSample.seconds)

    @property
    def timestamp(self) -> Any:
        """`timestamps` rounded to float32: ``(N,)``, or a scalar for one frame.

        float32 has 24 bits: after 4.6 hours it is off by up to a millisecond, and of clocks that count from 1970 it
        keeps steps of two minutes. Use `timestamps` to compare and to find frames.
        """
        exact = self._ask_each(lambda sample: sample.seconds().astype(np.float32)[()])
        return exact if self._index.is_single else stack([np.asarray(answer) for answer in exact])

    @property
    def pts(self) -> Any:
        """Exact presentation times in units of ``sample_info["time_base"]``: int64 ``(N,)``, or a scalar."""
        return self._ask_and_stack(SelectedSample.pts)

    def at(self, seconds: Seconds | Sequence[Seconds] | NDArray[Any], *, tolerance: Seconds = 0) -> View:
        """The frames that are shown at the given times, among the selected ones.

        A frame is shown from its own time until that of the next one; of frames with equal times the last is shown.
        Times are compared exactly: a float64 (a Python float) equals the time of a frame if it is the float64 nearest
        to it, as `timestamps` gives it. A float32 stands for all times that round to it. `Fraction` and `Decimal` are
        taken as they are.

        Times that were rounded, such as those of a CSV file, are often just before the frame they were taken from.
        With a tolerance they find it: a frame that begins within `tolerance` seconds of a time, before or after, is
        the frame that is meant; otherwise it is the one that is shown at that time.

        Args:
            seconds: One time in seconds (the frame axis is then dropped), or several.
            tolerance: How far the given times may be from those of frames, in seconds: ``0.0005`` for times that were
                rounded to a millisecond.

        Raises:
            SampleIndexError: no frame is shown at one of the times, or the times of the selected frames go back.
            UsageError: several rows are selected; `seconds` or `tolerance` are not numbers; or one of the times could
                be that of several frames: two begin within the tolerance, or have the same time in float32.
        """
        times = _check_times(seconds)
        positions = self._one().frames_at(times.reshape(-1), _check_tolerance(tolerance))
        return self[int(positions[0]) if times.ndim == 0 else positions]

    def frames(self, *, size: tuple[int, int] | None = None, pixels: str | None = None) -> Iterator[Any]:
        """The selected frames of one video, ``(H, W, 3)`` each, in bounded memory.

        Args:
            size: As in `numpy`.
            pixels: As in `numpy`; with "yuv", each frame is a dict of planes ``(h, w)``.
        """
        check_pixels(pixels)
        size = None if size is None else check_size(size)
        yield from self._one().stream(size, pixels)

    def play(self, *, open_browser: bool = True) -> Shown:
        """Show one video, frame by frame or running: in the browser, or in a notebook.

        Packets are read as they are shown: linked and remote videos are not fetched whole, and the page gets no
        credentials. A selection of frames begins at its first.

        Args:
            open_browser: Open a window; if False, only serve the page, at the returned ``.url``.

        Returns:
            A handle with ``.url`` and ``.close()``. The page ends with the process as well.

        Raises:
            UsageError: several rows are selected, or the sample is not a video.
            PluginNotFoundError: no viewer is installed.
        """
        return show(self._viewer_source(), open_browser=open_browser)

    def _repr_html_(self) -> str | None:
        """What notebooks show of one video: facts and pictures. None (they show the text) for everything else."""
        try:
            source = self._viewer_source()
        except ReelbaseError:
            return None
        return html_preview_or_none(source)

    def _viewer_source(self) -> DatasetViewerSource:
        sample = self._one()
        media, numbers = sample.media(), np.atleast_1d(sample.frame_numbers())
        frame = int(numbers[0]) if len(numbers) else 0
        video = TensorSource("video", "video", Video(), False, View(_SingleCell(media, sample.label)), 1, {})
        title = str(media.info.details.get("filename") or sample.label)
        return DatasetViewerSource(title, [video], start=Start(row=0, tensor=video.name, frame=frame))

    @property
    def exists(self) -> bool:
        """True if every selected row holds a sample."""
        return all(sample.exists for sample in self._select())

    def tobytes(self) -> Any:
        """The stored bytes of the whole sample: the file as it was ingested."""
        return self._ask_each(SelectedSample.encoded)

    def as_sample(self) -> Sample:
        """The whole media sample as a value to append to another tensor: the same bytes, indexed again.

        Raises:
            UsageError: only some frames or several rows are selected, or the sample is not media.
        """
        sample = self._one()
        return sample_of(sample.cell, sample.selection)

    def text(self) -> str:
        """`data` of a text sample."""
        return _check_type(self.data(), str)

    def dict(self) -> builtins.dict[str, Any]:
        """`data` of a json sample that is an object."""
        return _check_type(self.data(), dict)

    def list(self) -> builtins.list[Any]:
        """`data` of a json sample that is a list."""
        return _check_type(self.data(), list)

    def _one(self) -> SelectedSample:
        samples = self._select()
        if not self._index.is_single:
            raise UsageError(f"{len(samples)} rows are selected; this needs one.", "Choose a row: view[0].")
        return samples[0]

    def _ask_each(self, question: Callable[[SelectedSample], Any]) -> Any:
        """Return the answer of the single sample, or a list with the answer of each."""
        answers = [question(sample) for sample in self._select()]
        return answers[0] if self._index.is_single else answers

    def _ask_and_stack(self, question: Callable[[SelectedSample], Any]) -> Any:
        """Return the answer of the single sample, or those of all samples as one array if their shapes agree."""
        answers = self._ask_each(question)
        return answers if self._index.is_single else stack([np.asarray(answer) for answer in answers])


class View(Readable):
    """Some rows of a tensor and what is selected of each, at the commit that the view was made at."""

    def __init__(self, source: Source, index: Index | None = None) -> None:
        self._source = source
        self._index = index or Index()

    def as_link(self) -> Link:
        """The link of a linked sample, to append to another tensor of links; its file is indexed again then.

        Raises:
            UsageError: only some frames, several rows or several items are selected, or the sample is not a link.
        """
        sample = self._one()
        return link_of(sample.cell, sample.selection, sample.label)

    def __len__(self) -> int:
        if not self._index.is_single:
            return len(self._index.resolve(len(self._source)))
        shape = self.shape
        if not shape:
            raise TypeError("A single value has no length.")
        return shape[0] or 0

    def __iter__(self) -> Iterator[Self]:
        return (self[position] for position in range(len(self)))  # type: ignore[misc]

    def __repr__(self) -> str:
        rows = self._index.resolve(len(self._source))
        what = f"row {rows[0][0]}" if self._index.is_single else f"{len(rows)} rows"
        return f"View({self._source.name!r}, {what}{', indexed' if rows and rows[0][1].steps else ''})"


@dataclass(frozen=True)
class _SingleCell(SingleSource):
    """One sample as the source of a view.

    Attributes:
        cell: The sample.
        name: What messages call it.
    """

    cell: Cell
    name: str

    def cells(self, rows: Sequence[int]) -> list[Cell]:
        return [self.cell for _ in rows]

    def label(self, row: int) -> str:
        return self.name


def _execute_existing(
    samples: Sequence[SelectedSample], prepare: Callable[[SelectedSample], PendingRead]
) -> builtins.list[Any]:
    """Return what each sample's read gives; None for rows without a sample."""
    results = iter(execute([prepare(sample) for sample in samples if sample.exists]))
    return [next(results) if sample.exists else None for sample in samples]


def _check_times(seconds: object) -> NDArray[Any]:
    try:
        times = _parse_times(seconds)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{brief(seconds)} is not a time.", "Give seconds: a number or a list of numbers.") from None
    if times.ndim > 1:
        raise UsageError(f"Times of shape {times.shape} are not one list.", "Give a number or a flat list.")
    return times


def _parse_times(seconds: object) -> NDArray[Any]:
    """Return times as an array of floats, in the precision in which they are given, or of Fractions.

    Raises:
        TypeError, ValueError, OverflowError: they are not numbers.
    """
    times = np.asarray(seconds)
    numbers = list(times.flat) if times.dtype == object else []
    # numpy would take None for nan, and of a duration the number of its units, whatever those are.
    if times.dtype.kind not in "biufUO" or not all(isinstance(number, (Real, Decimal)) for number in numbers):
        raise TypeError
    if numbers and all(isinstance(number, (int, Fraction, Decimal)) for number in numbers):
        return np.array([*map(Fraction, numbers), None], object)[:-1].reshape(times.shape)
    return times if times.dtype in (np.float16, np.float32) else times.astype(np.float64)


def _check_tolerance(tolerance: object) -> Fraction:
    try:
        exact = Fraction(tolerance.item() if isinstance(tolerance, np.generic) else tolerance)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        exact = Fraction(-1)
    if exact < 0:
        raise UsageError(f"tolerance={brief(tolerance)} is not a tolerance.", "Pass seconds: 0, or a positive number.")
    return exact


def _write_into(out: NDArray[Any], whole: Any) -> NDArray[Any]:
    if not isinstance(whole, np.ndarray) or out.shape != whole.shape:
        raise UsageError(f"out= has shape {out.shape}; the selection does not.", "Ask .shape, or leave out= away.")
    check_narrowing(out, whole)[...] = whole
    return out


def _check_type(value: Any, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise HtypeError(
            f"{brief(value)} is not a {wanted.__name__}.", "Use data(): it returns whatever the sample is."
        )
    return value
