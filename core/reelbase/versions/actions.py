"""What users can do with versions, as functions of the session of their dataset."""

from __future__ import annotations

import sys
import time
import uuid
from itertools import islice
from typing import TYPE_CHECKING

from reelbase.contracts.htype import brief
from reelbase.errors import CommitConflictError, UsageError, VersionExistsError
from reelbase.format import commit as commits
from reelbase.format.draft import Draft
from reelbase.format.footprint import Footprint
from reelbase.format.header import Header
from reelbase.format.log import current_author, parent_of
from reelbase.format.ops import Revert
from reelbase.samples.pairing import find_mismatches
from reelbase.versions import diff as diffs
from reelbase.versions import merge as merges
from reelbase.versions.ancestry import Lineage
from reelbase.versions.version import Version, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelbase.format.commit import Commit
    from reelbase.session.session import Session
    from reelbase.versions.diff import Diff

_MAX_ATTEMPTS = 50


def commit(session: Session, message: str) -> Version:
    """Write a named version, even if nothing changed."""
    if not isinstance(message, str) or not message.strip():
        raise UsageError(
            f"{brief(message)} is not a message.", "Pass a text that describes the version: ds.commit('first labels')."
        )
    with session.writing():
        session.commit = session.log.commit(Draft(session.store, session.commit), message)
        return version_of(session.commit.header)


def log(session: Session, *, every: bool, limit: int | None) -> list[Version]:
    """Return the versions up to the one that the session is at, newest first.

    Args:
        session: The session of the dataset.
        every: True for all versions, False for named ones only.
        limit: Number of versions at most, or None for no limit.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= sys.maxsize):
        raise UsageError(f"limit={brief(limit)} is not a number of versions.", "Pass an int of 0 or more, or None.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= sys.maxsize):
        raise UsageError(f"limit={brief(limit)} is not a number of versions.", "Pass an int of 0 or more, or None.")
    header = session.commit.header
    if not header.id:
        return []
    lineage = Lineage(session.log)
    found = lineage.iter_ancestors(header) if every else lineage.iter_named(header)
    return [version_of(found_header) for found_header in islice(found, limit)]


def checkout(session: Session, ref: str | Version) -> None:
    """Switch the session to a branch or, read-only, to a version."""
    with session.moving():
        session.move(*Lineage(session.log).find_start(ref))


def create_branch(session: Session, name: str, ref: str | Version | None) -> Version:
    """Create a branch that starts at `ref`, or with None at the version that the session is at.

    First a mark is written that names the version where the branch starts, so that gc keeps it. The branch exists once
    its first commit is claimed.
    """
    with session.uploading():
        lineage = Lineage(session.log)
        source = session.commit if ref is None else lineage.find(ref)
        session.log.check_alive()
        lineage.refs.mark_branch(name, source.header.place)
        header = Header(
            dataset=session.log.uid,
            id=uuid.uuid4().hex,
            branch=name,
            seq=0,
            **parent_of(source),
            time=time.time(),
            author=current_author(),
            named=source.header.last_named,
            # All that the source builds on. -1, of a dataset without commits, is left out.
            includes={branch: seq for branch, seq in source.header.reach.items() if seq >= 0},
        )
        first = commits.encode(session.store, header, source.state.fork(source.branch))
        if not lineage.log(name).claim(first):
            raise VersionExistsError(f"There is a branch {name!r} already.", "Another writer has just created it.")
        return version_of(first.header)


def merge(session: Session, ref: str | Version, message: str | None) -> Version:
    """Apply what another branch did since the two branches last met. Return the version that this results in."""
    lineage = Lineage(session.log)
    theirs = lineage.find(ref)

    def draft(ours: Commit) -> Draft | None:
        if theirs.seq <= ours.header.reach.get(theirs.branch, -1):
            return None  # merged already
        # The result refers to data of that version, which gc may be about to delete if it has expired.
        lineage.refs.check_kept(theirs.header.place)
        merged = merges.merge(lineage, session.store, ours, theirs)
        _check_pairs(session, merged)
        return merged

    return _commit_as_next(session, draft, message or f"Merge {ref}", theirs.header)


def _check_pairs(session: Session, merged: Draft) -> None:
    """Check that a merge brought no samples of paired tensors into one row that do not belong together.

    Raises:
        CommitConflictError: a tensor has another number of items than its video has frames.
    """
    for mismatch in find_mismatches(session.store, merged.state, merged.footprint.written):
        raise CommitConflictError(
            mismatch.describe(merged.state),
            "The branches wrote the two samples apart from each other. Write them to one branch, and delete them in "
            "the other, before you merge.",
        )


def revert(session: Session, ref: str | Version, message: str | None) -> Version:
    """Go back to the state of an earlier version, in a new commit."""
    lineage = Lineage(session.log)
    old = lineage.find(ref)

    def draft(now: Commit) -> Draft:
        lineage.refs.check_kept(old.header.place)
        reverting = Draft(session.store, now)
        reverting.do(Revert(old.state, _collect_footprint(lineage, old.header, now.header)))
        return reverting

    return _commit_as_next(session, draft, message or f"Revert to {old.header.place}", None)


def diff(session: Session, a: str | Version, b: str | Version | None) -> Diff:
    """Return the differences of `b` compared with `a`. None for `b` means the version that the session is at."""
    lineage = Lineage(session.log)
    return diffs.diff(lineage, session.store, lineage.find(a), session.commit if b is None else lineage.find(b))


def _commit_as_next(
    session: Session, draft: Callable[[Commit], Draft | None], message: str, merged: Header | None
) -> Version:
    """Commit a draft directly after the commit that it was prepared on.

    Merges and reverts depend on everything in that commit. So if another writer is first, the draft is not rebased but
    prepared again from the newest commit (decision 17).

    Args:
        session: The session of the dataset.
        draft: Prepares the draft. It returns None if there is nothing to do.
        message: Message of the new version.
        merged: Header of the commit that the draft merges, or None.
    """
    with session.writing():
        for is_last in (False,) * (_MAX_ATTEMPTS - 1) + (True,):
            session.commit = session.log.find_newest(session.commit)
            prepared = draft(session.commit)
            if prepared is None:
                break
            try:
                session.commit = session.log.commit(prepared, message, merged=merged, alone=True)
                break
            except CommitConflictError:
                if is_last:
                    raise
        return version_of(session.commit.header)


def _collect_footprint(lineage: Lineage, old: Header, new: Header) -> Footprint:
    """Return what was touched by the commits after `old`, up to `new`.

    Raises:
        UsageError: `new` does not build on `old`.
    """
    touched: list[Footprint] = []
    for header in lineage.iter_ancestors(new):
        if header.place == old.place:
            return Footprint.unite(touched)
        touched.append(header.touched)
    raise UsageError(f"Branch {new.branch!r} does not build on {old.place}.", "Choose a version from ds.log(all=True).")
