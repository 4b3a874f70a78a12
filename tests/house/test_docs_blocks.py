"""Every example of the README and the documentation runs, and shows what the page says."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from docs_blocks import Block, blocks, compare, run_page

from reelbase.cli.demo import build

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_RUN = [
    page for page in _PAGES if "examples" not in page.parts and "_build" not in page.parts and blocks(page.read_text())
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the demo's clip and boxes, and its dataset, as the pages say."""
    clip = Path(str(files("reelbase.cli") / "clip"))
    for name in ("bunny.mp4", "groundtruth.txt"):
        shutil.copy(clip / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    build("reelbase-demo")
    return tmp_path


@pytest.mark.parametrize("page", _RUN, ids=lambda page: page.relative_to(_ROOT).as_posix())
def test_page(page: Path, folder: Path) -> None:
    assert run_page(page) > 0


def test_most_pages_have_examples() -> None:
    assert len(_RUN) >= 8


_SAMPLE = """
```python
x = 6
x * 7
```

```text
42
```

```console
$ reelbase --version
reelbase ...
$ other
```
"""


def test_blocks_are_found() -> None:
    assert blocks(_SAMPLE) == [
        Block("python", "x = 6\nx * 7\n", "42\n", 3),
        Block("console", "$ reelbase --version\nreelbase ...\n$ other\n", None, 12),
    ]


def test_a_wrong_page_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(_SAMPLE)
    assert run_page(page) == 2
    page.write_text(_SAMPLE.replace("42", "43"))
    with pytest.raises(AssertionError, match=r"page\.md:3 shows"):
        run_page(page)
    page.write_text(_SAMPLE.replace("reelbase ...", "reelbase 99"))
    with pytest.raises(AssertionError, match="reelbase --version"):
        run_page(page)
    page.write_text(_SAMPLE.replace("x * 7", "1 / 0"))
    with pytest.raises(ZeroDivisionError):
        run_page(page)


def test_anything_goes_where_nothing_is_shown() -> None:
    compare(None, "whatever", "here")
