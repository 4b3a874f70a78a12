"""User metadata of a dataset or tensor: a mapping whose writes are commits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from reelbase.contracts.htype import brief
from reelbase.errors import TensorNotFoundError, UsageError
from reelbase.format.ops import SetInfo
from reelbase.format.state import RESERVED
from reelbase.samples.schema import names_of_settings
from reelbase.sealed import Sealed

if TYPE_CHECKING:
    from reelbase.session.session import Session


class Info(Sealed, MutableMapping[str, Any]):
    """A mapping of strings to JSON values. Each write is one commit, durable when it returns; so is `update`.

    A value that you read is a copy: assign it again after you change it.

    Raises:
        UsageError: a key is not a string, or a value is not JSON.
        KeyError: there is no such key.
    """

    def __init__(self, session: Session, tensor: str = "") -> None:
        self._session = session
        self._tensor = tensor

    def _how_to_set(self, name: str) -> str:
        return f"Write a key: info[{name!r}] = value. For class names use tensor.add_class_names([…])."

    def _read(self) -> Mapping[str, Any]:
        state = self._session.state
        if not self._tensor:
            return {key: value for key, value in state.info.items() if not key.startswith(RESERVED)}
        if self._tensor not in state.tensors:
            raise TensorNotFoundError(
                "This metadata's tensor was deleted from its dataset.", "Ask the dataset for its tensors."
            )
        return state.tensors[self._tensor].info

    def __getitem__(self, key: str) -> Any:
        held = self._read()
        if not isinstance(key, str) or key not in held:
            raise KeyError(key)
        return _copy_json(held[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise UsageError(f"{brief(key)} is not a key of metadata.", "Keys are strings.")
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        with self._session.change() as transaction:
            transaction.do(SetInfo(self._tensor, {}, (key,)))

    def update(self, *others: Any, **values: Any) -> None:
        """Write several keys in one commit."""
        try:
            given = dict(*others, **values)
        except (TypeError, ValueError) as error:
            raise UsageError(f"These are not keys and values: {error}.", "Pass a dict, or keyword arguments.") from None
        written = {key: _check(key, value) for key, value in given.items()}
        with self._session.change() as transaction:
            self._read()
            self._check_no_settings(written)
            transaction.do(SetInfo(self._tensor, written))

    def _check_no_settings(self, keys: Iterable[str]) -> None:
        """Check that no key is the name of a setting of the tensor's htype: it would look like that setting.

        Raises:
            UsageError: one is.
        """
        known = names_of_settings(self._session.schema_state.tensors[self._tensor]) if self._tensor else ()
        for key in keys:
            if key in known:
                raise UsageError(
                    f"{key!r} is a setting of the tensor, not metadata: as metadata nothing would read it.",
                    "Pass it to create_tensor; class names are added by tensor.add_class_names([…]).",
                )

    def clear(self) -> None:
        """Remove all keys in one commit."""
        with self._session.change() as transaction:
            if held := tuple(self._read()):
                transaction.do(SetInfo(self._tensor, {}, held))

    def __repr__(self) -> str:
        return f"Info({dict(self._read())!r})"


def _check(key: object, value: Any) -> Any:
    if not isinstance(key, str):
        raise UsageError(f"{key!r} cannot be a metadata key: it is not a string.", "Use strings.")
    if key.startswith(RESERVED):
        raise UsageError(f"{key!r} cannot be a metadata key: {RESERVED!r} is the library's own.", "Choose another.")
    try:
        return _copy_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{brief(value)} cannot be kept under {key!r}: {error}.",
            "Use dicts, lists, strings, numbers, bools and None.",
        ) from None


def _copy_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))
