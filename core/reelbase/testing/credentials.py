"""Does a credential provider keep the contract of `reelbase.plugin.CredentialProvider`?"""

# ruff: noqa: D102 - the names of tests and their messages say what they test

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
    """A provider, and what is right.

    Attributes:
        provider: One that has credentials.
        url: That they are for.
        fields: Names of the fields that it gives.
        secrets: Texts that must show nowhere.
        broken: One that has none.
        gone: Takes away what `provider` reads from; None: it holds them itself.
    """

    provider: CredentialProvider
    url: str
    fields: frozenset[str]
    secrets: tuple[str, ...]
    broken: CredentialProvider
    gone: Callable[[], object] | None = None


class CredentialProviderTests:
    """Subclass it and give a fixture `case`: a `CredentialProviderCase`, a new one for each test."""

    @pytest.fixture
    def case(self) -> CredentialProviderCase:
        """A provider to test."""
        raise NotImplementedError("give a fixture `case` that returns a CredentialProviderCase")

    def test_it_gives_credentials(self, case: CredentialProviderCase) -> None:
        given = case.provider.get(_request(case))
        assert isinstance(given, Credentials)
        assert set(given) == case.fields
        assert any(secret in str(dict(given)) for secret in case.secrets), "the case names no secret that is in there"

    def test_what_it_gives_holds(self, case: CredentialProviderCase) -> None:
        assert not case.provider.get(_request(case)).stale

    def test_it_gives_them_again(self, case: CredentialProviderCase) -> None:
        case.provider.get(_request(case))
        assert set(case.provider.get(_request(case, force=True))) == case.fields

    def test_it_works_after_it_was_told_to_forget(self, case: CredentialProviderCase) -> None:
        case.provider.get(_request(case))
        case.provider.invalidate("a name")
        assert set(case.provider.get(_request(case))) == case.fields

    def test_what_it_does_not_have_is_an_error(self, case: CredentialProviderCase) -> None:
        with pytest.raises(AccessDeniedError) as caught:
            case.broken.get(_request(case))
        assert "\n" in str(caught.value), "a message says what failed, and on its second line what to do"
        assert not _shown(case, str(caught.value))
        assert caught.value.__cause__ is None, "what it was caused by may hold secrets"
        assert caught.value.__context__ is None or caught.value.__suppress_context__

    def test_what_is_gone_is_an_error(self, case: CredentialProviderCase) -> None:
        if case.gone is None:
            return
        case.provider.get(_request(case))
        case.gone()
        case.provider.invalidate("a name")
        with pytest.raises(AccessDeniedError):
            case.provider.get(_request(case, force=True))

    def test_nothing_secret_is_shown(self, case: CredentialProviderCase) -> None:
        given = case.provider.get(_request(case))
        assert not _shown(case, f"{case.provider!r} {case.provider} {given!r} {given}")

    def test_nothing_secret_travels(self, case: CredentialProviderCase) -> None:
        given = case.provider.get(_request(case))
        with pytest.raises(Exception, match="not sent to another process"):
            pickle.dumps(given)

    def test_it_can_be_closed(self, case: CredentialProviderCase) -> None:
        case.provider.get(_request(case))
        case.provider.close()


def _request(case: CredentialProviderCase, *, force: bool = False) -> CredentialRequest:
    return CredentialRequest(name="a name", url=case.url, action="read", force=force)


def _shown(case: CredentialProviderCase, text: str) -> list[str]:
    return [secret for secret in case.secrets if secret in text]
