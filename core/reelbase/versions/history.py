"""``ds.history``: what can be done with versions beyond commit, log, checkout, merge and diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from reelbase.errors import VersionNotFoundError
from reelbase.session.session import Session
from reelbase.versions import actions
from reelbase.versions.ancestry import Lineage
from reelbase.versions.version import Version, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

D = TypeVar("D")


class History(Generic[D]):
    """Versions, branches and tags of a dataset. Made by ``ds.history``.

    A *ref* names a version: a branch (its newest), a tag, ``"main@12"``, the start of a commit's id (8 digits or more),
    or a `Version`.
    """

    def __init__(self, session: Session, dataset: Callable[[Session], D]) -> None:
        self._session = session
        self._dataset = dataset

    @property
    def current(self) -> Version:
        """The version that the dataset is at.

        Raises:
            VersionNotFoundError: nothing was ever written to it.
        """
        header = self._session.commit.header
        if not header.id:
            raise VersionNotFoundError("The dataset has no version yet.", "Add a tensor, or ds.commit(message).")
        return version_of(header)

    @property
    def branch(self) -> str:
        """The branch that the dataset is on, or that its version belongs to."""
        return self._session.commit.branch

    @property
    def tags(self) -> dict[str, str]:
        """By name of each tag, the ref that it stands for."""
        return {name: str(place) for name, place in self._lineage.refs.tags().items()}

    def at(self, ref: str | Version) -> D:
        """Another dataset object that is at a version, read-only; this one stays where it is.

        Raises:
            VersionNotFoundError, VersionExpiredError: there is no such version, or its data are gone.
        """
        commit = self._lineage.find(ref)
        return self._dataset(Session(self._lineage.log(commit.branch), commit, read_only=True))

    def create_branch(self, name: str, ref: str | Version | None = None) -> Version:
        """Make a branch that starts where the dataset stands, or at `ref`. Nothing is copied, and nobody moves to it.

        Args:
            name: a-z, 0-9, ".", "_" and "-", 64 characters at most. A name is never free again.
            ref: Where it starts.

        Returns:
            The branch's first version.

        Raises:
            VersionExistsError: a branch or tag of that name is there.
            VersionNotFoundError, VersionExpiredError: `ref` cannot be built on.
            UsageError: it is not a name.
            ReadOnlyError: the dataset cannot be written.
        """
        return actions.create_branch(self._session, name, ref)

    def tag(self, name: str, ref: str | Version | None = None) -> None:
        """Give the version where the dataset stands, or `ref`, a name; a tagged version does not expire.

        Raises:
            VersionExistsError: a branch or tag of that name is there.
            VersionNotFoundError, VersionExpiredError: `ref` cannot be named.
        """
        with self._session.uploading():
            commit = self._session.commit if ref is None else self._lineage.find(ref)
            if not commit.header.id:
                raise VersionNotFoundError("The dataset has no version yet.", "Add a tensor, or ds.commit(message).")
            self._session.log.check_alive()
            self._lineage.refs.tag(name, commit.header.place)

    def untag(self, name: str) -> None:
        """Remove a tag; the version stays until it expires.

        Raises:
            VersionNotFoundError: there is no such tag.
        """
        self._session.check_writable()
        if self._lineage.refs.find_tag(name) is None:
            raise VersionNotFoundError(f"There is no tag {name!r}.", f"There are: {', '.join(self.tags) or 'none'}.")
        self._lineage.refs.untag(name)

    def revert(self, ref: str | Version, message: str | None = None) -> Version:
        """Make the dataset what it was at an earlier version of its branch, in a new commit. Nothing is lost.

        Args:
            ref: The version.
            message: By default it names `ref`.

        Returns:
            The new version.

        Raises:
            UsageError: the branch does not build on `ref`.
            VersionNotFoundError, VersionExpiredError: there is no such version, or its data are gone.
        """
        return actions.revert(self._session, ref, message)

    @property
    def _lineage(self) -> Lineage:
        return Lineage(self._session.log)
