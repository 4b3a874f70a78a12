"""Tests of the contract of `reelbase.plugin.Storage`."""

# ruff: noqa: D102 - names and messages of the tests are their documentation

from __future__ import annotations

import io
import itertools
import pickle
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from reelbase.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError, ReadOnlyError, StorageError
from reelbase.testing._threads import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import WriteableBuffer

    from reelbase.contracts.storage import Storage

__all__ = ["StorageTests"]

_DATA = bytes(range(256)) * 5
_PARTS = [
    (0, 1), (0, 1280), (1279, 1280), (7, 300), (1270, None), (0, None), (1270, 9999), (1280, None), (1280, 1290),
    (5000, None), (5000, 6000), (7, 7), (0, 0), (9, 3),
]  # fmt: skip
_RACERS = 8
_ROUNDS = 20
_BYTES_OF_LARGE_FILE = 12_000_000

#: Keys in the order in which `list` must return them: sorted by characters, where "/" has no special meaning.
_ORDERED = ["a-b", "a.b", "a/b", "a/b-c", "a/b/c", "a/bc", "a0", "ab", "b"]

#: File names that users have.
_UNUSUAL = [
    "two words.mp4", "-dash.mp4", "a&b?c=d#e.mp4", "100%.mp4", "%41.mp4", "a+b;c,d.mp4", "[1]*(x).mp4",
    "it's \"so\".mp4", "Grüße.mp4", "動画.mp4", "e\u0301.mp4", "🎬.mp4", ".hidden", "..dots", "dots...", "~tilde",
    "back\\slash", "tab\t.mp4", "x" * 200,
]  # fmt: skip


