"""Encoders leave policy, priority, affinity and capabilities of the process and its threads as they were.

The case that matters is that of a process that may become real-time: root with CAP_SYS_NICE. Each test runs in
a process of its own, since SVT-AV1 tries once per process. Without the capability nothing may change either.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from reelbase._util.scheduling import is_realtime, ordinary_scheduling

_STATE = """
import json, os, sys, threading, time
from pathlib import Path

def state():
    lines = Path("/proc/self/task", str(threading.get_native_id()), "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return {
        "policy": os.sched_getscheduler(0), "priority": os.sched_getparam(0).sched_priority,
        "nice": os.getpriority(os.PRIO_PROCESS, 0), "affinity": sorted(os.sched_getaffinity(0)),
        **{name: status[name].strip() for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")},
    }

seen = set()
def watch(stop):
    while not stop.is_set():
        for name in os.listdir("/proc/self/task"):
            try:
                seen.add(os.sched_getscheduler(int(name)))
            except OSError:
                pass
        time.sleep(0.001)

before = state()
stop = threading.Event()
watcher = threading.Thread(target=watch, args=(stop,), daemon=True)
watcher.start()
"""
_REPORT = """
stop.set()
watcher.join()
child = os.popen("ps -o cls= -p $$").read().strip()
print(json.dumps({"before": before, "after": state(), "seen": sorted(seen), "child": child}))
"""


def _observe(work: str, prefix: str = "") -> dict[str, object]:
    program = textwrap.dedent(prefix) + _STATE + textwrap.dedent(work) + _REPORT
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _assert_untouched(found: dict[str, object]) -> None:
    assert found["after"] == found["before"]
    assert found["seen"] == [found["before"]["policy"]], "a thread was real-time for a while"
    assert found["child"] == "TS"


@pytest.mark.needs_av
@pytest.mark.parametrize("codec", ["libsvtav1", "libx264", "libx265", "libvpx-vp9", "mpeg4", "ffv1"])
def test_making_a_clip_leaves_the_process_ordinary(codec: str, tmp_path) -> None:
    container = "matroska" if codec in {"ffv1", "libvpx-vp9"} else "mp4"
    found = _observe(f"""
        from reelbase.testing.clips import make_clip
        clip = make_clip(Path({str(tmp_path / "clip")!r}), codec={codec!r}, container={container!r}, frames=8)
        assert len(clip.codes) == 8
    """)
    _assert_untouched(found)


@pytest.mark.needs_av
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "mpeg4"])
def test_encoding_an_array_leaves_the_process_ordinary(codec: str, tmp_path) -> None:
    found = _observe(f"""
        import numpy as np, reelbase
        ds = reelbase.empty({str(tmp_path / "ds")!r})
        videos = ds.create_tensor("videos", htype="video")
        videos.append(reelbase.encode(np.zeros((4, 64, 64, 3), np.uint8), codec={codec!r}))
        assert videos[0].shape == (4, 64, 64, 3)
    """)
    _assert_untouched(found)


@pytest.mark.needs_av
def test_encoding_pictures_and_the_viewers_proxy_leave_the_process_ordinary(tmp_path) -> None:
    found = _observe(f"""
        import numpy as np, reelbase
        from reelbase_plugins.video.webcodecs import encode_web_clip
        ds = reelbase.empty({str(tmp_path / "ds")!r})
        ds.create_tensor("pictures", htype="image", sample_compression="png")
        ds.pictures.append(np.zeros((32, 32, 3), np.uint8))
        assert encode_web_clip(iter([np.zeros((64, 64, 3), np.uint8)])) is not None
    """)
    _assert_untouched(found)


@pytest.mark.needs_av
def test_without_the_guard_the_encoder_would_make_the_thread_realtime(tmp_path) -> None:
    """The trap itself, so that the tests above cannot pass because it went away: skip nothing, tell which it was."""
    found = _observe(
        f"""
        import av, numpy as np
        with av.open({str(tmp_path / "a.mp4")!r}, "w") as out:
            stream = out.add_stream("libsvtav1", rate=30, options={{"preset": "10"}})
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        """
    )
    may = bool(int(found["before"]["CapEff"], 16) >> 23 & 1)
    assert (1 in found["seen"]) == may


@pytest.mark.needs_av
def test_threads_that_became_realtime_all_the_same_are_made_ordinary(tmp_path) -> None:
    """As where RLIMIT_RTPRIO grants it without the capability: here another capability is taken away in its place."""
    found = _observe(
        f"""
        from reelbase.testing.clips import make_clip
        with scheduling.ordinary_scheduling():
            make_clip(Path({str(tmp_path / "a.mp4")!r}), codec="libsvtav1", frames=8)
        """,
        prefix="""
        from reelbase._util import scheduling
        scheduling._CAP_SYS_NICE = 30
        """,
    )
    assert found["after"] == found["before"]
    assert found["child"] == "TS"


def test_an_error_inside_the_block_gives_the_capability_back() -> None:
    found = _observe("""
        from reelbase.plugin import ordinary_scheduling
        try:
            with ordinary_scheduling():
                raise ValueError
        except ValueError:
            pass
    """)
    _assert_untouched(found)


def test_where_there_is_no_such_thing_the_block_does_nothing(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr("os.sched_getscheduler")
    with ordinary_scheduling():
        pass


def test_a_thread_that_has_ended_is_not_realtime() -> None:
    assert not is_realtime(2**22 + 1)
