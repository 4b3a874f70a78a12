"""``reelbase demo``: the main job in small, on a real clip that ships with the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase import api
from reelbase.cli._meter import Metered, metered
from reelbase.cli._output import add_json, emit, pairs
from reelbase.cli._picture import write_picture
from reelbase.cli._sheet import draw_boxes, sheet
from reelbase.errors import DatasetExistsError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from reelbase.dataset import Dataset

_CREDIT = "Big Buck Bunny, (c) 2008 Blender Foundation, CC BY 3.0"
FRAMES_IN_SHEET = 12
_ONE = 100
_SIZE = (180, 320)


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", default="reelbase-demo", help="where to make the dataset (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a dataset that is there")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the dataset, read it back, draw the sheet, say what happened."""
    dataset = build(arguments.folder, overwrite=arguments.overwrite)
    chosen = np.linspace(0, dataset.videos[0].shape[0] - 1, FRAMES_IN_SHEET).astype(int)
    view = dataset.videos[0, chosen]
    took = metered(view, _SIZE)
    one = metered(dataset.videos[0, _ONE])
    timestamps = view.timestamps
    picture = _draw(dataset, took.frames, chosen, timestamps)
    target = Path(f"{arguments.folder.rstrip('/')}.png")
    write_picture(target, picture)
    report = _report(dataset, took, chosen, timestamps, target) | {"one_frame": _cost(one)}
    emit(arguments, report, pairs(_lines(report)))
    return 0


def build(folder: str, *, overwrite: bool = False) -> Dataset:
    """A dataset of one row: the clip, and the box of its rabbit in every frame."""
    for codec in ("mp4", "png"):  # before anything is made
        registry().codec(codec)
    try:
        dataset = api.empty(folder, overwrite=overwrite)
    except DatasetExistsError:
        todo = "Name another folder, or replace the dataset in it: reelbase demo FOLDER --overwrite."
        raise DatasetExistsError(f"{folder!r} is there already.", todo) from None
    clip = files("reelbase.cli") / "clip"
    with as_file(clip / "bunny.mp4") as video, as_file(clip / "groundtruth.txt") as lines, dataset:
        boxes = np.loadtxt(lines, delimiter=",", dtype=np.float32)[:, np.newaxis]
        dataset.create_tensor("videos", htype="video", sample_compression="mp4")
        dataset.create_tensor("boxes", htype="sequence[bbox]", coords={"type": "pixel", "mode": "LTWH"})
        dataset.append({"videos": api.read(video), "boxes": boxes})
    dataset.info.update(title="reelbase demo", credit=_CREDIT)
    return dataset


def _draw(dataset: Dataset, frames: NDArray[Any], chosen: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
    height, width = dataset.videos[0].shape[1:3]
    boxes = dataset.boxes[0, chosen].numpy().astype(float)
    boxes[..., 2:] += boxes[..., :2]
    boxes *= np.array([_SIZE[1] / width, _SIZE[0] / height] * 2)
    drawn = [draw_boxes(frame, of_frame) for frame, of_frame in zip(frames, boxes, strict=True)]
    captions = [f"#{frame} {second:.2f}s" for frame, second in zip(chosen, seconds, strict=True)]
    return sheet(drawn, captions)


def _report(
    dataset: Dataset, took: Metered, chosen: NDArray[Any], seconds: NDArray[Any], target: Path
) -> dict[str, Any]:
    video = dataset.videos[0]
    return {
        "dataset": dataset.path,
        "credit": _CREDIT,
        "video": {"shape": video.shape, "fps": video.sample_info["fps"], "bytes": took.read_of},
        "boxes": {"shape": dataset.boxes[0].shape},
        "frames": chosen,
        "timestamps": seconds,
        "took": _cost(took),
        "sheet": target,
    }


def _cost(took: Metered) -> dict[str, int]:
    return {"packets": took.packets, "packets_of": took.packets_of, "bytes": took.read, "bytes_of": took.read_of}


def _lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    video = report["video"]
    frames, seconds = [*map(str, report["frames"])], [f"{one:.2f}" for one in report["timestamps"]]
    return [
        ("dataset", report["dataset"]),
        ("clip", report["credit"]),
        ("videos[0]", f"{video['shape']} uint8, {video['fps']:g} frames a second, {video['bytes']} bytes"),
        ("boxes[0]", f"{report['boxes']['shape']} float32: one box a frame"),
        ("frames", ", ".join(frames)),
        ("seconds", ", ".join(seconds)),
        (f"{len(frames)} frames", _spent(report["took"])),
        (f"frame {_ONE}", _spent(report["one_frame"])),
        ("sheet", str(report["sheet"])),
    ]


def _spent(cost: dict[str, int]) -> str:
    return "decoded {packets} of {packets_of} packets, read {bytes} of {bytes_of} bytes".format(**cost)
