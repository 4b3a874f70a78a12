"""Viewers of videos and annotations: a page in the browser of this machine, or a widget in a notebook.

This module only declares them; the viewers are imported on first use.
"""

from __future__ import annotations

from reelbase.plugin import ViewerSpec, hookimpl

_PACKAGE = "reelbase_plugins.browser"


@hookimpl
def reelbase_viewers() -> list[ViewerSpec]:
    """Return the viewers: a page that is served to this machine only, and the same page as a notebook widget."""
    return [
        ViewerSpec(name="browser", target=f"{_PACKAGE}.viewer:Browser", environment="browser"),
        ViewerSpec(
            name="notebook",
            target=f"{_PACKAGE}.widget:Notebook",
            environment="notebook",
            requires=("anywidget",),
            install="reelbase[notebook]",
        ),
    ]
