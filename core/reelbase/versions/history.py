"""``ds.history``: branches, tags, reverts, and reading other versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from reelbase.errors import VersionNotFoundError
from reelbase.sealed import Sealed
from reelbase.session.session import Session
from reelbase.versions import actions
from reelbase.versions.ancestry import Lineage
from reelbase.versions.version import Version, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

D = TypeVar("D")


class History(Sealed, Generic[D]):
    """Versions, branches and tags of a dataset. ``ds.history`` returns it.

    A *ref* names a version. It can be the name of a branch (its newest version), a tag, ``"main@12"``, a commit id or
    its first 8 or more digits, or a `Version`.
    """

    def __init__(self, session: Session, dataset: Callable[[Session], D]) -> None:
        self._session = session
        self._dataset = dataset

    @property
    def current(self) -> Version:
        """The version that the dataset is at.

        Raises:
            VersionNotFoundError: nothing was ever written to the dataset.
        """
        header = self._session.commit.header
        if not header.id:
            raise VersionNotFoundError("The dataset has no version yet.", "Add a tensor, or ds.commit(message).")
        return version_of(header)

    @property
    def branch(self) -> str:
        """Name of the branch that the dataset is on, or that the version it is at belongs to."""
        return self._session.commit.branch

    @property
    def tags(self) -> dict[str, str]:
        """The refs that tags name, by name of the tag."""
        return {name: str(place) for name, place in self._lineage.refs.tags().items()}

    def at(self, ref: str | Version) -> D:
        """Return another, read-only dataset object at a version. This dataset stays where it is.

        Args:
            ref: The version.

        Raises:
            VersionNotFoundError: there is no such version.
            VersionExpiredError: the data of the version was deleted.
        """
        commit = self._lineage.find(ref)
        return self._dataset(Session(self._lineage.log(commit.branch), commit, read_only=True))

    def create_branch(self, name: str, ref: str | Version | None = None) -> Version:
        """Create a branch. No data is copied, and the dataset stays on its branch.

        Args:
            name: Up to 64 characters of a-z, 0-9, ".", "_" and "-". A name cannot be used a second time.
            ref: The version that the branch starts at. By default it is the one that the dataset is at.

        Returns:
            The first version of the branch.

        Raises:
            VersionExistsError: there is a branch or tag with this name.
            VersionNotFoundError: there is no version `ref`.
            VersionExpiredError: the version `ref` has expired.
            UsageError: `name` is not allowed as a name.
            ReadOnlyError: the dataset cannot be written.
        """
        return actions.create_branch(self._session, name, ref)

    def tag(self, name: str, ref: str | Version | None = None) -> None:
        """Give a version a name. A version with a tag does not expire.

        Args:
            name: Up to 64 characters of a-z, 0-9, ".", "_" and "-".
            ref: The version. By default it is the one that the dataset is at.

        Raises:
            VersionExistsError: there is a branch or tag with this name.
            VersionNotFoundError: there is no version `ref`.
            VersionExpiredError: the version `ref` has expired.
            UsageError: `name` is not allowed as a name.
            ReadOnlyError: the dataset cannot be written.
        """
        with self._session.uploading():
            commit = self._session.commit if ref is None else self._lineage.find(ref)
            if not commit.header.id:
                raise VersionNotFoundError("The dataset has no version yet.", "Add a tensor, or ds.commit(message).")
            self._session.log.check_alive()
            self._lineage.refs.tag(name, commit.header.place)

    def untag(self, name: str) -> None:
        """Remove a tag. The version itself stays until it expires.

        Args:
            name: Name of the tag.

        Raises:
            VersionNotFoundError: there is no such tag.
            ReadOnlyError: the dataset cannot be written.
        """
        self._session.check_writable()
        if self._lineage.refs.find_tag(name) is None:
            raise VersionNotFoundError(f"There is no tag {name!r}.", f"There are: {', '.join(self.tags) or 'none'}.")
        self._lineage.refs.untag(name)

    def revert(self, ref: str | Version, message: str | None = None) -> Version:
        """Return to the state of an earlier version of the branch, in a new commit. All versions since then are kept.

        Args:
            ref: The version.
            message: Message of the new version. By default it names `ref`.

        Returns:
            The new version.

        Raises:
            UsageError: the branch does not build on `ref`.
            VersionNotFoundError: there is no version `ref`.
            VersionExpiredError: the version `ref` has expired.
            ReadOnlyError: the dataset cannot be written.
        """
        return actions.revert(self._session, ref, message)

    @property
    def _lineage(self) -> Lineage:
        return Lineage(self._session.log)
