"""Credentials from a file of the user."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials
from reelbase_plugins._remote.options import parse_options, require_option
from reelbase_plugins.credentials.files import read_secret_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "static"``.

    Attributes:
        file: TOML file whose keys are the fields. Only its owner may have access to it (mode 0600).
    """

    file: str | None = None


class StaticProvider(CredentialProvider):
    """Reads the file at each call of `get`. A change of the file takes effect when the old credentials are refused."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        self._file = require_option(
            parse_options(Options, options, f"credentials.{name}").file, f"credentials.{name}.file"
        )

    def get(self, request: CredentialRequest) -> Credentials:
        """Read the file and return its fields."""
        text = read_secret_file(self._file, self.name)
        try:
            return Credentials(tomllib.loads(text))
        except tomllib.TOMLDecodeError:
            pass  # not chained below: its text contains that of the file
        raise AccessDeniedError(f"Credentials {self.name!r}: {self._file} is not valid TOML.", "Correct the file.")
