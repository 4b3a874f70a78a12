"""What users do with versions, on the session of their dataset."""

from __future__ import annotations

import time
import uuid
from itertools import islice
from typing import TYPE_CHECKING

from reelbase.errors import CommitConflictError, UsageError, VersionExistsError
from reelbase.format import commit as commits
from reelbase.format.draft import Draft
from reelbase.format.footprint import Footprint
from reelbase.format.header import Header
from reelbase.format.log import current_author
from reelbase.format.ops import Revert
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
    """Write a named commit, also when nothing changed."""
    if not isinstance(message, str) or not message.strip():
        raise UsageError(f"{message!r} says nothing.", "Give the version a message: ds.commit('first labels').")
    with session.writing():
        session.commit = session.log.commit(Draft(session.store, session.commit), message)
        return version_of(session.commit.header)


def log(session: Session, *, every: bool, limit: int | None) -> list[Version]:
    """The versions up to where the session stands, newest first; without `every` only the named ones."""
    header = session.commit.header
    if not header.id:
        return []
    lineage = Lineage(session.log)
    found = lineage.iter_ancestors(header) if every else lineage.iter_named(header)
    return [version_of(one) for one in islice(found, limit)]


def checkout(session: Session, ref: str | Version) -> None:
    """Go to a branch, or (read-only) to a version."""
    with session.moving():
        session.move(*Lineage(session.log).find_start(ref))


def create_branch(session: Session, name: str, ref: str | Version | None) -> Version:
    """Start a branch at `ref`, or where the session stands."""
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
            parent=source.header.place if source.header.id else None,
            time=time.time(),
            author=current_author(),
            named=source.header.last_named,
            includes={branch: seq for branch, seq in source.header.reach.items() if seq >= 0},
        )
        made = commits.encode(session.store, header, source.state.fork(source.branch))
        if not lineage.log(name).claim(made):
            raise VersionExistsError(f"There is a branch {name!r} already.", "Another writer made it just now.")
        return version_of(made.header)


def merge(session: Session, ref: str | Version, message: str | None) -> Version:
    """Do here what another branch did since the two last met."""
    lineage = Lineage(session.log)
    theirs = lineage.find(ref)

    def draft(ours: Commit) -> Draft | None:
        if theirs.seq <= ours.header.reach.get(theirs.branch, -1):
            return None
        lineage.refs.check_kept(theirs.header.place)
        return merges.merge(lineage, session.store, ours, theirs)

    return _commit_as_next(session, draft, message or f"Merge {ref}", theirs.header)


def revert(session: Session, ref: str | Version, message: str | None) -> Version:
    """Make the state that of an earlier version, in a new commit."""
    lineage = Lineage(session.log)
    old = lineage.find(ref)

    def draft(now: Commit) -> Draft:
        lineage.refs.check_kept(old.header.place)
        made = Draft(session.store, now)
        made.do(Revert(old.state, _collect_footprint(lineage, old.header, now.header)))
        return made

    return _commit_as_next(session, draft, message or f"Revert to {old.header.place}", None)


def diff(session: Session, a: str | Version, b: str | Version | None) -> Diff:
    """What is different in `b`, or where the session stands, compared with `a`."""
    lineage = Lineage(session.log)
    return diffs.diff(lineage, session.store, lineage.find(a), session.commit if b is None else lineage.find(b))


def _commit_as_next(
    session: Session, draft: Callable[[Commit], Draft | None], message: str, merged: Header | None
) -> Version:
    """Commit a draft that must be the next: when another writer comes first, it is drawn up again."""
    with session.writing():
        for last in (False,) * (_MAX_ATTEMPTS - 1) + (True,):
            session.commit = session.log.find_newest(session.commit)
            made = draft(session.commit)
            if made is None:
                break
            try:
                session.commit = session.log.commit(made, message, merged=merged, alone=True)
                break
            except CommitConflictError:
                if last:
                    raise
        return version_of(session.commit.header)


def _collect_footprint(lineage: Lineage, old: Header, new: Header) -> Footprint:
    """What the commits after `old`, up to `new`, touched."""
    touched: list[Footprint] = []
    for header in lineage.iter_ancestors(new):
        if header.place == old.place:
            return Footprint.unite(touched)
        touched.append(header.touched)
    raise UsageError(f"Branch {new.branch!r} does not build on {old.place}.", "Choose a version of ds.log(all=True).")
