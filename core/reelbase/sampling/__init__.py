"""What a loader asks for: which clips there are, in which order, and which frames each has. Pure: no I/O.

Everything is a function of the seed, the epoch and a position: nothing has to be kept to go on in the middle of an
epoch, and workers and ranks agree without a word between them.
"""

from __future__ import annotations

from reelbase.sampling.batches import Batches, Share
from reelbase.sampling.buckets import Buckets
from reelbase.sampling.clip_plan import ClipPlan, ClipRequest
from reelbase.sampling.clips import Clips, CutClip
from reelbase.sampling.mixture import Mixture
from reelbase.sampling.permutation import Permutation
from reelbase.sampling.timeline import Lengths, Timeline

__all__ = [
    "Batches", "Buckets", "ClipPlan", "ClipRequest", "Clips", "CutClip", "Lengths", "Mixture", "Permutation", "Share",
    "Timeline",
]  # fmt: skip
