"""Every setting there is: its type, default, meaning, and who may set it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

Parse = Callable[[object], Any]
Table = Mapping[str, Any]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def size(value: object) -> int:
    """Bytes from 16000000, "16MB" (10⁶ each) or "16MiB" (2²⁰ each).

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or not match:
        raise ValueError('a size such as "16MB", "1.5GiB" or a number of bytes')
    number, letter, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWER[letter.lower()])


def count(least: int) -> Parse:
    """A parser of whole numbers from `least` up."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(r"[\d_]+", str(value)):
            raise ValueError(f"a whole number from {least} up")
        if int(value) < least:
            raise ValueError(f"a whole number from {least} up")
        return int(value)

    return parse


def names(value: object) -> tuple[str, ...]:
    """A list of strings; from the environment, separated by commas."""
    items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of strings")
    return tuple(items)


def one_of(*words: str) -> Parse:
    """A parser of one of `words`, or a list of strings."""

    def parse(value: object) -> str | tuple[str, ...]:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, list) or (isinstance(value, str) and re.search(r"[/,.:]", value)):
            return names(value)
        raise ValueError(f"one of {', '.join(map(repr, words))}, or a list of strings")

    return parse


def preferences(value: object) -> dict[str, str]:
    """``{"storage": {"s3": "a"}}`` as ``{"storage.s3": "a"}``."""
    flat = {}
    for kind, chosen in _tables(value, "tables such as storage.s3").items():
        for name, plugin in chosen.items():
            if not isinstance(plugin, str):
                raise ValueError(f"the name of a distribution or plugin as {kind}.{name}")  # noqa: TRY004 - told as ConfigError
            flat[f"{kind}.{name}"] = plugin
    return flat


def options(value: object) -> dict[str, dict[str, Any]]:
    """A table of options for each storage; the storage checks them."""
    return _tables(value, "a table such as [storage.s3]")


def _tables(value: object, wanted: str) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ValueError(wanted)
    return value


def _key(parse: Parse, default: object, doc: str, *, user_only: bool = False, adds: bool = False, repr: bool = True) -> Any:  # noqa: A002
    metadata = {"parse": parse, "default": default, "doc": doc, "user_only": user_only, "adds": adds}
    return field(default_factory=lambda: parse(default) if default is not None else None, metadata=metadata, repr=repr)


def _table(kind: type[Any]) -> Any:
    return field(default_factory=kind, metadata={"table": kind})


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """The ``[plugins]`` table. Entries name distributions or entry points."""

    allow: tuple[str, ...] | None = _key(
        names, None, "Load no plugins of other distributions but these; all by default.", user_only=True
    )
    deny: tuple[str, ...] = _key(names, [], "Never load these plugins. The lists of all files add up.", adds=True)


@dataclass(frozen=True, kw_only=True)
class Security:
    """The ``[security]`` table."""

    max_pixels: int = _key(count(1), 67_108_864, "Width times height of one frame, at most.", user_only=True)
    max_frames: int = _key(count(1), 10_000_000, "Frames (or packets) of one video, at most.", user_only=True)
    local_links: str | tuple[str, ...] = _key(
        one_of("deny", "dataset-dir"),
        "deny",
        'Local files that linked samples may name: "deny", "dataset-dir", or a list of folders.',
        user_only=True,
    )
    network: str | tuple[str, ...] = _key(
        one_of("any", "public"),
        "any",
        'Addresses that linked samples may reach: "any", "public", or a list of networks such as "10.2.0.0/16".',
        user_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class Values:
    """All settings, typed; a field's metadata says how it is parsed, what it means and who may set it."""

    stream_above: int = _key(size, "16MB", "Objects above this size are read in parts, not whole.")
    cache_bytes: int = _key(size, "256MB", "Memory for blocks already read, in each process.")
    threads: int = _key(count(0), 0, "Threads that decode; 0: as many as there are cores.")
    plugins: Plugins = _table(Plugins)
    prefer: Mapping[str, str] = _key(
        preferences, {}, "Which of two plugins of one name to use: storage.<name>, codec.<name> or htype.<name>."
    )
    # Options can point signed requests at another host or hold secrets: a cloned repository must not set them.
    storage: Mapping[str, Table] = _key(
        options, {}, "Options of one storage, in a table of its own: [storage.<name>].", user_only=True, repr=False
    )
    security: Security = _table(Security)


@dataclass(frozen=True)
class Key:
    """One declared setting.

    Attributes:
        name: Dotted, as in TOML.
        parse: Raw value to value; raises a ValueError that says what is wanted.
        default: The raw default; None: not set.
        doc: One line.
        user_only: Only the user's own file and the environment may set it.
        adds: Values of several sources are joined; otherwise the strongest source wins.
    """

    name: str
    parse: Parse
    default: object
    doc: str
    user_only: bool
    adds: bool


def declared(table: type[Any] = Values, prefix: str = "") -> dict[str, Key]:
    """All keys by dotted name, in order of declaration."""
    found: dict[str, Key] = {}
    for one in fields(table):
        name = prefix + one.name
        found |= declared(one.metadata["table"], f"{name}.") if _is_table(one) else {name: Key(name, **one.metadata)}
    return found


def build(values: Mapping[str, Any], table: type[Any] = Values, prefix: str = "") -> Any:
    """A `Values` from parsed values by dotted name; what is not named keeps its default."""
    made = {}
    for one in fields(table):
        name = prefix + one.name
        if _is_table(one):
            made[one.name] = build(values, one.metadata["table"], f"{name}.")
        elif values.get(name, MISSING) is not MISSING:
            made[one.name] = values[name]
    return table(**made)


def _is_table(one: Field[Any]) -> bool:
    return "table" in one.metadata
