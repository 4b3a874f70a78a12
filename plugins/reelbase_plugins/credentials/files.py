"""Files with secrets in them: only their owner may read or change them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from reelbase.errors import AccessDeniedError

MAX_FILE_BYTES: Final = 1 << 16


def secret_file(path: str, name: str) -> str:
    """The text of a file that is ours alone.

    Args:
        path: Absolute, or below ``~``.
        name: Of the binding, for messages.

    Raises:
        AccessDeniedError: it cannot be read, is somebody else's, or others may read it too.
    """
    file = Path(path).expanduser()
    problem = None
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        problem = error.strerror
    else:
        try:
            # Of what was opened, not of the name: that may be another file by now.
            problem = _problem(os.fstat(descriptor))
            data = b"" if problem else os.read(descriptor, MAX_FILE_BYTES)
        finally:
            os.close(descriptor)
    if problem:
        raise AccessDeniedError(f"Credentials {name!r}: {path} is not used: {problem}.", f"chmod 600 {path}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    raise AccessDeniedError(f"Credentials {name!r}: {path} is not text.", "Mend it.")


def _problem(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a file"
    if found.st_size >= MAX_FILE_BYTES:
        return f"it has more than {MAX_FILE_BYTES} bytes"
    if not hasattr(os, "geteuid"):  # Windows: a user's own folder is private by its access control list
        return None
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & 0o077:
        return f"others may use it too (mode {stat.S_IMODE(found.st_mode):o})"
    return None