class StorageTests:
    """Tests of a storage. Subclass this and define a fixture `storage` that returns a new, empty storage.

    For a read-only storage (`writable` is False) override `fill`; the tests of writing are then skipped.
    """

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty storage."""
        raise NotImplementedError("define a fixture `storage` that returns an empty storage")

    @pytest.fixture
    def filled(self, storage: Storage) -> Storage:
        """A storage with an object of 1,280 bytes at "some/key"."""
        self.fill(storage, {"some/key": _DATA})
        return storage

    @pytest.fixture
    def writable(self, storage: Storage) -> Storage:
        """The storage; the test is skipped if it is read-only."""
        if not storage.writable:
            pytest.skip("the storage is read-only")
        return storage

    def fill(self, storage: Storage, objects: Mapping[str, bytes]) -> None:
        """Write objects. Override this if `put` cannot be used."""
        for key, data in objects.items():
            storage.put(key, data)

    def again(self, storage: Storage) -> Storage:
        """Return a second instance with the same root."""
        return type(storage)(storage.root, options=storage.options)

    def url(self, storage: Storage, key: str) -> str:
        """Return the URL that a user would write for an object; `locate` must find it."""
        return f"{storage.root}/{key}"

    # Reading

    def test_get_returns_what_was_put(self, filled: Storage) -> None:
        got = filled.get("some/key")
        assert type(got) is bytes, f"get returned a {type(got).__name__}, not bytes"
        assert got == _DATA, "get returned other bytes than put wrote"

    def test_empty_object(self, storage: Storage) -> None:
        self.fill(storage, {"empty": b""})
        assert storage.get("empty") == b"", "an empty object must be read as b''"
        assert storage.stat("empty").size == 0, "an empty object must have size 0"

    @pytest.mark.parametrize(
        ("start", "stop"),
        _PARTS,
    )
    def test_get_part(self, filled: Storage, start: int, stop: int | None) -> None:
        got = filled.get("some/key", start, stop)
        wanted = _DATA[start:stop]
        assert got == wanted, (
            f"get(key, {start}, {stop}) of {len(_DATA)} bytes returned {len(got)} bytes, not [{start}:{stop}] of it "
            f"({len(wanted)} bytes)"
        )

    def test_get_ranges(self, filled: Storage) -> None:
        ranges = [(700, 900), (0, 5), (0, 5), (3, 700), (1279, 1280), (1200, 5000), (4000, 5000), (8, 8)]
        got = filled.get_ranges("some/key", ranges)
        wanted = [_DATA[start:stop] for start, stop in ranges]
        assert len(got) == len(ranges), f"get_ranges returned {len(got)} parts for {len(ranges)} ranges"
        for span, part, right in zip(ranges, got, wanted, strict=True):
            assert part == right, (
                f"get_ranges returned wrong bytes for {span}: parts must be in the order of the ranges"
            )

    @pytest.mark.parametrize("count", [0, 1, 200])
    def test_get_many_ranges(self, filled: Storage, count: int) -> None:
        ranges = [(start, start + 3) for start in range(count)]
        got = filled.get_ranges("some/key", ranges)
        assert list(got) == [_DATA[start:stop] for start, stop in ranges], f"get_ranges is wrong for {count} ranges"

    @pytest.mark.parametrize(
        "key", ["nothing", "some", "some/", "some/key/more", "some/ke", "some/keyy", "no/such/folder"]
    )
    def test_missing_object(self, filled: Storage, key: str) -> None:
        if key == "some/":
            with pytest.raises(StorageError):  # for some storages this is not a valid key
                filled.get(key)
            return
        for call in (filled.get, filled.stat, lambda key: filled.get_ranges(key, [(0, 1), (1, 2)])):
            with pytest.raises(ObjectNotFoundError) as caught:
                cast("Any", call)(key)
            assert key in str(caught.value), f"the message must name the missing key {key!r}: {caught.value}"

    # Stat

    def test_stat(self, filled: Storage) -> None:
        found = filled.stat("some/key")
        assert found.size == len(_DATA), f"stat returns the size {found.size} for an object of {len(_DATA)} bytes"
        if found.modified is not None:
            assert found.modified.utcoffset() is not None, "stat().modified must have a time zone"

    def test_etag_follows_the_bytes(self, writable: Storage) -> None:
        seen = []
        for body in (b"one", b"two", b"one", b"longer"):
            writable.put("key", body)
            first, second = writable.stat("key").etag, writable.stat("key").etag
            assert first == second, "the etag of an unchanged object must not change"
            seen.append(first)
        if seen[0] is not None:
            pairs = itertools.pairwise(seen)
            assert all(before != after for before, after in pairs), f"an overwritten object kept its etag: {seen}"

    def test_if_match(self, writable: Storage) -> None:
        writable.put("key", b"first")
        etag = writable.stat("key").etag
        if etag is None:
            return  # this storage has no etags
        assert writable.get("key", if_match=etag) == b"first", "get(if_match=…) refused the current etag"
        assert list(writable.get_ranges("key", [(0, 1), (1, 2)], if_match=etag)) == [b"f", b"i"]
        writable.put("key", b"other")
        for call in (writable.get, lambda key, if_match: writable.get_ranges(key, [(0, 1), (1, 2)], if_match=if_match)):
            with pytest.raises(ObjectChangedError):
                cast("Any", call)("key", if_match=etag)

    # Writing

    def test_overwrite(self, writable: Storage) -> None:
        for body in (b"a long first body", b"short", b""):
            writable.put("key", body)
            assert writable.get("key") == body, "put must replace the whole object"
            assert writable.stat("key").size == len(body), "stat must return the size of the new object"

    def test_if_absent_keeps_what_is_there(self, writable: Storage) -> None:
        writable.put("some/key", b"first", if_absent=True)
        with pytest.raises(ObjectExistsError):
            writable.put("some/key", b"second", if_absent=True)
        assert writable.get("some/key") == b"first", "put(if_absent=True) replaced an object"

    def test_if_absent_after_delete(self, writable: Storage) -> None:
        writable.put("key", b"first", if_absent=True)
        writable.delete("key")
        writable.put("key", b"second", if_absent=True)
        assert writable.get("key") == b"second"

    def test_one_claimant_wins(self, writable: Storage) -> None:
        """Put in turn with several instances. Each has looked up the name before, and may have cached the result."""
        others = [self.again(writable) for _ in range(_RACERS)]
        for other in others:
            with pytest.raises(ObjectNotFoundError):
                other.stat("claimed/key")
        won = [_try_claim(other, "claimed/key", bytes([number]) * 1000) for number, other in enumerate(others)]
        assert won == [True] + [False] * (_RACERS - 1), (
            f"of several put(if_absent=True) in turn, only the first must succeed: {won}"
        )
        assert others[-1].get("claimed/key") == bytes(1000), "the object is not the one that the winner put"

    def test_one_racer_wins(self, writable: Storage) -> None:
        if not writable.racing:
            return  # the storage does not promise this, only what `test_one_claimant_wins` tests
        others = [self.again(writable) for _ in range(_RACERS)]
        for turn in range(_ROUNDS):
            key = f"race/{turn}"
            won = together(lambda me, key=key: _try_claim(others[me], key, bytes([me]) * 1000), _RACERS)  # type: ignore[misc]
            winners = [me for me, did in enumerate(won) if did]
            assert len(winners) == 1, (
                f"{len(winners)} of {_RACERS} concurrent put(if_absent=True) succeeded; it must be one"
            )
            assert writable.get(key) == bytes(winners) * 1000, "the object is not the one that the winner put"

    def test_readers_see_whole_objects(self, writable: Storage) -> None:
        size = 300_000
        writable.put("key", bytes(size))

        def run(me: int) -> None:
            for turn in range(10):
                if me % 2:
                    writable.put("key", bytes([me * 10 + turn]) * size)
                else:
                    got = writable.get("key")
                    assert len(got) == size, (
                        f"a reader saw {len(got)} of {size} bytes while another thread overwrote them"
                    )
                    assert len(set(got)) == 1, (
                        "a reader saw parts of two objects: put must replace the whole object at once"
                    )

        together(run, 6)

    def test_many_threads(self, writable: Storage) -> None:
        def run(me: int) -> None:
            for turn in range(10):
                key = f"thread/{me}/{turn}"
                writable.put(key, key.encode())
                assert writable.get(key) == key.encode(), "get returned the bytes of another thread"
                assert key in dict(writable.list(f"thread/{me}/")), "an object that was put is not listed"
                writable.delete(key)

        together(run, _RACERS)
        assert list(writable.list()) == [], "deleted objects are still listed"

    def test_put_from_a_file(self, writable: Storage) -> None:
        file = io.BytesIO(b"skip" + _DATA)
        file.seek(4)
        writable.put("key", file)
        assert writable.get("key") == _DATA, "put must read a file from its current position to its end"
        assert not file.closed, "put must not close the file that it is passed"

    def test_put_a_large_file(self, writable: Storage) -> None:
        writable.put("large", cast("BinaryIO", _SlowFile(_BYTES_OF_LARGE_FILE)), if_absent=True)
        assert writable.stat("large").size == _BYTES_OF_LARGE_FILE, (
            "put must continue to read a file whose read() returns less than requested"
        )
        assert writable.get("large", _BYTES_OF_LARGE_FILE - 10) == _SlowFile.at(
            _BYTES_OF_LARGE_FILE - 10, _BYTES_OF_LARGE_FILE
        )
        assert writable.get("large", 5_000_001, 5_000_101) == _SlowFile.at(5_000_001, 5_000_101)

    @pytest.mark.parametrize("if_absent", [False, True])
    def test_nothing_stands_after_a_failed_put(self, writable: Storage, if_absent: bool) -> None:
        with pytest.raises(_BrokenFileError):
            writable.put("new/key", cast("BinaryIO", _SlowFile(_BYTES_OF_LARGE_FILE, breaks=True)), if_absent=if_absent)
        with pytest.raises(ObjectNotFoundError):
            writable.get("new/key")
        assert list(writable.list()) == [], "a put that failed left something behind"

    def test_the_old_object_stands_after_a_failed_put(self, writable: Storage) -> None:
        writable.put("key", b"old")
        with pytest.raises(_BrokenFileError):
            writable.put("key", cast("BinaryIO", _SlowFile(_BYTES_OF_LARGE_FILE, breaks=True)))
        assert writable.get("key") == b"old", "a put that failed damaged the object before it"

    def test_delete(self, writable: Storage) -> None:
        writable.put("some/key", b"1")
        writable.put("some/other", b"2")
        writable.delete("some/key")
        with pytest.raises(ObjectNotFoundError):
            writable.get("some/key")
        assert [key for key, _ in writable.list()] == ["some/other"], "delete must remove exactly one object"

    @pytest.mark.parametrize("key", ["nothing", "no/such/folder", "some"])
    def test_delete_nothing(self, writable: Storage, key: str) -> None:
        writable.put("some/key", b"1")
        writable.delete(key)  # must not raise
        assert writable.get("some/key") == b"1", f"delete({key!r}) removed 'some/key'"

    def test_read_only(self, storage: Storage) -> None:
        if storage.writable:
            return  # the other tests write
        with pytest.raises(ReadOnlyError):
            storage.put("key", b"")
        with pytest.raises(ReadOnlyError):
            storage.delete("key")

    # Listing

    def test_list_in_order(self, storage: Storage) -> None:
        # A storage with folders cannot have both "a/b" and "a/b/c".
        keys = [key for key in _ORDERED if key != "a/b"]
        self.fill(storage, {key: key.encode() for key in reversed(keys)})
        listed = list(storage.list())
        assert [key for key, _ in listed] == keys, "list must return all keys, sorted by characters"
        for key, found in listed:
            assert found.size == len(key), f"list returns a wrong size for {key!r}"
            assert found.etag == storage.stat(key).etag, f"list and stat disagree on the etag of {key!r}"

    @pytest.mark.parametrize("prefix", ["a", "a/", "a/b", "a/b/", "a/b-", "a-b", "b", "c", "a/c", "A"])
    def test_list_a_prefix(self, storage: Storage, prefix: str) -> None:
        keys = [key for key in _ORDERED if key != "a/b"]
        self.fill(storage, dict.fromkeys(keys, b"1"))
        listed = [key for key, _ in storage.list(prefix)]
        wanted = [key for key in keys if key.startswith(prefix)]
        assert listed == wanted, f"list({prefix!r}) returns {listed}; a prefix need not end at a folder"

    def test_list_nothing(self, storage: Storage) -> None:
        assert list(storage.list()) == [], "an empty storage must list nothing"
        assert list(storage.list("no/such/")) == [], "a prefix of no object must list nothing"

    def test_list_while_deleting(self, writable: Storage) -> None:
        for number in range(20):
            writable.put(f"a/{number:02}", b"1")
        for key, _ in writable.list("a/"):
            writable.delete(key)
        assert list(writable.list()) == [], "deleting each object while list yields them must delete all"

    # Keys and roots

    @pytest.mark.parametrize("name", _UNUSUAL)
    def test_unusual_keys(self, storage: Storage, name: str) -> None:
        self.fill(storage, {f"in/{name}": name.encode(), "in/other": b"other"})
        assert storage.get(f"in/{name}") == name.encode(), f"the key {name!r} was changed"
        assert f"in/{name}" in dict(storage.list()), f"list does not return the key {name!r} as it was put"

    def test_whole_writes_leave_nothing_over(self, writable: Storage) -> None:
        """Only interrupted writes are in `leftovers`."""
        writable.put("a/b", b"1")
        writable.put("a/b", b"2", if_absent=False)
        writable.delete("a/b")
        writable.put("c", b"3")
        assert list(writable.leftovers()) == []

    def test_keys_are_told_apart(self, storage: Storage) -> None:
        keys = ["a", "a ", " a", "a.", "a%20", "a%2F", "a+", "é", "e\u0301"]
        self.fill(storage, {key: repr(key).encode() for key in keys})
        for key in keys:
            assert storage.get(key) == repr(key).encode(), f"get({key!r}) returns the bytes of another key"

    def test_another_instance_sees_the_same(self, filled: Storage) -> None:
        assert self.again(filled).get("some/key") == _DATA, "a second instance at the same root must see the objects"

    def test_pickled(self, filled: Storage) -> None:
        copy = pickle.loads(pickle.dumps(filled))  # noqa: S301 - our own bytes
        assert copy.get("some/key") == _DATA, "a pickled storage must read the same bytes (data loaders pickle it)"

    def test_locate(self, filled: Storage) -> None:
        root, key = type(filled).locate(self.url(filled, "some/key"))
        found = type(filled)(root, options=filled.options)
        assert found.get(key) == _DATA, f"locate split the URL into {root!r} and {key!r}, where there is no such object"

    def test_repr_names_the_root(self, storage: Storage) -> None:
        assert storage.root in repr(storage), f"repr must show the root: {storage!r}"


def _try_claim(storage: Storage, key: str, body: bytes) -> bool:
    try:
        storage.put(key, body, if_absent=True)
    except ObjectExistsError:
        return False
    return True


class _BrokenFileError(Exception):
    pass


class _SlowFile(io.RawIOBase):
    """A file of `size` bytes that cannot seek, and whose `read` returns less than requested."""

    _PATTERN = bytes(range(251))

    def __init__(self, size: int, *, breaks: bool = False) -> None:
        self._size, self._at, self._breaks = size, 0, breaks

    @classmethod
    def at(cls, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`."""
        return bytes(cls._PATTERN[position % 251] for position in range(start, stop))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(self._rest())
        if self._breaks and self._at > self._size // 2:
            raise _BrokenFileError
        count = min(size, 70_000, self._size - self._at)
        start = self._at % 251
        self._at += count
        return (self._PATTERN * (count // 251 + 2))[start : start + count]

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _rest(self) -> Iterator[bytes]:
        while part := self.read(1 << 20):
            yield part
