"""``reelbase frames``: export frames as pictures, a contact sheet or a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._boxes_on_frames import BoxedView, add_boxes
from reelbase.cli._output import add_json, emit
from reelbase.cli._picture import find_codec, write_picture
from reelbase.cli._selection import Selection, accept_minus, parse_selection, parse_size
from reelbase.cli._sheet import make_sheet
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from reelbase.dataset import Dataset
    from reelbase.view import View

    Export = Callable[["View | BoxedView", Path, argparse.Namespace], list[Path]]

_EPILOG = """A selection has Python's syntax: 7, 100:200, 100:200:5, -50: or 1,5,9. The name after -o decides what is
written: to a folder (or a name without suffix) a picture for each frame; to a picture one frame, or a contact sheet of
several; to a clip the encoded frames. ROW can select several rows, too, and ":" with --where those that a filter
selects: each gets a folder of its own, such as row-000003, in the folder after -o."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    accept_minus(parser)
    parser.usage = "reelbase frames (DATASET TENSOR ROW | FILE) SELECTION -o OUT [options]"
    parser.epilog = _EPILOG
    parser.add_argument("what", nargs="+", metavar="WHAT", help="DATASET TENSOR ROW SELECTION, or FILE SELECTION")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder, a picture or a clip to write to")
    parser.add_argument("--size", type=parse_size, metavar="WxH", help="scale frames to this size")
    parser.add_argument("--format", default="png", help="format of pictures in a folder (default: %(default)s)")
    parser.add_argument("--where", metavar="FILTER", help="of several rows, take those that this filter selects")
    parser.add_argument("--boxes", metavar="TENSOR", help="draw the boxes of this tensor of the dataset")
    parser.add_argument("--fps", type=float, help="frames per second of a clip; by default those of the source")
    add_ref(parser, "the version of the dataset")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export the frames, and print the names of the files."""
    views = _select(arguments.what, arguments)
    if list(views) == [None]:
        view = views[None]
        written = _choose_export(arguments.output)(view, arguments.output, arguments)
        result = {"frames": view.shape[0], "written": written, "timestamps": view.timestamps}
        emit(
            arguments,
            result,
            f"{result['frames']} frame{'' if result['frames'] == 1 else 's'}: {_format_paths(written)}",
        )
        return 0
    if arguments.output.suffix and not arguments.output.is_dir():
        raise UsageError(f"{arguments.output} is one file, for several rows.", "Name a folder after -o.")
    results = [_export_row(row, view, arguments) for row, view in views.items()]
    frames = sum(result["frames"] for result in results)
    emit(arguments, results, f"{frames} frames of {len(results)} rows: {arguments.output}")
    return 0


def _export_row(row: int | None, view: View | BoxedView, arguments: argparse.Namespace) -> dict[str, Any]:
    """Write the frames of one of several rows to a folder of its own."""
    written = _write_folder(view, arguments.output / f"row-{row:06}", arguments)
    return {"row": row, "frames": view.shape[0], "written": written, "timestamps": view.timestamps}


def _select(words: list[str], arguments: argparse.Namespace) -> dict[int | None, View | BoxedView]:
    """Select the frames, always with a frame axis.

    Args:
        words: ``DATASET TENSOR ROW SELECTION``, or ``FILE SELECTION``.
        arguments: The options.

    Returns:
        The frames of each row by its number; under None if one row or a file was named.

    Raises:
        UsageError: the words have neither of the two forms, or an option does not fit.
    """
    import argparse

    if len(words) not in (2, 4):
        raise UsageError(
            f"{' '.join(words)!r} does not name frames.", "Write DATASET TENSOR ROW SELECTION, or FILE SELECTION."
        )
    try:
        frames = _keep_axis(parse_selection(words[-1]))
        rows = parse_selection(words[2]) if len(words) == 4 else None
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{error}.") from None
    if rows is None:
        _refuse_options_of_datasets(words[0], arguments)
        return {None: api.read(words[0])[frames]}
    dataset = api.load(words[0], read_only=True, ref=arguments.ref)
    if isinstance(rows, int):
        if arguments.where is not None:
            raise UsageError(f"--where needs several rows; {rows} is one.", 'Write ":" for all rows.')
        return {None: _select_frames(dataset, words[1], rows, frames, arguments.boxes)}
    chosen = dataset[rows]
    numbers = (chosen if arguments.where is None else chosen.filter(arguments.where)).numbers
    return {row: _select_frames(dataset, words[1], row, frames, arguments.boxes) for row in numbers}


def _refuse_options_of_datasets(name: str, arguments: argparse.Namespace) -> None:
    for option, what in (("ref", "a version of a dataset"), ("boxes", "a tensor"), ("where", "a filter of rows")):
        value = getattr(arguments, option)
        if value is not None:
            raise UsageError(f"--{option} {value} names {what}, and {name!r} is a file.", "Leave it out.")


def _select_frames(dataset: Dataset, tensor: str, row: int, frames: Any, boxes: str | None) -> View | BoxedView:
    view: View = dataset[tensor][row][frames]
    return view if boxes is None else add_boxes(view, dataset, boxes, row, frames)


def _keep_axis(frames: Selection) -> slice | list[int]:
    # An int would drop the axis of frames, which the exports rely on.
    return [frames] if isinstance(frames, int) else frames


def _choose_export(output: Path) -> Export:
    if output.is_dir() or not output.suffix:
        return _write_folder
    return {"image": _write_sheet, "video": _write_clip}[find_codec(output).kind]


def _write_folder(view: View | BoxedView, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """Write a picture for each frame, one after another, so that only one frame is in memory."""
    suffix = f".{arguments.format.lstrip('.')}"
    if find_codec(Path(f"x{suffix}")).kind != "image":
        raise UsageError(f"--format {arguments.format} is not a picture format.", "Use png or jpg.")
    written = []
    for number in range(view.shape[0] or 0):
        path = output / f"{number:06}{suffix}"
        write_picture(path, view[number].numpy(size=arguments.size))
        written.append(path)
    return written


def _write_sheet(view: View | BoxedView, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """Write the frame, or a contact sheet of several."""
    frames = view.numpy(size=arguments.size)
    if not len(frames):
        raise UsageError("The selection is empty.", "Select at least one frame.")
    captions = [f"{second:.2f}s" for second in view.timestamps]
    write_picture(output, frames[0] if len(frames) == 1 else make_sheet(list(frames), captions))
    return [output]


def _write_clip(view: View | BoxedView, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """Encode the frames to a clip. All of them are in memory at once."""
    fps = arguments.fps or _compute_rate(view)
    write_picture(output, view.numpy(size=arguments.size), fps=fps)
    return [output]


def _compute_rate(view: View | BoxedView) -> float:
    """Return the frames per second at which the clip is as long as the selection was in the source."""
    seconds: Any = view.timestamps
    duration = abs(float(seconds[-1] - seconds[0])) if len(seconds) > 1 else 0.0
    return (len(seconds) - 1) / duration if duration else float(view.sample_info["fps"] or 30)


def _format_paths(written: list[Path]) -> str:
    if len(written) < 2:
        return str(written[0]) if written else "nothing was written"
    return f"{written[0]} to {written[-1].name}"
