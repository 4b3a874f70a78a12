"""The loader: batches of an epoch, made ahead in threads, in an order that can be continued anywhere."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reelbase.errors import UsageError
from reelbase.loading.assemble import assemble
from reelbase.loading.batch_reader import BatchReader
from reelbase.loading.report import Report
from reelbase.sampling import Batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reelbase.loading.batch_reader import Batch
    from reelbase.loading.settings import LoaderSettings
    from reelbase.loading.source import ClipSource
    from reelbase.sampling import Clips
    from reelbase.sampling.batches import Order

STATE_VERSION: Final = 1
_FETCHING_THREADS: Final = 2  #: batches whose bytes are fetched at a time
_MAX_BATCHES_AHEAD: Final = 16


class Loader:
    """Batches of clips of one or several datasets, as dicts of numpy arrays.

    Iterating goes through one epoch; the next iteration is the next epoch, unless `set_epoch` says otherwise. Batches
    are made ahead in threads. What a batch holds depends on seed, epoch and position alone.

    Args:
        sources: The datasets.
        clips: What clips of each dataset are.
        order: The clips of an epoch in their order.
        settings: How batches are made.
    """

    def __init__(
        self, sources: Sequence[ClipSource], clips: Sequence[Clips], order: Order, settings: LoaderSettings
    ) -> None:
        self._sources = sources
        self._clips = clips
        self._order = order
        self._settings = settings
        self._batches = Batches(order, settings.batch_size, settings.share, settings.drop_last)
        self._epoch = 0
        self._seen = 0
        self._first = 0  # where the next iteration begins
        self._report = Report()

    def __len__(self) -> int:
        """Number of batches of a whole epoch."""
        return self._batches.count(self._epoch)

    @property
    def epoch(self) -> int:
        """The epoch that is being gone through, or comes next."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration goes through, from its beginning."""
        if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 0:
            raise UsageError(f"{epoch!r} is not the number of an epoch.", "Epochs count from 0.")
        self._epoch, self._seen, self._first = epoch, 0, 0

    def report(self) -> Report:
        """Return what happened in the current epoch, or, between two, in the last one."""
        return self._report

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader is, as JSON values: to be stored beside the model.

        Only batches that were given out count, not those that were made ahead.
        """
        return {
            "version": STATE_VERSION,
            "sources": [source.label for source in self._sources],
            "order": self._order.describe(),
            "epoch": self._epoch,
            "seen": self._seen,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where another loader was: the next iteration gives the rest of its epoch.

        The number of ranks and the batch size may be others than before.

        Raises:
            UsageError: the state is of other data, other clips or another seed.
        """
        own = self.state_dict()
        for name in ("version", "sources", "order"):
            if state.get(name) != own[name]:
                raise UsageError(
                    f"The state is of another loader: its {name} is {state.get(name)!r}, here it is {own[name]!r}.",
                    "Load the same version of the dataset, with the same clips, filter and seed.",
                )
        epoch, seen = int(state["epoch"]), int(state["seen"])
        if seen >= len(self._order):  # the epoch had ended
            epoch, seen = epoch + 1, 0
        self._epoch, self._seen, self._first = epoch, seen, seen

    def __iter__(self) -> Iterator[Any]:
        epoch, self._seen, self._first = self._epoch, self._first, 0
        self._report = report = Report()
        reader = BatchReader(self._sources, self._clips, self._settings, report)
        began = time.perf_counter()
        with _open_line(reader, self._settings) as line:
            for first, last, seen in self._batches.bounds(epoch, self._seen):
                line.add(self._order.requests(epoch, np.arange(first, last)), seen)
                while line.is_full:
                    yield self._give(line, report, began)
            while line.waiting:
                yield self._give(line, report, began)
        self._epoch, self._seen = epoch + 1, 0

    def _give(self, line: _Line, report: Report, began: float) -> Any:
        before = time.perf_counter()
        batch, self._seen = line.take()
        given = assemble(batch.slots, batch.buffer, self._settings, self._sources)
        report.batches += 1
        report.clips += sum(slot.placed is not None for slot in batch.slots)
        report.waited += time.perf_counter() - before
        report.elapsed = time.perf_counter() - began
        return given


@contextmanager
def _open_line(reader: BatchReader, settings: LoaderSettings) -> Iterator[_Line]:
    """Open the threads that make batches; what is under way when the block ends is abandoned."""
    fetching = ThreadPoolExecutor(_FETCHING_THREADS, "reelbase-fetch")
    decoding = ThreadPoolExecutor(int(settings.threads), "reelbase-clips")
    try:
        yield _Line(reader, fetching, decoding, int(settings.memory_limit))
    finally:
        for pool in (fetching, decoding):
            pool.shutdown(cancel_futures=True)


class _Line:
    """Batches on their way, in order.

    Args:
        reader: Makes them.
        fetching: Threads in which batches are started.
        decoding: Threads in which their clips are decoded.
        max_bytes: Bytes that batches on their way may take.
    """

    def __init__(
        self, reader: BatchReader, fetching: ThreadPoolExecutor, decoding: ThreadPoolExecutor, max_bytes: int
    ) -> None:
        self._reader = reader
        self._fetching = fetching
        self._decoding = decoding
        self._max_bytes = max_bytes
        self._batch_bytes = max_bytes // 2  # until the first batch says how much it is
        self.waiting: deque[tuple[Future[tuple[Batch, list[Future[None]]]], int]] = deque()

    @property
    def is_full(self) -> bool:
        """True if no batch may be added before one is taken."""
        count = len(self.waiting)
        return count > _MAX_BATCHES_AHEAD or (count > 1 and (count + 1) * self._batch_bytes > self._max_bytes)

    def add(self, requests: Sequence[Any], seen: int) -> None:
        """Start a batch. `seen` comes back with it."""
        self.waiting.append((self._fetching.submit(self._start, requests), seen))

    def _start(self, requests: Sequence[Any]) -> tuple[Batch, list[Future[None]]]:
        batch = self._reader.start(requests)
        self._batch_bytes = max(batch.nbytes, 1)
        return batch, [self._decoding.submit(task) for task in batch.tasks]

    def take(self) -> tuple[Batch, int]:
        """Return the next batch, as soon as it is complete."""
        future, seen = self.waiting.popleft()
        batch, tasks = future.result()
        for task in tasks:
            task.result()
        return batch, seen
