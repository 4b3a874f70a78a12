"""Credentials are got once, in time, and again when they are refused."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from reelbase.credentials import leases
from reelbase.credentials.leases import Lease
from reelbase.errors import AccessDeniedError, CredentialsExpiredError
from reelbase.plugin import CredentialProvider, CredentialRequest, Credentials

URL = "s3://bucket/a.mp4"


class Counting(CredentialProvider):
    """A new token each time; `life` seconds long."""

    def __init__(self, life: float | None = None, wait: float = 0.0) -> None:
        super().__init__("counting", {})
        self.asked: list[CredentialRequest] = []
        self.forgotten = 0
        self._life = life
        self._gate = threading.Event()
        self._wait = wait

    def get(self, request: CredentialRequest) -> Credentials:
        self.asked.append(request)
        self._gate.wait(self._wait)
        ends = None if self._life is None else datetime.now(UTC) + timedelta(seconds=self._life)
        return Credentials({"token": f"token-{len(self.asked)}"}, expires_at=ends)

    def invalidate(self, name: str) -> None:
        self.forgotten += 1


def test_sixteen_threads_ask_once() -> None:
    provider = Counting(wait=0.2)
    lease, found = Lease("x", provider), []
    start = threading.Barrier(16)

    def ask() -> None:
        start.wait()
        found.append(lease.get_current(URL, "read"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(provider.asked) == 1
    assert len({id(one) for one in found}) == 1


def test_sixteen_threads_that_are_refused_get_new_ones_once() -> None:
    provider = Counting()
    lease = Lease("x", provider)
    held, answers = lease.get_current(URL, "read"), []
    start = threading.Barrier(16)

    def refused() -> None:
        start.wait()
        answers.append(lease.replace_refused(held, CredentialsExpiredError("x", "y"), URL, "read"))

    threads = [threading.Thread(target=refused) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [True] * 16
    assert [one.force for one in provider.asked] == [False, True]
    assert provider.forgotten == 1


def test_what_holds_is_kept() -> None:
    provider = Counting(life=3600)
    lease = Lease("x", provider)
    assert lease.get_current(URL, "read") is lease.get_current("s3://bucket/b.mp4", "read")
    assert len(provider.asked) == 1


def test_what_ends_is_replaced_before_it_ends() -> None:
    provider = Counting(life=0.4)
    lease = Lease("x", provider)
    first = lease.get_current(URL, "read")
    threading.Event().wait(0.25)  # more than half of it, and not all
    assert datetime.now(UTC) < first.expires_at  # type: ignore[operator]
    assert lease.get_current(URL, "read")["token"] == "token-2"


def test_reading_and_writing_are_asked_for_apart() -> None:
    provider = Counting()
    lease = Lease("x", provider)
    lease.get_current(URL, "read")
    lease.get_current(URL, "write")
    assert [one.action for one in provider.asked] == ["read", "write"]


def test_the_same_again_is_no_reason_to_ask_the_service_again() -> None:
    class Stubborn(Counting):
        def get(self, request: CredentialRequest) -> Credentials:
            super().get(request)
            return Credentials({"token": "always"})

    lease = Lease("x", Stubborn())
    held = lease.get_current(URL, "read")
    assert not lease.replace_refused(held, CredentialsExpiredError("x", "y"), URL, "read")


def test_a_plain_refusal_of_new_credentials_asks_nobody() -> None:
    provider = Counting(life=3600)
    lease = Lease("x", provider)
    held = lease.get_current(URL, "read")
    assert not lease.replace_refused(held, AccessDeniedError("x", "y"), URL, "read")
    assert len(provider.asked) == 1


def test_a_plain_refusal_of_old_ones_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Web servers say the same to a token that has ended and to one that never was."""
    monkeypatch.setattr(leases, "MIN_AGE_TO_RENEW_REFUSED", timedelta(0))
    provider = Counting(life=3600)
    lease = Lease("x", provider)
    held = lease.get_current(URL, "read")
    assert lease.replace_refused(held, AccessDeniedError("x", "y"), URL, "read")
    assert [one.force for one in provider.asked] == [False, True]


def test_what_is_for_other_urls_is_not_used() -> None:
    class LinkedItems(CredentialProvider):
        def get(self, request: CredentialRequest) -> Credentials:
            return Credentials({"token": "c4nary"}, prefixes=("s3://other",))

    with pytest.raises(AccessDeniedError, match="that are not for") as caught:
        Lease("x", LinkedItems("x", {})).get_current(URL, "read")
    assert "c4nary" not in str(caught.value)


def test_each_prefix_has_its_own() -> None:
    class Vending(Counting):
        def get(self, request: CredentialRequest) -> Credentials:
            super().get(request)
            bucket = "/".join(request.url.split("/")[:3])
            return Credentials({"token": bucket}, prefixes=(bucket,))

    provider = Vending()
    lease = Lease("x", provider)
    for _ in range(3):
        assert lease.get_current("s3://one/a.mp4", "read")["token"] == "s3://one"
        assert lease.get_current("s3://two/a.mp4", "read")["token"] == "s3://two"
    assert len(provider.asked) == 2


@pytest.mark.parametrize("raised", [RuntimeError("c4nary"), KeyError("c4nary"), OSError("c4nary")])
def test_what_a_provider_raises(raised: Exception) -> None:
    class Broken(CredentialProvider):
        def get(self, request: CredentialRequest) -> Credentials:
            raise raised

    with pytest.raises(AccessDeniedError, match=type(raised).__name__) as caught:
        Lease("x", Broken("x", {})).get_current(URL, "read")
    assert "c4nary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_a_provider_gives_that_is_none() -> None:
    class Wrong(CredentialProvider):
        def get(self, request: CredentialRequest) -> Credentials:
            return {"token": "c4nary"}  # type: ignore[return-value]

    with pytest.raises(AccessDeniedError, match="returned a dict, not Credentials"):
        Lease("x", Wrong("x", {})).get_current(URL, "read")
