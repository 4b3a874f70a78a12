"""Counting objects and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelbase.format import keys
from reelbase.maintenance.reachable import Marks, heads, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reelbase.contracts.storage import Stat
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage


@dataclass(frozen=True)
class Count:
    """Objects, and their bytes in all."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Stats:
    """What a dataset takes in its storage.

    Attributes:
        total: All objects of the dataset.
        kinds: Those of each kind: "log", "refs", "packs", "blobs", "index".
        orphans: Data that no readable version names: what `gc` will delete, once it is old enough.
        leftovers: What writes that were cut short have left.
        versions: How many versions can be read.
    """

    total: Count
    kinds: Mapping[str, Count]
    orphans: Count
    leftovers: Count
    versions: int


def stats(lineage: Lineage, store: Store) -> Stats:
    """Count the objects of a dataset, and look who needs them."""
    marks, count = Marks(store), 0
    for version in versions(lineage, heads(lineage)):
        marks.add(version)
        count += 1
    found = {prefix: list(store.storage.list(prefix)) for prefix in keys.PREFIXES}
    every = [*(one for listed in found.values() for one in listed), (keys.ROOT, store.storage.stat(keys.ROOT))]
    return Stats(
        total=_count(every),
        kinds={prefix.rstrip("/"): _count(listed) for prefix, listed in found.items()},
        orphans=_count(item for prefix in keys.DATA for item in found[prefix] if item[0] not in marks),
        leftovers=_count(store.storage.leftovers()),
        versions=count,
    )


def _count(listed: Iterable[tuple[str, Stat]]) -> Count:
    sizes = [stat.size for _, stat in listed]
    return Count(len(sizes), sum(sizes))
