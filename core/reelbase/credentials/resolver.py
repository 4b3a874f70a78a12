"""The resolver decides which credentials are used for a URL, and whether they may be used for it.

Datasets store names of credentials. The user's configuration says what a name stands for, or `Dataset.populate_creds`
does for this process. Credentials are only in this process's memory. The scope is checked first: a provider is not
called for a URL that is not below one of its binding's prefixes.
"""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from reelbase._util.nearest import suggest
from reelbase._util.once import Once
from reelbase._util.urls import redacted
from reelbase.config import settings
from reelbase.contracts.credentials import CredentialProvider, Credentials, is_within
from reelbase.credentials.bindings import MANAGED, Binding, Configured
from reelbase.credentials.leases import Lease
from reelbase.credentials.providers import ENVIRONMENT
from reelbase.credentials.renewing_storage import RenewingStorage
from reelbase.errors import LinkRefusedError, ScopeError, UsageError
from reelbase.registry import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reelbase.contracts.specs import StorageSpec
    from reelbase.contracts.storage import Storage
    from reelbase.credentials.leases import Action

    #: What `reelbase.read` and `reelbase.load` take.
    Creds = Mapping[str, Any] | Credentials | CredentialProvider | str | None


@dataclass(frozen=True)
class Names:
    """The names of credentials of one dataset.

    Attributes:
        dataset: Id of the dataset.
        renamed: ``(name in rows, new name)`` of each name that was renamed.
        managed: The names whose credentials come from a server of managed credentials.
    """

    dataset: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    managed: frozenset[str] = frozenset()

    def get_current(self, name: str) -> str:
        """Return the present name for a name that is stored in a row."""
        return dict(self.renamed).get(name, name)


class Resolver:
    """Opens the storages of URLs with the credentials that belong to them."""

    def __init__(self) -> None:
        self.configured = {name: Configured.of(name, table) for name, table in settings().credentials.items()}
        self._bindings: dict[str, Binding] = {}
        self._populated: dict[tuple[str, str], Binding] = {}

    def open(self, root: str, creds: Creds = None, options: Mapping[str, Any] | None = None, *, write: bool) -> Storage:
        """Return the storage of a dataset.

        Args:
            root: A folder, or the URL of one.
            creds: What the user passed. None uses the configured binding with the longest matching prefix, or else the
                service's default credential chain.
            options: Options of the storage, which take precedence over the configuration's.
            write: True to get credentials for writing.

        Raises:
            UsageError: `creds` is not of a known type, or no credentials have that name.
            ScopeError: the credentials are not for this URL.
            PluginError: no installed plugin handles such URLs.
        """
        root = registry().normalize(root)
        return self._open(root, root, creds, options, "write" if write else "read")

    def locate(self, url: str, creds: Creds = None, options: Mapping[str, Any] | None = None) -> tuple[Storage, str]:
        """Return the storage of one file, and the file's key in it. Nothing is read. Arguments and errors as `open`."""
        url = registry().normalize(url)
        kind, _ = registry().storage_for(url)
        root, key = kind.locate(url)
        return self._open(root, url, creds, options, "read"), key

    def follow(self, url: str, name: str | None, names: Names) -> tuple[Storage, str]:
        """Return the storage of a linked file, and the file's key in it. Nothing is read.

        Args:
            url: URL of the file.
            name: Name of the credentials. None makes anonymous requests; "ENV" uses the service's default credential
                chain.
            names: Names of credentials of the dataset that holds the link.

        Raises:
            UsageError: no credentials have that name.
            ScopeError: the credentials are not for this URL.
            LinkRefusedError: the configuration forbids to follow the link.
            PluginError: no installed plugin reads such URLs.
        """
        url = registry().normalize(url)
        kind, spec = registry().storage_for(url)
        root, key = kind.locate(url)
        options = _limit_network(url, kind, spec)
        if name is None:
            return registry().open_storage(root, options={**options, **spec.nobody}), key
        if name == ENVIRONMENT:
            _check_chain(url, spec)
            return registry().open_storage(root, options=options), key
        current = names.get_current(name)
        self._check(self.find_binding(current, names), url, spec)
        again = (_follow, (url, name, names))
        return self._make_renewing(root, url, options, partial(self.find_binding, current, names), "read", again), key

    def populate(self, names: Names, name: str, provider: CredentialProvider, prefixes: tuple[str, ...]) -> None:
        """Bind a name of one dataset to a provider, in this process.

        Args:
            names: Names of the dataset.
            name: The name to bind.
            provider: Returns the credentials.
            prefixes: URLs below which they may be used.
        """
        self._populated[names.dataset, name] = _make_binding(name, provider, prefixes)

    def find_binding(self, name: str, names: Names | None = None) -> Binding:
        """Return the binding of a name: that of `populate`, or else that of the configuration.

        Args:
            name: The name of the credentials.
            names: Names of the dataset that uses it; None if the user passed the name as an argument.

        Raises:
            UsageError: no credentials have that name.
        """
        if names is not None and (found := self._populated.get((names.dataset, name))):
            return found
        if name in self.configured:
            return self._look_up(name)
        if names is None:  # the text may be a secret that was passed by mistake, so it is not shown
            known = ", ".join(sorted(self.configured)) or "none"
            raise UsageError(
                f"creds is a text, but not one of the configured names of credentials: {known}.",
                suggest(
                    name,
                    self.configured,
                    'Give a dict such as {"aws_access_key_id": …}, or configure a table [credentials.<name>].',
                ),
            )
        if name in names.managed:
            raise UsageError(
                f"{name!r} is a managed key, and no server of credentials is configured for it.",
                f'Add [credentials.{name}] with provider = "{MANAGED}", server and prefixes to your configuration; or '
                f"ds.populate_creds({name!r}, …).",
            )
        raise UsageError(
            f"No credentials are known by the name {name!r}.",
            suggest(
                name,
                [*self.configured, *(key for dataset, key in self._populated if dataset == names.dataset)],
                f"ds.populate_creds({name!r}, …) binds it here, a table [credentials.{name}] of your configuration "
                "everywhere.",
            ),
        )

    def close(self) -> None:
        """Close all providers."""
        for binding in (*self._bindings.values(), *self._populated.values()):
            binding.lease.close()

    def _look_up(self, name: str) -> Binding:
        if name not in self._bindings:
            found = self.configured[name]
            provider = found.make_provider(registry().credentials.load(found.provider))
            self._bindings.setdefault(name, _make_binding(name, provider, found.prefixes))
        return self._bindings[name]

    def _open(self, root: str, url: str, creds: Creds, options: Mapping[str, Any] | None, action: Action) -> Storage:
        creds = self._find_by_prefix(url) if creds is None else creds
        if creds is None:
            return registry().open_storage(root, options=options)
        _, spec = registry().storage_for(url)
        if isinstance(creds, str) and creds == ENVIRONMENT:
            _check_chain(url, spec)
            return registry().open_storage(root, options=options)
        if isinstance(creds, str):
            self._check(self.find_binding(creds), url, spec)
            again = (_open, (root, url, creds, options, action))
            return self._make_renewing(root, url, options, partial(self.find_binding, creds), action, again)
        if isinstance(creds, CredentialProvider):
            mine = _make_binding(creds.name, creds, ())
            return self._make_renewing(root, url, options, lambda: mine, action, (_refuse, ()))
        return registry().open_storage(root, options=options, credentials=_to_credentials(creds))

    def _find_by_prefix(self, url: str) -> str | None:
        """Return the configured name that has the longest matching prefix of a URL, or None."""
        found = [
            (len(prefix), name)
            for name, configured in self.configured.items()
            for prefix in configured.prefixes
            if is_within(url, _expand_schemes((prefix,)))
        ]
        return max(found)[1] if found else None

    def _check(self, binding: Binding, url: str, spec: StorageSpec) -> None:
        prefixes = binding.prefixes
        if prefixes and not is_within(url, prefixes):
            raise ScopeError(
                f"Credentials {binding.name!r} are not for {redacted(url)}: they are for {', '.join(prefixes)}.",
                "If they should be, add its folder to their prefixes; never for a dataset that you do not trust.",
            )
        if not prefixes and not spec.one_service:
            raise ScopeError(
                f"Credentials {binding.name!r} have no prefixes, and {redacted(url)} names its own host.",
                'Say where they may be sent: prefixes=["https://host/folder/"].',
            )

    def _make_renewing(
        self,
        root: str,
        url: str,
        options: Mapping[str, Any] | None,
        find_binding: Callable[[], Binding],
        action: Action,
        again: tuple[Callable[..., Storage], tuple[Any, ...]],
    ) -> Storage:
        kind, spec = registry().storage_for(root)
        options = registry().options_of(spec, options)
        return RenewingStorage(kind, root, url, options, lambda: find_binding().lease, action, again)


