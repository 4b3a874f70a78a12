"""Every setting there is: its type, default, meaning, and who may set it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

Parse = Callable[[object], Any]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+(?:_[0-9]+)*")
MAX_DIGITS = 24  # of a whole number; Python itself refuses more than 4300
MAX_THREADS = 1024
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def size(value: object) -> int:
    """Bytes from 16000000, "16MB" (10⁶ each) or "16MiB" (2²⁰ each).

    Raises:
        ValueError: it is not a size; the message says what is wanted.
    """
    match = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or not match:
        raise ValueError('a size such as "16MB", "1.5GiB" or a number of bytes')
    number, letter, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWER[letter.lower()])


def count(least: int, most: int | None = None) -> Parse:
    """A parser of whole numbers from `least` to `most`; None: there is no upper bound."""
    wanted = f"a whole number from {least} {'up' if most is None else f'to {most}'}"

    def parse(value: object) -> int:
        digits = str(value)
        if isinstance(value, bool) or not _DIGITS.fullmatch(digits) or len(digits) > MAX_DIGITS:
            raise ValueError(wanted)
        number = int(digits)
        if number < least or (most is not None and number > most):
            raise ValueError(wanted)
        return number

    return parse


def flag(value: object) -> bool:
    """True or false."""
    word = str(value).strip().lower()
    if word not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError("true or false")
    return word in {"true", "1", "yes", "on"}


def names(value: object) -> tuple[str, ...]:
    """A list of strings; from the environment, separated by commas."""
    items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of strings")
    return tuple(items)


def one_of(*words: str) -> Parse:
    """A parser of one of `words`, or of a list of paths or networks."""

    def parse(value: object) -> str | tuple[str, ...]:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, list) or (isinstance(value, str) and re.search(r"[/\\,.:]", value)):
            return names(value)
        raise ValueError(f"one of {', '.join(map(repr, words))}, or a list of strings")

    return parse


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str) or not value:
        raise ValueError("a string")
    return value


def anything(value: object) -> object:
    """The value as it is; its reader checks it."""
    return value


def _key(parse: Parse, default: Any, doc: str, **more: Any) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": doc, **more})


def _open(parse: Parse, doc: str, shape: str, **more: Any) -> Any:
    metadata = {"parse": parse, "doc": doc, "shape": shape, **more}
    return field(default_factory=dict, metadata=metadata, repr=False)


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """The ``[plugins]`` table. Entries name distributions or entry points."""

    allow: tuple[str, ...] | None = _key(
        names, None, "Of other distributions' plugins load only these; all by default."
    )
    deny: tuple[str, ...] = _key(names, (), "Never load these plugins. The lists of all sources add up.", adds=True)


@dataclass(frozen=True, kw_only=True)
class Security:
    """The ``[security]`` table."""

    max_pixels: int = _key(count(1), 67_108_864, "Width times height of one frame, at most.")
    max_frames: int = _key(count(1), 10_000_000, "Frames (or packets) of one video, at most.")
    max_link_scan: int = _key(size, 4_000_000_000, "Linked files all of whose bytes must be looked through, at most.")
    isolate_decode: bool = _key(
        flag, False, "Look at media files and decode them in processes of their own, with bounds."
    )
    isolate_bytes: int = _key(size, 4_000_000_000, "Memory of such a process, at most.")
    isolate_seconds: int = _key(count(1), 60, "Seconds that it may say nothing.")
    local_links: str | tuple[str, ...] = _key(
        one_of("deny", "dataset-dir"),
        "deny",
        'Local files that linked samples may name: "deny", "dataset-dir", or a list of folders.',
    )
    network: str | tuple[str, ...] = _key(
        one_of("any", "public"),
        "any",
        'Addresses that linked samples may reach: "any", "public", or a list of networks such as "10.2.0.0/16".',
    )


@dataclass(frozen=True, kw_only=True)
class Values:
    """All settings, typed. A field's metadata says how it is parsed, what it means and who may set it.

    A setting is the user's alone unless it says ``user_only=False``. A project file comes with a cloned repository: it
    may change speed and memory, never which code runs, what is read, from where, and with whose credentials.
    """

    stream_above: int = _key(
        size, 16_000_000, "Remote files up to this size are fetched whole; larger ones in parts.", user_only=False
    )
    cache_bytes: int = _key(
        size, 256_000_000, "Memory for what was read: half of it for bytes from afar.", user_only=False
    )
    cache_dir: str | None = _key(text, None, "A folder on disk that keeps bytes from afar, too.")
    cache_dir_bytes: int = _key(size, 10_000_000_000, "Bytes in cache_dir, at most.")
    threads: int = _key(
        count(0, MAX_THREADS), 0, "Threads that decode; 0: as many as there are cores.", user_only=False
    )
    plugins: Plugins = field(default_factory=Plugins, metadata={"table": Plugins})
    prefer: Mapping[str, str] = _open(
        text, "Distribution or plugin to use where two offer one name.", "prefer.<kind>.<name>"
    )
    storage: Mapping[str, Mapping[str, Any]] = _open(anything, "Options of one storage.", "storage.<name>.<option>")
    credentials: Mapping[str, Mapping[str, Any]] = _open(
        anything,
        "Where credentials of one name come from, and for which URLs.",
        "credentials.<name>.<option>",
    )
    security: Security = field(default_factory=Security, metadata={"table": Security})


@dataclass(frozen=True, kw_only=True)
class Key:
    """One declared setting.

    Attributes:
        name: Dotted, as in TOML.
        parse: Raw value to value; raises a ValueError that says what is wanted.
        default: The value when nothing sets it.
        doc: One line.
        user_only: Only the user's own file and the environment may set it; a project file may not.
        adds: The lists of several sources are joined; otherwise the strongest source wins.
        shape: For a table whose inner names are free, what they look like: ``prefer.<kind>.<name>``.
    """

    name: str
    parse: Parse
    doc: str
    default: object = None
    user_only: bool = True
    adds: bool = False
    shape: str | None = None


def declared(table: type[Any] = Values, prefix: str = "") -> dict[str, Key]:
    """All keys by dotted name, in order of declaration."""
    found: dict[str, Key] = {}
    for one in fields(table):
        name = prefix + one.name
        if "table" in one.metadata:
            found |= declared(one.metadata["table"], f"{name}.")
        else:
            found[name] = Key(name=name, default=_default(one), **one.metadata)
    return found


def _default(one: Field[Any]) -> object:
    return None if "shape" in one.metadata else one.default


def arguments(values: Mapping[str, Any], table: type[Any] = Values, prefix: str = "") -> dict[str, Any]:
    """Keyword arguments of `table` from parsed values by dotted name."""
    made: dict[str, Any] = {}
    for one in fields(table):
        name = prefix + one.name
        inner = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        if "table" in one.metadata:
            made[one.name] = one.metadata["table"](**arguments(inner, one.metadata["table"]))
        elif name in values:
            made[one.name] = values[name]
        elif inner:
            made[one.name] = inner if one.name == "prefer" else _nest(inner)
    return made


def _nest(flat: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        table, _, option = name.partition(".")
        nested.setdefault(table, {})[option] = value
    return nested
