"""From a link's URL and the name of its credentials to the storage that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase._once import Once
from reelbase._urls import redacted
from reelbase.errors import UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    from reelbase.storage import Storage

ENVIRONMENT: Final = "ENV"


class Resolver:
    """Opens what links name."""

    def locate(self, url: str, creds_key: str | None) -> tuple[Storage, str]:
        """The storage of a linked file, and its key in there. Nothing is read.

        Args:
            url: Of the file.
            creds_key: None: ask as nobody; "ENV": with what the service's own tools find.

        Raises:
            UsageError: no such credentials are known, or they are not for that service.
            PluginError: no installed plugin reads such URLs.
        """
        _, spec = registry().storage_for(registry().normalize(url))
        if creds_key is None:
            return registry().locate(url, options=spec.nobody)
        if creds_key != ENVIRONMENT:
            raise UsageError(
                f"No credentials are known by the name {creds_key!r}.", 'Use "ENV", or None for nobody\'s.'
            )
        if not spec.nobody:
            raise UsageError(
                f'creds_key="ENV" is not for {redacted(url)}: its service finds no credentials by itself.',
                "Leave creds_key out.",
            )
        return registry().locate(url)


_resolver = Once(Resolver)


def resolver() -> Resolver:
    """The resolver of this process."""
    return _resolver()
