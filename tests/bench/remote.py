"""What frames from S3 cost, in requests, bytes and time, beside peers on the same server. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import worker
from remote_readers import READERS
from report import machine, milliseconds, table

import reelbase
from reelbase.plugin import Credentials
from reelbase.testing.clips import Clip, make_clip
from reelbase.testing.servers import FaultProxy, Trouble
from reelbase_plugins.s3.storage import S3Storage

ROOT: Final = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plugins")]
from cloud_servers import Seaweed  # noqa: E402
from faulty_proxy import FaultyProxy  # noqa: E402

FRAMES: Final = 300
VIDEOS: Final = 32
OPEN: Final = 4  # videos that warm tasks choose from
BUCKET: Final = "bench"
# A constant rate: what the pixels do not need is filled up, so that packets are as large as those of a real video.
RATE: Final = {"b": "4M", "minrate": "4M", "maxrate": "4M", "bufsize": "1M", "nal-hrd": "cbr", "preset": "fast"}
WAYS: Final = {
    "no delay": Trouble(),
    "30 ms": Trouble(latency=0.015),
    "30 ms, 50 Mbit/s": Trouble(latency=0.015, bandwidth=50e6 / 8),
}


@dataclass(frozen=True)
class Task:
    """One thing to read.

    Attributes:
        name: Name of the row.
        cold: Begin with nothing open and nothing kept.
        asked: What to send to a reader, given a source of chance.
    """

    name: str
    cold: bool
    asked: Any

    def drawn(self, chance: random.Random) -> dict[str, Any]:
        """One question."""
        return {"forget": self.cold, **self.asked(chance)}


def _clip(step: int, count: int = 16) -> Any:
    def asked(chance: random.Random) -> dict[str, Any]:
        start = chance.randrange(FRAMES - (count - 1) * step)
        return {"video": chance.randrange(OPEN), "clips": [list(range(start, start + count * step, step))]}

    return asked


def _scattered(chance: random.Random) -> dict[str, Any]:
    return {"video": chance.randrange(OPEN), "clips": [sorted(chance.sample(range(FRAMES), 16))]}


def _walk(chance: random.Random) -> dict[str, Any]:
    return {"video": chance.randrange(OPEN, VIDEOS), "clips": [
        list(range(start, min(start + 16, FRAMES))) for start in range(0, FRAMES, 16)
    ]}  # fmt: skip


def _batch(chance: random.Random) -> dict[str, Any]:
    start = chance.randrange(FRAMES - 16)
    return {"videos": list(range(VIDEOS)), "frames": list(range(start, start + 16))}


TASKS: Final = (
    Task("open, then one frame", True, _clip(1, 1)),
    Task("one frame", False, _clip(1, 1)),
    Task("16 frames in a row", False, _clip(1)),
    Task("16 frames, 5 apart", False, _clip(5)),
    Task("16 frames anywhere", False, _scattered),
    Task("a whole video, 16 at a time", True, _walk),
    Task("16 frames of each of 32 videos", True, _batch),
)


class Counting(FaultyProxy):
    """Counts what passes through."""

    requests = 0
    bytes = 0

    def next_for(self, method: str, path: str) -> Any:
        def counted(handler: Any) -> None:
            status, headers, body = handler.ask()
            with self._lock:
                self.requests += 1
                self.bytes += len(body)
            handler.give(status, headers, body)

        return counted


class Worker:
    """A reader in a process of its own.

    Args:
        name: Name of the reader.
        python: Of its environment.
        endpoint: Of the server, or of what stands before it.
    """

    def __init__(self, name: str, python: str, endpoint: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name("remote_readers.py")), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment(endpoint, name),
        )  # fmt: skip
        self._line()

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """What it says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        watch = threading.Timer(180, self._process.kill)
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        found: dict[str, Any] = json.loads(line) if line else {"error": "it ended, or took more than three minutes"}
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def environment(endpoint: str, name: str = "") -> dict[str, str]:
    where = {
        "endpoint": endpoint, "bucket": BUCKET,
        "key": Seaweed.OWNER["aws_access_key_id"], "secret": Seaweed.OWNER["aws_secret_access_key"],
    }  # fmt: skip
    torch = name.startswith("torchcodec")
    libraries = {"LD_LIBRARY_PATH": folder} if torch and (folder := worker.ffmpeg()) else {}
    return {
        **os.environ, **libraries, "REMOTE_WHERE": json.dumps(where), "PYTHONPATH": f"{ROOT}/core:{ROOT}/plugins",
        "AWS_EC2_METADATA_DISABLED": "true", "DEEPLAKE_DOWNLOAD_PATH": "", "BUGGER_OFF": "true",
    }  # fmt: skip


def fill(server: Seaweed, clip: Clip, deeplake: str | None) -> None:
    """The same videos for everybody: as files, in a dataset of ours, and in one of Deep Lake's."""
    creds = Credentials(server.OWNER)
    storage = S3Storage(f"s3://{BUCKET}", options=server.options(), credentials=creds)
    client = storage.bucket().client
    client.run(client.filesystem.s3.create_bucket(Bucket=BUCKET), 30)
    data = clip.path.read_bytes()
    for video in range(VIDEOS):
        storage.put(f"files/{video}.mp4", data)
    ds = reelbase.empty(f"s3://{BUCKET}/ours", options=server.options(), creds=server.OWNER)
    ds.create_tensor("videos", htype="video")
    for _ in range(VIDEOS):
        ds.videos.append(reelbase.read(clip.path))
    if deeplake:
        script = str(Path(__file__).with_name("remote_readers.py"))
        subprocess.run(
            [deeplake, script, "deeplake", *[str(clip.path)] * VIDEOS], env=environment(server.url), check=True
        )


