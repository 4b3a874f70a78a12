"""Tests of the contract of `reelbase.plugin.CredentialProvider`."""

# ruff: noqa: D102 - names and messages of the tests are their documentation

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from reelbase.contracts.credentials import CredentialRequest, Credentials
from reelbase.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.contracts.credentials import CredentialProvider

__all__ = ["CredentialProviderCase", "CredentialProviderTests"]


@dataclass(frozen=True, kw_only=True)
class CredentialProviderCase:
    """A provider to test, and what it must return.

    Attributes:
        provider: Provider that has credentials.
        url: URL that the credentials are for.
        fields: Names of the fields that the provider returns.
        secrets: Texts that must not be in any message or repr.
        broken: Provider that has no credentials.
        gone: Removes the source that `provider` reads from; None if it has no such source.
    """

    provider: CredentialProvider
    url: str
    fields: frozenset[str]
    secrets: tuple[str, ...]
    broken: CredentialProvider
    gone: Callable[[], object] | None = None


class CredentialProviderTests:
    """Tests of a provider. Subclass this and define a fixture `case` that returns a new `CredentialProviderCase`."""

    @pytest.fixture
    def case(self) -> CredentialProviderCase:
        """The provider to test."""
        raise NotImplementedError("define a fixture `case` that returns a CredentialProviderCase")

    def test_it_gives_credentials(self, case: CredentialProviderCase) -> None:
        credentials = case.provider.get(_make_request(case))
        assert isinstance(credentials, Credentials)
        assert set(credentials) == case.fields
        assert any(secret in str(dict(credentials)) for secret in case.secrets), (
            "the credentials contain none of the case's secrets"
        )

    def test_what_it_gives_holds(self, case: CredentialProviderCase) -> None:
        assert not case.provider.get(_make_request(case)).stale

    def test_it_gives_them_again(self, case: CredentialProviderCase) -> None:
        case.provider.get(_make_request(case))
        assert set(case.provider.get(_make_request(case, force=True))) == case.fields

    def test_it_works_after_it_was_told_to_forget(self, case: CredentialProviderCase) -> None:
        case.provider.get(_make_request(case))
        case.provider.invalidate("a name")
        assert set(case.provider.get(_make_request(case))) == case.fields

    def test_what_it_does_not_have_is_an_error(self, case: CredentialProviderCase) -> None:
        with pytest.raises(AccessDeniedError) as caught:
            case.broken.get(_make_request(case))
        assert "\n" in str(caught.value), "the first line of a message says what failed, the second what to do"
        assert not _find_secrets(case, str(caught.value))
        assert caught.value.__cause__ is None, "the chained exception may contain secrets"
        assert caught.value.__context__ is None or caught.value.__suppress_context__

    def test_what_is_gone_is_an_error(self, case: CredentialProviderCase) -> None:
        if case.gone is None:
            return
        case.provider.get(_make_request(case))
        case.gone()
        case.provider.invalidate("a name")
        with pytest.raises(AccessDeniedError):
            case.provider.get(_make_request(case, force=True))

    def test_nothing_secret_is_shown(self, case: CredentialProviderCase) -> None:
        credentials = case.provider.get(_make_request(case))
        assert not _find_secrets(case, f"{case.provider!r} {case.provider} {credentials!r} {credentials}")

    def test_nothing_secret_travels(self, case: CredentialProviderCase) -> None:
        credentials = case.provider.get(_make_request(case))
        with pytest.raises(Exception, match="not sent to another process"):
            pickle.dumps(credentials)

    def test_it_can_be_closed(self, case: CredentialProviderCase) -> None:
        case.provider.get(_make_request(case))
        case.provider.close()


def _make_request(case: CredentialProviderCase, *, force: bool = False) -> CredentialRequest:
    return CredentialRequest(name="a name", url=case.url, action="read", force=force)


def _find_secrets(case: CredentialProviderCase, text: str) -> list[str]:
    return [secret for secret in case.secrets if secret in text]
