"""``reelbase plugins``: what is installed, where it comes from, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, table
from reelbase.registry import is_installed, registry

if TYPE_CHECKING:
    import argparse

    from reelbase.registry import Kind, Registry


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List everything; 1 if a plugin failed."""
    found = registry()
    offers = [offer for label, kind in kinds(found).items() for offer in _offers(label, kind)]
    failures = [
        {"plugin": one.plugin, "distribution": one.distribution, "problem": one.problem} for one in found.failures()
    ]
    lines = [
        table(("kind", "name", "plugin", "usable"), [(o["kind"], o["name"], o["plugin"], _usable(o)) for o in offers])
    ]
    lines += [str(failure) for failure in found.failures()]
    emit(arguments, {"offers": offers, "failures": failures}, "\n".join(lines))
    return 1 if failures else 0


def kinds(found: Registry) -> dict[str, Kind[Any, Any]]:
    """Each kind of thing that plugins offer, by its name."""
    return {
        "storage": found.storages,
        "codec": found.codecs,
        "htype": found.htypes,
        "provider": found.credentials,
        "command": found.commands,
    }


def _offers(label: str, kind: Kind[Any, Any]) -> list[dict[str, Any]]:
    return [
        {
            "kind": label,
            "name": offer.spec.name,
            "plugin": offer.plugin.title,
            "target": offer.spec.target,
            "missing": [name for name in offer.spec.requires if not is_installed(name)],
            "install": offer.spec.install,
        }
        for offer in kind.offers
    ]


def _usable(offer: dict[str, Any]) -> str:
    if not offer["missing"]:
        return "yes"
    advice = f": pip install '{offer['install']}'" if offer["install"] else ""
    return f"needs {', '.join(offer['missing'])}{advice}"
