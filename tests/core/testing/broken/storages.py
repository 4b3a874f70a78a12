"""Storages, one of which is right; each other breaks the contract in one way. Run by ../test_testing_kit.py."""

from __future__ import annotations

import io
import threading
import time
import uuid
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest

from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.contracts.storage import Stat
from reelbase.errors import ObjectNotFoundError, StorageError
from reelbase.testing import StorageTests


class Base(StorageTests):
    Kind: ClassVar[type[MemoryStorage]] = MemoryStorage

    @pytest.fixture
    def storage(self):
        return self.Kind(f"mem://{uuid.uuid4().hex}")


def body(data: Any) -> bytes:
    return data if isinstance(data, bytes) else data.read()


class TestRight(Base):
    pass


class TestRacingClaims(Base):
    """test_one_racer_wins"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            if if_absent and key in dict(self.list()):
                super().put(key, data, if_absent=True)
            time.sleep(0.001)
            super().put(key, data)


class TestRemembersWhatWasAbsent(Base):
    """test_one_claimant_wins"""

    class Kind(MemoryStorage):
        racing = False

        def stat(self, key):
            try:
                return super().stat(key)
            except ObjectNotFoundError:
                vars(self).setdefault("absent", set()).add(key)
                raise

        def put(self, key, data, *, if_absent=False):
            super().put(key, data, if_absent=if_absent and key not in vars(self).get("absent", ()))


class TestTornOverwrite(Base):
    """test_readers_see_whole_objects"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            whole = body(data)
            super().put(key, whole[: len(whole) // 2], if_absent=if_absent)
            time.sleep(0.001)
            super().put(key, whole)


class TestObjectsAsLeftovers(Base):
    """test_whole_writes_leave_nothing_over"""

    class Kind(MemoryStorage):
        def leftovers(self):
            return self.list()


class TestInclusiveStop(Base):
    """test_get_part"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            return super().get(key, start, stop if stop is None else stop + 1, if_match=if_match)


class TestRaisesPastTheEnd(Base):
    """test_get_part"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            if stop is not None and stop > self.stat(key).size:
                raise StorageError("past the end")
            return super().get(key, start, stop, if_match=if_match)


class TestPlainKeyError(Base):
    """test_missing_object"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            try:
                return super().get(key, start, stop, if_match=if_match)
            except ObjectNotFoundError:
                raise KeyError(key) from None


class TestFoldersAreObjects(Base):
    """test_missing_object"""

    class Kind(MemoryStorage):
        def stat(self, key):
            if any(one.startswith(f"{key}/") for one, _ in self.list()):
                return Stat(size=0)
            return super().stat(key)


class TestEmptyIsMissing(Base):
    """test_empty_object"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            whole = super().get(key, if_match=if_match)
            if not whole:
                raise ObjectNotFoundError(f"{key} is not there")
            return whole[start:stop]


class TestBytearrays(Base):
    """test_get_returns_what_was_put"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            return bytearray(super().get(key, start, stop, if_match=if_match))


class TestSortedRanges(Base):
    """test_get_ranges"""

    class Kind(MemoryStorage):
        def get_ranges(self, key, ranges, *, if_match=None):
            return super().get_ranges(key, sorted(ranges), if_match=if_match)


class TestRangesForgetIfMatch(Base):
    """test_if_match"""

    class Kind(MemoryStorage):
        def get_ranges(self, key, ranges, *, if_match=None):
            return super().get_ranges(key, ranges)


class TestForgetsIfMatch(Base):
    """test_if_match"""

    class Kind(MemoryStorage):
        def get(self, key, start=0, stop=None, *, if_match=None):
            return super().get(key, start, stop)


class TestEtagIsSize(Base):
    """test_etag_follows_the_bytes"""

    class Kind(MemoryStorage):
        def stat(self, key):
            return Stat(size=super().stat(key).size, etag=str(super().stat(key).size))


class TestUnstableEtag(Base):
    """test_etag_follows_the_bytes"""

    class Kind(MemoryStorage):
        def stat(self, key):
            return Stat(size=super().stat(key).size, etag=uuid.uuid4().hex)


class TestNaiveTimes(Base):
    """test_stat"""

    class Kind(MemoryStorage):
        def stat(self, key):
            found = super().stat(key)
            return Stat(size=found.size, etag=found.etag, modified=found.modified.replace(tzinfo=None))


class TestReadsOnce(Base):
    """test_put_a_large_file"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            super().put(key, data if isinstance(data, bytes) else data.read(1 << 20), if_absent=if_absent)


class TestRewinds(Base):
    """test_put_from_a_file"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            if isinstance(data, io.BytesIO):
                data.seek(0)
            super().put(key, data, if_absent=if_absent)


class TestCloses(Base):
    """test_put_from_a_file"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            super().put(key, data, if_absent=if_absent)
            if not isinstance(data, bytes):
                data.close()


class TestWritesInPlace(Base):
    """test_nothing_stands_after_a_failed_put test_the_old_object_stands_after_a_failed_put"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            if isinstance(data, bytes):
                return super().put(key, data, if_absent=if_absent)
            whole = b""
            while part := data.read(1 << 20):
                whole += part
                super().put(key, whole)
            return None


class TestAppends(Base):
    """test_overwrite"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            try:
                whole = super().get(key) + body(data)
            except ObjectNotFoundError:
                whole = body(data)
            super().put(key, whole, if_absent=if_absent)


class TestIfAbsentReplaces(Base):
    """test_if_absent_keeps_what_is_there"""

    class Kind(MemoryStorage):
        def put(self, key, data, *, if_absent=False):
            super().put(key, data)


class TestDeletedNamesStayTaken(Base):
    """test_if_absent_after_delete"""

    class Kind(MemoryStorage):
        taken: ClassVar[set[tuple[str, str]]] = set()

        def put(self, key, data, *, if_absent=False):
            if if_absent and (self.root, key) in self.taken:
                super().put(key, data)
                super().put(key, data, if_absent=True)
            self.taken.add((self.root, key))
            super().put(key, data, if_absent=if_absent)


class TestDeletesFolders(Base):
    """test_delete_nothing"""

    class Kind(MemoryStorage):
        def delete(self, key):
            for one, _ in self.list(key):
                super().delete(one)


class TestDeleteRaises(Base):
    """test_delete_nothing"""

    class Kind(MemoryStorage):
        def delete(self, key):
            self.stat(key)
            super().delete(key)


class TestUnordered(Base):
    """test_list_in_order"""

    class Kind(MemoryStorage):
        def list(self, prefix=""):
            yield from reversed(list(super().list(prefix)))


class TestFoldersFirst(Base):
    """test_list_in_order"""

    class Kind(MemoryStorage):
        def list(self, prefix=""):
            yield from sorted(super().list(prefix), key=lambda one: one[0].split("/"))


class TestPrefixIsAFolder(Base):
    """test_list_a_prefix"""

    class Kind(MemoryStorage):
        def list(self, prefix=""):
            folder = f"{prefix.rstrip('/')}/" if prefix else ""
            yield from super().list(folder)


class TestListsLive(Base):
    """test_list_while_deleting"""

    class Kind(MemoryStorage):
        def list(self, prefix=""):
            for place in range(len(list(super().list(prefix)))):
                yield list(super().list(prefix))[place]


class TestDecodesKeys(Base):
    """test_unusual_keys test_keys_are_told_apart"""

    class Kind(MemoryStorage):
        def _find(self, key):
            return super()._find(unquote(key))

        def put(self, key, data, *, if_absent=False):
            super().put(unquote(key), data, if_absent=if_absent)


class TestStripsKeys(Base):
    """test_keys_are_told_apart"""

    class Kind(MemoryStorage):
        def _find(self, key):
            return super()._find(key.strip())

        def put(self, key, data, *, if_absent=False):
            super().put(key.strip(), data, if_absent=if_absent)


class TestToItself(Base):
    """test_another_instance_sees_the_same test_locate test_pickled"""

    class Kind(MemoryStorage):
        def __init__(self, root, *, options=None, credentials=None):
            super().__init__(f"{root}/{uuid.uuid4().hex}", options=options)


class TestCannotBePickled(Base):
    """test_pickled"""

    class Kind(MemoryStorage):
        def __reduce__(self):
            threading.Lock().__reduce_ex__(2)


class TestLocatesElsewhere(Base):
    """test_locate"""

    class Kind(MemoryStorage):
        @classmethod
        def locate(cls, url):
            return url, ""


class TestOneAtATime(Base):
    """test_many_threads"""

    class Kind(MemoryStorage):
        busy: ClassVar[list[int]] = []

        def put(self, key, data, *, if_absent=False):
            self.busy.append(1)
            time.sleep(0.0005)
            if len(self.busy) > 1:
                self.busy.pop()
                raise StorageError("database is locked")
            self.busy.pop()
            super().put(key, data, if_absent=if_absent)
