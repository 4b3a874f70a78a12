"""Does a viewer keep the contract of `reelbase.plugin.Viewer`?"""

# ruff: noqa: D102 - the names of tests and their messages say what they test

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from reelbase.contracts.viewer import Shown
from reelbase.errors import CorruptObjectError

if TYPE_CHECKING:
    from reelbase.contracts.viewer import Viewer, ViewerSource

__all__ = ["ViewerTests"]

_AT_ONCE: Final = 10.0  # seconds; a viewer that waits for the user takes for ever
_ABOUT: Final = {
    "title": "<b>birds</b>", "version": "main@3", "rows": 5, "where": "", "start": None, "info": {"by": "us"},
    "tensors": [{"name": "v", "htype": "video", "role": "video", "sequence": False, "count": 5, "settings": {}}],
}  # fmt: skip


class _Damaged:
    """A `ViewerSource` of which nothing can be read but what there is."""

    def about(self) -> dict[str, Any]:
        return dict(_ABOUT)

    def versions(self) -> list[Any]:
        return []

    def html_preview(self) -> str:
        return "<p>birds</p>"

    def __getattr__(self, name: str) -> Any:
        def asked(*args: Any) -> Any:
            raise CorruptObjectError(f"{name}{args} cannot be read.", "It was made for tests.")

        return asked


class ViewerTests:
    """Subclass it and give a fixture `viewer`: a `Viewer`, a new one for each test."""

    @pytest.fixture
    def viewer(self) -> Viewer:
        """A viewer to test."""
        raise NotImplementedError("give a fixture `viewer` that returns a Viewer")

    @pytest.fixture
    def showing(self) -> ViewerSource:
        """What is shown."""
        return cast("ViewerSource", _Damaged())

    def test_it_returns_at_once(self, viewer: Viewer, showing: ViewerSource) -> None:
        began = time.monotonic()
        shown = viewer.show(showing, open_browser=False)
        assert time.monotonic() - began < _AT_ONCE
        assert isinstance(shown, Shown)
        assert isinstance(shown.url, str)
        shown.close()

    def test_it_can_be_closed_again(self, viewer: Viewer, showing: ViewerSource) -> None:
        shown = viewer.show(showing, open_browser=False)
        shown.close()
        shown.close()

    def test_a_block_closes_it(self, viewer: Viewer, showing: ViewerSource) -> None:
        with viewer.show(showing, open_browser=False) as shown:
            assert isinstance(shown, Shown)

    def test_several_at_a_time(self, viewer: Viewer, showing: ViewerSource) -> None:
        first, second = (viewer.show(showing, open_browser=False) for _ in range(2))
        assert not first.url or first.url != second.url
        first.close()
        second.close()

    def test_one_that_is_closed_leaves_the_others(self, viewer: Viewer, showing: ViewerSource) -> None:
        with viewer.show(showing, open_browser=False) as stays:
            viewer.show(showing, open_browser=False).close()
            assert isinstance(stays, Shown)
