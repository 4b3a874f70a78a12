"""Every error that reelbase raises on purpose.

The tree groups errors by what a handler would do; each is also a fitting builtin::

    ReelbaseError
    ├── UsageError (ValueError)               the call itself is wrong: mend it
    │   └── ConfigError                       a configuration file or variable is wrong
    ├── DatasetNotFoundError (FileNotFoundError)
    ├── DatasetExistsError (FileExistsError)
    ├── ReadOnlyError (PermissionError)
    ├── TransactionError (RuntimeError)       nested transaction, or one that has ended
    ├── TensorNotFoundError (KeyError, AttributeError)
    ├── TensorExistsError (ValueError)
    ├── VersionNotFoundError (LookupError)    no branch, tag or commit of that name
    │   └── VersionExpiredError               it was there, and its data are gone
    ├── VersionExistsError (ValueError)       a branch or tag of that name is there
    ├── SampleIndexError (IndexError)         row, frame or time out of range, or an index of a wrong kind
    │   └── MissingSampleError                the cell exists but holds no sample
    ├── LinkRefusedError (ValueError)         a link that may not be followed
    ├── ScopeError (PermissionError)          credentials are not for that URL: nobody was asked
    ├── HtypeError (ValueError)               a value that its tensor may not hold, or wrong htype settings
    ├── MediaError (ValueError)               a file that is not what it should be
    │   ├── UnknownFormatError                no installed codec claims these bytes
    │   ├── DamagedMediaError                 it cannot be demuxed or decoded
    │   ├── FrameSizeError                    the frame size changes midway and no size= was given
    │   └── LimitError                        larger than the [security] limits allow
    ├── StorageError (OSError)                the service or disk failed
    │   ├── ObjectNotFoundError (FileNotFoundError)
    │   ├── ObjectExistsError (FileExistsError)
    │   ├── StorageFullError                  no space left
    │   ├── AccessDeniedError (PermissionError)   the service knows who asks, or not, and refuses
    │   │   └── CredentialsExpiredError       what it was asked with was good once
    │   ├── ThrottledError                    the service wants fewer requests, and still did after waiting
    │   ├── ConnectionFailedError (ConnectionError)   no connection, or it broke, again and again
    │   ├── StorageTimeoutError (TimeoutError)    it took longer than the deadline
    │   ├── ObjectChangedError                the object was replaced while it was being read
    │   │   └── LinkChangedError              what a link names was replaced since it was linked
    │   ├── BadReplyError                     a server sent other bytes than those asked for: they were not used
    │   └── OutcomeUnknownError               a write may or may not have happened
    ├── FormatError (ValueError)              bytes of a dataset that cannot be understood
    │   ├── NewerFormatError                  written by a newer reelbase
    │   └── CorruptObjectError                a checksum or a length does not hold
    ├── CommitConflictError (RuntimeError)    another writer changed the same thing
    ├── CommitOutcomeUnknown (RuntimeError)   the commit may or may not stand: load again and look
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
        todo: What to do about it; shown on a line of its own.

    Both may quote what a stranger wrote, or a URL that the user signed. So URLs are shown without queries, and what a
    terminal would obey is escaped: here, for all errors, since any of them may be printed, logged or sent to a page.
    """

    def __init__(self, what: str, todo: str | None = None) -> None:
        super().__init__(_harmless(what if todo is None else f"{what}\n    {todo}"))

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), self.args)


def _harmless(text: object) -> str:
    return printable(redacted_text(str(text)))


class error_context:  # noqa: N801 - used as contextlib's are, and thrice for every row that is read
    """Errors of the block say where: "Row 3 of tensor 'videos': …"; those that name it stay as they are."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ReelbaseError) and (where := _harmless(self._where)) not in str(error):
            error.args = (f"{where}: {error}",)


class UsageError(ReelbaseError, ValueError):
    """The call is wrong."""


class FilterError(UsageError):
    """The text of a filter is wrong, or asks for a tensor that is not there."""


class ConfigError(UsageError):
    """A configuration file or environment variable is wrong."""


class DatasetNotFoundError(ReelbaseError, FileNotFoundError):
    """There is no dataset at that path."""


class DatasetExistsError(ReelbaseError, FileExistsError):
    """There is something at that path already."""


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
    """The version was there, and has expired: its data are gone, or about to go."""


class VersionExistsError(ReelbaseError, ValueError):
    """A branch or tag of that name is there already."""


class SampleIndexError(ReelbaseError, IndexError):
    """A row, frame or time is out of range, or the index is of a wrong kind."""


class MissingSampleError(SampleIndexError):
    """The cell holds no sample (``None`` was appended, or the row was padded)."""


class LinkRefusedError(ReelbaseError, ValueError):
    """A link may not be followed: by its form, or by the ``[security]`` settings."""


class ScopeError(ReelbaseError, PermissionError):
    """Credentials may not be used for a URL; neither their provider nor the network was asked."""


class HtypeError(ReelbaseError, ValueError):
    """A value that its tensor may not hold, or wrong htype settings."""


class MediaError(ReelbaseError, ValueError):
    """A media file is not what it should be."""


class UnknownFormatError(MediaError):
    """No installed codec claims these bytes."""


class DamagedMediaError(MediaError):
    """The file cannot be demuxed, or a wanted frame cannot be decoded."""


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
    """The service refuses: wrong credentials, none, or ones that do not allow it."""


class CredentialsExpiredError(AccessDeniedError):
    """The credentials, or a signed URL, were good once and are no longer."""


class ThrottledError(StorageError):
    """The service asks for fewer requests, and still did after waiting."""


class ConnectionFailedError(StorageError, ConnectionError):
    """No connection could be made, or it broke, at every try."""


class StorageTimeoutError(StorageError, TimeoutError):
    """A call took longer than its deadline."""


class ObjectChangedError(StorageError):
    """An object was replaced while it was being read; what came was not used."""


class LinkChangedError(ObjectChangedError):
    """What a link names was replaced since it was linked; nothing of it was used."""


class BadReplyError(StorageError):
    """A server sent something else than what was asked for; it was not used."""


class OutcomeUnknownError(StorageError):
    """A write may or may not have happened."""


class FormatError(ReelbaseError, ValueError):
    """Bytes of a dataset cannot be understood."""


class NewerFormatError(FormatError):
    """The dataset was written by a newer reelbase."""


class CorruptObjectError(FormatError):
    """A checksum, length or magic number does not hold."""


class CommitConflictError(ReelbaseError, RuntimeError):
    """Another writer changed the same rows or tensors."""


class CommitOutcomeUnknownError(ReelbaseError, RuntimeError):
    """The commit may or may not stand."""


class PluginError(ReelbaseError, RuntimeError):
    """Something about a plugin."""


class PluginNotFoundError(PluginError, LookupError):
    """No installed plugin has that name or scheme."""


class PluginConflictError(PluginError):
    """Two plugins claim one name."""


class PluginLoadError(PluginError):
    """A plugin raised while it was imported."""


class MissingDependencyError(PluginError, ImportError):
    """A plugin needs a package that is not installed."""
