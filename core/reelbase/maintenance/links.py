"""Upkeep of a tensor of links: survey the linked files, index them again, store them in the dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from reelbase._util.printable import printable_line
from reelbase.errors import (
    DamagedMediaError,
    LinkRefusedError,
    ObjectNotFoundError,
    ReelbaseError,
    UsageError,
    error_context,
)
from reelbase.io.batch_read import map_threads
from reelbase.links.source import locate, pin_version
from reelbase.samples.link_layout import home_of
from reelbase.samples.schema import parse_htype
from reelbase.sealed import Sealed
from reelbase.selection.indexing import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from reelbase.links.local import Home
    from reelbase.media.stored_link import Pin
    from reelbase.samples.snapshot import TensorSnapshot
    from reelbase.session.session import Session

ROWS_PER_PAGE: Final = 1024  #: whose links are read together
URLS_PER_REPORT: Final = 128  #: between two calls of `progress`
ROWS_PER_COMMIT: Final = 16  #: a call that is cut short loses at most that many


class WritableTensor(Protocol):
    """The tensor of links, as far as this module needs it. `reelbase.Tensor` is in a higher layer."""

    _session: Session

    @property
    def name(self) -> str:
        """Its name in the dataset."""

    @property
    def htype(self) -> str:
        """The kind of its items, such as ``"link[video]"``."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def extend(self, values: Iterable[Any]) -> None:
        """Append values in one commit."""

    def _snapshot(self) -> TensorSnapshot: ...


class State:
    """The states of a link in a survey."""

    REACHABLE: Final = "reachable"  #: there, and the same version as when it was indexed
    UNSEEN: Final = "unseen"  #: there, but not indexed yet (``verify=False``)
    CHANGED: Final = "changed"  #: there, but replaced since it was indexed
    MISSING: Final = "missing"  #: not there
    REFUSED: Final = "refused"  #: the rules for links forbid to follow it
    UNREACHABLE: Final = "unreachable"  #: the storage did not answer, so nothing is known


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """One link of a survey.

    Attributes:
        row: The row that holds the link.
        item: The link's position in the row's sequence; 0 if a row holds one link.
        url: URL of the file, without its query.
        state: One of the values of `State`.
        reason: Why the file cannot be read as it is indexed; "" if it can.
    """

    row: int
    item: int
    url: str
    state: str
    reason: str = ""

    def __str__(self) -> str:
        return printable_line(f"row {self.row}: {self.url}: {self.state}{f': {self.reason}' if self.reason else ''}")


@dataclass(frozen=True)
class Survey:
    """What `Links.survey` found.

    Attributes:
        links: One entry for each link, in the order of rows.
    """

    links: tuple[Surveyed, ...]

    @property
    def ok(self) -> bool:
        """True if every link can be read as it is indexed."""
        return all(link.state in {State.REACHABLE, State.UNSEEN} for link in self.links)

    def rows(self, *states: str) -> list[int]:
        """The rows that have a link in one of these states, such as "changed"."""
        return sorted({link.row for link in self.links if link.state in states})

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in Counter(link.state for link in self.links).items())
        wrong = [str(link) for link in self.links if link.state not in {State.REACHABLE, State.UNSEEN}]
        return "\n".join([counts or "no links", *wrong])


