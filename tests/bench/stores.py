"""One adapter a store, for datasets of two tensors: numbers, and a text that spells them.

Row k of writer w is ``[w, k]`` and `spelled` of both, so that a row shows by itself whether it is whole. Every adapter
is written as its store's own documentation would have it.
"""

from __future__ import annotations

import json
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

Row = tuple[int, int]
Append = Callable[[Row], None]
_MIXED = (-1, -1)


def spelled(row: Row) -> str:
    """The text of a row; rows have texts of different lengths."""
    return f"{row[0]}-{row[1]};" * (1 + row[1] % 50)


@dataclass(frozen=True)
class Found:
    """What is in a dataset.

    Attributes:
        rows: Those whose tensors agree.
        mixed: How many have tensors that disagree.
        unreadable: How many could not be read.
        halves: By how many rows one tensor is longer than the other.
        error: The first that reading met; "" if none.
    """

    rows: Sequence[Row]
    mixed: int
    unreadable: int
    halves: int
    error: str = ""

    @property
    def consistent(self) -> bool:
        """Whether every row that could be seen is whole."""
        return not (self.mixed or self.unreadable)


class Store(ABC):
    """A dataset at a path, which need not exist yet.

    Attributes:
        path: A folder.
    """

    name: ClassVar[str]

    def __init__(self, path: str) -> None:
        self.path = path

    @abstractmethod
    def create(self) -> None:
        """Make the dataset, without rows."""

    @abstractmethod
    def appender(self) -> Append:
        """Open for writing. What is returned adds a row, and returns when the store says that it is kept."""

    def takeover(self) -> Append:
        """Open for writing, knowing that no other writer lives."""
        return self.appender()

    @abstractmethod
    def extend(self, rows: Sequence[Row]) -> None:
        """Open for writing and add many rows at once."""

    @abstractmethod
    def columns(self) -> tuple[Column, Column]:
        """Open for reading: the numbers and the texts."""

    @abstractmethod
    def count(self) -> int:
        """Open, and say how many rows there are."""

    def repair(self) -> None:
        """What the documentation says to do with a dataset that does not open.

        Raises:
            NotImplementedError: it says nothing.
        """
        raise NotImplementedError

    def commit_bytes(self) -> int | None:
        """Size of the file that the last commit made or replaced to be one; None where there is no such file."""
        return None

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Of the library."""

    def found(self) -> Found:
        """Open and read everything; at once, or where that fails row by row."""
        numbers, texts = self.columns()
        lengths = len(numbers), len(texts)
        count = min(lengths)
        try:
            pairs = list(zip(numbers.first(count), texts.first(count), strict=True))
            return _judged(pairs, 0, max(lengths) - count)
        except Exception as error:  # whatever a store raises is what is counted
            pairs = list(_one_by_one(numbers, texts, count))
            return _judged(pairs, count - len(pairs), max(lengths) - count, said(error))


@dataclass(frozen=True)
class Column:
    """One tensor, opened.

    Attributes:
        length: Its rows.
        first: Reads that many.
        at: Reads one.
    """

    length: int
    first: Callable[[int], Sequence[Any]]
    at: Callable[[int], Any]

    def __len__(self) -> int:
        return self.length


def said(error: Exception) -> str:
    """An error in a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _one_by_one(numbers: Column, texts: Column, count: int) -> Iterator[tuple[Row, str]]:
    for at in range(count):
        try:
            yield numbers.at(at), texts.at(at)
        except Exception:  # counted by being left out
            continue


def _judged(pairs: Sequence[tuple[Any, Any]], unreadable: int, halves: int, error: str = "") -> Found:
    rows = [_row(number, text) for number, text in pairs]
    whole = [row for row in rows if row != _MIXED]
    return Found(whole, len(rows) - len(whole), unreadable, halves, error)


def _row(number: Any, text: Any) -> Row:
    writer, k = (int(one) for one in number) if len(number) == 2 else _MIXED
    return (writer, k) if k >= 0 and text == spelled((writer, k)) else _MIXED


class Reelbase(Store):
    """Ours."""

    name = "reelbase"

    def create(self) -> None:
        import reelbase

        ds = reelbase.empty(self.path)
        with ds:
            ds.create_tensor("id", dtype="int64")
            ds.create_tensor("text", htype="text")

    def appender(self) -> Append:
        import reelbase

        ds = reelbase.load(self.path)
        return lambda row: ds.append({"id": list(row), "text": spelled(row)})

    def extend(self, rows: Sequence[Row]) -> None:
        import numpy as np

        import reelbase

        reelbase.load(self.path).extend({"id": np.array(rows), "text": map(spelled, rows)})

    def columns(self) -> tuple[Column, Column]:
        import reelbase

        ds = reelbase.load(self.path, read_only=True)
        return (
            Column(len(ds.id), lambda n: ds.id[:n].numpy() if n else [], lambda at: ds.id[at].numpy()),
            Column(len(ds.text), lambda n: ds.text[:n].data() if n else [], lambda at: ds.text[at].data()),
        )

    def count(self) -> int:
        import reelbase

        return len(reelbase.load(self.path, read_only=True))

    def commit_bytes(self) -> int | None:
        return _newest(self.path, "log/**/*.rbc")

    @classmethod
    def version(cls) -> str:
        import reelbase

        return reelbase.__version__


