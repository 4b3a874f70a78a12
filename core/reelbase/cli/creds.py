"""``reelbase creds``: which names of credentials are configured, and whether they can be had. Never what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.cli._output import add_json, emit, table
from reelbase.credentials.resolver import resolver
from reelbase.errors import ReelbaseError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from reelbase.credentials.bindings import Configured


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase creds ls [--json]\n       reelbase creds test NAME [URL] [--json]"
    parser.add_argument("what", choices=("ls", "test"), help="list the names; or get the credentials of one")
    parser.add_argument("name", metavar="NAME", nargs="?", help="a table [credentials.NAME] of your configuration")
    parser.add_argument(
        "url", metavar="URL", nargs="?", help="ask for this file with them; by default nothing is asked"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, or test."""
    if arguments.what == "test":
        return _test(arguments)
    if arguments.name is not None:
        raise UsageError("`reelbase creds ls` lists all names.", "Leave the name out, or write `creds test`.")
    found = [_describe(one) for one in resolver().configured.values()]
    rows = [(item["name"], item["provider"], ", ".join(item["prefixes"]) or "-", item["usable"]) for item in found]
    none = "No credentials are configured: add a table [credentials.<name>] to your configuration."
    emit(arguments, found, table(("name", "provider", "prefixes", "usable"), rows) if rows else none)
    return 0


def _describe(one: Configured) -> dict[str, Any]:
    return {"name": one.name, "provider": one.provider, "prefixes": list(one.prefixes), "usable": _usable(one)}


def _usable(one: Configured) -> str:
    """Whether its provider can be made; it is asked for nothing."""
    try:
        one.make_provider(registry().credentials.load(one.provider)).close()
    except ReelbaseError as error:
        return str(error).partition("\n")[0]
    return "yes"


def _test(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        raise UsageError("`reelbase creds test` needs a name.", "`reelbase creds ls` lists them.")
    if arguments.url is not None:
        storage, key = resolver().locate(arguments.url, arguments.name)
        size = storage.stat(key).size
        emit(arguments, {"name": arguments.name, "size": size}, f"{arguments.name}: the file is there, {size} bytes.")
        return 0
    binding = resolver().find_binding(arguments.name)
    url = next(iter(binding.prefixes), "")
    given = binding.lease.get_current(url, "read")
    ends = (
        "they do not say when they end" if given.expires_at is None else f"until {given.expires_at:%Y-%m-%d %H:%M %Z}"
    )
    told = {"name": arguments.name, "fields": sorted(given), "expires_at": given.expires_at and str(given.expires_at)}
    what = ", ".join(sorted(given)) or "what the service's own tools find"
    emit(arguments, told, f"{arguments.name}: {what}; {ends}.")
    return 0
