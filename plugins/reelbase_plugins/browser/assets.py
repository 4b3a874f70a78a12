"""The files of the page: one by one for a browser, and joined into one module for a notebook widget."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
#: In the order in which they are joined: each file comes after those that it imports.
_MODULES: Final = (
    "carrier.js", "video.js", "pictures.js", "packets.js", "sources.js", "tracks.js", "stage.js", "timeline.js",
    "grid.js", "app.js", "controls.js",
)  # fmt: skip
_SERVED: Final = {"index.html", "style.css", "icon.svg", "main.js", *_MODULES}
_IMPORT: Final = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?!default)", re.MULTILINE)
_BODY: Final = re.compile(r"<body>(.*)</body>", re.DOTALL)


def load_asset(name: str) -> tuple[bytes, str] | None:
    """Return a file of the page and its media type; None if there is no file with that name."""
    name = name or "index.html"
    return (_read_text(name).encode(), _TYPES[name.rpartition(".")[2]]) if name in _SERVED else None


@cache
def build_module() -> str:
    """Return the whole page as one JavaScript module, as anywidget needs it.

    The files are joined without their imports and exports, so that no bundler is needed.
    """
    body = _BODY.search(_read_text("index.html"))
    assert body is not None  # noqa: S101 - index.html has a body
    constants = {"MARKUP": body[1], "STYLE": _read_text("style.css")}
    lines = [f"const {name} = {json.dumps(text)};\n" for name, text in constants.items()]
    return "".join([*lines, *(_EXPORT.sub("", _IMPORT.sub("", _read_text(name))) for name in (*_MODULES, "widget.js"))])


def _read_text(name: str) -> str:
    return (files("reelbase_plugins.browser") / "page" / name).read_text("utf-8")
