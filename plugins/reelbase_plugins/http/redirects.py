"""Follow a server to another place: not far, not out of https, and without what was meant for that server alone."""

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
    """The way of one request.

    Args:
        address: Where it starts.
        login: Who asks.

    Attributes:
        address: Where it is now.
        at_home: It never left the server that it started at, nor what the credentials are for; else they are not sent.
    """

    def __init__(self, address: Address, login: Login) -> None:
        self.address = address
        self.at_home = login.covers(address)
        self._login = login
        self._start = address
        self._left = MAX_REDIRECTS

    def follow(self, reply: Reply) -> bool:
        """Go where a reply sends us; False: it does not.

        Raises:
            ObjectNotFoundError: to a folder's list.
            BadReplyError: nowhere, on for ever, or out of https.
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
            return self.address.joined(reply.header("Location") or "")  # in no local: it may hold the query again
        except (UsageError, ValueError):
            raise BadReplyError(f"{self._start} redirects to what is not a web address.", "Check the URL.") from None

    def _check(self, target: Address) -> None:
        if target.origin == self.address.origin and target.path == f"{self.address.path}/":
            raise ObjectNotFoundError(f"No file {self._start}: it is a folder.", "Name a file in it.")
        if self.address.scheme == "https" and target.scheme == "http":
            raise BadReplyError(
                f"{self._start} redirects out of https, to {target}.", "Use that URL itself if you trust the way there."
            )
        if not self._left:
            raise BadReplyError(
                f"{self._start} redirects more than {MAX_REDIRECTS} times.", "Check the URL and the server."
            )
