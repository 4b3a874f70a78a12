"""A storage that is asked with the credentials of a binding, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from reelbase.contracts.storage import Storage
from reelbase.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reelbase.contracts.credentials import Credentials
    from reelbase.contracts.storage import Stat
    from reelbase.credentials.leases import Action, Lease

Result = TypeVar("Result")


class RenewingStorage(Storage):
    """Hands every call on to a storage that has credentials, which is made again when those change.

    So a storage plugin need not know that credentials end: it gets some, and says when they are refused.

    Args:
        kind: The storage's class.
        root: Its root.
        url: What the credentials are asked for: the root, or the one file that is read.
        options: Its options.
        lease: Gives the credentials; ``lease()`` is asked for on every call, since a name may be bound again.
        action: What for.
        again: What makes this storage in another process, and the arguments; nothing secret is among them.
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
        self._made: tuple[Credentials, Storage] | None = None

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        """As the contract says."""
        return self._ask(lambda storage: storage.get(key, start, stop, if_match=if_match))

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, if_match: str | None = None
    ) -> Sequence[bytes]:
        """As the contract says."""
        return self._ask(lambda storage: storage.get_ranges(key, ranges, if_match=if_match))

    def stat(self, key: str) -> Stat:
        """As the contract says."""
        return self._ask(lambda storage: storage.stat(key))

    def put(self, key: str, data: bytes | BinaryIO, *, if_absent: bool = False) -> None:
        """As the contract says."""
        start = None if isinstance(data, bytes) or not data.seekable() else data.tell()

        def put(storage: Storage) -> None:
            if start is not None and not isinstance(data, bytes):
                data.seek(start)
            storage.put(key, data, if_absent=if_absent)

        self._ask(put, repeat=isinstance(data, bytes) or start is not None)

    def delete(self, key: str) -> None:
        """As the contract says."""
        self._ask(lambda storage: storage.delete(key))

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """As the contract says; where credentials end on the way, it goes on behind the last key."""
        return self._list(lambda storage: storage.list(prefix))

    def leftovers(self) -> Iterator[tuple[str, Stat]]:
        """As the contract says."""
        return self._list(lambda storage: iter(sorted(storage.leftovers(), key=lambda one: one[0])))

    def public_url(self, key: str, *, seconds: int) -> str | None:
        """As the contract says."""
        return self._ask(lambda storage: storage.public_url(key, seconds=seconds))

    def _storage(self) -> tuple[Credentials, Storage]:
        credentials = self._lease().current(self._url, self._action)
        made = self._made
        if made is None or made[0] is not credentials:
            storage = self._kind(self.root, options=self.options, credentials=credentials or None)
            made = self._made = (credentials, storage)
        return made

    def _ask(self, work: Callable[[Storage], Result], *, repeat: bool = True) -> Result:
        used, storage = self._storage()
        try:
            return work(storage)
        except AccessDeniedError as error:
            if not repeat or not self._lease().replaced(used, error, self._url, self._action):
                raise
        return work(self._storage()[1])

    def _list(self, work: Callable[[Storage], Iterator[tuple[str, Stat]]]) -> Iterator[tuple[str, Stat]]:
        used, storage = self._storage()
        last = ""
        try:
            for one in work(storage):
                last = one[0]
                yield one
        except AccessDeniedError as error:
            if not self._lease().replaced(used, error, self._url, self._action):
                raise
        else:
            return
        yield from (one for one in work(self._storage()[1]) if one[0] > last)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._again
