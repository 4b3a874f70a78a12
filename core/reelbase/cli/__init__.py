"""The command line: a thin layer over the public API.

Results go to stdout, progress and messages to stderr. Exit codes: 0 all well, 1 a problem was found, 2 the command was
written wrongly. Each command is a module of its own, imported when it is called.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, cast

from reelbase import __version__
from reelbase._util.printable import printable, printable_line
from reelbase.contracts.specs import CommandSpec
from reelbase.errors import ConfigError, PluginError, ReelbaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Setup = Callable[[argparse.ArgumentParser], None]

OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130


def _own(name: str, what: str) -> CommandSpec:
    return CommandSpec(name=name, target=f"reelbase.cli.{name}:setup", help=what)


specs = (
    _own("demo", "make a small dataset from a real clip, read it back, and draw a contact sheet"),
    _own("info", "what a dataset or a media file holds"),
    _own("ls", "the rows of a dataset"),
    _own("ingest", "add files to a dataset; run again to go on where it stopped"),
    _own("frames", "export frames as pictures, a contact sheet or a clip"),
    _own("view", "look at a dataset in the browser"),
    _own("play", "look at one video in the browser"),
    _own("log", "the versions of a dataset"),
    _own("diff", "what is different between two versions"),
    _own("branch", "list branches, or make one"),
    _own("tag", "list tags, make one, or remove one"),
    _own("copy", "copy a dataset, or some of it, to a new one"),
    _own("compact", "lay the small pieces of many small writes together"),
    _own("gc", "delete what no version needs; let old versions go"),
    _own("verify", "see that every version is whole; name what is damaged"),
    _own("creds", "which credentials are configured, and whether they can be had"),
    _own("plugins", "what is installed, where it comes from, and what failed"),
    _own("config", "every setting, its value, and where that came from"),
    _own("doctor", "check the installation, and a dataset if one is named"),
)


def _flush(code: int) -> int:
    """`code`, once all output is out: at exit, nothing would catch a closed pipe."""
    sys.stdout.flush()
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _flush(_run(words))
    except UsageError as error:
        _say(str(error))
        return PROBLEM if isinstance(error, ConfigError) else USAGE
    except ReelbaseError as error:
        _say(str(error))
        return PROBLEM
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # `reelbase ls … | head`: keep Python from complaining when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PROBLEM
    except OSError as error:  # of the user's own files: what to write to, what to read from
        _say(str(error))
        return PROBLEM


def _run(words: list[str]) -> int:
    parser = _Parser(
        prog="reelbase",
        description="Video datasets indexed like arrays.",
        epilog="Exit codes: 0 all well, 1 a problem was found, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"reelbase {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (what, load) in _commands(chosen).items():
        command = commands.add_parser(name, help=what, description=what[:1].upper() + what[1:] + ".")
        if name == chosen:
            load()(command)
    arguments = parser.parse_args(words)
    return cast("Callable[[argparse.Namespace], int]", arguments.run)(arguments)


def _commands(chosen: str | None) -> dict[str, tuple[str, Callable[[], Setup]]]:
    """Help and loader of each command. Our own come first, and need no plugin to be found."""
    found = {spec.name: (spec.help, _loader(spec)) for spec in specs}
    if chosen in found:
        return found
    return found | {name: command for name, command in _of_plugins().items() if name not in found}


def _loader(spec: CommandSpec) -> Callable[[], Setup]:
    module, _, function = spec.target.partition(":")
    return lambda: cast("Setup", getattr(import_module(module), function))


def _of_plugins() -> dict[str, tuple[str, Callable[[], Setup]]]:
    from reelbase.registry import registry

    try:
        commands = registry().commands
    except (ConfigError, PluginError) as error:  # `reelbase --help` must work all the same
        _say(str(error))
        return {}
    return {spec.name: (spec.help, partial(commands.load, spec.name)) for spec in commands.specs()}


def _say(message: str) -> None:
    print(printable(message), file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are safe to print: what it did not understand may be a file name from a stranger."""

    def error(self, message: str) -> NoReturn:
        super().error(printable_line(message))
