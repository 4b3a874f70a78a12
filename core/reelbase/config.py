"""Settings, from the strongest source to the weakest: environment, project file, user file, default.

The *project* file is the nearest ``reelbase.toml``, or ``pyproject.toml`` with a ``[tool.reelbase]`` table, from the
working directory up. The *user* file is ``$XDG_CONFIG_HOME/reelbase/config.toml`` (``~/.config`` by default), or the
one that ``REELBASE_CONFIG`` names. The environment sets ``stream_above`` as ``REELBASE_STREAM_ABOVE`` and
``storage.s3.endpoint_url`` as ``REELBASE_STORAGE__S3__ENDPOINT_URL``; options given so are always strings.

What may not come from a project file (which a cloned repository brings along) is marked so in `_config_keys`, where
every setting is declared.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from reelbase._config_keys import Key, Values, build, declared
from reelbase._once import Once
from reelbase.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "REELBASE_"
_USER_FILE = "REELBASE_CONFIG"
_KEYS = declared()
_OPEN = tuple(name for name in _KEYS if name in {"prefer", "storage"})  # tables whose keys are the user's own
_PLAIN_OPTIONS = frozenset({"endpoint_url", "profile", "region", "timeout"})


@dataclass(frozen=True)
class Explained:
    """One setting and where it came from; a secret is never in it.

    Attributes:
        key: Dotted name.
        value: As it is used; storage options that may be secret are replaced by "(set)".
        origin: "default", a file path, or the name of an environment variable.
        doc: What the setting means.
    """

    key: str
    value: object
    origin: str
    doc: str


class Settings(Values):
    """All settings, such as ``settings().stream_above`` and ``settings().security.max_pixels``."""

    _origins: Mapping[str, str] = {}  # noqa: RUF012 - set once, in `load`

    def explain(self) -> list[Explained]:
        """Each setting with its value and where it came from, in order of declaration."""
        return [line for key in _KEYS.values() for line in self._explain(key)]

    def _explain(self, key: Key) -> Iterator[Explained]:
        value: Any = self
        for part in key.name.split("."):
            value = getattr(value, part)
        if key.name not in _OPEN:
            yield Explained(key.name, value, self._origins.get(key.name, "default"), key.doc)
            return
        for name, item in _flat(value, key.name):
            shown = _shown(name.rpartition(".")[2], item) if key.name == "storage" else item
            yield Explained(name, shown, self._origins.get(name, "default"), key.doc)


@dataclass(frozen=True)
class _Source:
    """A file or the environment, as raw values by dotted name; `names` says what an error calls each."""

    name: str
    raw: Mapping[str, object]
    names: Mapping[str, str]
    is_project: bool = False


def load(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Read all sources now.

    Raises:
        ConfigError: a key is unknown, of a wrong type, or not allowed where it stands; a file cannot be read.
    """
    environ = os.environ if environ is None else environ
    user = _user_file(environ)
    sources = [_file(user), _file(_project_file(cwd, user), is_project=True), _environment(environ)]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source in sources:
        for name, raw in source.raw.items():
            key = _known(name, source)
            value = _parsed(key, raw, source)
            values[name] = _joined(key, values.get(name), value)
            origins |= _origins_of(key, value, source)
    settings = build(values, Settings)
    assert isinstance(settings, Settings)  # noqa: S101
    object.__setattr__(settings, "_origins", origins)
    return settings


_settings = Once(load)


def settings() -> Settings:
    """The settings of this process, read on first use.

    Raises:
        ConfigError: as `load`.
    """
    return _settings()


def reset() -> None:
    """Read the settings again on the next use; for tests and notebooks."""
    _settings.forget()
