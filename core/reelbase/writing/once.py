"""Writes that an application repeats after a crash, and that are made only once."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from reelbase.contracts.htype import brief
from reelbase.errors import CommitConflictError, UsageError
from reelbase.format.ops import SetTxn

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.session.session import Session, Transaction


def run_once(session: Session, txn: tuple[str, int] | None, do: Callable[[Transaction], None]) -> bool:
    """Call `do` in the session's transaction, unless its `txn` was committed before.

    Args:
        session: The open dataset.
        txn: An application's name and the number of its write; None always calls `do`.
        do: Makes the changes.

    Returns:
        True if `do` was called and its changes were kept; False if `txn` was committed before.

    Raises:
        CommitConflictError: another writer committed the same `txn` while a transaction was open.
    """
    if txn is not None:
        app, number = _check_txn(txn)
    try:
        with session.change() as transaction:
            if txn is not None and number <= transaction.schema_state.txns.get(app, number - 1):
                return False
            do(transaction)
            if txn is not None:
                transaction.schema_op(SetTxn(app, number))
    except CommitConflictError:
        # Another run of the same application may have committed this number just now: then the work is done.
        if txn is None or session.in_transaction:
            raise
        session.refresh()
        if number > session.state.txns.get(app, number - 1):
            raise
        return False
    return True


def _check_txn(txn: Any) -> tuple[str, int]:
    try:
        app, number = txn
        return str(app), operator.index(number)
    except (TypeError, ValueError):
        raise UsageError(f"txn={brief(txn)} is not a name and a number.", 'Write txn=("nightly ingest", 17).') from None
