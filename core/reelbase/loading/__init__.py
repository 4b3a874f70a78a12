"""Batches of clips: what loaders of any framework are made of."""

from __future__ import annotations

from reelbase.loading.loader import Loader
from reelbase.loading.report import Report
from reelbase.loading.source import ClipSource

__all__ = ["ClipSource", "Loader", "Report"]
