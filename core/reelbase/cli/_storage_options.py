"""The options of storages, as the storages themselves describe them."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from reelbase._util.nearest import suggest
from reelbase.config import Explained, settings, show_option
from reelbase.errors import MissingDependencyError, ReelbaseError
from reelbase.registry import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

#: One entry of a docstring's "Attributes:"; its further lines are indented more.
_ATTRIBUTE: Final = re.compile(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


def explain_storages(explained: list[Explained]) -> tuple[list[Explained], list[str]]:
    """Add the options of all installed storages to the settings, and check those that are set.

    Args:
        explained: The settings, as `Settings.explain` returns them.

    Returns:
        ``(settings, problems)``. A storage whose package is not installed is passed over, unless it is configured.
    """
    known = [spec.name for spec in registry().storages.specs()]
    problems = [_describe_unknown(name, known) for name in settings().storage if name not in known]
    by_key = {line.key: line for line in explained}
    for name in known:
        given = settings().storage.get(name, {})
        try:
            by_key |= _explain(name, given, by_key)
        except MissingDependencyError as error:
            problems += [str(error)] if given else []
        except ReelbaseError as error:
            problems.append(str(error))
    return list(by_key.values()), problems


def _describe_unknown(name: str, known: list[str]) -> str:
    todo = suggest(name, known, f"There are: {', '.join(known)}.")
    return f"storage.{name}: no installed plugin offers this storage.\n    {todo}"


def _explain(name: str, given: Mapping[str, Any], by_key: Mapping[str, Explained]) -> dict[str, Explained]:
    options: Any = registry().storages.load(name).parse_options(given)
    if options is None:
        return {}
    docs = {
        key: " ".join(text.replace("``", "").split()) for key, text in _ATTRIBUTE.findall(type(options).__doc__ or "")
    }
    found = {}
    for option in fields(options):
        key = f"storage.{name}.{option.name}"
        value = getattr(options, option.name)
        shown = value if value == option.default or isinstance(value, (bool, int, float)) else show_option(key, value)
        origin = by_key[key].origin if key in by_key else "default"
        found[key] = Explained(key=key, value=shown, origin=origin, doc=docs.get(option.name, ""))
    return found
