"""The declaration of every setting: its type, default, meaning, and who may set it."""

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


def parse_size(value: object) -> int:
    """Return a number of bytes from 16000000, "16MB" (MB: 10⁶ bytes) or "16MiB" (MiB: 2²⁰ bytes).

    Raises:
        ValueError: it is not a size. As with all parsers here, the message is a noun phrase that says what to give.
    """
    match = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or not match:
        raise ValueError('a size such as "16MB", "1.5GiB" or a number of bytes')
    number, letter, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWER[letter.lower()])


def make_count_parser(minimum: int, maximum: int | None = None) -> Parse:
    """Return a parser of whole numbers from `minimum` to `maximum`; None means no upper bound."""
    wanted = f"a whole number from {minimum} {'up' if maximum is None else f'to {maximum}'}"

    def parse(value: object) -> int:
        digits = str(value)
        if isinstance(value, bool) or not _DIGITS.fullmatch(digits) or len(digits) > MAX_DIGITS:
            raise ValueError(wanted)
        number = int(digits)
        if number < minimum or (maximum is not None and number > maximum):
            raise ValueError(wanted)
        return number

    return parse


def parse_flag(value: object) -> bool:
    """Return a bool from true and false, or from a word for them, as environment variables have."""
    word = str(value).strip().lower()
    if word not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError("true or false")
    return word in {"true", "1", "yes", "on"}


def parse_names(value: object) -> tuple[str, ...]:
    """Return a tuple of strings from a list, or from a text separated by commas, as environment variables have."""
    items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of strings")
    return tuple(items)


def make_choice_parser(*words: str) -> Parse:
    """Return a parser of one of `words`, or of a list of paths or networks."""

    def parse(value: object) -> str | tuple[str, ...]:
        if isinstance(value, str) and value in words:
            return value
        # A misspelt word must be an error, not a list with one path: only text that looks like a path or network is.
        if isinstance(value, list) or (isinstance(value, str) and re.search(r"[/\\,.:]", value)):
            return parse_names(value)
        raise ValueError(f"one of {', '.join(map(repr, words))}, or a list of strings")

    return parse


