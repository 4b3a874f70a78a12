"""Doors before services that take everybody: they look at the token of each request."""

from __future__ import annotations

import base64
import time
from typing import Any

from faulty_proxy import Answer


class Front:
    """Lets through who has a token that holds.

    Attributes:
        tokens: Until when each holds, by the monotonic clock.
        seen: The tokens that came, in order; None: none did.
    """

    def __init__(self, *tokens: str) -> None:
        self.tokens = dict.fromkeys(tokens, float("inf"))
        self.seen: list[str | None] = []

    def answer(self, handler: Any) -> Answer | None:
        """A refusal, or None."""
        token = self.token_of(handler.headers)
        self.seen.append(token)
        if token in self.tokens and time.monotonic() < self.tokens[token]:
            return None
        return self.expired() if token in self.tokens else self.denied()

    def heard(self, handler: Any, answer: Answer) -> None:
        """What the service answered is of no interest."""

    def end(self, token: str) -> None:
        """It holds no longer."""
        self.tokens[token] = 0.0

    def token_of(self, headers: Any) -> str | None:
        """The bearer token."""
        kind, _, token = (headers.get("Authorization") or "").partition(" ")
        return token if kind == "Bearer" else None

    def expired(self) -> Answer:
        return 401, [("WWW-Authenticate", 'Bearer error="invalid_token"')], b'{"error": {"code": 401}}'

    def denied(self) -> Answer:
        return 401, [("WWW-Authenticate", "Bearer")], b'{"error": {"code": 401}}'


class SessionTokens(Front):
    """Of S3: what STS gives goes with every request (Amazon S3, "Authenticating requests")."""

    def token_of(self, headers: Any) -> str | None:
        return headers.get("X-Amz-Security-Token")

    def expired(self) -> Answer:
        return 400, [("Content-Type", "application/xml")], b"<Error><Code>ExpiredToken</Code></Error>"

    def denied(self) -> Answer:
        return 403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>"


class Passwords(Front):
    """HTTP's basic authentication (RFC 7617); a token is ``user:password``."""

    def token_of(self, headers: Any) -> str | None:
        kind, _, token = (headers.get("Authorization") or "").partition(" ")
        return base64.b64decode(token).decode() if kind == "Basic" else None
