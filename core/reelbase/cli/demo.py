"""``reelbase demo``: make and read a small dataset, with a real clip that comes with the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase import api
from reelbase.cli._output import add_json, emit, format_pairs
from reelbase.cli._picture import write_picture
from reelbase.cli._read_counts import ReadCost, measure_read
from reelbase.cli._sheet import draw_boxes, make_sheet
from reelbase.errors import DatasetExistsError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from reelbase.dataset import Dataset

_CREDIT = "Big Buck Bunny, (c) 2008 Blender Foundation, CC BY 3.0"
FRAMES_IN_SHEET = 12
_SINGLE_FRAME = 100
_SHEET_FRAME_SIZE = (180, 320)


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", default="reelbase-demo", help="where to make the dataset (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dataset")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the dataset, read frames, draw the contact sheet, and print what that took."""
    dataset = build(arguments.folder, overwrite=arguments.overwrite)
    chosen = np.linspace(0, dataset.videos[0].shape[0] - 1, FRAMES_IN_SHEET).astype(int)
    view = dataset.videos[0, chosen]
    cost = measure_read(view, _SHEET_FRAME_SIZE)
    single = measure_read(dataset.videos[0, _SINGLE_FRAME])
    timestamps = view.timestamps
    picture = _draw_sheet(dataset, cost.frames, chosen, timestamps)
    target = Path(f"{arguments.folder.rstrip('/')}.png")
    write_picture(target, picture)
    report = _make_report(dataset, cost, chosen, timestamps, target) | {"one_frame": _cost_to_json(single)}
    emit(arguments, report, format_pairs(_format(report)))
    return 0


def build(folder: str, *, overwrite: bool = False) -> Dataset:
    """Make a dataset of one row: the clip, and the box of its rabbit in every frame.

    Raises:
        DatasetExistsError: there is a dataset in the folder, and `overwrite` is False.
        MissingDependencyError: a codec needs a package that is not installed.
    """
    for codec in ("mp4", "png"):  # raises an error before anything is written, if a package is missing
        registry().codec(codec)
    try:
        dataset = api.empty(folder, overwrite=overwrite)
    except DatasetExistsError:
        if not api.exists(folder):
            raise
        todo = "Name another folder, or replace the dataset in it: reelbase demo FOLDER --overwrite."
        raise DatasetExistsError(f"There is a dataset in {folder!r} already.", todo) from None
    clip = files("reelbase.cli") / "clip"
    with as_file(clip / "bunny.mp4") as video, as_file(clip / "groundtruth.txt") as lines, dataset:
        boxes = np.loadtxt(lines, delimiter=",", dtype=np.float32)[:, np.newaxis]
        dataset.create_tensor("videos", htype="video", sample_compression="mp4")
        dataset.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
        dataset.append({"videos": api.read(video), "boxes": boxes})
    dataset.info.update(title="reelbase demo", credit=_CREDIT)
    return dataset


def _draw_sheet(dataset: Dataset, frames: NDArray[Any], chosen: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
    height, width = dataset.videos[0].shape[1:3]
    boxes = dataset.boxes[0, chosen].numpy().astype(float)
    boxes[..., 2:] += boxes[..., :2]  # from width and height to right and bottom
    boxes *= np.array([_SHEET_FRAME_SIZE[1] / width, _SHEET_FRAME_SIZE[0] / height] * 2)
    drawn = [draw_boxes(frame, frame_boxes) for frame, frame_boxes in zip(frames, boxes, strict=True)]
    captions = [f"#{frame} {second:.2f}s" for frame, second in zip(chosen, seconds, strict=True)]
    return make_sheet(drawn, captions)


def _make_report(
    dataset: Dataset, cost: ReadCost, chosen: NDArray[Any], seconds: NDArray[Any], target: Path
) -> dict[str, Any]:
    video = dataset.videos[0]
    return {
        "dataset": dataset.path,
        "credit": _CREDIT,
        "video": {"shape": video.shape, "fps": video.sample_info["fps"], "bytes": cost.read_of},
        "boxes": {"shape": dataset.boxes[0].shape},
        "frames": chosen,
        "timestamps": seconds,
        "took": _cost_to_json(cost),
        "sheet": target,
    }


def _cost_to_json(cost: ReadCost) -> dict[str, int]:
    return {"packets": cost.packets, "packets_of": cost.packets_of, "bytes": cost.read, "bytes_of": cost.read_of}


def _format(report: dict[str, Any]) -> list[tuple[str, str]]:
    video = report["video"]
    frames, seconds = [*map(str, report["frames"])], [f"{second:.2f}" for second in report["timestamps"]]
    return [
        ("dataset", report["dataset"]),
        ("clip", report["credit"]),
        ("videos[0]", f"{video['shape']} uint8, {video['fps']:g} frames per second, {video['bytes']} bytes"),
        ("boxes[0]", f"{report['boxes']['shape']} float32: one box per frame"),
        ("frames", ", ".join(frames)),
        ("seconds", ", ".join(seconds)),
        (f"{len(frames)} frames", _format_cost(report["took"])),
        (f"frame {_SINGLE_FRAME}", _format_cost(report["one_frame"])),
        ("sheet", str(report["sheet"])),
    ]


def _format_cost(cost: dict[str, int]) -> str:
    return "decoded {packets} of {packets_of} packets, read {bytes} of {bytes_of} bytes".format(**cost)
