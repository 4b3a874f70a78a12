"""Count the objects and bytes of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelbase.format import keys
from reelbase.maintenance.reachable import Marks, find_heads, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reelbase.contracts.storage import Stat
    from reelbase.format.store import Store
    from reelbase.versions.ancestry import Lineage


@dataclass(frozen=True)
class Count:
    """A number of objects, and the bytes in all of them.

    Attributes:
        objects: Number of objects.
        bytes: Number of bytes.
    """

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Stats:
    """The objects of a dataset in its storage.

    Attributes:
        total: All objects of the dataset.
        kinds: The objects of each kind: "log", "refs", "packs", "blobs", "index".
        orphans: Data that no readable version needs. `gc` deletes them once they are old enough.
        leftovers: What interrupted writes have left, such as temporary files.
        versions: Number of versions that can be read.
    """

    total: Count
    kinds: Mapping[str, Count]
    orphans: Count
    leftovers: Count
    versions: int


def stats(lineage: Lineage, store: Store) -> Stats:
    """Count the objects of a dataset, and find those that no version needs."""
    marks, count = Marks(store), 0
    for version in read_versions(lineage, find_heads(lineage)):
        marks.add(version)
        count += 1
    found = {prefix: list(store.storage.list(prefix)) for prefix in keys.PREFIXES}
    every = [*(item for listed in found.values() for item in listed), (keys.ROOT, store.storage.stat(keys.ROOT))]
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