def parse_text(value: object) -> str:
    """Return a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("a string")
    return value


def keep(value: object) -> object:
    """Return the value unchanged. The storage or provider that reads the option checks it."""
    return value


def _declare(parse: Parse, default: Any, doc: str, **more: Any) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": doc, **more})


def _declare_table(parse: Parse, doc: str, shape: str, **more: Any) -> Any:
    metadata = {"parse": parse, "doc": doc, "shape": shape, **more}
    return field(default_factory=dict, metadata=metadata, repr=False)


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """The ``[plugins]`` table. Entries are names of distributions or entry points."""

    allow: tuple[str, ...] | None = _declare(
        parse_names, None, "The only plugins of other distributions that are loaded; by default all are loaded."
    )
    deny: tuple[str, ...] = _declare(
        parse_names, (), "Never load these plugins. The lists of all sources add up.", adds=True
    )


@dataclass(frozen=True, kw_only=True)
class Security:
    """The ``[security]`` table."""

    max_pixels: int = _declare(make_count_parser(1), 67_108_864, "Width times height of one frame, at most.")
    max_frames: int = _declare(make_count_parser(1), 10_000_000, "Frames (or packets) of one video, at most.")
    max_link_scan: int = _declare(
        parse_size, 4_000_000_000, "Size of a linked file, at most, if all of it must be read to index it."
    )
    isolate_decode: bool = _declare(
        parse_flag, False, "Index and decode media files in separate processes with limits."
    )
    isolate_bytes: int = _declare(parse_size, 4_000_000_000, "Memory of such a process, at most, in bytes.")
    isolate_seconds: int = _declare(
        make_count_parser(1), 60, "Seconds without a message after which such a process is ended."
    )
    local_links: str | tuple[str, ...] = _declare(
        make_choice_parser("deny", "dataset-dir"),
        "deny",
        'Local files that linked samples may name: "deny", "dataset-dir", or a list of folders.',
    )
    network: str | tuple[str, ...] = _declare(
        make_choice_parser("any", "public"),
        "any",
        'Addresses that linked samples may reach: "any", "public", or a list of networks such as "10.2.0.0/16".',
    )


@dataclass(frozen=True, kw_only=True)
class Values:
    """All settings with their types. A field's metadata says how it is parsed, what it means and who may set it.

    Only the user may set a setting, unless it says ``user_only=False``. A project file comes with a cloned repository:
    it may change speed and memory, but not which code runs, what is read, from where, and with whose credentials.
    """

    stream_above: int = _declare(
        parse_size, 16_000_000, "Remote files up to this size are fetched whole; larger ones in parts.", user_only=False
    )
    cache_bytes: int = _declare(
        parse_size, 256_000_000, "Bytes of memory for caches; half of it for remote data.", user_only=False
    )
    cache_dir: str | None = _declare(parse_text, None, "A folder on disk that caches remote data too; by default none.")
    cache_dir_bytes: int = _declare(parse_size, 10_000_000_000, "Bytes in cache_dir, at most.")
    threads: int = _declare(
        make_count_parser(0, MAX_THREADS), 0, "Threads that decode; 0 means one per core.", user_only=False
    )
    plugins: Plugins = field(default_factory=Plugins, metadata={"table": Plugins})
    prefer: Mapping[str, str] = _declare_table(
        parse_text, "Distribution or plugin to use where two offer one name.", "prefer.<kind>.<name>"
    )
    # All options, not only secret ones: an endpoint can send signed requests to another host, and a list of harmless
    # options would be out of date with the next storage. A cloned repository must not set them.
    storage: Mapping[str, Mapping[str, Any]] = _declare_table(
        keep, "Options of one storage.", "storage.<name>.<option>"
    )
    credentials: Mapping[str, Mapping[str, Any]] = _declare_table(
        keep,
        "Where credentials of one name come from, and for which URLs.",
        "credentials.<name>.<option>",
    )
    security: Security = field(default_factory=Security, metadata={"table": Security})


@dataclass(frozen=True, kw_only=True)
class Key:
    """The declaration of one setting.

    Attributes:
        name: Dotted name, as in TOML: "security.max_pixels".
        parse: Converts a raw value from a file or variable; raises a ValueError that says what to give.
        doc: What the setting means, in one line.
        default: The value if no source sets it.
        user_only: True if only the user's own file and the environment may set it, not a project's file.
        adds: True if the lists of several sources are joined. Otherwise the strongest source wins.
        shape: For a table with names that the user chooses, their pattern: ``prefer.<kind>.<name>``. Else None.
    """

    name: str
    parse: Parse
    doc: str
    default: object = None
    user_only: bool = True
    adds: bool = False
    shape: str | None = None


def collect_keys(table: type[Any] = Values, prefix: str = "") -> dict[str, Key]:
    """Return all declared keys by dotted name, in order of declaration."""
    found: dict[str, Key] = {}
    for setting in fields(table):
        name = prefix + setting.name
        if "table" in setting.metadata:
            found |= collect_keys(setting.metadata["table"], f"{name}.")
        else:
            found[name] = Key(name=name, default=_find_default(setting), **setting.metadata)
    return found


def _find_default(setting: Field[Any]) -> object:
    return None if "shape" in setting.metadata else setting.default


def make_arguments(values: Mapping[str, Any], table: type[Any] = Values, prefix: str = "") -> dict[str, Any]:
    """Return the keyword arguments that make `table`, a dataclass, from parsed values by dotted name."""
    arguments: dict[str, Any] = {}
    for setting in fields(table):
        name = prefix + setting.name
        inner = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        if "table" in setting.metadata:
            arguments[setting.name] = setting.metadata["table"](**make_arguments(inner, setting.metadata["table"]))
        elif name in values:
            arguments[setting.name] = values[name]
        elif inner:
            arguments[setting.name] = inner if setting.name == "prefer" else _nest(inner)
    return arguments


def _nest(flat: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        table, _, option = name.partition(".")
        nested.setdefault(table, {})[option] = value
    return nested
