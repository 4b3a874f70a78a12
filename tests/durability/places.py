"""Where a dataset is or is not yet: in a storage, or in a model of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from model import Model

import reelbase
from reelbase.errors import DatasetExistsError


class Place(Protocol):
    """What a step of a history is run on."""

    ds: Any  # a Dataset or a Model; None: nothing is open

    def empty(self, *, overwrite: bool = False) -> None:
        """Make a dataset."""

    def load(self) -> None:
        """Open the one that is there."""


class RealPlace:
    """A dataset behind a URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ds: Any = None

    def empty(self, *, overwrite: bool = False) -> None:
        self.ds = reelbase.empty(self.url, overwrite=overwrite)

    def load(self) -> None:
        self.ds = reelbase.load(self.url)

    def find(self) -> None:
        """Open the dataset, if there is one."""
        if reelbase.exists(self.url):
            self.load()


class ModelPlace:
    """A model of a dataset, or None."""

    def __init__(self, ds: Model | None = None) -> None:
        self.ds: Any = ds

    def empty(self, *, overwrite: bool = False) -> None:
        if self.ds is not None and not overwrite:
            raise DatasetExistsError("There is one.", "Load it.")
        self.ds = Model()

    def load(self) -> None:
        pass

    def copy(self) -> ModelPlace:
        return ModelPlace(None if self.ds is None else self.ds.copy())

    @contextmanager
    def on_main(self) -> Iterator[None]:
        """While the block runs, it is on main, as another writer does who opens it."""
        on = "main" if self.ds is None else self.ds.on
        if self.ds is not None:
            self.ds.on = "main"
        yield
        if self.ds is not None:
            self.ds.on = on

    def shown(self) -> dict[str, Any] | None:
        """What one reads there, as `model.look_at` gives it."""
        return None if self.ds is None else self.ds.shown()
