"""Fixtures of the core tests: datasets in memory, which need no plugin."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

import reelbase


@pytest.fixture
def path() -> Iterator[str]:
    """The URL of a dataset in memory that is not there yet."""
    url = f"mem://{uuid.uuid4().hex}"
    yield url
    if reelbase.exists(url):
        reelbase.delete(url)


@pytest.fixture
def ds(path: str) -> reelbase.Dataset:
    """An empty dataset."""
    return reelbase.empty(path)
