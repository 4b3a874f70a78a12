"""From the arguments of ``numpy_loader`` to a loader."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from reelbase.errors import UsageError
from reelbase.loading.framing import Framing
from reelbase.loading.loader import Loader
from reelbase.loading.settings import LoaderSettings
from reelbase.sampling import Buckets, ClipPlan, Share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from reelbase.loading.source import ClipSource
    from reelbase.sampling import Clips
    from reelbase.sampling.batches import Order

_SETTINGS = frozenset(field.name for field in fields(LoaderSettings)) - {"framing", "share", "batch_size"}


def make_loader(
    source: ClipSource,
    clips: Clips,
    *,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    crop: str | None = None,
    weights: ArrayLike | None = None,
    epoch_size: int | None = None,
    buckets: ArrayLike | None = None,
    rank: int = 0,
    world_size: int = 1,
    **settings: Any,
) -> Loader:
    """Return the loader of some rows of one dataset; see `Dataset.numpy_loader` for the arguments.

    Raises:
        UsageError: a value is not valid, or values do not fit together.
    """
    unknown = sorted(set(settings) - _SETTINGS)
    if unknown:
        raise UsageError(f"{unknown[0]} is not a setting of loaders.", f"There are: {', '.join(sorted(_SETTINGS))}.")
    chosen = LoaderSettings(
        batch_size=batch_size, framing=Framing(size, crop), share=Share(rank, world_size), **settings
    )
    plan = ClipPlan(
        clips,
        source.lengths(seconds=clips.rate is not None),
        rows=np.asarray(source.rows, np.int64),
        shuffle=shuffle,
        seed=seed,
        weights=weights,
        epoch_size=epoch_size,
    )
    order: Order = plan
    if buckets is not None:
        order = Buckets(plan, np.asarray(buckets, np.int64), batch_size * world_size)
    return Loader([source], [clips], order, chosen)
