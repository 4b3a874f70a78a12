"""The methods of a dataset that name credentials and provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelbase.contracts.credentials import check_prefixes
from reelbase.credentials.providers import make_provider
from reelbase.credentials.resolver import resolver
from reelbase.session.credential_names import CredsKeys, list_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reelbase.contracts.credentials import CredentialProvider
    from reelbase.session.session import Session


class CredentialMethods:
    """Names of credentials, for the links in a dataset."""

    __slots__ = ()

    _session: Session

    def add_creds_key(self, creds_key: str, managed: bool = False) -> None:
        """Add a name of credentials for `reelbase.link`. The dataset stores the name and nothing else.

        The credentials themselves come from `populate_creds` or from each user's own configuration. The name "ENV"
        always exists.

        Args:
            creds_key: The name.
            managed: True if a server of managed credentials provides them.

        Raises:
            UsageError: the name exists, or is not a valid name.
        """
        CredsKeys(self._session).add(creds_key, managed=managed)

    def update_creds_key(self, creds_key: str, new_creds_key: str | None = None, managed: bool | None = None) -> None:
        """Rename a name of credentials, or change whether it is managed. Links keep working under the new name.

        Raises:
            UsageError: there is no such name, or the new one exists.
        """
        CredsKeys(self._session).update(creds_key, new_creds_key, managed=managed)

    def populate_creds(
        self,
        creds_key: str,
        creds: Mapping[str, Any] | CredentialProvider | None = None,
        from_environment: bool = False,
        *,
        prefixes: Sequence[str] | None = None,
    ) -> None:
        """Provide the credentials of a name: for this dataset, in this process, in memory only.

        Args:
            creds_key: A name that was added.
            creds: Fields such as ``aws_access_key_id``, or a provider that returns them.
            from_environment: Use the service's default credential chain instead.
            prefixes: URLs below which they may be used; required for ``http`` and ``https`` links.

        Raises:
            UsageError: there is no such name, neither or both of `creds` and `from_environment` are given, or a prefix
                is not a URL.
        """
        CredsKeys(self._session).check(creds_key)
        provider = make_provider(creds_key, creds, from_environment=from_environment)
        names = self._session.store.names
        resolver().populate(names, creds_key, provider, check_prefixes(prefixes or ()))

    def get_creds_keys(self) -> set[str]:
        """The names of credentials that were added."""
        return list_names(self._session.schema_state)

    def get_managed_creds_keys(self) -> set[str]:
        """The names of managed credentials."""
        return list_names(self._session.schema_state, managed=True)
