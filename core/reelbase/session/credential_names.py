"""The names of credentials that a dataset keeps: names, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reelbase.contracts.htype import brief
from reelbase.credentials.resolver import ENVIRONMENT, Names
from reelbase.errors import UsageError
from reelbase.format import validation
from reelbase.format.ops import SetInfo
from reelbase.format.state import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelbase.format.state import State
    from reelbase.session.session import Session, Transaction

_PREFIX: Final = f"{RESERVED}creds/"
_FITS: Final = validation.fields(name=validation.text, managed=validation.flag)


def names_of(state: State, dataset: str) -> Names:
    """The names that a dataset has."""
    kept = _kept(state)
    renamed = tuple((first, one["name"]) for first, one in kept.items() if one["name"] != first)
    return Names(dataset, renamed, frozenset(one["name"] for one in kept.values() if one["managed"]))


def list_names(state: State, *, managed: bool | None = None) -> set[str]:
    """All names, or those that are managed."""
    return {one["name"] for one in _kept(state).values() if managed is None or one["managed"] == managed}


class CredsKeys:
    """The names of one dataset, to be changed.

    Rows keep the name that they were written with; what is renamed is found under its first name.

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
            return  # always there
        with self._session.change() as transaction:
            kept = _kept(transaction.state)
            if key in list_names(transaction.state) or key in kept:
                raise UsageError(
                    f"There is a creds_key {key!r} already, or rows know one by that name.", "Choose another name."
                )
            _write(transaction, key, key, managed=managed)

    def update(self, key: str, new_key: str | None, *, managed: bool | None) -> None:
        """As `Dataset.update_creds_key`."""
        with self._session.change() as transaction:
            kept = _kept(transaction.state)
            first = self._first(kept, key)
            name = key if new_key is None else new_key
            if name != key and (
                name in list_names(transaction.state) or kept.get(name, kept[first]) is not kept[first]
            ):
                raise UsageError(f"There is a creds_key {name!r} already.", "Choose another name.")
            _write(transaction, first, name, managed=kept[first]["managed"] if managed is None else managed)

    def check(self, key: str) -> None:
        """See that a name is there.

        Raises:
            UsageError: it is not.
        """
        self._first(_kept(self._session.schema_state), key)

    @staticmethod
    def _first(kept: Mapping[str, Any], key: str) -> str:
        for first, one in kept.items():
            if one["name"] == key:
                return first
        known = ", ".join(sorted(one["name"] for one in kept.values())) or "none"
        raise UsageError(f"The dataset has no creds_key {brief(key)}; it has: {known}.", "Add it: ds.add_creds_key(…).")


def _kept(state: State) -> dict[str, Any]:
    """By the name that it had first."""
    return {key.removeprefix(_PREFIX): one for key, one in state.info.items() if key.startswith(_PREFIX) and _FITS(one)}


def _write(transaction: Transaction, first: str, name: str, *, managed: bool) -> None:
    transaction.do(SetInfo("", {f"{_PREFIX}{first}": {"name": name, "managed": managed}}))
