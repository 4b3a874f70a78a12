"""Redirects: at most five, never from https to http, and without credentials on other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reelbase.errors import BadReplyError, ObjectNotFoundError, UsageError

if TYPE_CHECKING:
    from reelbase_plugins.http.address import Address
    from reelbase_plugins.http.login import Login
    from reelbase_plugins.http.replies import Reply

MAX_REDIRECTS: Final = 5
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class Hops:
    """The redirects of one request.

    Args:
        address: Address of the first request.
        login: Credentials of the first server.

    Attributes:
        address: Address of the next request.
        at_home: Whether credentials may be sent. Once a redirect has left the first server or the scope of the
            credentials, this stays False.
    """

    def __init__(self, address: Address, login: Login) -> None:
        self.address = address
        self.at_home = login.covers(address)
        self._login = login
        self._start = address
        self._left = MAX_REDIRECTS

    def follow(self, reply: Reply) -> bool:
        """Follow the redirect of a reply. Return False if the reply is not a redirect.

        Raises:
            ObjectNotFoundError: it redirects to the list of a folder.
            BadReplyError: it redirects to an invalid address, too often, or from https to http.
        """
        if reply.status not in _MOVED or reply.header("Location") is None:
            return False
        target = self._join(reply)
        self._check(target)
        self._left -= 1
        self.at_home = self.at_home and target.origin == self._start.origin and self._login.covers(target)
        self.address = target
        return True

    def _join(self, reply: Reply) -> Address:
        try:
            # Not kept in a local variable: the header may repeat the secret query, and tracebacks can show locals.
            return self.address.resolve(reply.header("Location") or "")
        except (UsageError, ValueError):
            raise BadReplyError(f"{self._start} redirects to an invalid web address.", "Check the URL.") from None

    def _check(self, target: Address) -> None:
        # Web servers redirect the address of a folder to the same address with a slash.
        if target.origin == self.address.origin and target.path == f"{self.address.path}/":
            raise ObjectNotFoundError(f"{self._start} is a folder, not a file.", "Pass the URL of a file in it.")
        if self.address.scheme == "https" and target.scheme == "http":
            raise BadReplyError(
                f"{self._start} redirects from https to {target}.",
                "Pass that URL instead if you trust the connection.",
            )
        if not self._left:
            raise BadReplyError(
                f"{self._start} redirects more than {MAX_REDIRECTS} times.", "Check the URL and the server."
            )
