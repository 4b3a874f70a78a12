"""URLs as they are shown."""

from __future__ import annotations

import pytest

from reelbase.plugin import redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a.mp4", "https://host/a.mp4"), ("https://host/a.mp4?sig=SECRET", "https://host/a.mp4?…"),
        ("https://host/a.mp4#SECRET", "https://host/a.mp4?…"), ("https://me:SECRET@host:8/a", "https://host:8/a"),
        ("https://SECRET@host", "https://host"), ("s3://bucket/a@b.mp4", "s3://bucket/a@b.mp4"),
        ("https://host/a?x=me@SECRET", "https://host/a?…"), ("videos/a?b.mp4", "videos/a?b.mp4"),
    ],
)  # fmt: skip
def test_redacted(url: str, shown: str) -> None:
    assert redacted(url) == shown
