"""Rules for links to local files. A dataset from a stranger must not make its reader open the reader's own files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reelbase._util.urls import redacted
from reelbase.config import settings
from reelbase.credentials.resolver import Names
from reelbase.errors import LinkRefusedError
from reelbase.registry import FILE, scheme_of

if TYPE_CHECKING:
    from reelbase.contracts.storage import Storage


@dataclass(frozen=True)
class Home:
    """The dataset that holds a link.

    Attributes:
        root: Root folder or URL of its storage.
        ours: True if it was made in this process, or in the process that sent it here.
        names: Names of credentials that its links may use.
    """

    root: str
    ours: bool = False
    names: Names = field(default_factory=Names)

    def check_scheme(self, url: str) -> None:
        """Check whether local files may be linked at all, before anything is touched.

        Raises:
            LinkRefusedError: they may not.
        """
        if scheme_of(url) == FILE and not self.ours and settings().security.local_links == "deny":
            raise LinkRefusedError(
                f"{redacted(url)!r} is a file on this machine, and the dataset was not made by this process.",
                'If you trust it, name folders: local_links = ["/data/videos"] under [security] in your own '
                "configuration.",
            )

    def check_place(self, url: str, storage: Storage, key: str) -> None:
        """Check whether this file may be linked, after following symbolic links.

        Raises:
            LinkRefusedError: it may not.
        """
        allowed = settings().security.local_links
        if scheme_of(url) != FILE or self.ours:
            return
        self.check_scheme(url)
        folders = (self.root,) if allowed == "dataset-dir" else (() if isinstance(allowed, str) else allowed)
        path = os.path.realpath(os.path.join(storage.root, key))  # noqa: PTH118 - names need not be UTF-8
        if not any(_inside(path, folder) for folder in folders):
            raise LinkRefusedError(
                f"{redacted(url)!r} is not in {', '.join(map(repr, folders))}.",
                "Change local_links under [security] in your own configuration if you trust the dataset.",
            )


def _inside(path: str, folder: str) -> bool:
    """Return True if a real path is below a folder; False if the folder is not absolute."""
    named = Path(folder).expanduser()
    real = os.path.realpath(named)
    return named.is_absolute() and os.path.commonpath([path, real]) == real
