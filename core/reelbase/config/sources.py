"""Where settings come from: the user's file, the project's file, the environment."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelbase.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "REELBASE_"
USER_FILE = "REELBASE_CONFIG"
MAX_NAME_PARTS = 3  # storage.<name>.<option> has the most parts; the option's value may itself be a table


@dataclass(frozen=True, kw_only=True)
class Source:
    """The raw values that one file or the environment sets.

    Attributes:
        place: The file's path, or "the environment".
        raw: Unparsed values by dotted name.
        is_project: True for a project's file, which may not set some keys.
        may_have_others: True if names that nobody declares are passed over with a warning.
    """

    place: str
    raw: Mapping[str, object]
    is_project: bool = False
    may_have_others: bool = False

    def origin(self, name: str) -> str:
        """Return where the value of the key `name` came from, as it is shown to the user."""
        return self.place


class Environment(Source):
    """The environment variables. ``__`` in a variable's name is a dot in the key's name."""

    def origin(self, name: str) -> str:
        """Return the name of the variable that sets the key `name`."""
        return variable_name(name)


def variable_name(name: str) -> str:
    """Return the name of the environment variable that sets the key `name`."""
    return PREFIX + name.replace(".", "__").upper()


def find_sources(environ: Mapping[str, str], cwd: Path | None) -> list[Source]:
    """Return all sources that exist, the weakest first.

    Args:
        environ: The environment variables.
        cwd: The folder where the search for a project's file starts; None: the working directory.
    """
    user = find_user_file(environ)
    found = [] if user is None else [Source(place=str(user), raw=_flatten(_read(user)))]
    project = _find_project(cwd, user)
    return [*found, *([project] if project else []), _read_environment(environ)]


def find_user_file(environ: Mapping[str, str]) -> Path | None:
    """Return the path of the user's file, or None if there is none.

    Raises:
        ConfigError: ``REELBASE_CONFIG`` is set, and is not the path of a file.
    """
    if named := environ.get(USER_FILE):
        if not os.path.exists(named) or os.path.isdir(named):  # noqa: PTH110, PTH112 - Path raises on some of these
            raise ConfigError(f"{USER_FILE} names {named!r}, which is not a file.", "Correct or unset the variable.")
        return Path(named)
    path = locate_default_user_file(environ)
    return path if path is not None and os.path.isfile(path) else None  # noqa: PTH113


def locate_default_user_file(environ: Mapping[str, str]) -> Path | None:
    """Return the path of the user's file if ``REELBASE_CONFIG`` is not set (XDG Base Directory Specification).

    None if the user has no home folder.
    """
    base = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117 - the specification says that relative paths are ignored
        return Path(base, "reelbase", "config.toml")
    try:
        return Path.home() / ".config" / "reelbase" / "config.toml"
    except RuntimeError:  # the user has no home folder
        return None


def _find_project(cwd: Path | None, user: Path | None) -> Source | None:
    for folder in _walk_up(cwd):
        for path, is_ours in ((folder / "reelbase.toml", True), (folder / "pyproject.toml", False)):
            # The file that REELBASE_CONFIG names is the user's own, also if it is in a folder of a project.
            if not os.path.isfile(path) or (user is not None and os.path.samefile(path, user)):  # noqa: PTH113, PTH121
                continue
            table = _read(path) if is_ours else _read_tool_table(path)
            if table is not None:
                return Source(place=str(path), raw=_flatten(table), is_project=True)
    return None


def _walk_up(cwd: Path | None) -> Iterator[Path]:
    try:
        start = cwd or Path.cwd()
    except OSError:  # the working directory was removed
        return
    yield from (start, *start.parents)


def _read_tool_table(path: Path) -> dict[str, Any] | None:
    """Return the table ``[tool.reelbase]`` of a ``pyproject.toml``, or None."""
    try:
        # Another project's file that does not mention us is not parsed: it may even be invalid TOML.
        if b"reelbase" not in path.read_bytes():
            return None
    except OSError:
        return None
    table = _read(path).get("tool", {}).get("reelbase")
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path}: 'tool.reelbase' is not a table.", "Write it as [tool.reelbase].")
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Correct its permissions, or move it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # `from None`: the exception holds the text of the file, which may contain secrets.
        raise ConfigError(f"{path} is not valid TOML: {_describe_position(error)}.", "Correct that line.") from None


def _describe_position(error: Exception) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _read_environment(environ: Mapping[str, str]) -> Source:
    raw = {
        name.removeprefix(PREFIX).replace("__", ".").lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != USER_FILE
    }
    return Environment(place="the environment", raw=raw, may_have_others=True)


def _flatten(table: Mapping[str, Any], prefix: str = "", depth: int = 1) -> dict[str, object]:
    """Return the values of nested tables by dotted name."""
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict) and depth < MAX_NAME_PARTS:
            flat |= _flatten(value, f"{prefix}{key}.", depth + 1)
        else:
            flat[prefix + key] = value
    return flat
