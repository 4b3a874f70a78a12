"""``reelbase plugins``: list what plugins offer, and which plugins failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, format_table
from reelbase.registry import is_installed, registry

if TYPE_CHECKING:
    import argparse

    from reelbase.registry import Kind, Registry


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List everything. Return 1 if a plugin failed."""
    found = registry()
    offers = [offer for label, kind in kinds(found).items() for offer in _list_offers(label, kind)]
    failures = [
        {"plugin": failure.plugin, "distribution": failure.distribution, "problem": failure.problem}
        for failure in found.failures()
    ]
    lines = [
        format_table(
            ("kind", "name", "plugin", "usable"),
            [(offer["kind"], offer["name"], offer["plugin"], _describe_usability(offer)) for offer in offers],
        )
    ]
    lines += [str(failure) for failure in found.failures()]
    emit(arguments, {"offers": offers, "failures": failures}, "\n".join(lines))
    return 1 if failures else 0


def kinds(found: Registry) -> dict[str, Kind[Any, Any]]:
    """Return each kind of thing that plugins offer, by its name."""
    return {
        "storage": found.storages,
        "codec": found.codecs,
        "htype": found.htypes,
        "provider": found.credentials,
        "command": found.commands,
    }


def _list_offers(label: str, kind: Kind[Any, Any]) -> list[dict[str, Any]]:
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


def _describe_usability(offer: dict[str, Any]) -> str:
    if not offer["missing"]:
        return "yes"
    advice = f": pip install '{offer['install']}'" if offer["install"] else ""
    return f"needs {', '.join(offer['missing'])}{advice}"
