"""Says at the end how many points were tried, and that no process of the run is real-time."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

import whole_run
from reelbase._util.scheduling import is_realtime

#: No test of ours is timed: on a busy machine any of them may be slow.
hypothesis.settings.register_profile("reelbase", deadline=None)
hypothesis.settings.load_profile("reelbase")

_COUNTED = (
    "crash points", "calls that failed", "interleavings", "states after a power loss",
    "kills", "rows acknowledged", "updates acknowledged",
    "lost", "doubled", "reader opens", "read errors",
    "replies cut", "cells of the fault table", "of these right bytes", "of these typed errors",
    "frames in Chromium: stored packets", "frames in Chromium: proxy", "frames in Chromium: three ways",
    "flipped bits: said", "flipped bits: harmless", "MB grown: ingest", "MB grown: frames()", "MB grown: one by one",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        whole_run.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        whole_run.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            counts.update({name: number for name, number in report.user_properties if name in _COUNTED})
    for name, number in counts.items():
        terminalreporter.write_line(f"{name}: {number:,}")


#: What takes longest, measured; each worker begins with its share, so that none is left for the end. The tests of
#: one entry go to one worker, one after another: most of them start processes that would take turns with each other.
_LONG = (
    ("tests/durability/test_crash_points.py", "tests/durability/test_power_loss.py"),  # they share what was recorded
    ("tests/durability/test_kills.py",),
    ("tests/plugins/remote/test_large_videos.py", "tests/plugins/remote/test_racing_writers.py"),
    ("tests/packaging/", "tests/house/test_docs_blocks.py"),
    ("tests/core/versions/test_versions_model.py", "tests/plugins/credentials/test_on_services.py"),
    ("tests/plugins/browser/", "tests/durability/test_processes.py", "tests/hostile/test_hostile_datasets.py"),
)
#: What waits, mostly: dealt out one by one.
_WAITING = ("tests/plugins/remote/test_fault_table.py", "tests/plugins/http/test_http_faults.py")


#: What a change of core is likely to break: answers within a minute.
_QUICK = (
    "tests/core/", "tests/plugins/annotations/", "tests/plugins/local/", "tests/plugins/image/",
    "tests/plugins/video/bitstream/", "tests/plugins/video/test_encode.py", "tests/house/test_house_",
)  # fmt: skip
_NOT_QUICK = (
    "tests/core/maintenance/", "tests/core/cli/", "tests/core/versions/test_versions_model.py",
    "tests/core/testing/test_testing_servers.py", "tests/core/util/",
)  # fmt: skip

#: What runs with numpy and pluggy alone. In an environment without PyAV the other files are not collected at all: they
#: could not be imported, and a skipped test would only look tested. Single tests are marked `needs_av`.
_BARE = ("core", "durability/test_processes.py", "plugins/annotations", "plugins/local")
_NOT_BARE = ("core/ingestion", "core/maintenance", "core/cli/test_cli_media.py", "core/cli/test_cli_ingest.py")
_HAS_AV = importlib.util.find_spec("av") is not None


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without PyAV, pass over the files and folders that need it; a folder's conftest may need more than its tests."""
    tests = Path(__file__).parent
    if _HAS_AV or collection_path == tests or not collection_path.is_relative_to(tests):
        return None
    path = collection_path.relative_to(tests)
    leads_to_some = any(Path(start).is_relative_to(path) or path.is_relative_to(start) for start in _BARE)
    return True if not leads_to_some or any(path.is_relative_to(start) for start in _NOT_BARE) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `-m quick` selects."""
    if item.nodeid.startswith(_QUICK) and not item.nodeid.startswith(_NOT_QUICK):
        item.add_marker("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each worker's block of tests its share of the long ones, first.

    xdist's "worksteal" hands every worker one contiguous block, and later moves tests from the ends of long blocks.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first: list[list[pytest.Item]] = [[] for _ in range(workers)]
    waiting = [item for item in items if item.nodeid.startswith(_WAITING)]
    rest = []
    for item in items:
        place = next((place for place, start in enumerate(_LONG) if item.nodeid.startswith(start)), None)
        if place is not None:
            first[place % workers].append(item)
        elif not item.nodeid.startswith(_WAITING):
            rest.append(item)
    size, extra = divmod(len(items), workers)
    ordered, taken = [], 0
    for worker in range(workers):
        mine = [*first[worker], *waiting[worker::workers]]
        more = size + (worker < extra) - len(mine)
        ordered += [*mine, *rest[taken : taken + more]]
        taken += more
    items[:] = [*ordered, *rest[taken:]]


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
