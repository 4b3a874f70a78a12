"""The resolver: which credentials are used for a URL, and whether they may be.

Names are in datasets; what they stand for is said by the user's configuration, or in this process by
`Dataset.populate_creds`; credentials are in this process's memory only. Scope decides first: a provider is not even
asked for a URL that is below none of its binding's prefixes.
"""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from reelbase._util.once import Once
from reelbase._util.urls import redacted
from reelbase.config import settings
from reelbase.contracts.credentials import CredentialProvider, Credentials, is_within
from reelbase.credentials.bindings import MANAGED, Binding, Configured
from reelbase.credentials.leases import Lease
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

ENVIRONMENT: Final = "ENV"


@dataclass(frozen=True)
class Names:
    """The names of credentials of one dataset.

    Attributes:
        dataset: Its id.
        renamed: What names that rows have are called now.
        managed: Those whose credentials a server gives.
    """

    dataset: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    managed: frozenset[str] = frozenset()

    def now(self, name: str) -> str:
        """What a name that a row has is called now."""
        return dict(self.renamed).get(name, name)


class Resolver:
    """Opens what URLs name, in the name of whom it should be."""

    def __init__(self) -> None:
        self.configured = {name: Configured.of(name, table) for name, table in settings().credentials.items()}
        self._bindings: dict[str, Binding] = {}
        self._populated: dict[tuple[str, str], Binding] = {}

    def open(self, root: str, creds: Creds = None, options: Mapping[str, Any] | None = None, *, write: bool) -> Storage:
        """The storage of a dataset.

        Args:
            root: A folder, or the URL of one.
            creds: What the user gave; None: the binding with the longest prefix, else what the service finds.
            options: Options of the storage.
            write: Whether it is to be written to.

        Raises:
            UsageError, ScopeError, PluginError: it cannot be.
        """
        root = registry().normalize(root)
        return self._opened(root, root, creds, options, "write" if write else "read")

    def locate(self, url: str, creds: Creds = None, options: Mapping[str, Any] | None = None) -> tuple[Storage, str]:
        """The storage of one file, and its key in there. Nothing is read. As `open`."""
        url = registry().normalize(url)
        kind, _ = registry().storage_for(url)
        root, key = kind.locate(url)
        return self._opened(root, url, creds, options, "read"), key

    def follow(self, url: str, name: str | None, names: Names) -> tuple[Storage, str]:
        """The storage of what a link names, and its key in there. Nothing is read.

        Args:
            url: URL of the file.
            name: Of the credentials; None: nobody's; "ENV": what the service's own tools find.
            names: Names of the dataset that the link is in.

        Raises:
            UsageError: nothing is bound to that name.
            ScopeError: what is bound to it is not for that URL.
            LinkRefusedError: it may not be followed.
            PluginError: no installed plugin reads such URLs.
        """
        url = registry().normalize(url)
        kind, spec = registry().storage_for(url)
        root, key = kind.locate(url)
        options = _guarded(url, kind, spec)
        if name is None:
            return registry().open_storage(root, options={**options, **spec.nobody}), key
        if name == ENVIRONMENT:
            _check_chain(url, spec)
            return registry().open_storage(root, options=options), key
        now = names.now(name)
        self._check(self.bound(now, names), url, spec)
        again = (_follow, (url, name, names))
        return self._renewing(root, url, options, partial(self.bound, now, names), "read", again), key

    def populate(self, names: Names, name: str, provider: CredentialProvider, prefixes: tuple[str, ...]) -> None:
        """Bind a name of one dataset in this process."""
        self._populated[names.dataset, name] = _binding(name, provider, prefixes)

    def bound(self, name: str, names: Names | None = None) -> Binding:
        """What a name stands for: what was populated, else what is configured.

        Raises:
            UsageError: nothing.
        """
        if names is not None and (found := self._populated.get((names.dataset, name))):
            return found
        if name in self.configured:
            return self._look_up(name)
        if names is None:  # the text may be a secret that was meant for another place: it is not shown
            known = ", ".join(sorted(self.configured)) or "none"
            raise UsageError(
                f"creds is a text, and the name of no credentials that are configured: {known}.",
                'Give a dict such as {"aws_access_key_id": …}, or configure a table [credentials.<name>].',
            )
        if name in names.managed:
            raise UsageError(
                f"{name!r} is a managed key, and no server of credentials is configured for it.",
                f'Add [credentials.{name}] with provider = "{MANAGED}", server and prefixes to your configuration; or '
                f"ds.populate_creds({name!r}, …).",
            )
        raise UsageError(
            f"No credentials are known by the name {name!r}.",
            f"ds.populate_creds({name!r}, …) binds it here, a table [credentials.{name}] of your configuration "
            "everywhere.",
        )

    def close(self) -> None:
        """Let the providers go."""
        for binding in (*self._bindings.values(), *self._populated.values()):
            binding.lease.close()

    def _look_up(self, name: str) -> Binding:
        if name not in self._bindings:
            found = self.configured[name]
            provider = found.made(registry().credentials.load(found.provider))
            self._bindings.setdefault(name, _binding(name, provider, found.prefixes))
        return self._bindings[name]

    def _opened(self, root: str, url: str, creds: Creds, options: Mapping[str, Any] | None, action: Action) -> Storage:
        creds = self._longest(url) if creds is None else creds
        if creds is None:
            return registry().open_storage(root, options=options)
        _, spec = registry().storage_for(url)
        if creds == ENVIRONMENT:
            _check_chain(url, spec)
            return registry().open_storage(root, options=options)
        if isinstance(creds, str):
            self._check(self.bound(creds), url, spec)
            again = (_opened, (root, url, creds, options, action))
            return self._renewing(root, url, options, partial(self.bound, creds), action, again)
        if isinstance(creds, CredentialProvider):
            mine = _binding(creds.name, creds, ())
            return self._renewing(root, url, options, lambda: mine, action, (_refuse, ()))
        return registry().open_storage(root, options=options, credentials=_given(creds))

    def _longest(self, url: str) -> str | None:
        """The configured name with the longest prefix of a URL."""
        found = [
            (len(prefix), name)
            for name, one in self.configured.items()
            for prefix in one.prefixes
            if is_within(url, _spell((prefix,)))
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

    def _renewing(
        self,
        root: str,
        url: str,
        options: Mapping[str, Any] | None,
        bound: Callable[[], Binding],
        action: Action,
        again: tuple[Callable[..., Storage], tuple[Any, ...]],
    ) -> Storage:
        kind, spec = registry().storage_for(root)
        options = registry().options_of(spec, options)
        return RenewingStorage(kind, root, url, options, lambda: bound().lease, action, again)


def _binding(name: str, provider: CredentialProvider, prefixes: tuple[str, ...]) -> Binding:
    prefixes = _spell(prefixes)
    return Binding(name, prefixes, Lease(name, provider, prefixes))


def _spell(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """Prefixes in every scheme of their service: ``gs://`` and ``gcs://`` are one."""
    services = [spec.schemes for spec in registry().storages.specs() if spec.one_service]
    found = []
    for prefix in prefixes:
        named, _, place = prefix.partition("://")
        schemes = next((service for service in services if named in service), (named,))
        found += [f"{scheme}://{place}" for scheme in schemes]
    return tuple(found)


def _guarded(url: str, kind: type[Storage], spec: StorageSpec) -> dict[str, Any]:
    """Options that keep a storage to the addresses that links may reach."""
    allowed = settings().security.network
    if allowed == "any" or spec.one_service or not kind.distant:
        return {}
    if not spec.guard:
        raise LinkRefusedError(
            f"{redacted(url)}: the storage {spec.name!r} cannot be kept to some addresses, as [security] network asks.",
            'Set network = "any" in your own configuration if you trust the dataset.',
        )
    return {spec.guard: allowed if isinstance(allowed, str) else ",".join(allowed)}


def _check_chain(url: str, spec: StorageSpec) -> None:
    if not spec.nobody:
        raise UsageError(
            f'"ENV" is not for {redacted(url)}: its service finds no credentials by itself.',
            "Leave it out, or name credentials.",
        )


def _given(creds: object) -> Credentials:
    if isinstance(creds, Credentials):
        return creds
    if not hasattr(creds, "items"):
        raise UsageError(
            "creds is not a mapping.",
            'Give a dict such as {"aws_access_key_id": …}, a name, "ENV" or None.',
        )
    return Credentials(cast("Mapping[str, Any]", creds))


def _opened(root: str, url: str, creds: str, options: Mapping[str, Any] | None, action: Action) -> Storage:
    return resolver()._opened(root, url, creds, options, action)


def _follow(url: str, name: str, names: Names) -> Storage:
    return resolver().follow(url, name, names)[0]


def _refuse() -> Storage:
    raise UsageError("A provider that was given as an argument is not sent to another process.", "Configure it.")


def _made() -> Resolver:
    made = Resolver()
    atexit.register(made.close)
    return made


_resolver = Once(_made)


def resolver() -> Resolver:
    """The resolver of this process.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return _resolver()


def reset() -> None:
    """Forget what was populated, and read the configuration again; for tests and notebooks."""
    _resolver.forget()
