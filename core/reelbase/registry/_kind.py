"""One kind of offer, such as storages: find a spec by name, check what it requires, import its target."""

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

from reelbase.contracts.htype import brief
from reelbase.contracts.specs import Spec
from reelbase.errors import MissingDependencyError, PluginConflictError, PluginLoadError, PluginNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reelbase.registry._loading import Failure, Plugin

S = TypeVar("S", bound=Spec)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Description(Generic[S, T]):
    """What differs between the kinds of offers.

    Attributes:
        label: The kind's name for messages, and its key under ``[prefer]``: "storage", "codec", …
        hook: The hook that declares offers of this kind.
        contract: The class that targets must subclass; None allows any callable.
        needs: Returns the start of a message about a missing dependency of a spec, such as "s3:// URLs need".
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
    """All offers of one kind. `S` is the class of its specs; `T` the type of its targets, such as ``type[Storage]``."""

    def __init__(self, about: Description[S, T], plugins: Sequence[Plugin], prefer: Mapping[str, str]) -> None:
        self._about = about
        self._plugins = plugins
        self._prefer = prefer
        every = [
            Offer(spec=cast("S", spec), plugin=plugin)
            for plugin in plugins
            for spec in plugin.offers.get(about.hook, ())
        ]
        self.offers = [
            offer
            for offer in every
            if offer in self._filter_preferred(offer.spec.name, _find_offers(every, offer.spec.name))
        ]
        self._loaded: dict[str, T] = {}

    def specs(self) -> tuple[S, ...]:
        """Return all specs, in the order of plugins and of declaration."""
        return tuple(offer.spec for offer in self.offers)

    def spec(self, name: str) -> S:
        """Return the spec of that name.

        Raises:
            PluginNotFoundError: there is none. The message has the most similar name, and every plugin that failed.
            PluginConflictError: several plugins offer one, and ``[prefer]`` does not choose.
        """
        found = _find_offers(self.offers, name) if isinstance(name, str) else []
        if not found:
            known = sorted({spec.name for spec in self.specs()})
            raise self.missing_error(f"No installed plugin offers the {self._about.label} {brief(name)}", name, known)
        return self.choose(name, found).spec

    def load(self, name: str, *, needs: str | None = None) -> T:
        """Return the class or function of that name. It is imported on first use.

        Args:
            name: Name of the spec.
            needs: How a message about a missing dependency starts, such as "'a.mp4' (mp4) needs". None uses the start
                that the kind defines.

        Raises:
            PluginNotFoundError, PluginConflictError: as `spec`.
            MissingDependencyError: it requires a package that is not installed.
            PluginLoadError: its target cannot be imported, or is not a subclass of the kind's contract.
        """
        if not isinstance(name, str) or name not in self._loaded:
            spec = self.spec(name)
            self._require(spec, needs or self._about.needs(spec))
            self._loaded[name] = self._import(spec)
        return self._loaded[name]

    def choose(self, name: str, offers: Sequence[Offer[S]]) -> Offer[S]:
        """Return the preferred offer among several of one name or scheme.

        Raises:
            PluginConflictError: there are several, and ``[prefer]`` does not choose.
        """
        preferred = self._filter_preferred(name, offers)
        if len(preferred) == 1:
            return preferred[0]
        titles = ", ".join(offer.plugin.title for offer in preferred)
        raise PluginConflictError(
            f"{len(preferred)} plugins offer the {self._about.label} {name!r}: {titles}.",
            self._suggest_choice(name, preferred),
        )

    def missing_error(self, what: str, name: str, known: Sequence[str]) -> PluginNotFoundError:
        """Return the error for a name that no plugin offers.

        Args:
            what: The start of the message, without a full stop.
            name: The name that was looked up.
            known: The names that plugins offer.
        """
        lines = [f"{what}; known: {', '.join(known) or 'none'}.", *map(str, _list_failures(self._plugins))]
        near = difflib.get_close_matches(str(name) if isinstance(name, str) else "", known, 1)
        todo = f"Did you mean {near[0]!r}?" if near else "`reelbase plugins` lists what is installed."
        return PluginNotFoundError("\n".join(lines), todo)

    def _filter_preferred(self, name: str, offers: Sequence[Offer[S]]) -> Sequence[Offer[S]]:
        wanted = self._prefer.get(f"{self._about.label}.{name}")
        chosen = [offer for offer in offers if wanted and offer.plugin.is_called(wanted)]
        return chosen if len(chosen) == 1 else offers

    def _suggest_choice(self, name: str, offers: Sequence[Offer[S]]) -> str:
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
            # Broad: importing runs a plugin's code, which may raise anything. The message must say which plugin.
            raise self._broken_error(spec, f"{type(error).__name__}: {error}") from error
        if problem := _find_breach(target, self._about.contract):
            raise self._broken_error(spec, problem)
        return cast("T", target)

    def _broken_error(self, spec: S, problem: str) -> PluginLoadError:
        owner = self.choose(spec.name, _find_offers(self.offers, spec.name)).plugin
        return PluginLoadError(
            f"The {self._about.label} {spec.name!r} cannot be used: {spec.target}: {problem}.",
            f"Report it to the authors of the plugin {owner.title}.",
        )


def _find_offers(offers: Iterable[Offer[S]], name: str) -> list[Offer[S]]:
    return [offer for offer in offers if offer.spec.name == name]


def _list_failures(plugins: Iterable[Plugin]) -> list[Failure]:
    return [failure for plugin in plugins for failure in plugin.failures]


def is_installed(name: str) -> bool:
    """Return True if a module of that dotted name can be found. Only its parent packages are imported."""
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # a parent package is missing, or a loaded module has no spec
        return False


def _list_abstract(target: type) -> frozenset[str]:
    return getattr(target, "__abstractmethods__", frozenset())


def _find_breach(target: Any, contract: type | None) -> str | None:
    """Return how a target breaks the contract of its kind, or None."""
    if contract is None:
        return None if callable(target) else f"{target!r} is not callable"
    if not isinstance(target, type) or not issubclass(target, contract):
        return f"{target!r} is not a subclass of reelbase.plugin.{contract.__name__}"
    if inspect.isabstract(target):
        return f"it does not implement {', '.join(sorted(_list_abstract(target)))}"
    return None
