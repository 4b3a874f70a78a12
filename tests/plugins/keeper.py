"""Runs a server until the test run is over, however that ends.

The server is shared by all workers, so none of them can be the one that ends it; and a run that is killed has no
last step. This process watches the one that started the run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import time
from pathlib import Path


def keep(process: int, command: list[str]) -> None:
    """Run `command` until it or `process` ends."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while server.poll() is None and _is_running(process):
            time.sleep(0.3)
    finally:
        server.kill()  # an orderly end would take seconds, and its data are of no use to anybody
        server.wait()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def remove(pattern: str) -> None:
    """Remove the files and folders that a glob pattern names."""
    place = Path(pattern)
    for path in place.parent.glob(place.name):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("process", type=int, help="id of the process that started the test run")
    parser.add_argument("--remove", action="append", default=[], help="what the server leaves behind")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    try:
        keep(asked.process, asked.command)
    finally:
        for pattern in asked.remove:
            remove(pattern)
