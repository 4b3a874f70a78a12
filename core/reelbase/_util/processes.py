"""End a process together with the processes that it started."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that leads a group of its own (``start_new_session=True``), and the group.

    On systems without process groups (Windows) only the process itself is killed. If it has ended already, nothing
    happens.

    Args:
        process: The process that leads the group.
    """
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
