"""Writers killed in the middle of appending, and what is left of their datasets. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from crash_roles import Watched
from report import machine, table
from stores import STORES, Row, quiet

ROLES: Final = Path(__file__).with_name("crash_roles.py")
OURS: Final = "reelbase"
LONGEST: Final = 1.5
DATASET_ROWS: Final = 5_000


@dataclass
class Tally:
    """What a number of kills did.

    Attributes:
        kills: Writers killed.
        refused: Writers that could not open the dataset while another had it.
        failed: Writers whose append failed before they were killed.
        acknowledged: Rows that appends had returned for.
        lost: Of these, how many could not be read, as the writers had left them.
        trials_with_loss: In how many trials.
        twice: Rows found more than once.
        invented: Rows that nobody had appended, or begun to.
        mixed: Rows whose tensors disagreed.
        halves: Trials after which one tensor was longer than the other.
        unread: Trials after which it opened, and some row could not be read.
        unopened: Trials after which it did not open.
        repaired: Of these, how many the documented repair opened again, be it empty.
        lost_for_good: Acknowledged rows that could not be read after the documented repair either.
        followed: Trials that left all whole, after which a next writer came.
        next_refused: How often that could not open as usual.
        next_failed: How often it could not append as the only one either.
        datasets: How many were made; one is used on while it is whole.
        watched: By the readers, together.
        errors: What was said, and how often.
        seconds: All trials together.
    """

    kills: int = 0
    refused: int = 0
    failed: int = 0
    acknowledged: int = 0
    lost: int = 0
    trials_with_loss: int = 0
    twice: int = 0
    invented: int = 0
    mixed: int = 0
    halves: int = 0
    unread: int = 0
    unopened: int = 0
    repaired: int = 0
    lost_for_good: int = 0
    followed: int = 0
    next_refused: int = 0
    next_failed: int = 0
    datasets: int = 0
    watched: Watched = field(default_factory=Watched)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def heard(self, error: str) -> None:
        """Count an error, by its kind."""
        if error:
            self.errors[re.sub(r"'[^']*'|\d+", "…", error)[:120]] += 1


class Role:
    """A process of crash_roles.py."""

    def __init__(self, python: str, env: dict[str, str], store: str, role: str, path: Path, number: int = 0) -> None:
        command = [python, str(ROLES), store, role, str(path), str(number)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )

    def line(self) -> Any:
        """The next thing it says; None if it ended."""
        line = cast("Any", self._process.stdout).readline()
        return json.loads(line) if line else None

    def go(self) -> None:
        """Let it start."""
        cast("Any", self._process.stdin).write("go\n")
        cast("Any", self._process.stdin).flush()

    def kill(self) -> list[Any]:
        """SIGKILL to it and what it started; what it had said. A line that is cut short was not said."""
        os.killpg(self._process.pid, signal.SIGKILL)
        rest, _ = self._process.communicate()
        return [json.loads(line) for line in rest[: rest.rfind("\n") + 1].splitlines()]

    def end(self) -> list[Any]:
        """Close its stdin, wait; the rest of what it says."""
        rest, _ = self._process.communicate(timeout=600)
        return [json.loads(line) for line in rest.splitlines()]


@dataclass
class Loop:
    """Trials of one store.

    Attributes:
        store: Its name.
        python: To run it with.
        env: Of its processes.
        folder: For its datasets.
        writers: How many at once.
        rng: Chooses the moments.
    """

    store: str
    python: str
    env: dict[str, str]
    folder: Path
    writers: int
    rng: random.Random
    tally: Tally = field(default_factory=Tally)
    _path: Path | None = None
    _acknowledged: set[Row] = field(default_factory=set)
    _begun: set[Row] = field(default_factory=set)
    _numbers: int = 0

    def run(self, kills: int) -> Tally:
        """As many trials as that takes."""
        began = time.monotonic()
        while self.tally.kills < kills:
            path = self._path or self._fresh()
            self._killed(path)
            whole = self._looked(path)
            if not whole or not self._followed(path) or len(self._acknowledged) > DATASET_ROWS:
                self._drop(path)
        if self._path:
            self._drop(self._path)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _role(self, role: str, path: Path, number: int = 0) -> Role:
        return Role(self.python, self.env, self.store, role, path, number)

    def _fresh(self) -> Path:
        self.tally.datasets += 1
        self._path = self.folder / f"{self.store}-{self.tally.datasets}"
        if self._role("create", self._path).end() != ["made"]:
            raise SystemExit(f"{self.store}: {self.python} cannot make a dataset; is it installed there?")
        return self._path

    def _drop(self, path: Path) -> None:
        shutil.rmtree(path)
        self._path = None
        self._acknowledged.clear()
        self._begun.clear()

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _killed(self, path: Path) -> None:
        """Writers, killed one after another while a reader looks on."""
        reader = self._role("watch", path)
        numbers = [self._number() for _ in range(self.writers)]
        writers = {number: self._role("write", path, number) for number in numbers}
        reader.line()
        for number in [number for number, writer in writers.items() if self._refuses(writer)]:
            writers.pop(number).end()
        for writer in writers.values():
            writer.go()
        self._kill(writers)
        self._add(Watched(**reader.end()[-1]))

    def _refuses(self, writer: Role) -> bool:
        if (said := writer.line()) == "ready":
            return False
        self.tally.refused += 1
        self.tally.heard(f"second writer: {said}")
        return True

    def _kill(self, writers: dict[int, Role]) -> None:
        slept = 0.0
        for number, moment in sorted(((n, self.rng.uniform(0, LONGEST)) for n in writers), key=lambda one: one[1]):
            time.sleep(moment - slept)
            slept = moment
            lines = writers[number].kill()
            said = [k for k in lines if isinstance(k, int)]
            self.tally.kills += 1
            self.tally.failed += len(said) < len(lines)
            for error in lines[len(said) :]:
                self.tally.heard(f"writer: {error}")
            self.tally.acknowledged += len(said)
            self._acknowledged |= {(number, k) for k in said}
            self._begun |= {(number, k) for k in range(len(said) + 1)}

    def _add(self, watched: Watched) -> None:
        total = self.tally.watched
        for name in ("reads", "errors", "inconsistent", "halves", "shrunk"):
            setattr(total, name, getattr(total, name) + getattr(watched, name))
        self.tally.heard(watched.first and f"reader: {watched.first}")

    def _looked(self, path: Path) -> bool:
        """Whether a fresh process found everything whole; what it did not find is counted, and repair tried."""
        found = self._found(path, "after the kill")
        rows = self._rows(found)
        if lost := self._acknowledged - rows.keys():
            self.tally.lost += len(lost)
            self.tally.trials_with_loss += 1
        self.tally.twice += sum(times - 1 for times in rows.values())
        self.tally.invented += len(rows.keys() - self._begun)
        if found is None or lost:
            self._repair(path, opened=found is not None)
        if found is None:
            self.tally.unopened += 1
            return False
        self.tally.mixed += found["mixed"]
        self.tally.halves += found["halves"] > 0
        self.tally.unread += found["unreadable"] > 0
        damaged = found["mixed"] or found["halves"] or found["unreadable"]
        return not (lost or damaged or rows.keys() - self._begun or max(rows.values(), default=1) > 1)

    def _found(self, path: Path, when: str) -> dict[str, Any] | None:
        said = self._role("look", path).end()
        if said and isinstance(said[-1], dict):
            self.tally.heard(said[-1]["error"] and f"{when}: {said[-1]['error']}")
            return cast("dict[str, Any]", said[-1])
        self.tally.heard(f"{when}: {said[-1] if said else 'the reading process ended'}")
        return None

    @staticmethod
    def _rows(found: dict[str, Any] | None) -> Counter[Row]:
        return Counter((writer, k) for writer, k in found["rows"]) if found else Counter()

    def _repair(self, path: Path, *, opened: bool) -> None:
        if (said := self._role("repair", path).end()) != ["repaired"]:
            self.tally.heard(f"repair: {said[-1] if said else 'the process ended'}")
        found = self._found(path, "after the repair")
        self.tally.repaired += found is not None and not opened
        self.tally.lost_for_good += len(self._acknowledged - self._rows(found).keys())

    def _followed(self, path: Path) -> bool:
        """Whether the next writer could append as usual."""
        number = self._number()
        said = self._role("follow", path, number).end()
        self.tally.followed += 1
        self.tally.next_refused += said[:1] != ["ready"]
        self.tally.next_failed += said[-1:] != [0]
        for error in said:
            self.tally.heard(f"next writer: {error}" if error not in {"ready", 0} else "")
        if said[-1:] == [0]:
            self._acknowledged.add((number, 0))
            self._begun.add((number, 0))
        return said == ["ready", 0]


def page(tallies: dict[str, Tally]) -> str:
    """A table, and what was said."""
    rows = [
        ("writers killed", lambda t: t.kills),
        ("datasets used", lambda t: t.datasets),
        ("writers refused while another wrote", lambda t: t.refused),
        ("writers whose append failed by itself", lambda t: t.failed),
        ("rows acknowledged", lambda t: t.acknowledged),
        ("of these, not readable as left", lambda t: t.lost),
        ("**nor after the documented repair**", lambda t: t.lost_for_good),
        ("trials with such rows", lambda t: t.trials_with_loss),
        ("rows found twice", lambda t: t.twice),
        ("rows nobody wrote", lambda t: t.invented),
        ("rows whose tensors disagree", lambda t: t.mixed),
        ("trials that left half a row", lambda t: t.halves),
        ("trials that left a row unreadable", lambda t: t.unread),
        ("trials after which it did not open", lambda t: t.unopened),
        ("of these, opened by the documented repair", lambda t: t.repaired),
        ("whole datasets given to a next writer", lambda t: t.followed),
        ("of these, refused at first", lambda t: t.next_refused),
        ("of these, refused as the only writer too", lambda t: t.next_failed),
        ("reads while it was written", lambda t: t.watched.reads),
        ("of these, errors", lambda t: t.watched.errors),
        ("rows seen not whole", lambda t: t.watched.inconsistent),
        ("half a row seen", lambda t: t.watched.halves),
        ("fewer rows than before", lambda t: t.watched.shrunk),
    ]
    body = [[name, *(value(tally) for tally in tallies.values())] for name, value in rows]
    return "\n\n".join([table(["", *tallies], body), *_said(tallies)])


def _said(tallies: dict[str, Tally]) -> Iterable[str]:
    for name, tally in tallies.items():
        if tally.errors:
            lines = [f"- {times} x {error}" for error, times in tally.errors.most_common(8)]
            yield "\n".join([f"What {name} said:", "", *lines])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    stores = f"STORE[:WRITERS], of {', '.join(STORES)}; WRITERS at once"
    parser.add_argument("--stores", nargs="+", type=_store, default=[(OURS, 3)], help=stores)
    parser.add_argument("--kills", type=int, default=200, help="of ours")
    parser.add_argument("--peer-kills", type=int, default=30, help="of each other store")
    parser.add_argument("--deeplake-python", default=sys.executable, help="the Python that has Deep Lake")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def _store(asked: str) -> tuple[str, int]:
    name, _, writers = asked.partition(":")
    if name not in STORES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(STORES)}")
    return name, int(writers or 1)


def _tallies(options: argparse.Namespace, stores: Sequence[tuple[str, int]]) -> dict[str, Tally]:
    tallies = {}
    with tempfile.TemporaryDirectory(prefix="reelbase-crash-") as folder, quiet(Path(folder)) as env:
        for store, writers in stores:
            python = options.deeplake_python if store.startswith("deeplake") else sys.executable
            loop = Loop(store, python, env, Path(folder, str(len(tallies))), writers, random.Random(options.seed))
            kills = options.kills if store == OURS else options.peer_kills
            tallies[f"{store}, {writers} writer{'s' * (writers > 1)}"] = loop.run(kills)
            print(f"{store}: {loop.tally.seconds:.0f} s", file=sys.stderr)
    return tallies


def main() -> None:
    """Kill, look, and print the table."""
    options = _options()
    before = os.getloadavg()[0]
    tallies = _tallies(options, options.stores)
    load = f"load before {before:.1f}, after {os.getloadavg()[0]:.1f}"
    print(f"{machine()}; {load}; seed {options.seed}\n\n{page(tallies)}")
    if options.json:
        figures = {name: {**vars(tally), "watched": vars(tally.watched)} for name, tally in tallies.items()}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
