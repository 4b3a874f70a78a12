"""Claiming a name: a write-if-absent whose outcome is certain.

A conditional write can succeed, fail because the object exists, or end without a reply. Some storages also repeat a
request by themselves and then report our own object as somebody else's. So whenever the object is reported to exist,
it is read back and compared.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from reelbase.errors import ObjectExistsError, OutcomeUnknownError, StorageError

if TYPE_CHECKING:
    from reelbase.contracts.storage import Storage

logger = logging.getLogger("reelbase.claim")

_MAX_ATTEMPTS = 6


def claim(storage: Storage, key: str, body: bytes) -> bool:
    """Write an object if there is none with this key.

    Args:
        storage: The storage to write to.
        key: The key to claim.
        body: Bytes that no other writer would write, for example because they contain a uuid.

    Returns:
        True if the object is ours, False if another writer's object has the key.

    Raises:
        OutcomeUnknownError: the storage did not answer, not even when asked again; the object may exist.
        StorageError: the write failed; the object was not written.
    """
    doubt: StorageError | None = None
    for attempt in range(_MAX_ATTEMPTS):
        try:
            storage.put(key, body, if_absent=True)
        except ObjectExistsError as error:
            is_ours = _holds(storage, key, body)
            if is_ours is not None:
                return is_ours
            doubt = error
        except OutcomeUnknownError as error:
            doubt = error
            logger.info("no answer to the claim of %s: %s", key, error)
        except StorageError as error:
            # After an attempt without an answer, a failed repeat says nothing about whether that attempt succeeded.
            if doubt is None:
                raise
            logger.info("cannot repeat the claim of %s: %s", key, error)
        else:
            return True
        time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter
    raise OutcomeUnknownError(
        f"The storage did not say whether {key} was written.", "Check whether it exists before you write it again."
    ) from doubt


def _holds(storage: Storage, key: str, body: bytes) -> bool | None:
    """Return True if the object has exactly these bytes, or None if it cannot be read."""
    try:
        return storage.get(key) == body
    except StorageError as error:
        logger.info("cannot read back %s: %s", key, error)
        return None
