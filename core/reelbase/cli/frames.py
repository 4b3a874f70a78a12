"""``reelbase frames``: export frames as pictures, a contact sheet or a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._boxed import Boxed, boxed
from reelbase.cli._output import add_json, emit
from reelbase.cli._picture import codec_for, write_picture
from reelbase.cli._selection import Selection, selection, size
from reelbase.cli._sheet import sheet
from reelbase.cli._versions import add_ref
from reelbase.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from reelbase.view import Readable, View

    Export = Callable[["View | Boxed", Path, argparse.Namespace], list[Path]]

_EPILOG = """A selection is Python's: 7, 100:200, 100:200:5 or 1,5,9. Before one that begins with a minus, end the
options with "--": reelbase frames -o end.mp4 -- clip.mp4 -50: . What -o names decides what is written: a folder
(or a name without suffix) gets a picture for each frame, a picture gets one frame or a contact sheet of several, a
clip gets them encoded."""


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase frames (DATASET TENSOR ROW | FILE) SELECTION -o OUT [options]"
    parser.epilog = _EPILOG
    parser.add_argument("what", nargs="+", metavar="WHAT", help="DATASET TENSOR ROW SELECTION, or FILE SELECTION")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder, a picture or a clip")
    parser.add_argument("--size", type=size, metavar="WxH", help="scale to this")
    parser.add_argument("--format", default="png", help="of pictures in a folder (default: %(default)s)")
    parser.add_argument("--boxes", metavar="TENSOR", help="draw the boxes of this tensor of the dataset")
    parser.add_argument("--fps", type=float, help="of a clip; by default as shown in the source")
    add_ref(parser, "the version of the dataset")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Export, and name what was written."""
    view = _view(arguments.what, arguments.ref, arguments.boxes)
    export = _export(arguments.output)
    written = export(view, arguments.output, arguments)
    facts = {"frames": view.shape[0], "written": written, "timestamps": view.timestamps}
    emit(arguments, facts, f"{facts['frames']} frames: {_name(written)}")
    return 0


def _view(words: list[str], ref: str | None, boxes: str | None) -> View | Boxed:
    """The chosen frames, always with a frame axis.

    Raises:
        UsageError: the words are neither of the two forms.
    """
    import argparse

    if len(words) not in (2, 4):
        raise UsageError(
            f"{' '.join(words)!r} is not understood.", "Give DATASET TENSOR ROW SELECTION, or FILE SELECTION."
        )
    if len(words) == 2 and ref is not None:
        raise UsageError(f"--ref {ref} names a version of a dataset, and {words[0]!r} is a file.", "Leave it out.")
    if len(words) == 2 and boxes is not None:
        raise UsageError(f"--boxes {boxes} names a tensor, and {words[0]!r} is a file.", "Leave it out.")
    try:
        frames = _with_axis(selection(words[-1]))
        if len(words) == 2:
            return api.read(words[0])[frames]
        row = int(words[2])
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{error}.") from None
    except ValueError:
        raise UsageError(f"{words[2]!r} is not a row.", "Give a number.") from None
    dataset = api.load(words[0], read_only=True, ref=ref)
    one: Readable = dataset[words[1]][row]
    return one[frames] if boxes is None else boxed(one[frames], dataset, boxes, row, frames)


def _with_axis(frames: Selection) -> slice | list[int]:
    return [frames] if isinstance(frames, int) else frames


def _export(output: Path) -> Export:
    if output.is_dir() or not output.suffix:
        return _to_folder
    return {"image": _to_picture, "video": _to_clip}[codec_for(output).kind]


def _to_folder(view: View | Boxed, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """A picture for each frame, in order, in bounded memory."""
    suffix = f".{arguments.format.lstrip('.')}"
    if codec_for(Path(f"x{suffix}")).kind != "image":
        raise UsageError(f"--format {arguments.format} is not a picture format.", "Use png or jpg.")
    written = []
    for at in range(view.shape[0] or 0):
        path = output / f"{at:06}{suffix}"
        write_picture(path, view[at].numpy(size=arguments.size))
        written.append(path)
    return written


def _to_picture(view: View | Boxed, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """The frame, or a contact sheet of several."""
    frames = view.numpy(size=arguments.size)
    if not len(frames):
        raise UsageError("The selection is empty: there is nothing to draw.", "Select at least one frame.")
    captions = [f"{second:.2f}s" for second in view.timestamps]
    write_picture(output, frames[0] if len(frames) == 1 else sheet(list(frames), captions))
    return [output]


def _to_clip(view: View | Boxed, output: Path, arguments: argparse.Namespace) -> list[Path]:
    """The frames encoded; all of them are in memory at once."""
    fps = arguments.fps or _rate(view)
    write_picture(output, view.numpy(size=arguments.size), fps=fps)
    return [output]


def _rate(view: View | Boxed) -> float:
    """Frames a second at which the selection lasts as long as it did."""
    seconds: Any = view.timestamps
    lasted = abs(float(seconds[-1] - seconds[0])) if len(seconds) > 1 else 0.0
    return (len(seconds) - 1) / lasted if lasted else float(view.sample_info["fps"] or 30)


def _name(written: list[Path]) -> str:
    if len(written) < 2:
        return str(written[0]) if written else "nothing was written"
    return f"{written[0]} to {written[-1].name}"
