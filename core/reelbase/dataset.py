"""A dataset: tensors by name, whole rows, transactions."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from reelbase._util.printable import printable_line
from reelbase.contracts.credentials import check_prefixes
from reelbase.contracts.htype import brief
from reelbase.contracts.viewer import ShownVersion
from reelbase.credentials.providers import make_provider
from reelbase.credentials.resolver import resolver
from reelbase.errors import SampleIndexError, TensorExistsError, TensorNotFoundError, UsageError
from reelbase.format import log as logs
from reelbase.format.ops import Create, Drop, Rename
from reelbase.format.state import TensorSchema
from reelbase.format.store import Store
from reelbase.group import Group
from reelbase.maintenance import mirror as mirrors
from reelbase.maintenance.maintenance import Maintenance
from reelbase.other_names import suggest
from reelbase.pairing import check_pairable
from reelbase.rows import Row, RowsView, columns_of, values_of
from reelbase.samples.schema import check_dtype, layout_of, settings_of
from reelbase.sealed import Sealed
from reelbase.session.credential_names import CredsKeys, list_names
from reelbase.session.info import Info
from reelbase.session.session import Session
from reelbase.summary import summarize
from reelbase.tensor import Tensor, append_rows, delete_rows, run_once
from reelbase.versions import actions
from reelbase.versions.ancestry import Lineage
from reelbase.versions.history import History
from reelbase.viewing.data_source import show
from reelbase.viewing.html_repr import html_preview_or_none
from reelbase.writes import check_distinct, iterate_values, replace_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from reelbase.contracts.credentials import CredentialProvider
    from reelbase.contracts.viewer import Shown
    from reelbase.credentials.resolver import Creds
    from reelbase.loading import Loader
    from reelbase.sampling import Clips
    from reelbase.session.session import Transaction
    from reelbase.versions.diff import Diff
    from reelbase.versions.version import Version
    from reelbase.viewing.data_source import DatasetViewerSource

VERSIONS_IN_VIEWER: Final = 50
_HOW_TO_WRITE: Final = "Write to it: ds.x.append(value), ds.x[row] = value, or ds[row] = {name: value}."
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class Dataset(Sealed):
    """Named tensors with common rows. Returned by `reelbase.empty`, `reelbase.load` and `reelbase.open`.

    ``ds.videos`` and ``ds["videos"]`` are tensors; ``ds[3]`` and ``ds[10:20]`` are rows of all tensors.

    Outside a transaction every write is one commit, which is durable when the call returns. ``with ds:`` makes all
    writes of its block one atomic commit; an exception discards them all. You can read from any thread. Writes from
    several threads are done one after another.
    """

    __slots__ = ("__weakref__", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session

    def _how_to_set(self, name: str) -> str:
        if name == "info":
            return "Write its keys: ds.info[key] = value, or ds.info.update({…})."
        if name in self:
            return _HOW_TO_WRITE
        return f"Make a tensor: ds.create_tensor({name!r}), or keep a note in ds.info[{name!r}]."

    @property
    def path(self) -> str:
        """The folder or URL where the dataset is stored."""
        return self._session.store.storage.root

    @property
    def read_only(self) -> bool:
        """True if writes are refused."""
        return self._session.read_only

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, in the order they were created."""
        state = self._session.state
        return {schema.name: Tensor(self._session, schema.id) for schema in state.tensors.values()}

    @property
    def info(self) -> Info:
        """Your own metadata of the dataset: a mapping of strings to JSON values. Each assignment is a commit."""
        return Info(self._session)

    def create_tensor(
        self,
        name: str,
        htype: str = "generic",
        *,
        dtype: Any = None,
        sample_compression: str | None = None,
        per_frame_of: str | None = None,
        **settings: Any,
    ) -> Tensor:
        """Add a tensor.

        Args:
            name: Letters, digits, "_", "-" and "."; "/" makes groups, as in "train/videos".
            htype: The kind of its items: generic, video, image, bbox, class_label, text, json or an htype of a plugin.
                ``sequence[…]`` around it makes each row a list of items, ``link[…]`` stores links to files.
            dtype: numpy dtype of its arrays. None means the htype's own, or else that of the first sample.
            sample_compression: The codec that every sample must be stored with, such as "mp4". By default a video
                tensor takes any container, and arrays are stored uncompressed.
            per_frame_of: Name of a tensor of videos that this one has an item for each frame of. A row whose numbers do
                not agree is then refused, whichever of the two samples is written first.
            **settings: Settings of the htype, such as ``coords={"type": "pixel", "mode": "LTWH"}`` of bbox.

        Returns:
            The new tensor, which has no rows.

        Raises:
            TensorExistsError: there is a tensor of that name.
            HtypeError, PluginNotFoundError, UsageError: the htype, dtype, codec or settings are unknown or do not fit
                together; the message says what does.
        """
        if not isinstance(name, str) or not _TENSOR_NAME.fullmatch(name):
            raise UsageError(
                f"{brief(name)} cannot name a tensor.", 'Use letters, digits, "_", "-", "." and "/" for groups.'
            )
        requested = TensorSchema(
            id=uuid.uuid4().hex[:12], name=name, htype=htype, codec=sample_compression, settings=settings
        )
        schema = replace(requested, dtype=check_dtype(requested, dtype), settings=settings_of(requested))
        layout = layout_of(schema)
        with self._session.change() as transaction:
            if per_frame_of is not None:
                video = transaction.schema_state.tensors[self._find_id(per_frame_of)]
                check_pairable(layout, name, video)
                schema = replace(schema, per_frame_of=video.id)
            if name in transaction.schema_state.names:
                raise TensorExistsError(
                    f"There is a tensor {name!r} already.", "Choose another name, or delete it first."
                )
            transaction.schema_op(Create(schema))
        return Tensor(self._session, schema.id)

    def delete_tensor(self, name: str) -> None:
        """Remove a tensor and its samples.

        Raises:
            TensorNotFoundError: there is no tensor of that name.
        """
        with self._session.change() as transaction:
            transaction.do(Drop(self._find_id(name)))

    def rename_tensor(self, name: str, new: str) -> None:
        """Give a tensor another name; its samples stay where they are.

        Raises:
            TensorNotFoundError: there is no tensor of that name.
            TensorExistsError: there is a tensor of the new name.
        """
        if not isinstance(new, str) or not _TENSOR_NAME.fullmatch(new):
            raise UsageError(
                f"{brief(new)} cannot name a tensor.", 'Use letters, digits, "_", "-", "." and "/" for groups.'
            )
        with self._session.change() as transaction:
            tensor = self._find_id(name)
            if new in transaction.schema_state.names:
                raise TensorExistsError(
                    f"There is a tensor {new!r} already.", "Choose another name, or delete it first."
                )
            transaction.do(Rename(tensor, new))

    def append(self, row: Mapping[str, Any] | Row[Any], *, txn: tuple[str, int] | None = None) -> bool:
        """Add one row: a value for every tensor, None for a missing sample.

        A tensor that is shorter than the others is filled up with missing samples first: all values share a row.

        Args:
            row: Values by tensor name, or a row of a dataset with tensors of the same names: ``other[3]``. Samples of
                other tensors are converted to what they mean here: labels by name, boxes by their coordinates.
            txn: An application's name and a number that grows with each of its writes, so that a job that is run
                again after a crash adds nothing twice: the row is added only if that number was not committed yet.

        Returns:
            True if the row was added; False only if `txn` was committed before.

        Raises:
            UsageError: a tensor has no value.
            TensorNotFoundError: there is no tensor of a given name.
            HtypeError, MediaError: a tensor cannot hold its value. Nothing is changed.
        """
        return self.extend({name: [value] for name, value in _values_of(row).items()}, txn=txn)

    def extend(
        self, columns: Mapping[str, Iterable[Any]] | RowsView[Any] | Dataset, *, txn: tuple[str, int] | None = None
    ) -> bool:
        """Add rows in one commit: as many values for each tensor. On an error nothing is changed.

        Args:
            columns: Lists of values by tensor name, or rows of a dataset with tensors of the same names:
                ``other[10:20]``, ``other.filter("…")``, or ``other`` for all of them.
            txn: As in `append`.

        Returns and raises as `append`; and UsageError when the columns have different lengths.
        """
        values = _columns_of(columns)
        return run_once(self._session, txn, lambda transaction: self._extend(transaction, values))

    def __setitem__(self, rows: Any, values: Mapping[str, Any] | RowsView[Any]) -> None:
        """Replace samples of one row (``ds[3] = {"labels": "cat"}``) or of several, in one commit.

        Tensors that are not named keep their samples.

        Args:
            rows: An int; or a slice, a list of ints, or a boolean mask, with a list of values for each tensor.
            values: Values by tensor name, or a row of a dataset.

        Raises:
            SampleIndexError: there is no such row, or a named tensor ends before it.
            UsageError: `rows` names a tensor, or a row twice; or there are not as many values as rows.
            TensorNotFoundError: there is no tensor of a given name.
            HtypeError, MediaError: a tensor cannot hold its value. Nothing is changed.
        """
        if isinstance(rows, str):
            raise UsageError(f"ds[{rows!r}] cannot be assigned.", self._how_to_set(rows))
        with self._session.change() as transaction:
            chosen = self._all_rows[rows]
            if isinstance(chosen, Row):
                columns = {name: [value] for name, value in _values_of(values).items()}
            else:
                columns = {name: list(iterate_values(column, name)) for name, column in _columns_of(values).items()}
            ids = {self._find_id(name): column for name, column in columns.items()}
            replace_rows(transaction, self._all_rows[rows].numbers, ids)

    def _extend(self, transaction: Transaction, columns: Mapping[str, Iterable[Any]]) -> None:
        missing = [name for name in transaction.schema_state.names if name not in columns]
        ids = {self._find_id(name): values for name, values in columns.items()}
        if missing:
            raise UsageError(
                f"The row has no value for tensor {missing[0]!r}.",
                f"Give {missing[0]!r}: None for a missing sample.",
            )
        if ids:
            append_rows(transaction, ids)

    def pop(self, row: int = -1) -> None:
        """Remove one row of every tensor, the last by default; rows after it move up.

        Raises:
            SampleIndexError: there is no such row.
        """
        self.delete_rows([row])

    def delete_rows(self, rows: Any) -> None:
        """Remove rows of every tensor, in one commit; rows after them move up.

        Args:
            rows: An int, a slice, a list of ints, or a boolean mask.

        Raises:
            SampleIndexError: there is no such row, or `rows` is another kind of value.
        """
        if isinstance(rows, str):
            raise SampleIndexError(
                f"{rows!r} is not an index of rows.", "Give an int, a slice, a list of ints, or a boolean mask."
            )
        with self._session.change() as transaction:
            chosen = self._all_rows[rows].numbers
            check_distinct(chosen)
            for tensor in list(transaction.state.rows):
                delete_rows(transaction, tensor, chosen)

    def commit(self, message: str) -> Version:
        """Name a version. Writes are durable without it; this adds a commit that `log` lists, even if nothing changed.

        The version includes what other writers committed meanwhile.

        Raises:
            UsageError: the message is empty.
            TransactionError: inside a transaction.
        """
        return actions.commit(self._session, message)

    def log(self, *, all: bool = False, limit: int | None = None) -> list[Version]:
        """The named versions up to the current one, newest first; with `all`, every commit.

        Each costs one small read.
        """
        return actions.log(self._session, every=all, limit=limit)

    def checkout(self, ref: str | Version) -> None:
        """Switch to a branch, or to a version, which is read-only.

        Args:
            ref: A branch, a tag, ``"main@12"``, the start of a commit's id, or a `Version`.

        Raises:
            VersionNotFoundError: there is no such version.
            VersionExpiredError: its data were deleted.
            TransactionError: inside a transaction.
        """
        actions.checkout(self._session, ref)

    @property
    def branches(self) -> list[str]:
        """All branches, main first."""
        return Lineage(self._session.log).refs.branches()

    def merge(self, branch: str | Version, message: str | None = None) -> Version:
        """Apply what another branch changed since the last common version, in one commit.

        Rows that only the other branch has are appended; rows that it replaced or deleted are replaced or deleted.

        Raises:
            CommitConflictError: both changed the same row, tensor or key. Nothing is changed.
            VersionNotFoundError: there is no such branch.
        """
        return actions.merge(self._session, branch, message)

    def diff(self, a: str | Version, b: str | Version | None = None) -> Diff:
        """The differences of version `b` (by default the current one) from version `a`."""
        return actions.diff(self._session, a, b)

    def copy(
        self,
        dest: str | os.PathLike[str],
        *,
        tensors: Sequence[str] | None = None,
        rows: Any = None,
        history: bool = False,
        creds: Creds = None,
        options: Mapping[str, Any] | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Dataset:
        """Copy the current version, or part of it, to a new dataset.

        Files are copied byte for byte with their packet indexes; nothing is decoded. A copy that was interrupted
        continues where it stopped when you call it again.

        Args:
            dest: An empty folder or URL, or one that holds the beginning of the same copy.
            tensors: Names of the tensors to copy; by default all.
            rows: Which rows: an int, a slice, a list of ints, a boolean mask, or rows that you selected before, such as
                ``ds.filter("…")``; by default all.
            history: Copy every version, branch and tag instead, object by object.
            creds: Credentials for the service of `dest`, as in `reelbase.empty`.
            options: Options of the storage of `dest`, as in `reelbase.empty`.
            progress: Called with the number of bytes copied so far and of all bytes.

        Returns:
            The new dataset.

        Raises:
            DatasetExistsError: `dest` holds something else.
            TensorNotFoundError, SampleIndexError: there is no such tensor or row.
            CorruptObjectError: a sample is damaged; what was copied before it stays.
        """
        if not history:
            return self._choose(rows).copy(dest, tensors=tensors, creds=creds, options=options, progress=progress)
        if not (tensors is None and rows is None):
            raise UsageError("history=True copies everything.", "Leave out tensors and rows.")
        log, storage = self._session.log, resolver().open(os.fspath(dest), creds, options, write=True)
        mirrors.mirror(log, storage, progress)
        copied = logs.open_log(Store(storage))
        copied.store.is_ours = log.store.is_ours
        return Dataset(Session(copied))

    def _choose(self, rows: Any) -> RowsView[Dataset] | Row[Dataset]:
        """Return the rows that an argument ``rows=`` selects."""
        every = self._all_rows
        if rows is None:
            return every
        if not isinstance(rows, (RowsView, Row)):
            chosen: Any = None if isinstance(rows, str) else every[rows]
            if chosen is None:
                raise SampleIndexError(
                    f"rows={brief(rows)} does not select rows.", "Give an int, a slice, a list of ints, or a mask."
                )
            result: RowsView[Dataset] | Row[Dataset] = chosen
            return result
        if not rows.is_of(every):
            raise UsageError(
                f"{rows!r} is of another dataset or version.", "Copy it by itself, rows.copy(dest), or select it again."
            )
        return rows

    def add_creds_key(self, creds_key: str, managed: bool = False) -> None:
        """Add a name of credentials for `reelbase.link`. The dataset stores the name and nothing else.

        The credentials themselves come from `populate_creds` or from each user's own configuration. The name "ENV"
        always exists.

        Args:
            creds_key: The name.
            managed: True if a server of managed credentials provides them.

        Raises:
            UsageError: the name exists, or is not a valid name.
        """
        CredsKeys(self._session).add(creds_key, managed=managed)

    def update_creds_key(self, creds_key: str, new_creds_key: str | None = None, managed: bool | None = None) -> None:
        """Rename a name of credentials, or change whether it is managed. Links keep working under the new name.

        Raises:
            UsageError: there is no such name, or the new one exists.
        """
        CredsKeys(self._session).update(creds_key, new_creds_key, managed=managed)

    def populate_creds(
        self,
        creds_key: str,
        creds: Mapping[str, Any] | CredentialProvider | None = None,
        from_environment: bool = False,
        *,
        prefixes: Sequence[str] | None = None,
    ) -> None:
        """Provide the credentials of a name: for this dataset, in this process, in memory only.

        Args:
            creds_key: A name that was added.
            creds: Fields such as ``aws_access_key_id``, or a provider that returns them.
            from_environment: Use the service's default credential chain instead.
            prefixes: URLs below which they may be used; required for ``http`` and ``https`` links.

        Raises:
            UsageError: there is no such name, neither or both of `creds` and `from_environment` are given, or a prefix
                is not a URL.
        """
        CredsKeys(self._session).check(creds_key)
        provider = make_provider(creds_key, creds, from_environment=from_environment)
        names = self._session.store.names
        resolver().populate(names, creds_key, provider, check_prefixes(prefixes or ()))

    def get_creds_keys(self) -> set[str]:
        """The names of credentials that were added."""
        return list_names(self._session.schema_state)

    def get_managed_creds_keys(self) -> set[str]:
        """The names of managed credentials."""
        return list_names(self._session.schema_state, managed=True)

    @property
    def history(self) -> History[Dataset]:
        """Tags, older versions, new branches, reverts."""
        return History(self._session, Dataset)

    @property
    def maintenance(self) -> Maintenance:
        """Compaction, garbage collection, expiry, verification, statistics."""
        return Maintenance(self._session)

    def refresh(self) -> None:
        """Move to the newest commit, which another process may have written.

        Raises:
            TransactionError: inside a transaction.
        """
        self._session.refresh()

    def summary(self) -> None:
        """Print a table of the tensors: name, htype, rows, shape, dtype, compression."""
        print(summarize(repr(self), self.tensors.values()))  # noqa: T201 - printing is its purpose

    def filter(self, where: str) -> RowsView[Dataset]:
        """The rows for which an expression is true: ``ds.filter("labels == 'cat' and count(boxes) > 3")``.

        Tensors are referred to by name: numbers, strings and class names are values, boxes and sequences are lists,
        videos have facts (``videos.seconds > 10``, ``videos.fps >= 25``), boxes have fields (``boxes.w``), json has
        its keys; ``row`` is the row number. Operators: ``== != < <= > >= in``, ``and or not``, ``+ - * / // %``.

        A comparison with a list is true if it is true for any item. ``any``, ``all`` and ``count`` of a condition, and
        ``count``, ``min``, ``max`` and ``sum`` of a list, are about all items of a row; ``len`` is the length of the
        first axis: of a tensor with boxes for each frame, the number of frames. The guide has the details.

        Nothing is decoded, and only the tensors that the expression names are read.

        Raises:
            FilterError: the expression is invalid, names a tensor, field or class that does not exist, or compares
                what cannot be compared. No row was read.
        """
        return self._all_rows.filter(where)

    def numpy_loader(
        self, clips: Clips, *, tensors: Sequence[str] | None = None, video: str | None = None, **settings: Any
    ) -> Loader:
        """Return batches of clips, to train on: dicts of numpy arrays, made ahead in threads.

        Args:
            clips: Which clips of each video: `reelbase.Clips`.
            tensors: Names of the tensors to read; by default all. Tensors that are paired with the videos
                (``per_frame_of``) give the items of the clip's frames, all others their whole sample.
            video: Name of the tensor that clips are cut from; needed if there are several.
            **settings: ``batch_size=`` is needed. ``shuffle=False`` and ``seed=0`` give the order. ``size=`` is
                ``(height, width)``, or an int for the shorter side; ``crop="center"`` or ``"random"`` then cuts to
                it. ``weights=`` (one a row) draws rows with replacement, ``epoch_size=`` clips an epoch;
                ``buckets=`` (an int a row) keeps clips of different buckets in different batches. ``rank=0`` and
                ``world_size=1`` share an epoch between processes. Others are those of
                `reelbase.loading.settings.LoaderSettings`: ``drop_last``, ``threads``, ``memory_limit``,
                ``on_error``, ``max_errors``, ``ragged``, ``transform``, ``transform_batch``.

        Returns:
            A `reelbase.loading.Loader`. Each batch has the videos, uint8 ``(B, T, H, W, 3)``, a list if pictures have
            several sizes; ``row`` int64 ``(B,)``; ``frames`` int64, ``timestamps`` float64 (seconds) and ``is_pad``
            bool, ``(B, T)``; and the other tensors by name.

        Raises:
            UsageError: a setting is not valid, there is no clip, or no tensor of videos.
            TensorNotFoundError: there is no tensor of a given name.
        """
        return self._all_rows.numpy_loader(clips, tensors=tensors, video=video, **settings)

    def visualize(self, where: str = "", *, open_browser: bool = True) -> Shown:
        """Show the dataset: its rows as a grid, and each video with its annotations, frame by frame.

        Args:
            where: The filter the page starts with; see `filter`.
            open_browser: Open a window; if False, only serve the page, at the returned ``.url``.

        Returns:
            A handle with ``.url`` and ``.close()``. The page shows the version that is current now.

        Raises:
            FilterError: `where` is not a valid filter.
            PluginNotFoundError: no viewer is installed.
        """
        return show(self._viewer_source(where), open_browser=open_browser)

    def __len__(self) -> int:
        """Rows of the longest tensor."""
        return max((len(rows) for rows in self._session.state.rows.values()), default=0)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._tensor(key)
        return self._all_rows[key]

    def __iter__(self) -> Iterator[Row[Dataset]]:
        return iter(self._all_rows)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._session.schema_state.names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._tensor(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._session.schema_state.names})

    def __enter__(self) -> Self:
        self._session.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.end(keep=kind is None)

    def __repr__(self) -> str:
        names = printable_line(", ".join(self._session.state.names)) or "none"
        mode = ", read-only" if self.read_only else ""
        return f"Dataset({self.path!r}, rows={len(self)}, tensors: {names}{mode})"

    def _repr_html_(self) -> str | None:
        """What notebooks show: the tensors, and the first pictures of the first videos."""
        return html_preview_or_none(self._viewer_source())

    def _viewer_source(self, where: str = "") -> DatasetViewerSource:
        commit = self._session.commit
        version = f"{commit.branch}@{commit.seq}" if commit.seq else ""
        return self._all_rows._viewer_source(
            where, title=self.path, version=version, versions=self._versions, info=dict(self.info)
        )

    def _versions(self) -> list[ShownVersion]:
        versions = self.log(limit=VERSIONS_IN_VIEWER)
        return [
            ShownVersion(ref=version.ref, message=version.message, author=version.author, time=version.time.isoformat())
            for version in versions
        ]

    @property
    def _all_rows(self) -> RowsView[Dataset]:
        return RowsView.of(self._session, Dataset)

    def _tensor(self, name: str) -> Any:
        state = self._session.schema_state
        if name in state.names:
            return Tensor(self._session, state.names[name])
        if any(other.startswith(f"{name}/") for other in state.names):
            return Group(self, name)
        return Tensor(self._session, self._find_id(name))

    def _find_id(self, name: str) -> str:
        names = self._session.schema_state.names
        if not isinstance(name, str) or name not in names:
            raise TensorNotFoundError(f"The dataset has no tensor {brief(name)}.", suggest(name, names))
        return names[name]


def _values_of(row: Any) -> Mapping[str, Any]:
    """Return the value of each tensor in one row, by name."""
    if isinstance(row, (RowsView, Dataset)):
        raise UsageError(f"{row!r} is not one row.", "Add them by ds.extend(rows), or choose one: rows[0].")
    return values_of(row) if isinstance(row, Row) else _check_mapping(row)


def _columns_of(rows: Any) -> Mapping[str, Iterable[Any]]:
    """Return the values of each tensor in several rows, by name."""
    if isinstance(rows, Row):
        raise UsageError(f"{rows!r} is one row, not several.", "Add it by ds.append(row).")
    rows = rows[:] if isinstance(rows, Dataset) else rows
    return columns_of(rows) if isinstance(rows, RowsView) else _check_mapping(rows)


def _check_mapping(row: Any) -> Mapping[str, Any]:
    if not hasattr(row, "items"):
        raise UsageError(
            f"{brief(row)} is not a row.", 'Give a dict with a value for every tensor: {"videos": …, "boxes": …}.'
        )
    values: Mapping[str, Any] = row
    return values
