"""Claiming a name: one put-if-absent that is sure of its outcome.

There are three outcomes: won, lost, and unknown, when the reply did not come. Storages also repeat requests by
themselves and then report our own object as somebody else's; so what is there is always read back.
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
    """Write an object if none is there; False: another one does.

    Args:
        storage: The storage to write to.
        key: The name to claim.
        body: Bytes that nobody else would write: with a uuid in them, say.

    Raises:
        OutcomeUnknownError: the storage gave no answer, and gave none again: the object may stand.
        StorageError: it does not stand.
    """
    doubt: StorageError | None = None
    for attempt in range(_MAX_ATTEMPTS):
        try:
            storage.put(key, body, if_absent=True)
        except ObjectExistsError as error:
            own = _holds(storage, key, body)
            if own is not None:
                return own
            doubt = error
        except OutcomeUnknownError as error:
            doubt = error
            logger.info("no answer to the claim of %s: %s", key, error)
        except StorageError as error:
            if doubt is None:
                raise
            logger.info("cannot repeat the claim of %s: %s", key, error)
        else:
            return True
        time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter
    raise OutcomeUnknownError(f"The storage did not say whether {key} stands.", "Look before you repeat it.") from doubt


def _holds(storage: Storage, key: str, body: bytes) -> bool | None:
    """Whether an object has these bytes; None: it cannot be known."""
    try:
        return storage.get(key) == body
    except StorageError as error:
        logger.info("cannot read back %s: %s", key, error)
        return None
