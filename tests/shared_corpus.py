"""The corpus of `reelbase.testing.clips`, each clip encoded once in a test run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from reelbase.testing.clips import Clip, Maker, corpus
from whole_run import make_once


def shared_corpus() -> dict[str, Maker]:
    """As `corpus`, but that a maker copies the file which was encoded before."""
    return {name: partial(_copy, name, make) for name, make in corpus().items()}


def _copy(name: str, make: Maker, path: Path) -> Clip:
    clip = make_once(f"corpus-{name}", lambda home: make(home / name))
    shutil.copyfile(clip.path, path)
    return replace(clip, path=path)
