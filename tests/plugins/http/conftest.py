"""One nginx for all tests, a misbehaving server for each."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nginx import nginx

from reelbase.testing.servers import BadHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A web server's URL, and the folder that it serves."""
    home = tmp_path_factory.mktemp("nginx")
    with nginx(home) as url:
        yield url, home / "www"


@pytest.fixture
def place(web: tuple[str, Path]) -> tuple[str, Path]:
    """The URL of a new folder on the web server, and the folder."""
    url, www = web
    name = f"data-{next(_numbers)}"
    (www / name).mkdir()
    return f"{url}/{name}", www / name


@pytest.fixture
def server() -> Iterator[BadHttpServer]:
    """A server of no objects yet."""
    with BadHttpServer({}) as server:
        yield server
