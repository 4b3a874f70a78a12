"""Random reads of small samples of different lengths, beside Lance and Zarr. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np
from report import machine, milliseconds, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float32]

MOST: Final = 20
BATCH: Final = 64
PART: Final = 100_000
AHEAD: Final = 0.95


@dataclass(frozen=True)
class Made:
    """All boxes: those of row i are ``values[ends[i] : ends[i + 1]]``."""

    values: Boxes
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: int, rng: np.random.Generator) -> Made:
        """At random; up to `MOST` a row."""
        ends = np.concatenate([[0], np.cumsum(rng.integers(0, MOST + 1, rows))])
        return cls(rng.random((ends[-1], 4), dtype=np.float32), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def row(self, at: int) -> Boxes:
        """Boxes of a row."""
        return self.values[self.ends[at] : self.ends[at + 1]]

    def parts(self) -> Sequence[range]:
        """All rows, some at a time."""
        return [range(start, min(start + PART, len(self))) for start in range(0, len(self), PART)]


class Reader(ABC):
    """A dataset of boxes, opened; every answer is float32 arrays ``(N, 4)`` in memory."""

    name: ClassVar[str]

    @staticmethod
    @abstractmethod
    def write(path: str, made: Made) -> None:
        """Make the dataset, with the store's own defaults."""

    @abstractmethod
    def __init__(self, path: str) -> None: ...

    @abstractmethod
    def one(self, row: int) -> Boxes:
        """Boxes of a row."""

    @abstractmethod
    def many(self, rows: Sequence[int]) -> Sequence[Boxes]:
        """Boxes of rows in any order, one call."""


class Reelbase(Reader):
    """Ours."""

    name = "reelbase"

    @staticmethod
    def write(path: str, made: Made) -> None:
        import reelbase

        ds = reelbase.empty(path)
        ds.create_tensor("boxes", htype="bbox")
        for part in made.parts():
            ds.boxes.extend(map(made.row, part))

    def __init__(self, path: str) -> None:
        import reelbase

        self._boxes = reelbase.load(path, read_only=True).boxes

    def one(self, row: int) -> Boxes:
        return self._boxes[row].numpy()

    def many(self, rows: Sequence[int]) -> Sequence[Boxes]:
        return self._boxes[list(rows)].numpy(aslist=True)


class Lance(Reader):
    """A column of lists of four floats, and ``take``."""

    name = "lance"

    @staticmethod
    def write(path: str, made: Made) -> None:
        import lance
        import pyarrow as pa

        for part in made.parts():
            ends = made.ends[part.start : part.stop + 1]
            values = pa.array(made.values[ends[0] : ends[-1]].reshape(-1))
            fours = pa.FixedSizeListArray.from_arrays(values, 4)
            lists = pa.ListArray.from_arrays(pa.array((ends - ends[0]).astype(np.int32)), fours)
            lance.write_dataset(pa.table({"boxes": lists}), path, mode="append" if part.start else "create")

    def __init__(self, path: str) -> None:
        import lance

        self._rows = lance.dataset(path)

    def one(self, row: int) -> Boxes:
        return self.many([row])[0]

    def many(self, rows: Sequence[int]) -> Sequence[Boxes]:
        column = self._rows.take(list(rows), columns=["boxes"])["boxes"].combine_chunks()
        values = column.flatten().flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
        return np.split(values, np.cumsum(column.value_lengths().to_numpy())[:-1])


class Zarr(Reader):
    """Zarr has no ragged arrays: all boxes in one array, and where each row ends in another."""

    name = "zarr"

    @staticmethod
    def write(path: str, made: Made) -> None:
        import zarr

        group = zarr.create_group(path)
        group.create_array("values", data=made.values)
        group.create_array("ends", data=made.ends)

    def __init__(self, path: str) -> None:
        import zarr

        group = zarr.open_group(path, mode="r")
        self._values, self._ends = group["values"], group["ends"]

    def one(self, row: int) -> Boxes:
        start, stop = self._ends[row : row + 2]
        return self._values[start:stop]

    def many(self, rows: Sequence[int]) -> Sequence[Boxes]:
        at = np.asarray(rows)
        spans = self._ends.oindex[np.concatenate([at, at + 1])].reshape(2, -1)
        wanted = np.concatenate([np.arange(start, stop) for start, stop in spans.T])
        return np.split(self._values.oindex[wanted], np.cumsum(spans[1] - spans[0])[:-1])


