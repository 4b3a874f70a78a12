"""Find plugins, load each so that its errors do not reach others, and collect what they declare."""

from __future__ import annotations

import difflib
import logging
import re
import traceback
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import pluggy

from reelbase import builtin
from reelbase._util.version import __version__
from reelbase.contracts.specs import CodecSpec, CommandSpec, CredentialSpec, HtypeSpec, Spec, StorageSpec, ViewerSpec
from reelbase.plugin import PROJECT, Hooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reelbase.config.keys import Plugins

GROUP = "reelbase"
OWN = "reelbase"  # our own distribution: always allowed, as the user chose it by installing it
#: The hooks that declare specs, with the class of their specs.
REGISTERS: Mapping[str, type[Spec]] = {
    "reelbase_storages": StorageSpec,
    "reelbase_codecs": CodecSpec,
    "reelbase_htypes": HtypeSpec,
    "reelbase_credential_providers": CredentialSpec,
    "reelbase_viewers": ViewerSpec,
    "reelbase_commands": CommandSpec,
}

_log = logging.getLogger("reelbase.registry")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a plugin, or one of its hooks, is not used.

    Attributes:
        plugin: Name of the plugin's entry point.
        distribution: Name of the distribution that `pip` installed; "" if it is unknown.
        problem: What failed, in one sentence that follows "Plugin 'name'".
        traceback: The traceback of the plugin's exception; "" if it raised none.
    """

    plugin: str
    distribution: str
    problem: str
    traceback: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"Plugin {self.plugin!r} {self.problem}"


@dataclass(kw_only=True, eq=False)
class Plugin:
    """One plugin, loaded or not.

    Attributes:
        name: Name of its entry point.
        distribution: Name of the distribution that `pip` installed; "" if it is unknown.
        version: Version of the distribution; "" if it is unknown.
        offers: The specs that it declares, by the name of the hook that returned them.
        failures: Everything that is wrong with it.
        manager: Calls its hooks; None if it was not loaded. Each plugin has its own manager, so that a hook that
            raises or is misspelt does not affect other plugins.
    """

    name: str
    distribution: str
    version: str
    offers: dict[str, tuple[Spec, ...]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    manager: pluggy.PluginManager | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """Name and distribution, for messages."""
        return f"{self.name} ({self.distribution} {self.version})" if self.distribution else self.name

    def is_called(self, name: str) -> bool:
        """Return True if `name` is the plugin's name or that of its distribution."""
        return _normalize_name(name) in {_normalize_name(self.name), _normalize_name(self.distribution)}

    def fail(self, problem: str, error: BaseException | None = None) -> None:
        """Record a failure, and log a warning the first time.

        Args:
            problem: What failed, as in `Failure`.
            error: The exception that the plugin raised, if any.
        """
        text = "" if error is None else "".join(traceback.format_exception(error))
        if error is not None:
            problem = f"{problem}: {_one_line(error)}"
        if any(known.problem == problem for known in self.failures):
            return
        failure = Failure(plugin=self.name, distribution=self.distribution, problem=problem, traceback=text)
        self.failures.append(failure)
        _log.warning("%s", failure)

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call the plugin's implementation of a hook.

        Args:
            hook: Name of the hook.
            **arguments: Arguments of the hook.

        Returns:
            The hook's result, with generators as lists; None if the plugin does not implement the hook, or fails.
        """
        if self.manager is None:
            return None
        try:
            result = getattr(self.manager.hook, hook)(**arguments)
            # A generator raises when it is consumed, not when it is made: so consume it inside the try block.
            return [list(specs) for specs in result] if hook in REGISTERS else result
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the others must go on
            self.fail(f"failed in {hook}", error)
            return None


def load_plugins(chosen: Plugins) -> list[Plugin]:
    """Load core's own plugin and every installed plugin.

    Args:
        chosen: The ``[plugins]`` table of the configuration.

    Returns:
        All plugins in a fixed order: core's, those of this distribution, then others by name.
    """
    core = Plugin(name="builtin", distribution=OWN, version=__version__)
    _register(core, builtin)
    return [core, *(_load(entry, chosen) for entry in sorted(entry_points(group=GROUP), key=_sort_key))]


def _sort_key(entry: EntryPoint) -> tuple[bool, str, str]:
    name, _ = _find_distribution(entry)
    return (_normalize_name(name) != OWN, name, entry.name)


def _load(entry: EntryPoint, chosen: Plugins) -> Plugin:
    distribution, version = _find_distribution(entry)
    plugin = Plugin(name=entry.name, distribution=distribution, version=version)
    # Before `entry.load()`: loading runs the plugin's code.
    if refusal := _explain_refusal(plugin, chosen):
        plugin.failures.append(Failure(plugin=plugin.name, distribution=distribution, problem=refusal))
        return plugin
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the others must go on
        plugin.fail("failed to load", error)
        return plugin
    _register(plugin, module)
    return plugin


def _explain_refusal(plugin: Plugin, chosen: Plugins) -> str | None:
    if any(plugin.is_called(name) for name in chosen.deny):
        return "was not loaded: [plugins] deny names it."
    if chosen.allow is None or _normalize_name(plugin.distribution) == OWN:
        return None
    if any(plugin.is_called(name) for name in chosen.allow):
        return None
    return "was not loaded: [plugins] allow does not name it."


def _register(plugin: Plugin, module: object) -> None:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    try:
        manager.register(module, plugin.name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        plugin.fail(f"has a wrong hook{_suggest_hook(str(error))}", error)
        return
    plugin.manager = manager
    _warn_of_unmarked(plugin, module)
    for hook, kind in REGISTERS.items():
        plugin.offers[hook] = _collect(plugin, hook, kind)


def _suggest_hook(message: str) -> str:
    known = [name for name in vars(Hooks) if name.startswith("reelbase_")]
    wrong = re.search(r"unknown hook '(\w+)'", message)
    near = difflib.get_close_matches(wrong[1], known, 1) if wrong else []
    return f" (is {near[0]!r} meant?)" if near else ""


def _warn_of_unmarked(plugin: Plugin, module: object) -> None:
    for name in vars(Hooks):
        found = getattr(module, name, None) if name.startswith("reelbase_") else None
        if callable(found) and not hasattr(found, f"{PROJECT}_impl"):
            plugin.fail(f"defines {name} without @hookimpl: it is not called.")


def _collect(plugin: Plugin, hook: str, kind: type[Spec]) -> tuple[Spec, ...]:
    specs: dict[str, Spec] = {}
    for spec in _flatten(plugin.call(hook)):
        if not isinstance(spec, kind):
            plugin.fail(f"gave {spec!r} in {hook}, not a {kind.__name__}.")
        elif spec.name in specs:
            plugin.fail(f"gave the name {spec.name!r} twice in {hook}.")
        else:
            specs[spec.name] = spec
    return tuple(specs.values())


def _flatten(results: Iterable[Iterable[object]] | None) -> Sequence[object]:
    return [spec for result in results or () for spec in result]


def _find_distribution(entry: EntryPoint) -> tuple[str, str]:
    return _read_name(entry.dist) if entry.dist is not None else ("", "")


@cache
def _read_name(distribution: Distribution) -> tuple[str, str]:
    """Return name and version. Cached, because the metadata is parsed each time, once for each entry point."""
    try:
        about = distribution.metadata
        return about["Name"] or "", about["Version"] or ""
    except Exception:  # noqa: BLE001 - broken metadata of an installed package raises almost anything
        return "", ""


def _normalize_name(name: str) -> str:
    """Return a name in the form in which package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