class Links(Sealed):
    """``tensor.links`` of a tensor of links.

    Raises:
        UsageError: the tensor's samples are stored in the dataset.
    """

    def __init__(self, tensor: WritableTensor) -> None:
        items = parse_htype(tensor.htype)
        if not items.are_linked:
            raise UsageError(f"Tensor {tensor.name!r} holds no links: its samples are stored in the dataset.", None)
        self._tensor = tensor
        self._items = items

    def survey(
        self, rows: Any = None, *, threads: int = 8, progress: Callable[[int, int], object] | None = None
    ) -> Survey:
        """Check whether each linked file is there and unchanged. A URL in many rows is checked once.

        Args:
            rows: Which rows: an int, a slice, a list of ints, or a boolean mask; by default all.
            threads: How many URLs are checked at a time.
            progress: Called with the number of URLs done and the number of all.
        """
        home = home_of(self._tensor._session.store)
        found = [(row, k, pin) for row, pins in self._read_pins(self._resolve_rows(rows)) for k, pin in enumerate(pins)]
        pins = list(dict.fromkeys(pin for _, _, pin in found))
        states: dict[Pin, tuple[str, str]] = {}
        for at in range(0, len(pins), URLS_PER_REPORT):
            page = pins[at : at + URLS_PER_REPORT]
            states.update(zip(page, map_threads(partial(_check_link, home), page, threads), strict=True))
            if progress is not None:
                progress(len(states), len(pins))
        return Survey(
            tuple(
                Surveyed(row=row, item=k, url=pin.shown, state=states[pin][0], reason=states[pin][1])
                for row, k, pin in found
            )
        )

    def reindex(self, rows: Any = None, *, progress: Callable[[int, int], object] | None = None) -> list[int]:
        """Index links again as their files are now, ROWS_PER_COMMIT rows a commit.

        Args:
            rows: Which rows, as in `survey`; by default those that a survey finds changed or unseen.
            progress: Called with the number of rows done and the number of all.

        Returns:
            The rows that were written.

        Raises:
            MediaError, StorageError: a file cannot be read or indexed; what was committed before stays.
            CommitConflictError: another writer changed the same row.
        """
        chosen = self.survey().rows(State.CHANGED, State.UNSEEN) if rows is None else self._resolve_rows(rows)
        values = [(row, [pin.link for pin in pins]) for row, pins in self._read_pins(chosen) if pins]
        for at in range(0, len(values), ROWS_PER_COMMIT):
            page = values[at : at + ROWS_PER_COMMIT]
            self._tensor[[row for row, _ in page]] = [self._items.row_shape.join(links) for _, links in page]
            if progress is not None:
                progress(at + len(page), len(values))
        return [row for row, _ in values]

    def store(self, into: WritableTensor, *, progress: Callable[[int, int], object] | None = None) -> int:
        """Fetch the linked files and store them in another tensor of the dataset, in the same rows.

        Rows of `into` that hold a sample already are not changed. So if a call is interrupted, call it again: it
        continues where it stopped. The links stay; delete their tensor when you do not need them any more.

        Args:
            into: A tensor of the same htype without ``link[…]``.
            progress: Called with the number of rows done and the number of all.

        Returns:
            The number of rows that were stored.

        Raises:
            UsageError: `into` is another kind of tensor, or in another dataset.
            LinkChangedError, MediaError, StorageError: a file cannot be fetched; what was committed before stays.
            DamagedMediaError: the stored file has other frames, or other times, than the link showed.
            CommitConflictError: another writer changed the same row.
        """
        stored = self._items.as_stored()
        if into._session is not self._tensor._session or parse_htype(into.htype) != stored:
            raise UsageError(
                f"{into!r} cannot store the files that {self._tensor!r} links to.",
                f"Make a tensor in the same dataset: ds.create_tensor(name, htype={str(stored)!r}).",
            )
        into.extend([None] * (len(self._tensor) - len(into)))  # the same rows exist in both tensors then
        left = [row for row, pins in self._read_pins(range(len(self._tensor))) if pins and not into[row].exists]
        for at in range(0, len(left), ROWS_PER_COMMIT):
            page = left[at : at + ROWS_PER_COMMIT]
            with self._tensor._session.change():  # a row that differs leaves nothing of its page behind
                into[page] = map(self._open_files, page)
                for row in page:
                    self._check_same_frames(row, into)
            if progress is not None:
                progress(at + len(page), len(left))
        return len(left)

    def _check_same_frames(self, row: int, into: WritableTensor) -> None:
        """Check that a stored file has the frames of its link: annotations by frame number would shift otherwise.

        The index of a link may come from the headers of the file, that of the stored file never does.
        """
        pairs = zip(
            self._items.row_shape.split_view(self._tensor[row]),
            self._items.row_shape.split_view(into[row]),
            strict=True,
        )
        for linked, stored in pairs:
            before, after = _frame_times(linked), _frame_times(stored)
            if not np.array_equal(before, after):
                raise DamagedMediaError(
                    f"Row {row} of {self._tensor.name!r} has {len(before)} frames as a link, and {len(after)} stored "
                    "(or other times): annotations of its frames would shift.",
                    "Link the file again and check what was annotated, then store it. Nothing of this page was stored.",
                )

    def _open_files(self, row: int) -> Any:
        """Return the files of a row in the form in which a row of stored files is written."""
        with error_context(f"Row {row} of tensor {self._tensor.name!r}"):
            views = self._items.row_shape.split_view(self._tensor[row])
            return self._items.row_shape.join([view.as_sample() for view in views])

    def _resolve_rows(self, rows: Any) -> list[int]:
        return [row for row, _ in Index().then(slice(None) if rows is None else rows).resolve(len(self._tensor))]

    def _read_pins(self, rows: Sequence[int]) -> Iterator[tuple[int, tuple[Pin, ...]]]:
        """Yield each row with its links; a missing sample has none."""
        snapshot = self._tensor._snapshot()
        for at in range(0, len(rows), ROWS_PER_PAGE):
            page = rows[at : at + ROWS_PER_PAGE]
            yield from zip(page, [cell.pins() for cell in snapshot.cells(page)], strict=True)

    def __repr__(self) -> str:
        return f"Links({self._tensor!r})"


def _frame_times(view: Any) -> NDArray[np.int64]:
    """Return when the frames of a file are shown, in its time base; nothing for a picture."""
    try:
        found: NDArray[np.int64] = view.pts
    except UsageError:
        return np.zeros(0, np.int64)
    return found


def _check_link(home: Home, pin: Pin) -> tuple[str, str]:
    """Return the state of a link, and the reason if the file cannot be read as it is indexed."""
    try:
        storage, key = locate(pin, home)
        now = pin_version(pin, storage.stat(key))
    except ObjectNotFoundError as error:
        return State.MISSING, _first_line(error)
    except LinkRefusedError as error:
        return State.REFUSED, _first_line(error)
    except ReelbaseError as error:
        return State.UNREACHABLE, _first_line(error)
    if pin.size is None:
        return State.UNSEEN, ""
    return (State.REACHABLE, "") if now == pin else (State.CHANGED, "it was replaced since it was linked")


def _first_line(error: ReelbaseError) -> str:
    return str(error).partition("\n")[0]