@contextmanager
def workers(pythons: dict[str, str], endpoint: str) -> Iterator[list[Worker]]:
    made = [Worker(name, python, endpoint) for name, python in pythons.items()]
    try:
        yield made
    finally:
        for one in made:
            one.close()


def warmed(made: list[Worker]) -> None:
    """Libraries loaded, and the videos of warm tasks open."""
    for one in made:
        for video in range(OPEN):
            one.ask({"video": video, "clips": [[0]]})


def judged(question: dict[str, Any], answer: dict[str, Any], clip: Clip) -> str:
    """What is wrong with an answer; "" if nothing is."""
    if "error" in answer:
        return str(answer["error"])
    wanted = question.get("clips") or [question["frames"]] * len(question["videos"])
    right = [[int(clip.codes[frame]) for frame in one] for one in wanted]
    return "" if answer["codes"] == right else "wrong frames"


def counted(pythons: dict[str, str], server: Seaweed, clip: Clip) -> list[list[object]]:
    """Requests and megabytes of each task."""
    proxy = Counting(server.url)
    rows = []
    with proxy.serving() as seen, workers(pythons, seen) as made:
        for task in TASKS:
            row: list[object] = [task.name]
            for one in made:
                if not task.cold:
                    one.ask({"forget": True, "video": 0, "clips": [[0]]})
                    warmed([one])
                question = task.drawn(random.Random(task.name))
                before = proxy.requests, proxy.bytes
                wrong = judged(question, one.ask(question), clip)
                took = f"{proxy.requests - before[0]}, {(proxy.bytes - before[1]) / 1e6:.2f} MB"
                row.append(f"{took} ({wrong})" if wrong else took)
            rows.append(row)
    return rows


def timed(pythons: dict[str, str], endpoint: str, clip: Clip, repeat: int) -> tuple[list[list[object]], list[str]]:
    """Milliseconds of ours and ratios of the others, a row a task; and what went wrong."""
    rows, said = [], []
    with workers(pythons, endpoint) as made:
        for task in TASKS:
            warmed(made)
            chance = random.Random(7)
            times: dict[str, list[float]] = {one.name: [] for one in made}
            failed: dict[str, str] = {}
            for turn in range(max(2, repeat // 3) if task.cold and "frame" not in task.name[-5:] else repeat):
                question = task.drawn(chance)
                for one in made[turn % len(made) :] + made[: turn % len(made)]:
                    if one.name in failed:
                        continue
                    answer = one.ask(question)
                    wrong = judged(question, answer, clip)
                    if wrong:
                        failed[one.name] = wrong
                    else:
                        times[one.name].append(answer["seconds"])
            rows.append([task.name, *(_cell(one.name, times, failed) for one in made)])
            said += [f"{task.name}: {name}: {what}" for name, what in failed.items()]
    return rows, said


def _cell(name: str, times: dict[str, list[float]], failed: dict[str, str]) -> str:
    ours = times["reelbase"]
    if name in failed or not ours:
        return failed.get(name, "-") if failed.get(name) == "wrong frames" else "failed"
    if name == "reelbase":
        spread = f"{milliseconds(min(ours))}-{milliseconds(max(ours))}"
        return f"{milliseconds(statistics.median(ours))} ({spread})"
    ratio = statistics.median(theirs / mine for theirs, mine in zip(times[name], ours, strict=False))
    return f"**{ratio:.2f}**" if ratio < 0.95 else f"{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", default=sys.executable, help="Python with torchcodec, PyAV and s3fs")
    parser.add_argument("--deeplake-python", help="Python with Deep Lake 3.9 and av; it is left out otherwise")
    parser.add_argument("--repeat", type=int, default=9)
    chosen = parser.parse_args()
    pythons = dict.fromkeys(READERS, chosen.torch_python)
    pythons |= {"reelbase": sys.executable, "deeplake": chosen.deeplake_python}
    pythons = {name: python for name, python in pythons.items() if python}
    names = list(pythons)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (home / "server").mkdir()
        server = stack.enter_context(Seaweed(home / "server"))
        clip = make_clip(home / "clip.mp4", frames=FRAMES, size=(360, 640), gop=60, bframes=2, options=RATE)
        fill(server, clip, chosen.deeplake_python)
        size = clip.path.stat().st_size / 1e6
        print(f"{machine()}; {FRAMES} frames of 640 x 360, H.264, GOP 60, {size:.1f} MB; {chosen.repeat} repetitions\n")
        print("Requests, and bytes of their replies:\n")
        print(table(["", *names], counted(pythons, server, clip)), flush=True)
        proxy = stack.enter_context(FaultProxy(server.port))
        for name, way in WAYS.items():
            proxy.fail(way)
            rows, said = timed(pythons, proxy.url, clip, chosen.repeat)
            print(f"\n{name}: milliseconds of ours (least-most), and theirs / ours\n")
            print(table(["", *names], rows), flush=True)
            print("".join(f"\n- {line}" for line in said), flush=True)


if __name__ == "__main__":
    main()