class ZarrSmall(Zarr):
    """The same in chunks of some 4,096 rows, as a reader of single rows might choose; the default makes them larger."""

    name = "zarr-small"

    @staticmethod
    def write(path: str, made: Made) -> None:
        import zarr

        group = zarr.create_group(path)
        group.create_array("values", data=made.values, chunks=(4_096 * MOST // 2, 4))
        group.create_array("ends", data=made.ends, chunks=(4_096,))


READERS: Final[dict[str, type[Reader]]] = {one.name: one for one in (Reelbase, Lance, Zarr, ZarrSmall)}


@dataclass(frozen=True)
class Way:
    """One way to read.

    Attributes:
        rows: How many, each time.
        handle: "fresh": opened before the clock starts, with one other row read; "used": has read from every part, so
            that what its store caches is warm; "none": opening is part of the time; "cold": that, and the files are
            not in the page cache.
        batch: One call for all.
    """

    rows: int
    handle: Literal["fresh", "used", "none", "cold"]
    batch: bool = False

    def read(self, kind: type[Reader], path: str, reader: Reader, rows: Sequence[int]) -> Sequence[Boxes]:
        """As a user of the store would."""
        if self.batch:
            return reader.many(rows)
        return [(reader if self.handle in {"fresh", "used"} else kind(path)).one(row) for row in rows]


WAYS: Final = {
    "random row, first time": Way(10, "fresh"),
    f"{BATCH} random rows, one call, first time": Way(BATCH, "fresh", batch=True),
    "open + 1 row": Way(5, "none"),
    "open + 1 row, not in the page cache": Way(1, "cold"),
    "random row, everything read before": Way(50, "used"),
    f"{BATCH} random rows, one call, everything read before": Way(BATCH, "used", batch=True),
}


def forget(path: str) -> None:
    """Drop the files of a dataset from the page cache, as far as the system does."""
    for file in Path(path).rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def measured(names: Sequence[str], folder: Path, made: Made, repeat: int) -> dict[str, dict[str, list[float]]]:
    """Seconds per row, or per call of a batch: way to reader to every repetition."""
    rng = np.random.default_rng(2)
    bench = {name: Bench(READERS[name], str(folder / name), made) for name in names}
    spent: dict[str, dict[str, list[float]]] = {way: {name: [] for name in names} for way in WAYS}
    for turn in range(repeat):
        for name, way in WAYS.items():
            rows = rng.integers(0, len(made), way.rows).tolist()
            for store in [*names[turn % len(names) :], *names[: turn % len(names)]]:
                spent[name][store].append(bench[store].seconds(way, rows))
    return spent


class Bench:
    """One store's dataset, with a handle that has read every part of it."""

    def __init__(self, kind: type[Reader], path: str, made: Made) -> None:
        self._kind, self._path, self._made = kind, path, made
        self._used = kind(path)
        for start in range(0, len(made), 500):
            self._used.one(start)

    def seconds(self, way: Way, rows: Sequence[int]) -> float:
        """To read some rows; they are compared with what was written."""
        reader = self._used if way.handle == "used" else self._kind(self._path)
        if way.handle == "fresh":
            reader.one(0)
        if way.handle == "cold":
            forget(self._path)
        began = time.perf_counter()
        answers = way.read(self._kind, self._path, reader, rows)
        took = time.perf_counter() - began
        for row, answer in zip(rows, answers, strict=True):
            wanted = self._made.row(row)
            if answer.shape != wanted.shape or not np.array_equal(answer, wanted):
                raise SystemExit(f"{self._kind.name}: row {row} is not what was written")
        return took if way.batch else took / len(rows)


def page(names: Sequence[str], spent: dict[str, dict[str, list[float]]]) -> str:
    """Ours in ms, then the median of peer / ours; bold where ours is slower."""
    ours, *peers = names
    rows = []
    for way, by in spent.items():
        ratios = [statistics.median(np.divide(by[peer], by[ours]).tolist()) for peer in peers]
        shown = [f"**{ratio:.2f}**" if ratio < AHEAD else f"{ratio:.2f}" for ratio in ratios]
        rows.append([way, milliseconds(statistics.median(by[ours])), *shown])
    return table(["", f"{ours}, ms", *peers], rows)


def sizes(names: Sequence[str], folder: Path, took: dict[str, float]) -> str:
    """What each dataset takes."""
    rows = []
    for name in names:
        found = [one.stat().st_size for one in (folder / name).rglob("*") if one.is_file()]
        rows.append([name, len(found), f"{sum(found) / 1e6:.0f}", f"{took[name]:.1f}"])
    return table(["", "files", "MB", "seconds to write"], rows)


def main() -> None:
    """Make, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="*", choices=list(READERS)[1:], default=list(READERS)[1:])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    names, before = ["reelbase", *options.peers], os.getloadavg()[0]
    made = Made.of(options.rows, np.random.default_rng(1))
    with tempfile.TemporaryDirectory(prefix="reelbase-small-") as folder:
        took = {}
        for name in names:
            began = time.perf_counter()
            READERS[name].write(str(Path(folder, name)), made)
            took[name] = time.perf_counter() - began
            print(f"{name}: written in {took[name]:.0f} s", file=sys.stderr)
        spent = measured(names, Path(folder), made, options.repeat)
        load = f"load before {before:.1f}, after {os.getloadavg()[0]:.1f}"
        print(f"{machine()}; {load}; {options.rows:,} rows, {options.repeat} repetitions\n")
        print(f"{page(names, spent)}\n\n{sizes(names, Path(folder), took)}\n")
    if options.json:
        options.json.write_text(json.dumps(spent, indent=1))


if __name__ == "__main__":
    main()
