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
_DEPTH = 3  # storage.<name>.<option> is the deepest name; an option may itself be a table


@dataclass(frozen=True, kw_only=True)
class Source:
    """Raw values by dotted name, from one place.

    Attributes:
        place: A file path, or "the environment".
        raw: The values.
        is_project: It came with a project: some keys are not for it.
    """

    place: str
    raw: Mapping[str, object]
    is_project: bool = False

    def origin(self, name: str) -> str:
        """Where the value of `name` came from, as shown to the user."""
        return self.place


class Environment(Source):
    """The environment variables; a ``__`` in their names stands for a dot."""

    def origin(self, name: str) -> str:
        """The variable's name."""
        return variable(name)


def variable(name: str) -> str:
    """The environment variable that sets the key `name`."""
    return PREFIX + name.replace(".", "__").upper()


def sources(environ: Mapping[str, str], cwd: Path | None) -> list[Source]:
    """All sources there are, the weakest first."""
    user = user_file(environ)
    found = [] if user is None else [Source(place=str(user), raw=_flat(_read(user)))]
    project = _project(cwd, user)
    return [*found, *([project] if project else []), _environment(environ)]


def user_file(environ: Mapping[str, str]) -> Path | None:
    """The user's file, if there is one.

    Raises:
        ConfigError: ``REELBASE_CONFIG`` names no file.
    """
    if named := environ.get(USER_FILE):
        if not os.path.exists(named) or os.path.isdir(named):  # noqa: PTH110, PTH112 - Path raises on some of these
            raise ConfigError(f"{USER_FILE} names {named!r}, which is not a file.", "Mend or unset the variable.")
        return Path(named)
    path = default_user_file(environ)
    return path if path is not None and os.path.isfile(path) else None  # noqa: PTH113


def default_user_file(environ: Mapping[str, str]) -> Path | None:
    """Where the user's file stands unless ``REELBASE_CONFIG`` says otherwise (XDG Base Directory Specification)."""
    base = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):  # noqa: PTH117 - relative ones are to be ignored, says the specification
        return Path(base, "reelbase", "config.toml")
    try:
        return Path.home() / ".config" / "reelbase" / "config.toml"
    except RuntimeError:  # a user without a home
        return None


def _project(cwd: Path | None, user: Path | None) -> Source | None:
    for folder in _upwards(cwd):
        for path, is_ours in ((folder / "reelbase.toml", True), (folder / "pyproject.toml", False)):
            if not os.path.isfile(path) or (user is not None and os.path.samefile(path, user)):  # noqa: PTH113, PTH121
                continue
            table = _read(path) if is_ours else _tool_table(path)
            if table is not None:
                return Source(place=str(path), raw=_flat(table), is_project=True)
    return None


def _upwards(cwd: Path | None) -> Iterator[Path]:
    try:
        start = cwd or Path.cwd()
    except OSError:  # the working directory was removed
        return
    yield from (start, *start.parents)


def _tool_table(path: Path) -> dict[str, Any] | None:
    try:
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
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Mend its permissions, or move it.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # `from None`: the exception may hold the text of the file, and with it secrets.
        raise ConfigError(f"{path} is not valid TOML: {_position(error)}.", "Mend that line.") from None


def _position(error: Exception) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _environment(environ: Mapping[str, str]) -> Source:
    raw = {
        name.removeprefix(PREFIX).replace("__", ".").lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != USER_FILE
    }
    return Environment(place="the environment", raw=raw)


def _flat(table: Mapping[str, Any], prefix: str = "", depth: int = 1) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, dict) and depth < _DEPTH:
            flat |= _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            flat[prefix + key] = value
    return flat
