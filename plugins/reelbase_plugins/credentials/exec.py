"""Credentials that a program prints, like ``credential_process`` of AWS."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reelbase.errors import AccessDeniedError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials, kill_group
from reelbase_plugins._remote.options import parse_options, require_option
from reelbase_plugins.credentials.json_response import parse_program_output

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SECONDS: Final = 30.0
MAX_OUTPUT_BYTES: Final = 1 << 16
_DEFAULT_VARIABLES: Final = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table with ``provider = "exec"``.

    Attributes:
        command: Program and its arguments. They are not passed to a shell.
        environment: Names of environment variables to pass, in addition to a few common ones such as ``PATH``.
    """

    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


class ExecProvider(CredentialProvider):
    """Runs a program for at most 30 seconds and reads at most 64 KiB of its output, which is never shown."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name, {})
        table = parse_options(Options, options, f"credentials.{name}")
        self._command = require_option(table.command, f"credentials.{name}.command")
        self._variables = (*_DEFAULT_VARIABLES, *table.environment)

    def get(self, request: CredentialRequest) -> Credentials:
        """Run the program and parse its output."""
        return parse_program_output(self._run(), self.name)

    def _run(self) -> bytes:
        # Not the whole environment: it may hold secrets that the program does not need.
        environment = {name: os.environ[name] for name in self._variables if name in os.environ}
        try:
            # A session of its own, so that everything that the program starts can be killed with it.
            program = subprocess.Popen(  # noqa: S603 - the command comes from the user's own configuration
                self._command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise self._make_error(f"{self._command[0]!r} cannot be run: {error.strerror}") from None
        with program:
            return self._read(program)

    def _read(self, program: subprocess.Popen[bytes]) -> bytes:
        assert program.stdout is not None  # noqa: S101 - it is a pipe
        timer = threading.Timer(MAX_SECONDS, kill_group, [program])
        timer.start()
        try:
            output = program.stdout.read(MAX_OUTPUT_BYTES + 1)  # ends at the latest when the timer kills the program
            if len(output) > MAX_OUTPUT_BYTES:
                raise self._make_error(f"{self._command[0]!r} prints more than {MAX_OUTPUT_BYTES} bytes")
            if program.wait():
                raise self._make_error(
                    f"{self._command[0]!r} ended with {program.returncode}, or took over {MAX_SECONDS:.0f} s"
                )
        finally:
            timer.cancel()
            kill_group(program)  # also the processes that the program has started
        return output

    def _make_error(self, what: str) -> AccessDeniedError:
        return AccessDeniedError(f"Credentials {self.name!r}: {what}.", "Run it by hand to see what is wrong.")
