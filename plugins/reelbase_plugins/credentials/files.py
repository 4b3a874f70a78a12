"""Reading of files with secrets, which only their owner may read or change."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from reelbase.errors import AccessDeniedError

MAX_FILE_BYTES: Final = 1 << 16


def read_secret_file(path: str, name: str) -> str:
    """Read the text of a file that only the current user can access.

    Args:
        path: Path of the file; ``~`` is expanded.
        name: Name of the credentials, for messages.

    Raises:
        AccessDeniedError: it cannot be read, belongs to another user, or others can access it.
    """
    file = Path(path).expanduser()
    problem = None
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # opening a FIFO would otherwise wait for a writer
    except OSError as error:
        problem = error.strerror
    else:
        try:
            # Check the opened file, not its name, which may refer to another file by now.
            problem = _find_problem(os.fstat(descriptor))
            data = b"" if problem else os.read(descriptor, MAX_FILE_BYTES)
        finally:
            os.close(descriptor)
    if problem:
        raise AccessDeniedError(f"Credentials {name!r}: {path} is not used: {problem}.", f"chmod 600 {path}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    raise AccessDeniedError(f"Credentials {name!r}: {path} is not UTF-8 text.", "Correct the file.")


def _find_problem(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a file"
    if found.st_size >= MAX_FILE_BYTES:
        return f"it has more than {MAX_FILE_BYTES} bytes"
    if not hasattr(os, "geteuid"):  # Windows: a user's own folder is private by its access control list
        return None
    if found.st_uid != os.geteuid():
        return "it belongs to another user"
    if found.st_mode & 0o077:
        return f"other users can access it (mode {stat.S_IMODE(found.st_mode):o})"
    return None
