"""Credentials that a program prints, as AWS's ``credential_process``."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials, kill_group
from reelbase_plugins._remote.options import parsed, required
from reelbase_plugins.credentials.json_response import from_program

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SECONDS: Final = 30.0
MAX_OUTPUT_BYTES: Final = 1 << 16
_PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "exec"``.

    Attributes:
        command: The program and its arguments; there is no shell.
        environment: Names of variables that it gets, beside a few plain ones.
    """

    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


class ExecProvider(CredentialProvider):
    """Runs the program: 30 seconds at most, 64 KiB at most; what it prints is never shown."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parsed(Options, options, f"credentials.{name}")
        self._command = required(table.command, f"credentials.{name}.command")
        self._passed_on = (*_PASSED_ON, *table.environment)

    def get(self, request: CredentialRequest) -> Credentials:
        """What it printed."""
        return from_program(self._run(), self.name)

    def _run(self) -> bytes:
        environment = {name: os.environ[name] for name in self._passed_on if name in os.environ}
        try:
            program = subprocess.Popen(  # noqa: S603 - the user's own configuration names it
                self._command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise self._error(f"{self._command[0]!r} cannot be run: {error.strerror}") from None
        with program:
            return self._read(program)

    def _read(self, program: subprocess.Popen[bytes]) -> bytes:
        assert program.stdout is not None  # noqa: S101 - it is a pipe
        late = threading.Timer(MAX_SECONDS, _end, [program])
        late.start()
        try:
            printed = program.stdout.read(MAX_OUTPUT_BYTES + 1)
            if len(printed) > MAX_OUTPUT_BYTES:
                raise self._error(f"{self._command[0]!r} prints more than {MAX_OUTPUT_BYTES} bytes")
            if program.wait():
                raise self._error(
                    f"{self._command[0]!r} ended with {program.returncode}, or took over {MAX_SECONDS:.0f} s"
                )
        finally:
            late.cancel()
            _end(program)
        return printed

    def _error(self, what: str) -> AccessDeniedError:
        return AccessDeniedError(f"Credentials {self.name!r}: {what}.", "Run it by hand to see what is wrong.")


def _end(program: subprocess.Popen[bytes]) -> None:
    """It, and what it has started."""
    kill_group(program)
