"""A storage whose credentials are renewed when they expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from reelbase._util.log_secrets import redacted_logs
from reelbase.contracts.storage import Storage
from reelbase.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reelbase.contracts.credentials import Credentials
    from reelbase.contracts.storage import Stat
    from reelbase.credentials.leases import Action, Lease

Result = TypeVar("Result")


class RenewingStorage(Storage):
    """Passes every call to a storage with the current credentials. That storage is made again when they change.

    So a storage plugin needs no code for expiry: it gets plain fields, and raises AccessDeniedError if the service
    refuses them. A refused call is repeated once with new credentials.

    Args:
        kind: Class of the storage.
        root: Root of the storage.
        url: The URL to request credentials for: the root, or the one file that is read.
        options: Options of the storage.
        lease: Returns the lease to get credentials from. It is called for each request, since a name may be bound to
            other credentials meanwhile.
        action: "read" or "write".
        again: A function that makes this storage in another process, and its arguments, which contain no secrets.
    """

    def __init__(
        self,
        kind: type[Storage],
        root: str,
        url: str,
        options: Mapping[str, Any],
        lease: Callable[[], Lease],
        action: Action,
        again: tuple[Callable[..., Storage], tuple[Any, ...]],
    ) -> None:
        super().__init__(root, options=options)
        self.writable, self.racing, self.distant = kind.writable, kind.racing, kind.distant  # type: ignore[misc]
        self._kind = kind
        self._url = url
        self._lease = lease
        self._action: Action = action
        self._again = again
        self._current: tuple[Credentials, Storage] | None = None

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """See the method of `Storage`."""
        return self._call(lambda storage: storage.get(key, start, stop, if_match=if_match))

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """See the method of `Storage`."""
        return self._call(lambda storage: storage.get_ranges(key, ranges, if_match=if_match))

    def stat(self, key: str) -> Stat:
        """See the method of `Storage`."""
        return self._call(lambda storage: storage.stat(key))

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """See the method of `Storage`."""
        start = None if isinstance(data, bytes) or not data.seekable() else data.tell()

        def put(storage: Storage) -> None:
            if start is not None and not isinstance(data, bytes):
                data.seek(start)
            storage.put(key, data, if_absent=if_absent)

        self._call(put, repeat=isinstance(data, bytes) or start is not None)

    def delete(self, key: str) -> None:
        """See the method of `Storage`."""
        self._call(lambda storage: storage.delete(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """See `Storage.list`. If the credentials expire meanwhile, the listing continues after the last key."""
        return self._list(lambda storage: storage.list(prefix))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """See the method of `Storage`."""
        return self._list(lambda storage: iter(sorted(storage.leftovers(), key=lambda item: item[0])))

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """See the method of `Storage`."""
        return self._call(lambda storage: storage.public_url(key, seconds=seconds))

    def _get_storage(self) -> tuple[Credentials, Storage]:
        credentials = self._lease().get_current(self._url, self._action)
        made = self._current
        if made is None or made[0] is not credentials:
            storage = self._kind(self.root, options=self.options, credentials=credentials or None)
            made = self._current = (credentials, storage)
        return made

    def _call(self, work: Callable[[Storage], Result], *, repeat: bool = True) -> Result:
        used, storage = self._get_storage()
        try:
            with redacted_logs(used):
                return work(storage)
        except AccessDeniedError as error:
            if not repeat or not self._lease().replace_refused(used, error, self._url, self._action):
                raise
        used, storage = self._get_storage()
        with redacted_logs(used):
            return work(storage)

    def _list(self, work: Callable[[Storage], Iterator[tuple[str, Stat]]]) -> Iterator[tuple[str, Stat]]:
        used, storage = self._get_storage()
        last = ""
        try:
            for item in work(storage):
                last = item[0]
                yield item
        except AccessDeniedError as error:
            if not self._lease().replace_refused(used, error, self._url, self._action):
                raise
        else:
            return
        yield from (item for item in work(self._get_storage()[1]) if item[0] > last)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._again
