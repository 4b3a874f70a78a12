"""``reelbase creds``: list the configured credentials, or test one of them. Their values are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase._util.nearest import suggest
from reelbase.cli._output import add_json, emit, format_table
from reelbase.credentials.resolver import resolver
from reelbase.errors import ReelbaseError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    import argparse

    from reelbase.credentials.bindings import Configured


def setup(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "reelbase creds ls [--json]\n       reelbase creds test NAME [URL] [--json]"
    parser.add_argument("what", choices=("ls", "test"), help="list the names, or try to get the credentials of one")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="name of a table [credentials.NAME] in your configuration"
    )
    parser.add_argument("url", metavar="URL", nargs="?", help="also look up this file with the credentials")
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the credentials, or test one."""
    if arguments.what == "test":
        return _test(arguments)
    if arguments.name is not None:
        raise UsageError("`reelbase creds ls` lists all names.", "Leave the name out, or write `creds test`.")
    found = [_describe(entry) for entry in resolver().configured.values()]
    rows = [(item["name"], item["provider"], ", ".join(item["prefixes"]) or "-", item["usable"]) for item in found]
    none = "No credentials are configured: add a table [credentials.<name>] to your configuration."
    emit(arguments, found, format_table(("name", "provider", "prefixes", "usable"), rows) if rows else none)
    return 0


def _describe(entry: Configured) -> dict[str, Any]:
    return {
        "name": entry.name,
        "provider": entry.provider,
        "prefixes": list(entry.prefixes),
        "usable": _check_provider(entry),
    }


def _check_provider(entry: Configured) -> str:
    """Return "yes" if the provider can be made, else the reason. This does not request credentials."""
    try:
        entry.make_provider(registry().credentials.load(entry.provider)).close()
    except ReelbaseError as error:
        return str(error).partition("\n")[0]
    return "yes"


def _check_name(name: str) -> str:
    known = sorted(resolver().configured)
    if name not in known:
        raise UsageError(
            f"No credentials are configured by the name {name!r}; there are: {', '.join(known) or 'none'}.",
            suggest(name, known, f"Add a table [credentials.{name}] to your configuration."),
        )
    return name


def _test(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        raise UsageError("`reelbase creds test` needs a name.", "`reelbase creds ls` lists them.")
    if arguments.url is not None:
        storage, key = resolver().locate(arguments.url, _check_name(arguments.name))
        size = storage.stat(key).size
        emit(arguments, {"name": arguments.name, "size": size}, f"{arguments.name}: the file is there, {size} bytes.")
        return 0
    binding = resolver().find_binding(_check_name(arguments.name))
    url = next(iter(binding.prefixes), "")  # providers may issue credentials for one URL only
    credentials = binding.lease.get_current(url, "read")
    expiry = (
        "they do not say when they expire"
        if credentials.expires_at is None
        else f"until {credentials.expires_at:%Y-%m-%d %H:%M %Z}"
    )
    result = {
        "name": arguments.name,
        "fields": sorted(credentials),
        "expires_at": credentials.expires_at and str(credentials.expires_at),
    }
    what = ", ".join(sorted(credentials)) or "the default credentials of the service"
    emit(arguments, result, f"{arguments.name}: {what}; {expiry}.")
    return 0
