"""``reelbase info``: show what is in a dataset or a media file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reelbase import api
from reelbase.cli._output import add_json, emit, format_pairs, format_size, format_value
from reelbase.cli._versions import add_ref, find_current, format_version, read_listing, version_to_json
from reelbase.errors import UsageError
from reelbase.summary import summarize
from reelbase.viewing.tensor_source import media_of

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
    """Describe the dataset at the path; if there is none, the file."""
    if os.path.isdir(arguments.path) or api.exists(arguments.path):  # noqa: PTH112 - any text may be a path
        dataset = api.load(arguments.path, read_only=True, ref=arguments.ref)
        found = describe_dataset(dataset)
        emit(arguments, found, _format(dataset, found))
        return 0
    if arguments.ref is not None:
        raise UsageError(
            f"--ref {arguments.ref} names a version, but {arguments.path!r} is not a dataset.", "Leave --ref out."
        )
    found = describe_file(arguments.path)
    emit(arguments, found, format_pairs((name, format_value(value)) for name, value in found.items()))
    return 0


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return tensors, number of rows, the user's metadata, and sizes: None where the storage cannot be listed."""
    stored = read_listing(dataset.maintenance.size)
    tensors = {name: {**tensor.meta, "shape": tensor.shape} for name, tensor in dataset.tensors.items()}
    version = find_current(dataset)
    return {
        "path": dataset.path,
        "version": version and version_to_json(version),
        "rows": len(dataset),
        "tensors": tensors,
        "info": dict(dataset.info),
        "objects": stored and stored.objects,
        "bytes": stored and stored.bytes,
    }


def describe_file(path: str) -> dict[str, Any]:
    """Return ``sample_info`` of a file, and properties of its packet index."""
    media = media_of(api.read(path))
    found = {**media.info.details, "codec_plugin": media.info.codec, "bytes": media.blob.size}
    if media.index is not None:
        index = media.index
        found |= {"packets": len(index.pos), "trust": index.trust.name.lower(), "repacked": index.repacked}
    return found


def _format_stored(size: int | None, objects: int | None) -> str:
    return "unknown" if size is None else f"{format_size(size)} in {objects} objects"


def _format(dataset: Dataset, found: dict[str, Any]) -> str:
    version = find_current(dataset)
    lines = [
        ("version", "none yet" if version is None else "  ".join(format_version(version)).strip()),
        ("stored", _format_stored(found["bytes"], found["objects"])),
        *((f"info.{key}", format_value(value)) for key, value in found["info"].items()),
    ]
    return f"{summarize(repr(dataset), dataset.tensors.values())}\n\n{format_pairs(lines)}"
