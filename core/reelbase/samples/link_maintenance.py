"""The links of a tensor, looked after: are they still there, take them as they are now, store what they name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import LinkRefusedError, ObjectNotFoundError, ReelbaseError, UsageError, error_context
from reelbase.io.batch_read import map_threads
from reelbase.samples.link_layout import home_of
from reelbase.samples.schema import parsed
from reelbase.selection.indexing import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reelbase.links.local import Home
    from reelbase.links.source import Pin
    from reelbase.tensor import Tensor

_PAGE: Final = 1024  # rows whose links are read together
_ASKED: Final = 128  # URLs between two words on progress
_COMMIT: Final = 16  # rows that are written together


class State:
    """What a survey says of a link."""

    REACHABLE: Final = "reachable"  #: there, as it was when it was looked at
    UNSEEN: Final = "unseen"  #: there; nobody looked at it before (``verify=False``)
    CHANGED: Final = "changed"  #: there, and replaced since
    MISSING: Final = "missing"  #: not there
    REFUSED: Final = "refused"  #: it may not be followed
    UNREACHABLE: Final = "unreachable"  #: whether it is there cannot be said


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """One link of a survey.

    Attributes:
        row: Of the tensor.
        item: Its place in the row's sequence; 0 where a row holds one link.
        url: What it names, without its query.
        state: One of `State`.
        reason: Why, if it is not reachable.
    """

    row: int
    item: int
    url: str
    state: str
    reason: str = ""

    def __str__(self) -> str:
        return f"row {self.row}: {self.url}: {self.state}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True)
class Survey:
    """What `Links.survey` found.

    Attributes:
        links: All that were looked at, in order of rows.
    """

    links: tuple[Surveyed, ...]

    @property
    def ok(self) -> bool:
        """Whether every link can be read as it is indexed."""
        return all(one.state in {State.REACHABLE, State.UNSEEN} for one in self.links)

    def rows(self, *states: str) -> list[int]:
        """The rows that have a link in one of these states, such as "changed"."""
        return sorted({one.row for one in self.links if one.state in states})

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {state}" for state, count in Counter(one.state for one in self.links).items())
        wrong = [str(one) for one in self.links if one.state not in {State.REACHABLE, State.UNSEEN}]
        return "\n".join([counts or "no links", *wrong])


class Links:
    """``tensor.links`` of a tensor of links.

    Raises:
        UsageError: the tensor's samples are stored in the dataset.
    """

    def __init__(self, tensor: Tensor) -> None:
        kind = parsed(tensor.htype)
        if kind is kind.inside():
            raise UsageError(f"Tensor {tensor.name!r} holds no links: its samples are stored in the dataset.", None)
        self._tensor = tensor
        self._kind = kind

    def survey(
        self, rows: Any = None, *, threads: int = 8, progress: Callable[[int, int], object] | None = None
    ) -> Survey:
        """Ask of every link whether it is there and as it was; a URL in many rows is asked for once.

        Args:
            rows: Which rows: an int, a slice, a list of ints, or a boolean mask; by default all.
            threads: How many are asked at a time.
            progress: Called with the URLs done and the URLs in all.
        """
        home = home_of(self._tensor._session.store)
        found = [(row, k, pin) for row, pins in self._pins(self._rows(rows)) for k, pin in enumerate(pins)]
        pins = list(dict.fromkeys(pin for _, _, pin in found))
        said: dict[Pin, tuple[str, str]] = {}
        for at in range(0, len(pins), _ASKED):
            page = pins[at : at + _ASKED]
            said.update(zip(page, map_threads(partial(_look, home), page, threads), strict=True))
            if progress is not None:
                progress(len(said), len(pins))
        return Survey(
            tuple(
                Surveyed(row=row, item=k, url=pin.shown, state=said[pin][0], reason=said[pin][1])
                for row, k, pin in found
            )
        )

    def reindex(self, rows: Any = None, *, progress: Callable[[int, int], object] | None = None) -> list[int]:
        """Look again at links, and take what they name as it is now; some rows a commit.

        Args:
            rows: Which rows, as in `survey`; by default those that a survey finds changed or unseen.
            progress: Called with the rows done and the rows in all.

        Returns:
            The rows that were written.

        Raises:
            MediaError, StorageError: a link cannot be looked at; the commits before stand.
            CommitConflictError: another writer changed the same row.
        """
        chosen = self.survey().rows(State.CHANGED, State.UNSEEN) if rows is None else self._rows(rows)
        values = [(row, [pin.link for pin in pins]) for row, pins in self._pins(chosen) if pins]
        for at in range(0, len(values), _COMMIT):
            page = values[at : at + _COMMIT]
            self._tensor[[row for row, _ in page]] = [self._kind.shaping.value(links) for _, links in page]
            if progress is not None:
                progress(at + len(page), len(values))
        return [row for row, _ in values]

    def store(self, into: Tensor, *, progress: Callable[[int, int], object] | None = None) -> int:
        """Fetch what the links name, and store it in another tensor of the dataset, row beside row.

        Rows of `into` that hold a sample already are left alone, so a call that was cut short goes on where it
        stopped when it is made again. The links stay; delete their tensor when they are not wanted any more.

        Args:
            into: A tensor of the same htype without ``link[…]``.
            progress: Called with the rows done and the rows in all.

        Returns:
            How many rows were stored.

        Raises:
            UsageError: `into` is no such tensor.
            LinkChangedError, MediaError, StorageError: a file cannot be had; the commits before stand.
            CommitConflictError: another writer changed the same row.
        """
        if into._session is not self._tensor._session or into.htype != str(self._kind.inside()):
            raise UsageError(
                f"{into!r} cannot take what {self._tensor!r} links.",
                f"Make one in the same dataset: ds.create_tensor(name, htype={str(self._kind.inside())!r}).",
            )
        into.extend([None] * (len(self._tensor) - len(into)))
        left = [row for row, pins in self._pins(range(len(self._tensor))) if pins and not into[row].exists]
        for at in range(0, len(left), _COMMIT):
            page = left[at : at + _COMMIT]
            into[page] = map(self._file, page)
            if progress is not None:
                progress(at + len(page), len(left))
        return len(left)

    def _file(self, row: int) -> Any:
        with error_context(f"Row {row} of tensor {self._tensor.name!r}"):
            views = self._kind.shaping.views(self._tensor[row])
            return self._kind.shaping.value([view.as_sample() for view in views])

    def _rows(self, rows: Any) -> list[int]:
        return [row for row, _ in Index().then(slice(None) if rows is None else rows).resolve(len(self._tensor))]

    def _pins(self, rows: Sequence[int]) -> Iterator[tuple[int, tuple[Pin, ...]]]:
        """The links of rows; of a missing sample none."""
        pinned = self._tensor._pinned()
        for at in range(0, len(rows), _PAGE):
            page = rows[at : at + _PAGE]
            yield from zip(page, [cell.linked() for cell in pinned.cells(page)], strict=True)

    def __repr__(self) -> str:
        return f"Links({self._tensor!r})"


def _look(home: Home, pin: Pin) -> tuple[str, str]:
    """What is to be said of a link, and why."""
    try:
        storage, key = pin.locate(home)
        now = pin.seen(storage.stat(key))
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
