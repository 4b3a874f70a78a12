"""The names of credentials that a dataset stores. It stores names only, never credentials.

They are in the dataset's metadata under keys that users do not see, so merges, diffs and copies handle them already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reelbase._util.nearest import suggest
from reelbase.contracts.htype import brief
from reelbase.credentials.providers import ENVIRONMENT
from reelbase.credentials.resolver import Names
from reelbase.errors import UsageError
from reelbase.format import validation
from reelbase.format.ops import SetInfo
from reelbase.format.state import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.format.state import State
    from reelbase.session.session import Session, Transaction

_PREFIX: Final = f"{RESERVED}creds/"
_IS_VALID: Final = validation.fields(name=validation.text, managed=validation.flag)


def read_names(state: State, dataset: str) -> Names:
    """Return the names that a state of a dataset has.

    Args:
        state: The state.
        dataset: Id of the dataset.
    """
    stored = _read_stored(state)
    renamed = tuple((first, entry["name"]) for first, entry in stored.items() if entry["name"] != first)
    return Names(dataset, renamed, frozenset(entry["name"] for entry in stored.values() if entry["managed"]))


def list_names(state: State, *, managed: bool | None = None) -> set[str]:
    """Return all names; or, if `managed` is not None, those that are or are not managed."""
    entries = _read_stored(state).values()
    return {entry["name"] for entry in entries if managed is None or entry["managed"] == managed}


class CredsKeys:
    """Changes the names of one dataset.

    Rows keep the name that they were written with. So each name is stored under the first name it had, and links in
    old rows find the new name by it.

    Args:
        session: The session of the dataset.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: str, *, managed: bool) -> None:
        """As `Dataset.add_creds_key`."""
        if not isinstance(key, str) or not key or key != key.strip() or not key.isprintable():
            raise UsageError(f"{brief(key)} cannot name credentials.", "Give a string that can be printed.")
        if key == ENVIRONMENT:
            return  # this name always exists
        with self._session.change() as transaction:
            kept = _read_stored(transaction.state)
            if key in list_names(transaction.state) or key in kept:
                raise UsageError(
                    f"There is a creds_key {key!r} already, or rows know one by that name.", "Choose another name."
                )
            _store_name(transaction, key, key, managed=managed)

    def update(self, key: str, new_key: str | None, *, managed: bool | None) -> None:
        """As `Dataset.update_creds_key`."""
        if any(isinstance(name, str) and name == ENVIRONMENT for name in (key, new_key)):
            raise UsageError(
                f"{ENVIRONMENT!r} always names the environment's credentials: it cannot be changed.",
                "Use another name.",
            )
        with self._session.change() as transaction:
            kept = _read_stored(transaction.state)
            first = self._find_first_name(kept, key)
            name = key if new_key is None else new_key
            if name != key and (
                name in list_names(transaction.state) or kept.get(name, kept[first]) is not kept[first]
            ):
                raise UsageError(f"There is a creds_key {name!r} already.", "Choose another name.")
            _store_name(transaction, first, name, managed=kept[first]["managed"] if managed is None else managed)

    def check(self, key: str) -> None:
        """Check that a name exists.

        Raises:
            UsageError: there is no such name.
        """
        if not isinstance(key, str) or key != ENVIRONMENT:
            self._find_first_name(_read_stored(self._session.schema_state), key)

    @staticmethod
    def _find_first_name(kept: Mapping[str, Any], key: str) -> str:
        for first, entry in kept.items():
            if isinstance(key, str) and entry["name"] == key:
                return first
        known = sorted(entry["name"] for entry in kept.values())
        raise UsageError(
            f"The dataset has no creds_key {brief(key)}; it has: {', '.join(known) or 'none'}.",
            suggest(key if isinstance(key, str) else "", known, "Add it: ds.add_creds_key(…)."),
        )


def _read_stored(state: State) -> dict[str, Any]:
    """Return the stored entries by the first name that each had. Invalid ones, of a forged dataset, are ignored."""
    entries = ((key.removeprefix(_PREFIX), entry) for key, entry in state.info.items() if key.startswith(_PREFIX))
    return {first: entry for first, entry in entries if _IS_VALID(entry)}


def _store_name(transaction: Transaction, first: str, name: str, *, managed: bool) -> None:
    transaction.do(SetInfo("", {f"{_PREFIX}{first}": {"name": name, "managed": managed}}))
