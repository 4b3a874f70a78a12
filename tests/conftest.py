"""Says at the end how many points were tried, and that no process of the run is real-time."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from reelbase._util.scheduling import is_realtime

_COUNTED = (
    "crash points", "states after a power loss", "kills", "rows acknowledged", "updates acknowledged",
    "lost", "doubled", "reader opens", "read errors",
    "replies cut", "cells of the fault table", "of these right bytes", "of these typed errors",
    "frames in Chromium: stored packets", "frames in Chromium: proxy", "frames in Chromium: three ways",
    "MB grown: ingest", "MB grown: frames()", "MB grown: one by one",
)  # fmt: skip


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            counts.update({name: number for name, number in report.user_properties if name in _COUNTED})
    for name, number in counts.items():
        terminalreporter.write_line(f"{name}: {number:,}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if it left a thread of its own real-time: it would starve whatever runs next to it."""
    if sys.platform == "linux" and (found := _find_realtime_threads()):
        print(f"Real-time threads of this test run: {', '.join(found)}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _find_realtime_threads() -> list[str]:
    """Names of the real-time threads of this process and of the processes that it started."""
    found, waiting = [], [os.getpid()]
    while waiting:
        tasks = Path("/proc", str(waiting.pop()), "task")
        try:
            for task in tasks.iterdir():
                if is_realtime(int(task.name)):
                    found.append(f"{task.name} {(task / 'comm').read_text().strip()}")
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it has ended meanwhile
    return found
