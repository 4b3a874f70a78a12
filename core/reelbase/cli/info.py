"""``reelbase info``: what a dataset or a media file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, one_line, pairs, size
from reelbase.cli._versions import add_ref, current, facts, told
from reelbase.errors import UsageError
from reelbase.summary import summarize

if TYPE_CHECKING:
    import argparse

    from reelbase.dataset import Dataset


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", help="a dataset, or a media file")
    add_ref(parser, "the version of the dataset")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Describe the dataset, or else the file."""
    if api.exists(arguments.path):
        dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
        found = of_dataset(dataset)
        emit(arguments, found, _text(dataset, found))
        return 0
    if arguments.ref is not None:
        raise UsageError(
            f"--ref {arguments.ref} names a version, and {arguments.path!r} is not a dataset.", "Leave it out."
        )
    found = of_file(arguments.path)
    emit(arguments, found, pairs((name, one_line(value)) for name, value in found.items()))
    return 0


def of_dataset(dataset: Dataset) -> dict[str, Any]:
    """Tensors, rows, sizes and the user's metadata."""
    stored = dataset.maintenance.size()
    tensors = {name: {**tensor.meta, "shape": tensor.shape} for name, tensor in dataset.tensors.items()}
    version = current(dataset)
    return {
        "path": dataset.path,
        "version": version and facts(version),
        "rows": len(dataset),
        "tensors": tensors,
        "info": dict(dataset.info),
        "objects": stored.objects,
        "bytes": stored.bytes,
    }


def of_file(path: str) -> dict[str, Any]:
    """``sample_info`` of a file, and what its packet index says."""
    file = api.read(path)
    media = file._cell
    found = {**media.info.details, "codec_plugin": media.info.codec, "bytes": media.blob.size}
    if media.index is not None:
        index = media.index
        found |= {"packets": len(index.pos), "trust": index.trust.name.lower(), "repacked": index.repacked}
    return found


def _text(dataset: Dataset, found: dict[str, Any]) -> str:
    version = current(dataset)
    lines = [
        ("version", "none yet" if version is None else "  ".join(told(version)).strip()),
        ("stored", f"{size(found['bytes'])} in {found['objects']} objects"),
        *((f"info.{key}", one_line(value)) for key, value in found["info"].items()),
    ]
    return f"{summarize(repr(dataset), dataset.tensors.values())}\n\n{pairs(lines)}"
