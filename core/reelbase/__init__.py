"""reelbase: video datasets indexed like arrays.

    import reelbase

    ds = reelbase.empty("demo/video")
    ds.create_tensor("videos", htype="video")
    ds.videos.append(reelbase.read("clip.mp4"))
    ds.videos[0, 10:20].numpy()

Names are imported on first use: ``import reelbase`` itself loads neither numpy nor any plugin.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from reelbase._util.version import __version__ as __version__

if TYPE_CHECKING:
    from reelbase.api import delete, empty, encode, exists, link, load, open, read
    from reelbase.dataset import Dataset
    from reelbase.errors import ReelbaseError
    from reelbase.ingestion.add import ingest
    from reelbase.ingestion.report import IngestReport
    from reelbase.sampling import Clips
    from reelbase.tensor import Tensor
    from reelbase.versions.version import Version
    from reelbase.view import View

_MODULES = {  # by public name, the module that defines it
    "delete": "api",
    "empty": "api",
    "encode": "api",
    "exists": "api",
    "ingest": "ingestion.add",
    "link": "api",
    "load": "api",
    "open": "api",
    "read": "api",
    "Clips": "sampling",
    "Dataset": "dataset",
    "IngestReport": "ingestion.report",
    "ReelbaseError": "errors",
    "Tensor": "tensor",
    "Version": "versions.version",
    "View": "view",
}

__all__ = [
    "Clips", "Dataset", "IngestReport", "ReelbaseError", "Tensor", "Version", "View",
    "delete", "empty", "encode", "exists", "ingest", "link", "load", "open", "read",
]  # fmt: skip

# A library must not print: without a handler Python writes warnings to stderr.
logging.getLogger("reelbase").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(f"reelbase.{_MODULES[name]}"), name)
    if name == "errors":
        return import_module("reelbase.errors")
    raise AttributeError(f"module 'reelbase' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "errors"]