class DeepLake(Store):
    """An append outside ``with``: there its storage writes through by itself (autoflush)."""

    name = "deeplake"

    def create(self) -> None:
        import deeplake

        ds = deeplake.empty(self.path, verbose=False)
        ds.create_tensor("id", htype="generic", dtype="int64")
        ds.create_tensor("text", htype="text")
        self._keep(ds)

    def appender(self) -> Append:
        return self._append_to(self._load(read_only=False))

    def takeover(self) -> Append:
        """A killed writer's lock stands for five minutes; documented for who sees to it that there is no other."""
        return self._append_to(self._load(read_only=False, lock_enabled=False))

    def _append_to(self, ds: Any) -> Append:
        import numpy as np

        def append(row: Row) -> None:
            ds.append({"id": np.array(row), "text": spelled(row)})
            self._keep(ds)

        return append

    def _keep(self, ds: Any) -> None:
        pass

    def extend(self, rows: Sequence[Row]) -> None:
        import numpy as np

        ds = self._load(read_only=False)
        with ds:
            ds.extend({"id": list(np.array(rows)), "text": list(map(spelled, rows))})
        self._keep(ds)

    def columns(self) -> tuple[Column, Column]:
        ds = self._load(read_only=True)
        if "id" not in ds.tensors:  # `repair` may leave a dataset without tensors
            return Column(0, lambda _: [], int), Column(0, lambda _: [], str)
        return (
            Column(len(ds.id), lambda n: ds.id[:n].numpy() if n else [], lambda at: ds.id[at].numpy()),
            Column(len(ds.text), lambda n: ds.text[:n].data()["value"] if n else [], lambda at: ds.text[at].text()),
        )

    def count(self) -> int:
        return len(self._load(read_only=True))

    def repair(self) -> None:
        """``reset=True``: back to the last `commit`, or, if there was none, to nothing."""
        self._load(read_only=False, lock_enabled=False, reset=True)

    def _load(self, **options: Any) -> Any:
        import deeplake

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return deeplake.load(self.path, verbose=False, **options)

    @classmethod
    def version(cls) -> str:
        import deeplake

        return deeplake.__version__


class DeepLakeFlush(DeepLake):
    """And ``ds.flush()`` after it, which its documentation says is generally not needed."""

    name = "deeplake-flush"

    def _keep(self, ds: Any) -> None:
        ds.flush()


class DeepLakeCommit(DeepLake):
    """And ``ds.commit()`` after it: a version, which ``reset=True`` goes back to."""

    name = "deeplake-commit"

    def _keep(self, ds: Any) -> None:
        ds.commit(allow_empty=True)

    def commit_bytes(self) -> int | None:
        return _newest(self.path, "version_control_info.json")


class Lance(Store):
    """``LanceDataset.insert``: one version a row."""

    name = "lance"

    def create(self) -> None:
        import lance

        lance.write_dataset(self._table([]), self.path)

    def appender(self) -> Append:
        import lance

        ds = lance.dataset(self.path)
        return lambda row: ds.insert(self._table([row]))

    def extend(self, rows: Sequence[Row]) -> None:
        import lance

        lance.dataset(self.path).insert(self._table(rows))

    @staticmethod
    def _table(rows: Sequence[Row]) -> Any:
        import pyarrow as pa

        numbers = pa.array([list(row) for row in rows], pa.list_(pa.int64(), 2))
        return pa.table({"id": numbers, "text": pa.array(list(map(spelled, rows)), pa.string())})

    def columns(self) -> tuple[Column, Column]:
        import lance

        ds = lance.dataset(self.path)
        count = ds.count_rows()

        def column(name: str) -> Column:
            return Column(
                count,
                lambda n: ds.to_table(columns=[name], limit=n)[name].to_pylist() if n else [],
                lambda at: ds.take([at], columns=[name])[name][0].as_py(),
            )

        return column("id"), column("text")

    def count(self) -> int:
        import lance

        return lance.dataset(self.path).count_rows()

    def commit_bytes(self) -> int | None:
        return _newest(self.path, "_versions/*.manifest")

    @classmethod
    def version(cls) -> str:
        import lance

        return lance.__version__


def _newest(path: str, pattern: str) -> int | None:
    stats = [one.stat() for one in Path(path).glob(pattern)]
    return max(stats, key=lambda stat: stat.st_mtime_ns).st_size if stats else None


STORES: dict[str, type[Store]] = {
    store.name: store for store in (Reelbase, DeepLake, DeepLakeFlush, DeepLakeCommit, Lance)
}


@contextmanager
def quiet(folder: Path) -> Iterator[dict[str, str]]:
    """An environment in which Deep Lake neither asks for its newest version nor reports: told so in its home."""
    home = folder / "home"
    settings = home / ".activeloop"
    settings.mkdir(parents=True)
    (settings / "pypi_version.json").write_text(json.dumps(["3.9.52", 2**33]))
    (settings / "reporting_config.json").write_text(json.dumps({"client_id": "benchmark", "consent": False}))
    nowhere = "http://127.0.0.1:9"
    # Compiled Python is kept, whatever the caller's environment says, so that a new process does not compile sources.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "pycache")}
    yield {**os.environ, **compiled, "HOME": str(home), "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
