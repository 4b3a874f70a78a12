"""The command line, a thin layer over the public API.

Results go to stdout, progress and messages to stderr. Exit codes: 0 for success, 1 if a problem was found, 2 for wrong
usage. Each command is a module of its own that is imported when it is called, so that one command does not wait for the
imports of all.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn, cast

from reelbase import __version__
from reelbase._util.nearest import suggest
from reelbase._util.printable import printable, printable_line
from reelbase.errors import ConfigError, ConfigWarning, PluginError, ReelbaseError, UsageError
from reelbase.plugin import CommandSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Setup = Callable[[argparse.ArgumentParser], None]

OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130


def _make_spec(name: str, description: str) -> CommandSpec:
    return CommandSpec(name=name, target=f"reelbase.cli.{name}:setup", help=description)


specs = (
    _make_spec("demo", "make a small dataset from a real clip, read it back, and draw a contact sheet"),
    _make_spec("info", "show what is in a dataset or a media file"),
    _make_spec("ls", "list the rows of a dataset"),
    _make_spec("ingest", "add files to a dataset; run it again to continue after an interruption"),
    _make_spec("frames", "export frames as pictures, a contact sheet or a clip"),
    _make_spec("view", "show a dataset in the browser"),
    _make_spec("play", "show one video in the browser"),
    _make_spec("log", "list the versions of a dataset"),
    _make_spec("diff", "show the differences between two versions"),
    _make_spec("branch", "list branches, or create one"),
    _make_spec("tag", "list tags, create one, or remove one"),
    _make_spec("copy", "copy a dataset, or a part of it, to a new dataset"),
    _make_spec("compact", "merge the small objects that many small writes left"),
    _make_spec("gc", "delete data that no version needs, and expire old versions"),
    _make_spec("verify", "check that every version is complete, and list damaged objects"),
    _make_spec("rescue", "open a dataset again whose newest versions cannot be read"),
    _make_spec("creds", "list the configured credentials, or test one of them"),
    _make_spec("plugins", "list what plugins offer, and which plugins failed"),
    _make_spec("config", "list all settings, their values, and where these come from"),
    _make_spec("doctor", "check the installation, or also a dataset"),
)


def _flush(code: int) -> int:
    """Flush stdout and return `code`. A closed pipe is then noticed here, where it can be handled, not at exit."""
    sys.stdout.flush()
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: Arguments of the command line, without the program's name; None uses those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConfigWarning)
        warnings.showwarning = _show_warning
        return _run_safely(words)


def _run_safely(words: list[str]) -> int:
    try:
        return _flush(_run(words))
    except UsageError as error:
        _print_error(str(error))
        return PROBLEM if isinstance(error, ConfigError) else USAGE
    except ReelbaseError as error:
        _print_error(str(error))
        return PROBLEM
    except KeyboardInterrupt:
        _print_error("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # as in `reelbase ls … | head`; with stdout replaced, Python's flush at exit does not fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM
    except OSError as error:  # about a local file of the user, such as an output that cannot be written
        _print_error(str(error))
        return PROBLEM


def _run(words: list[str]) -> int:
    parser = _Parser(
        prog="reelbase",
        description="Video datasets indexed like arrays.",
        epilog="Exit codes: 0 success, 1 a problem was found, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"reelbase {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    parsers: dict[str, _Parser] = {}
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (text, load) in _find_commands(chosen).items():
        command = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        parsers[name] = command
        if name == chosen:  # only this command is imported
            load()(command)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:  # reported by the parser of the command, which knows its options
        parsers[arguments.command].refuse(unknown)
    return cast("Callable[[argparse.Namespace], int]", arguments.run)(arguments)


def _find_commands(chosen: str | None) -> dict[str, tuple[str, Callable[[], Setup]]]:
    """Return the help text and the loader of each command, those of reelbase first."""
    found = {spec.name: (spec.help, _make_loader(spec)) for spec in specs}
    if chosen in found:  # do not load plugins: these commands must work even if a plugin fails
        return found
    return found | {name: command for name, command in _find_plugin_commands().items() if name not in found}


def _make_loader(spec: CommandSpec) -> Callable[[], Setup]:
    module, _, function = spec.target.partition(":")
    return lambda: cast("Setup", getattr(import_module(module), function))


def _find_plugin_commands() -> dict[str, tuple[str, Callable[[], Setup]]]:
    from reelbase.registry import registry

    try:
        commands = registry().commands
    except (ConfigError, PluginError) as error:  # `reelbase --help` must work all the same
        _print_error(str(error))
        return {}
    return {spec.name: (spec.help, partial(commands.load, spec.name)) for spec in commands.specs()}


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning as commands show errors: where in the code it was raised is of no use to their users."""
    _print_error(str(message) if isinstance(message, ConfigWarning) else f"Warning: {message}")


def _print_error(message: str) -> None:
    print(printable(message), file=sys.stderr)


#: How argparse says that a value is not one of the choices; newer versions write them without quotes.
_INVALID_CHOICE: Final = re.compile(r"(argument [^:]*): invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    """A parser whose messages are safe to print: an argument that it refuses may be the name of a stranger's file."""

    def error(self, message: str) -> NoReturn:
        choice = _INVALID_CHOICE.fullmatch(message)
        if choice is not None:
            argument, given, known = choice.groups()
            names = re.findall(r"[^\s,']+", known)
            todo = suggest(given, names, f"There are: {', '.join(names)}.")
            message = f"{argument}: {given!r} is unknown. {todo}"
        super().error(printable_line(message))

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Say that these words of the command line mean nothing to this command."""
        options = [option for action in self._actions for option in action.option_strings]
        first = words[0].partition("=")[0]
        near = suggest(first, options, "") if first.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(words)}. {near}".rstrip())
