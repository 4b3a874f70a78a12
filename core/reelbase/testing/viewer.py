"""Tests of the contract of `reelbase.plugin.Viewer`."""

# ruff: noqa: D102 - names and messages of the tests are their documentation

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from reelbase.contracts.viewer import Overview, Shown, ShownTensor
from reelbase.errors import CorruptObjectError

if TYPE_CHECKING:
    from reelbase.contracts.viewer import Viewer, ViewerSource

__all__ = ["ViewerTests"]

MAX_SECONDS_TO_SHOW: Final = 10.0  #: a viewer that waits for the user would take longer
_OVERVIEW: Final = Overview(
    title="<b>birds</b>",
    version="main@3",
    rows=5,
    where="",
    start=None,
    info={"by": "us"},
    tensors=(ShownTensor(name="v", htype="video", role="video", sequence=False, count=5, settings={}),),
)


class _Damaged:
    """A `ViewerSource` of which only the overview can be read."""

    def overview(self) -> Overview:
        return _OVERVIEW

    def versions(self) -> list[Any]:
        return []

    def html_preview(self) -> str:
        return "<p>birds</p>"

    def __getattr__(self, name: str) -> Any:
        def fail(*args: Any) -> Any:
            raise CorruptObjectError(f"{name}{args} cannot be read.", "A test made this fail.")

        return fail


class ViewerTests:
    """Tests of a viewer. Subclass this and define a fixture `viewer` that returns a new `Viewer`."""

    @pytest.fixture
    def viewer(self) -> Viewer:
        """The viewer to test."""
        raise NotImplementedError("define a fixture `viewer` that returns a Viewer")

    @pytest.fixture
    def source(self) -> ViewerSource:
        """The data to show."""
        return cast("ViewerSource", _Damaged())

    def test_it_returns_at_once(self, viewer: Viewer, source: ViewerSource) -> None:
        began = time.monotonic()
        shown = viewer.show(source, open_browser=False)
        assert time.monotonic() - began < MAX_SECONDS_TO_SHOW
        assert isinstance(shown, Shown)
        assert isinstance(shown.url, str)
        shown.close()

    def test_it_can_be_closed_again(self, viewer: Viewer, source: ViewerSource) -> None:
        shown = viewer.show(source, open_browser=False)
        shown.close()
        shown.close()

    def test_a_block_closes_it(self, viewer: Viewer, source: ViewerSource) -> None:
        with viewer.show(source, open_browser=False) as shown:
            assert isinstance(shown, Shown)

    def test_several_at_a_time(self, viewer: Viewer, source: ViewerSource) -> None:
        first, second = (viewer.show(source, open_browser=False) for _ in range(2))
        assert not first.url or first.url != second.url
        first.close()
        second.close()

    def test_one_that_is_closed_leaves_the_others(self, viewer: Viewer, source: ViewerSource) -> None:
        with viewer.show(source, open_browser=False) as stays:
            viewer.show(source, open_browser=False).close()
            assert isinstance(stays, Shown)
