"""Credentials as a user gives them: fields that are used, and never shown, logged or pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from reelbase.errors import UsageError


class Credentials(Mapping[str, Any]):
    """Fields such as ``aws_access_key_id``; which ones is up to the storage. Two are equal if their fields are.

    Args:
        fields: As `reelbase.read` takes them.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._fields))})"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "Credentials that were given as an argument are not sent to another process.",
            "Put them where both find them: in the environment, or in your own configuration file.",
        )
