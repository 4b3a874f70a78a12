"""Settings, from the strongest source to the weakest: environment, project file, user file, default.

The *project* file is the nearest ``reelbase.toml``, or ``pyproject.toml`` with a ``[tool.reelbase]`` table, from the
working directory up. The *user* file is ``$XDG_CONFIG_HOME/reelbase/config.toml`` (``~/.config`` by default), or the
file that ``REELBASE_CONFIG`` names. The environment sets ``stream_above`` as ``REELBASE_STREAM_ABOVE`` and
``storage.s3.endpoint_url`` as ``REELBASE_STORAGE__S3__ENDPOINT_URL``; such options are always strings.

Every setting is declared in `reelbase.config.keys`, which also says what a project file may not set. A project file
may come from a cloned repository, so it must not weaken security or send requests to another host.
"""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reelbase._util.once import Once
from reelbase._util.urls import redacted
from reelbase.config.keys import Key, Values, collect_keys, make_arguments
from reelbase.config.sources import Source, find_sources, locate_default_user_file, variable_name
from reelbase.errors import ConfigError, ConfigWarning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEYS = collect_keys()
# The options that `explain` shows; any other may be a secret, those of future storages included.
_PLAIN_OPTIONS = frozenset({"endpoint_url", "prefixes", "profile", "provider", "region", "timeout"})


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One setting, and where its value came from. It never contains a secret.

    Attributes:
        key: Dotted name of the setting, such as "security.max_pixels".
        value: The value in use. Storage options that may be secret are shown as "(set)".
        origin: "default", a file path, or the name of an environment variable.
        doc: What the setting means.
    """

    key: str
    value: object
    origin: str
    doc: str


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A parsed value, and where it came from."""

    value: Any
    origin: str


@dataclass(frozen=True, kw_only=True)
class Settings(Values):
    """All settings, such as ``settings().stream_above`` and ``settings().security.max_pixels``."""

    _found: Mapping[str, _Found] = field(default_factory=dict, repr=False)

    def explain(self) -> list[Explained]:
        """Return each setting with its value and where it came from, in order of declaration."""
        lines = []
        for key in _KEYS.values():
            names = [n for n in self._found if n.startswith(f"{key.name}.")] if key.shape else [key.name]
            lines += [self._explain(key, name) for name in names]
        return lines

    def _explain(self, key: Key, name: str) -> Explained:
        found = self._found.get(name) or _Found(value=key.default, origin="default")
        shown = show_option(name, found.value) if key.name in {"storage", "credentials"} else found.value
        return Explained(key=name, value=shown, origin=found.origin, doc=key.doc)


def load(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Read all sources now.

    Args:
        environ: The environment variables; None: those of this process.
        cwd: The folder where the search for a project file starts; None: the working directory.

    Raises:
        ConfigError: a file cannot be read; or a key is unknown, has a wrong type, or may not be set by its source.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, _Found] = {}
    for source in find_sources(environ, cwd):
        for name, raw in source.raw.items():
            key = _find_key(name, source, environ)
            if key is None:
                continue
            value = _parse(key, name, raw, source)
            found[name] = _join(key, found.get(name), _Found(value=value, origin=source.origin(name)))
    return Settings(**make_arguments({name: setting.value for name, setting in found.items()}), _found=found)


_settings = Once(load)


def settings() -> Settings:
    """Return the settings of this process. They are read on first use.

    Raises:
        ConfigError: as `load`.
    """
    return _settings()


def reset() -> None:
    """Read the settings again on their next use; for tests and notebooks."""
    _settings.forget()


def _find_key(name: str, source: Source, environ: Mapping[str, str]) -> Key | None:
    """Return the declaration of a key, if this source may set it; None for a variable that nobody declares."""
    key = _KEYS.get(name) or _find_table_key(name)
    if key is None or (key.shape and name.count(".") != key.shape.count(".")):
        error = ConfigError(f"{source.place}: unknown setting {_spell(name, source)!r}.", _suggest(name, source))
        # A variable may be another program's, or of another version. One that was to protect must not be passed over.
        if not source.may_have_others or name.startswith("security."):
            raise error
        warnings.warn(str(error), ConfigWarning, stacklevel=2)
        return None
    if key.user_only and source.is_project:
        place = locate_default_user_file(environ) or "your own configuration file"
        raise ConfigError(
            f"{source.place}: {name!r} may not be set by a project, only by you.",
            f"Move it to {place}, or set {variable_name(name)}.",
        )
    return key


def _find_table_key(name: str) -> Key | None:
    key = _KEYS.get(name.partition(".")[0])
    return key if key and key.shape else None


def _spell(name: str, source: Source) -> str:
    """Return a key as the source writes it: an environment variable, or a dotted name."""
    return name if source.origin(name) == source.place else source.origin(name)


def _suggest(name: str, source: Source) -> str:
    known = [key.shape or key.name for key in _KEYS.values()]
    near = difflib.get_close_matches(name, known, 1, 0.6)
    near = near or [item for item in known if item.rpartition(".")[2] == name.rpartition(".")[2]]
    near = near or [item for item in known if item.partition(".")[0] == name.partition(".")[0]]
    if near:
        return f"Did you mean {_spell(near[0], source)!r}?"
    return f"Known: {', '.join(_spell(item, source) for item in known)}."


def _parse(key: Key, name: str, raw: object, source: Source) -> Any:
    try:
        return key.parse(raw)
    except ValueError as error:
        raise ConfigError(
            f"{source.place}: {_spell(name, source)} = {raw!r} has a wrong type.", f"Give {error}."
        ) from None


def _join(key: Key, weaker: _Found | None, found: _Found) -> _Found:
    if not key.adds or weaker is None:
        return found
    value = (*weaker.value, *(item for item in found.value if item not in weaker.value))
    return _Found(value=value, origin=f"{weaker.origin}, {found.origin}")


def show_option(name: str, value: object) -> object:
    """Return an option as it is shown: "(set)" if it may be a secret, and a URL without its user and password.

    Args:
        name: Dotted name of the option.
        value: Its value.
    """
    if name.rpartition(".")[2] not in _PLAIN_OPTIONS:
        return "(set)"
    if isinstance(value, list):
        return ", ".join(redacted(str(item)) for item in value)
    if not isinstance(value, str) or "/" not in value:
        return value
    parts = urlsplit(value)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
