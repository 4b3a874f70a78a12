"""One kind of thing that plugins offer: find a spec by name, check what it requires, import its target."""

from __future__ import annotations

import difflib
import inspect
import json
import re
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from reelbase.contracts.specs import Spec
from reelbase.errors import MissingDependencyError, PluginConflictError, PluginLoadError, PluginNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reelbase.registry._loading import Failure, Plugin

S = TypeVar("S", bound=Spec)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Description(Generic[S, T]):
    """What the registry has to know of a kind.

    Attributes:
        label: "storage", "codec", …; also the key under ``[prefer]``.
        hook: The hook that declares them.
        contract: The class that targets must subclass; None: any callable will do.
        needs: The start of a message about a missing dependency, such as "s3:// URLs need".
    """

    label: str
    hook: str
    contract: type | None
    needs: Callable[[S], str]


@dataclass(frozen=True, kw_only=True)
class Offer(Generic[S]):
    """A spec and the plugin that offers it."""

    spec: S
    plugin: Plugin


class Kind(Generic[S, T]):
    """All offers of one kind. `S` is its spec class; `T` what its targets are, such as ``type[Storage]``."""

    def __init__(self, about: Description[S, T], plugins: Sequence[Plugin], prefer: Mapping[str, str]) -> None:
        self._about = about
        self._plugins = plugins
        self._prefer = prefer
        every = [
            Offer(spec=cast("S", spec), plugin=plugin)
            for plugin in plugins
            for spec in plugin.offers.get(about.hook, ())
        ]
        self.offers = [one for one in every if one in self._preferred(one.spec.name, _name(every, one.spec.name))]
        self._loaded: dict[str, T] = {}

    def specs(self) -> tuple[S, ...]:
        """All specs, in order of plugins and of declaration."""
        return tuple(offer.spec for offer in self.offers)

    def spec(self, name: str) -> S:
        """The spec of that name.

        Raises:
            PluginNotFoundError: there is none; the message names the nearest, and every plugin that failed.
            PluginConflictError: two plugins offer it, and ``[prefer]`` does not choose.
        """
        found = _name(self.offers, name)
        if not found:
            known = sorted({spec.name for spec in self.specs()})
            raise self.missing(f"No installed plugin offers the {self._about.label} {name!r}", name, known)
        return self.choose(name, found).spec

    def load(self, name: str, *, needs: str | None = None) -> T:
        """The class or function of that name, imported on first use.

        Args:
            name: Name of the spec.
            needs: How a message about a missing dependency starts, in place of the usual.

        Raises:
            PluginNotFoundError, PluginConflictError: as `spec`.
            MissingDependencyError: it requires a package that is not installed.
            PluginLoadError: its target cannot be imported, or does not keep the contract.
        """
        if name not in self._loaded:
            spec = self.spec(name)
            self._require(spec, needs or self._about.needs(spec))
            self._loaded[name] = self._import(spec)
        return self._loaded[name]

    def choose(self, name: str, offers: Sequence[Offer[S]]) -> Offer[S]:
        """The preferred one of several offers of one name or scheme.

        Raises:
            PluginConflictError: there are several, and ``[prefer]`` does not choose.
        """
        left = self._preferred(name, offers)
        if len(left) == 1:
            return left[0]
        titles = ", ".join(item.plugin.title for item in left)
        raise PluginConflictError(
            f"{len(left)} plugins offer the {self._about.label} {name!r}: {titles}.", self._choice(name, left)
        )

    def missing(self, what: str, name: str, known: Sequence[str]) -> PluginNotFoundError:
        """The error for a name that nobody offers."""
        lines = [f"{what}; known: {', '.join(known) or 'none'}.", *map(str, _failures(self._plugins))]
        near = difflib.get_close_matches(name, known, 1)
        todo = f"Did you mean {near[0]!r}?" if near else "`reelbase plugins` lists what is installed."
        return PluginNotFoundError("\n".join(lines), todo)

    def _preferred(self, name: str, offers: Sequence[Offer[S]]) -> Sequence[Offer[S]]:
        wanted = self._prefer.get(f"{self._about.label}.{name}")
        chosen = [offer for offer in offers if wanted and offer.plugin.is_called(wanted)]
        return chosen if len(chosen) == 1 else offers

    def _choice(self, name: str, offers: Sequence[Offer[S]]) -> str:
        plugins = [offer.plugin for offer in offers]
        distributions = {plugin.distribution for plugin in plugins}
        first, *others = (json.dumps(p.distribution if len(distributions) == len(plugins) else p.name) for p in plugins)
        key = name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)
        line = f"{self._about.label}.{key} = {first}  # or {', '.join(others)}"
        return f"Choose one in the configuration:\n\n    [prefer]\n    {line}\n"

    def _require(self, spec: S, needs: str) -> None:
        for name in spec.requires:
            if not is_installed(name):
                package = (
                    f"pip install '{spec.install}'" if spec.install else f"Install the package that brings {name!r}."
                )
                raise MissingDependencyError(f"{needs} {name!r}, not installed here.", package)

    def _import(self, spec: S) -> T:
        module, _, path = spec.target.partition(":")
        try:
            target = reduce(getattr, path.split("."), import_module(module))
        except Exception as error:
            # Broad: importing runs somebody's code, and its error must say whose it was.
            raise self._broken(spec, f"{type(error).__name__}: {error}") from error
        if problem := _breach(target, self._about.contract):
            raise self._broken(spec, problem)
        return cast("T", target)

    def _broken(self, spec: S, problem: str) -> PluginLoadError:
        owner = self.choose(spec.name, _name(self.offers, spec.name)).plugin
        return PluginLoadError(
            f"The {self._about.label} {spec.name!r} cannot be used: {spec.target}: {problem}.",
            f"Report it to the authors of the plugin {owner.title}.",
        )


def _name(offers: Iterable[Offer[S]], name: str) -> list[Offer[S]]:
    return [offer for offer in offers if offer.spec.name == name]


def _failures(plugins: Iterable[Plugin]) -> list[Failure]:
    return [failure for plugin in plugins for failure in plugin.failures]


def is_installed(name: str) -> bool:
    """Whether a module of that dotted name can be found; nothing but its parents is imported."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # a parent package is missing; a module without a spec
        return False


def _abstract(target: type) -> frozenset[str]:
    return getattr(target, "__abstractmethods__", frozenset())


def _breach(target: Any, contract: type | None) -> str | None:
    if contract is None:
        return None if callable(target) else f"{target!r} is not callable"
    if not isinstance(target, type) or not issubclass(target, contract):
        return f"{target!r} is not a subclass of reelbase.plugin.{contract.__name__}"
    if inspect.isabstract(target):
        return f"it does not implement {', '.join(sorted(_abstract(target)))}"
    return None
