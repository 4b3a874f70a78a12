"""Videos and annotations in the web browser of this machine. Declares only; the work is imported on first use."""

from __future__ import annotations

from reelbase.plugin import ViewerSpec, hookimpl


@hookimpl
def reelbase_viewers() -> list[ViewerSpec]:
    """A page served to this machine alone."""
    return [ViewerSpec(name="browser", target="reelbase_plugins.browser.viewer:Browser", environment="browser")]
