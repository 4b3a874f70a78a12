"""Files and sections that the documentation names exist.

Sphinx does not check links to sections or out of docs/ (``myst.xref_missing`` is off), nor paths in running text.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_EXCLUDED_FOLDERS = {"_build", "generated"}
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)(#[^)\s]+)?\)")
_LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
#: A file of ours in backticks: `core/reelbase/api.py`, `format/log.py`, `…/browser/guard.py`.
_NAMED = re.compile(r"`(?:\w*…/)?([\w./-]*\w\.(?:py|js|md|toml))`")
#: Files that pages speak of and that are a user's own, or are made by a command.
_NOT_OURS = {"config.toml", "reelbase.toml"}


def _pages() -> list[Path]:
    pages = [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), _ROOT / "tests" / "bench" / "README.md"]
    return sorted(page for page in pages if not _EXCLUDED_FOLDERS & set(page.parts))


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return listed.stdout.splitlines()
    folders = ("core", "plugins", "docs", "tests")
    nested = (path for folder in folders for path in (_ROOT / folder).rglob("*") if path.is_file())
    return [path.relative_to(_ROOT).as_posix() for path in (*_ROOT.glob("*.*"), *nested)]


def find_missing(page: Path, files: list[str]) -> list[str]:
    """The links and file names in `page` that lead to no section, or to no file in `files`."""
    prose = _FENCE.sub("", page.read_text("utf-8"))
    links = [path + anchor for path, anchor in _LINK.findall(prose) if not _is_link_valid(page, path, anchor)]
    named = [name for name in _NAMED.findall(prose) if name not in _NOT_OURS]
    return links + [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)]


def _is_link_valid(page: Path, path: str, anchor: str) -> bool:
    if path.startswith("generated/"):
        return True  # made when the pages are built; test_docs_reference.py looks at these
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor[1:] in _anchors(target))


def _anchors(page: Path) -> set[str]:
    prose = _FENCE.sub("", page.read_text("utf-8"))
    slugs = (re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in _HEADING.findall(prose))
    return {*slugs, *_LABEL.findall(prose)}


@pytest.fixture(scope="module")
def files() -> list[str]:
    return _files()


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.relative_to(_ROOT).as_posix())
def test_named_files_exist(page: Path, files: list[str]) -> None:
    assert not find_missing(page, files)


def test_what_is_missing_is_found(tmp_path: Path) -> None:
    (tmp_path / "here.md").write_text("# The `part` of it\n(label)=\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](here.md#the-part-of-it) [b](here.md#label) [c](here.md#other) [d](gone.md)\n"
        "[e](https://x/y.md) [f](#none)\n"
        "`core/a.py` `a.py` `…/b.js`\n```text\n`c.py`\n```\n"
    )
    assert find_missing(page, ["core/a.py"]) == ["here.md#other", "gone.md", "#none", "b.js"]
