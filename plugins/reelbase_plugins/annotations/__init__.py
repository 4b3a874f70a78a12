"""Annotation htypes: boxes, class labels, text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelbase.plugin import HtypeSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def reelbase_htypes() -> Iterator[HtypeSpec]:
    """Yield the specifications of bbox, class_label, text and json."""
    yield HtypeSpec(name="bbox", target="reelbase_plugins.annotations.bbox:BBox")
    yield HtypeSpec(name="class_label", target="reelbase_plugins.annotations.class_label:ClassLabel")
    yield HtypeSpec(name="text", target="reelbase_plugins.annotations.text:Text")
    yield HtypeSpec(name="json", target="reelbase_plugins.annotations.json:Json")
