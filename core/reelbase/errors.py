"""Every error that reelbase raises on purpose.

The tree groups errors by what a handler would do; each is also a fitting builtin::

    ReelbaseError
    ├── UsageError (ValueError)               the call itself is wrong: change it
    │   ├── ConfigError                       a configuration file or variable is wrong
    │   └── AssignmentError (AttributeError)  an attribute that cannot be assigned
    ├── DatasetNotFoundError (FileNotFoundError)
    ├── DatasetExistsError (FileExistsError)
    ├── ReadOnlyError (PermissionError)
    ├── TransactionError (RuntimeError)       nested transaction, or one that has ended
    ├── TensorNotFoundError (KeyError, AttributeError)
    ├── TensorExistsError (ValueError)
    ├── VersionNotFoundError (LookupError)    no branch, tag or commit of that name
    │   └── VersionExpiredError               the version existed; its data were deleted
    ├── VersionExistsError (ValueError)       a branch or tag of that name exists already
    ├── SampleIndexError (IndexError)         row, frame or time out of range, or an index of a wrong kind
    │   └── MissingSampleError                the cell exists but holds no sample
    ├── LinkRefusedError (ValueError)         a link that may not be followed
    ├── ScopeError (PermissionError)          credentials are not for that URL; no request was made
    ├── HtypeError (ValueError)               a value that its tensor cannot hold, or wrong htype settings
    ├── MediaError (ValueError)               a media file cannot be used
    │   ├── UnknownFormatError                no installed codec claims these bytes, or they are of another kind
    │   ├── DamagedMediaError                 it cannot be demuxed or decoded
    │   ├── FrameSizeError                    the frame size changes midway and no size= was given
    │   └── LimitError                        larger than the [security] limits allow
    ├── StorageError (OSError)                the service or disk failed
    │   ├── ObjectNotFoundError (FileNotFoundError)
    │   ├── ObjectExistsError (FileExistsError)
    │   ├── StorageFullError                  no space left
    │   ├── AccessDeniedError (PermissionError)   the service refused the request
    │   │   └── CredentialsExpiredError       the credentials were valid once and have expired
    │   ├── ThrottledError                    the service asked for fewer requests, also after waiting
    │   ├── ConnectionFailedError (ConnectionError)   every attempt to connect failed, or the connection broke
    │   ├── StorageTimeoutError (TimeoutError)    it took longer than the deadline
    │   ├── ObjectChangedError                the object was replaced while it was being read
    │   │   └── LinkChangedError              the linked file was replaced since it was linked
    │   ├── ListingNotSupportedError         a web server, say, cannot list its files
    │   ├── BadReplyError                     a server sent other bytes than requested; they were not used
    │   └── OutcomeUnknownError               a write may or may not have happened
    ├── FormatError (ValueError)              the stored bytes of a dataset cannot be parsed
    │   ├── NewerFormatError                  written by a newer reelbase
    │   └── CorruptObjectError                a checksum or a length is wrong
    ├── CommitConflictError (RuntimeError)    another writer changed the same thing
    ├── CommitOutcomeUnknown (RuntimeError)   the commit may or may not exist: load again and look
    └── PluginError (RuntimeError)
        ├── PluginNotFoundError (LookupError) no plugin of that name or scheme
        ├── PluginConflictError               two plugins claim one name
        ├── PluginLoadError                   a plugin raised while it was imported
        └── MissingDependencyError (ImportError)

The first line of a message says what failed, with the user's own value; the second what to do.
"""

from __future__ import annotations

from reelbase._util.printable import printable
from reelbase._util.urls import redacted_text


class ReelbaseError(Exception):
    """Base of all reelbase errors.

    Args:
        what: What failed, with the user's own value in it.
        todo: What to do about it, shown on a line of its own; None for no such line.

    Both may quote what a stranger wrote, or a URL that the user signed, and any message may be printed, logged or sent
    to a page. So URLs are shown without their queries, and characters that a terminal would obey are escaped.
    """

    def __init__(self, what: str, todo: str | None = None) -> None:
        super().__init__(_make_harmless(what if todo is None else f"{what}\n    {todo}"))

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), self.args)


def _make_harmless(text: str) -> str:
    return printable(redacted_text(text))


class error_context:  # noqa: N801 - named like the context managers of contextlib
    """A context manager that puts `label` before the message of each `ReelbaseError` raised in its block.

    Errors whose message contains the label already are left as they are, so that blocks can be nested. It is a class,
    not a generator with ``@contextmanager``, because it is entered several times for each row that is read.

    Args:
        label: What the block works on, such as "Row 3 of tensor 'videos'".
    """

    __slots__ = ("_label",)

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ReelbaseError) and (label := _make_harmless(self._label)) not in str(error):
            error.args = (f"{label}: {error}",)


class UsageError(ReelbaseError, ValueError):
    """The call is wrong: an argument has the wrong type or value, or does not fit the object."""


class FilterError(UsageError):
    """A filter expression is invalid, names something that does not exist, or compares what cannot be compared."""


