"""Videos and annotations in a page: of the browser of this machine, or in a notebook.

Declares only; the work is imported on first use.
"""

from __future__ import annotations

from reelbase.plugin import ViewerSpec, hookimpl

_HERE = "reelbase_plugins.browser"


@hookimpl
def reelbase_viewers() -> list[ViewerSpec]:
    """A page served to this machine alone, and the same as a notebook's widget."""
    return [
        ViewerSpec(name="browser", target=f"{_HERE}.viewer:Browser", environment="browser"),
        ViewerSpec(
            name="notebook",
            target=f"{_HERE}.widget:Notebook",
            environment="notebook",
            requires=("anywidget",),
            install="reelbase[notebook]",
        ),
    ]
