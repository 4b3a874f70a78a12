"""Services that deny access to what does not exist, as S3 does to those who may not list."""

from __future__ import annotations

import itertools

import pytest
from door import serving

import reelbase
from reelbase.builtin.memory_storage import MemoryStorage
from reelbase.errors import AccessDeniedError, ObjectNotFoundError

_numbers = itertools.count()


class NoListing(MemoryStorage):
    """What is not there may not be read; `closed`: nothing may."""

    closed = False

    def get(self, key: str, start: int = 0, stop: int | None = None, *, if_match: str | None = None) -> bytes:
        if self.closed:
            raise self._denied(key)
        try:
            return super().get(key, start, stop, if_match=if_match)
        except ObjectNotFoundError:
            raise self._denied(key) from None

    def _denied(self, key: str) -> AccessDeniedError:
        return AccessDeniedError(f"{key}: access denied.", "Give credentials.")


def test_absent_is_what_is_denied_in_a_dataset_that_can_be_read() -> None:
    storage = NoListing(f"mem://denied{next(_numbers)}")
    with serving(storage) as url:
        ds = reelbase.empty(url)
        ds.create_tensor("n").extend([1, 2, 3])
        ds.n.append(4)
        assert reelbase.load(url, read_only=True).n.numpy().tolist() == [1, 2, 3, 4]
        storage.delete("log/main/latest")
        assert reelbase.load(url, read_only=True).n.numpy().tolist() == [1, 2, 3, 4]


def test_denied_is_said_where_nothing_can_be_read() -> None:
    storage = NoListing(f"mem://denied{next(_numbers)}")
    with serving(storage) as url:
        reelbase.empty(url).create_tensor("n").extend([1, 2, 3])
        storage.closed = True
        with pytest.raises(AccessDeniedError):
            reelbase.load(url, read_only=True)