class ConfigError(UsageError):
    """A configuration file or environment variable is wrong."""


class ConfigWarning(UserWarning):
    """An environment variable ``REELBASE_…`` is not a setting. It was passed over."""


class AssignmentError(UsageError, AttributeError):
    """An attribute that cannot be assigned; the message says how the value is set, if it can be."""


class DatasetNotFoundError(ReelbaseError, FileNotFoundError):
    """There is no dataset at that path."""


class DatasetExistsError(ReelbaseError, FileExistsError):
    """There is a dataset, or something else, at that path already."""


class ReadOnlyError(ReelbaseError, PermissionError):
    """The dataset, view or storage cannot be written."""


class TransactionError(ReelbaseError, RuntimeError):
    """A transaction is nested, or has ended."""


class TensorNotFoundError(ReelbaseError, KeyError, AttributeError):
    """The dataset has no tensor (and no attribute) of that name."""


class TensorExistsError(ReelbaseError, ValueError):
    """The dataset has a tensor of that name already."""


class VersionNotFoundError(ReelbaseError, LookupError):
    """No branch, tag or commit has that name."""


class VersionExpiredError(VersionNotFoundError):
    """The version has expired: its data were deleted, or the next garbage collection deletes them."""


class VersionExistsError(ReelbaseError, ValueError):
    """A branch or tag of that name exists already."""


class SampleIndexError(ReelbaseError, IndexError):
    """A row, frame or time is out of range, or the index is of a wrong kind."""


class MissingSampleError(SampleIndexError):
    """The cell holds no sample (``None`` was appended, or the row was padded)."""


class LinkRefusedError(ReelbaseError, ValueError):
    """A link may not be followed: its URL is not acceptable, or the ``[security]`` settings forbid it."""


class ScopeError(ReelbaseError, PermissionError):
    """Credentials may not be used for a URL. Neither their provider nor the network was asked."""


class HtypeError(ReelbaseError, ValueError):
    """A tensor cannot hold a value, or the settings of an htype are wrong."""


class MediaError(ReelbaseError, ValueError):
    """A media file cannot be used: unknown format, damaged, or too large."""


class UnknownFormatError(MediaError):
    """No installed codec claims these bytes; or they are of another kind than the tensor's, such as sound alone."""


class DamagedMediaError(MediaError):
    """The file cannot be demuxed, or a requested frame cannot be decoded."""


class FrameSizeError(MediaError):
    """The frame size changes midway and no ``size=`` was given."""


class LimitError(MediaError):
    """The file is larger than the ``[security]`` limits allow."""


class StorageError(ReelbaseError, OSError):
    """A storage operation failed."""


class ObjectNotFoundError(StorageError, FileNotFoundError):
    """No object has that key."""


class ObjectExistsError(StorageError, FileExistsError):
    """An object has that key already."""


class StorageFullError(StorageError):
    """No space is left."""


class AccessDeniedError(StorageError, PermissionError):
    """The service refused: the credentials are missing or wrong, or do not permit the request."""


class CredentialsExpiredError(AccessDeniedError):
    """The credentials, or a signed URL, were valid once and have expired."""


class ThrottledError(StorageError):
    """The service asked for fewer requests, and still did after waiting."""


class ConnectionFailedError(StorageError, ConnectionError):
    """At every attempt the connection could not be made, or broke."""


class StorageTimeoutError(StorageError, TimeoutError):
    """A call took longer than its deadline."""


class ObjectChangedError(StorageError):
    """An object was replaced while it was being read. The bytes were not used."""


class LinkChangedError(ObjectChangedError):
    """The linked file was replaced since it was linked. Its bytes were not used."""


class ListingNotSupportedError(StorageError):
    """The storage cannot list what it holds, as web servers cannot. Files can be read by their names."""


class BadReplyError(StorageError):
    """A server sent something else than was requested. The reply was not used."""


class OutcomeUnknownError(StorageError):
    """A write may or may not have happened."""


class FormatError(ReelbaseError, ValueError):
    """The stored bytes of a dataset cannot be parsed."""


class NewerFormatError(FormatError):
    """The dataset was written by a newer reelbase."""


class CorruptObjectError(FormatError):
    """A checksum, a length or a magic number of a stored object is wrong."""


class CommitConflictError(ReelbaseError, RuntimeError):
    """Another writer changed the same rows or tensors."""


class CommitOutcomeUnknownError(ReelbaseError, RuntimeError):
    """The commit may or may not have been made. Load the dataset again to see."""


class PluginError(ReelbaseError, RuntimeError):
    """A plugin is missing, broken, or in conflict with another one."""


class PluginNotFoundError(PluginError, LookupError):
    """No installed plugin has that name or scheme."""


class PluginConflictError(PluginError):
    """Two plugins claim one name."""


class PluginLoadError(PluginError):
    """A plugin raised while it was imported."""


class MissingDependencyError(PluginError, ImportError):
    """A plugin needs a package that is not installed."""
