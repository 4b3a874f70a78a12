"""Orders: each clip once, whoever asks, wherever one goes on."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbase.errors import UsageError
from reelbase.sampling import Batches, Buckets, ClipPlan, ClipRequest, Clips, Lengths, Mixture, Permutation, Share
from reelbase.sampling.batches import Order


def plan(*lengths: int, clips: Clips | None = None, **settings: object) -> ClipPlan:
    return ClipPlan(clips or Clips(frames=4), Lengths(np.array(lengths)), **settings)  # type: ignore[arg-type]


def epoch_of(order: Order, epoch: int = 0) -> list[ClipRequest]:
    return order.requests(epoch, np.arange(len(order)))


@pytest.mark.parametrize("size", [1, 2, 3, 10, 4096, 4097, 5000, 65536, 70001])
def test_a_permutation_has_each_number_once(size: int) -> None:
    order = Permutation(size, 3, 0)
    numbers = order(np.arange(size))
    assert sorted(numbers.tolist()) == list(range(size))
    places = np.array([size - 1, 0, size // 2])
    np.testing.assert_array_equal(order(places), numbers[places])
    assert (
        len({tuple(Permutation(size, 3, epoch)(np.arange(min(size, 50))).tolist()) for epoch in range(5)}) > 1
        or size < 3
    )


@pytest.mark.parametrize("size", [10, 6000])
def test_a_permutation_is_fair(size: int) -> None:
    """Each number comes to each tenth of the order about as often as to any other."""
    tenths = np.zeros((10, 10))
    seeds = 400 if size == 10 else 20
    for seed in range(seeds):
        numbers = Permutation(size, seed)(np.arange(size))
        np.add.at(tenths, (np.arange(size) * 10 // size, numbers * 10 // size), 1)
    expected = seeds * size / 100
    assert (abs(tenths - expected) < 6 * np.sqrt(expected)).all()


def test_a_thousand_million_clips_take_no_memory() -> None:
    order = ClipPlan(Clips(frames=2, per_video=1_000_000), Lengths(np.full(1000, 30)))
    tracemalloc.start()
    batches = Batches(order, 32, Share(1, 2))
    position = next(batches.positions(0, seen=640_000_000))
    requests = order.requests(0, position)
    assert len(order) == 10**9
    assert batches.count(0) == 10**9 // 64
    assert len(requests) == 32
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=12), per_video=st.integers(1, 4), seed=st.integers(0, 9)
)
def test_an_epoch_has_each_clip_once(lengths: list[int], per_video: int, seed: int) -> None:
    if not any(lengths):
        return
    for together in (False, True):
        order = plan(*lengths, clips=Clips(frames=4, per_video=per_video, together=together), seed=seed)
        found = [(one.row, one.number) for one in epoch_of(order, epoch=1)]
        assert sorted(found) == [(row, n) for row, length in enumerate(lengths) if length for n in range(per_video)]
        if together:
            assert [row for row, _ in found[::per_video]] == [row for row, _ in found[per_video - 1 :: per_video]]
    assert order.left_out.tolist() == [row for row, length in enumerate(lengths) if not length]


def test_epochs_and_seeds_differ_and_repeat() -> None:
    order = plan(*[50] * 40)
    assert epoch_of(order, 0) == epoch_of(plan(*[50] * 40), 0)
    assert epoch_of(order, 0) != epoch_of(order, 1)
    assert epoch_of(order, 0) != epoch_of(plan(*[50] * 40, seed=1), 0)
    straight = plan(*[50] * 40, shuffle=False)
    assert [one.row for one in epoch_of(straight)] == list(range(40))
    assert [one.draw for one in epoch_of(straight)] != [one.draw for one in epoch_of(straight, 1)]


@pytest.mark.parametrize("clips", [101, 96, 7, 1])
def test_ranks_share_one_order(clips: int) -> None:
    """Worlds of 1 to 12: nothing twice, nothing left out, and the same order."""
    order = plan(*[9] * clips)
    whole = [request.row for request in epoch_of(order)]
    for world in range(1, 13):
        each = [
            [order.requests(0, p) for p in Batches(order, 4, Share(rank, world)).positions(0)] for rank in range(world)
        ]
        steps = max(map(len, each))
        merged = [one.row for step in range(steps) for rank in each for one in (rank[step] if step < len(rank) else [])]
        assert merged == whole
        for rank, batches in enumerate(each):
            assert Batches(order, 4, Share(rank, world)).count(0) == len(batches)
            dropped = Batches(order, 4, Share(rank, world), drop_last=True)
            assert len(list(dropped.positions(0))) == dropped.count(0) == clips // (4 * world)


def test_going_on_with_other_ranks() -> None:
    order = plan(*[9] * 100)
    seen, first = 0, []
    for number, (start, stop, after) in enumerate(Batches(order, 6, Share(0, 4)).bounds(0)):
        if number == 2:
            break
        first += list(range(start, stop))
        seen = after
    assert seen == 48
    later = [
        position for rank in range(3) for positions in Batches(order, 8, Share(rank, 3)).positions(0, seen)
        for position in positions.tolist()
    ]  # fmt: skip
    assert sorted(later) == list(range(48, 100))


@given(keys=st.lists(st.integers(0, 3), min_size=1, max_size=30), step=st.integers(1, 8), shuffle=st.booleans())
def test_buckets(keys: list[int], step: int, shuffle: bool) -> None:
    inner = plan(*[9] * len(keys), clips=Clips(frames=2, per_video=2), shuffle=shuffle)
    order = Buckets(inner, np.array(keys), step)
    found = epoch_of(order, epoch=2)
    assert Counter((one.row, one.number) for one in found) == Counter((r, n) for r in range(len(keys)) for n in (0, 1))
    for start, stop, _ in Batches(order, step).bounds(2):
        assert len({keys[one.row] for one in found[start:stop]}) == 1
    assert Batches(order, step).count(2) == len(list(Batches(order, step).bounds(2)))
    middle = next(Batches(order, step).bounds(2))[2]
    assert list(Batches(order, step).bounds(2, middle)) == list(Batches(order, step).bounds(2))[1:]


def test_buckets_refuse_another_step() -> None:
    order = Buckets(plan(9, 9, 9), np.array([0, 0, 1]), 4)
    with pytest.raises(UsageError, match="steps of 4 clips, not 6"):
        list(Batches(order, 6).positions(0))


def test_weights() -> None:
    order = plan(9, 9, 0, 9, weights=[1, 3, 100, 0], epoch_size=4000)
    rows = Counter(one.row for one in epoch_of(order))
    assert set(rows) == {0, 1}
    assert abs(rows[1] / 4000 - 0.75) < 0.03
    assert epoch_of(order)[1000:1010] == order.requests(0, np.arange(1000, 1010))


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=4), epochs=st.integers(1, 3))
def test_a_mixture_keeps_its_ratio(weights: list[int], epochs: int) -> None:
    orders = [plan(*[9] * (3 + 4 * number)) for number in range(len(weights))]
    mixture = Mixture(orders, weights, epoch_size=20)
    found = [one for epoch in range(epochs) for one in epoch_of(mixture, epoch)]
    counts = Counter[int]()
    for taken, one in enumerate(found, 1):
        counts[one.source] += 1
        for source, weight in enumerate(weights):
            assert abs(counts[source] - Fraction(taken * weight, sum(weights))) <= len(weights)
    for source, order in enumerate(orders):  # each is gone through whole, again and again
        own = [one.row for one in found if one.source == source]
        for turn in range(len(own) // len(order)):
            assert sorted(own[turn * len(order) : (turn + 1) * len(order)]) == list(range(len(order)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: plan(0, 0), lambda: plan(9, weights=[1, 2]), lambda: plan(9, weights=[-1]),
        lambda: plan(9, weights=[0]),
        lambda: plan(9, epoch_size=5), lambda: Batches(plan(9), 0), lambda: Share(2, 2), lambda: Mixture([], [], 5),
        lambda: Mixture([plan(9)], [0], 5), lambda: Mixture([plan(9)], [1], 0),
        lambda: Buckets(plan(9), np.array([1, 2]), 4), lambda: Buckets(plan(9, weights=[1]), np.array([1]), 4),
    ],
)  # fmt: skip
def test_what_is_refused(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


def test_plans_that_differ_say_so() -> None:
    described = [
        plan(9, 9).describe(), plan(9, 8).describe(), plan(9, 9, seed=1).describe(),
        plan(9, 9, shuffle=False).describe(), plan(9, 9, clips=Clips(frames=5)).describe(),
        plan(9, 9, rows=np.array([4, 7])).describe(), plan(9, 9, weights=[1, 2]).describe(),
    ]  # fmt: skip
    assert described[0] == plan(9, 9).describe()
    # Other lengths with as many clips are another plan, too: clips would be cut at other places.
    assert all(described[0] != other for other in described[1:])
