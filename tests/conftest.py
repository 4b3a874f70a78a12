"""Says at the end how many points were tried."""

from __future__ import annotations

from collections import Counter

import pytest

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
