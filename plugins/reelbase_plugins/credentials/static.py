"""Credentials that are in a file of the user's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parsed, required
from reelbase_plugins.credentials.files import secret_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "static"``.

    Attributes:
        file: TOML whose keys are the fields; only its owner may read it (mode 0600).
    """

    file: str | None = None


class StaticProvider(CredentialProvider):
    """Reads the file whenever it is asked: what is changed there counts after the next refusal."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        self._file = required(parsed(Options, options, f"credentials.{name}").file, f"credentials.{name}.file")

    def get(self, request: CredentialRequest) -> Credentials:
        """What is there."""
        text = secret_file(self._file, self.name)
        try:
            return Credentials(tomllib.loads(text))
        except tomllib.TOMLDecodeError:
            pass  # its text holds that of the file
        raise AccessDeniedError(f"Credentials {self.name!r}: {self._file} is not valid TOML.", "Mend it.")