def _make_binding(name: str, provider: CredentialProvider, prefixes: tuple[str, ...]) -> Binding:
    prefixes = _expand_schemes(prefixes)
    return Binding(name, prefixes, Lease(name, provider, prefixes))


def _expand_schemes(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the prefixes in every scheme of their service: ``gs://`` and ``gcs://`` are the same."""
    services = [spec.schemes for spec in registry().storages.specs() if spec.one_service]
    found = []
    for prefix in prefixes:
        named, _, place = prefix.partition("://")
        schemes = next((service for service in services if named in service), (named,))
        found += [f"{scheme}://{place}" for scheme in schemes]
    return tuple(found)


def _limit_network(url: str, kind: type[Storage], spec: StorageSpec) -> dict[str, Any]:
    """Return the options that limit a storage to the addresses that links may reach (``[security] network``)."""
    allowed = settings().security.network
    if allowed == "any" or spec.one_service or not kind.distant:
        return {}
    if not spec.guard:
        raise LinkRefusedError(
            f"{redacted(url)}: the storage {spec.name!r} cannot limit its addresses, as [security] network requires.",
            'Set network = "any" in your own configuration if you trust the dataset.',
        )
    return {spec.guard: allowed if isinstance(allowed, str) else ",".join(allowed)}


def _check_chain(url: str, spec: StorageSpec) -> None:
    if not spec.nobody:
        raise UsageError(
            f'"ENV" is not for {redacted(url)}: its service finds no credentials by itself.',
            "Leave it out, or name credentials.",
        )


def _to_credentials(creds: object) -> Credentials:
    if isinstance(creds, Credentials):
        return creds
    if not hasattr(creds, "items"):
        raise UsageError(
            "creds is not a mapping.",
            'Give a dict such as {"aws_access_key_id": …}, a name, "ENV" or None.',
        )
    return Credentials(cast("Mapping[str, Any]", creds))


def _open(root: str, url: str, creds: str, options: Mapping[str, Any] | None, action: Action) -> Storage:
    return resolver()._open(root, url, creds, options, action)


def _follow(url: str, name: str, names: Names) -> Storage:
    return resolver().follow(url, name, names)[0]


def _refuse() -> Storage:
    raise UsageError("A provider that was given as an argument is not sent to another process.", "Configure it.")


def _make_resolver() -> Resolver:
    made = Resolver()
    atexit.register(made.close)
    return made


_resolver = Once(_make_resolver)


def resolver() -> Resolver:
    """Return the resolver of this process. It is made on first use.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return _resolver()


def reset() -> None:
    """Forget what `populate` bound, and read the configuration again; for tests and notebooks."""
    _resolver.forget()
