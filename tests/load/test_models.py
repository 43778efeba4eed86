from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from scipy import stats

from govbench.load.models import Controls, Pacer, Pairing, due_offsets, pause_s
from govbench.results.plan import (
    BASE,
    CONTROL,
    HEAD,
    HEAD_CONTROL,
    ArrivalProcess,
    Arrivals,
    Pause,
    RatePoint,
    ThinkTime,
)

CONSTANT, POISSON = ArrivalProcess.CONSTANT, ArrivalProcess.POISSON


def arrivals(*points: tuple[float, float], process: ArrivalProcess = POISSON) -> Arrivals:
    return Arrivals(points=tuple(RatePoint(at_s=at, rate_rps=rate) for at, rate in points), process=process)


def merged(found: Arrivals, *, until_s: float, parts: int, seed: str = "1") -> np.ndarray:
    streams = [
        due_offsets(found, until_s=until_s, seed=seed, part=part, parts=parts) for part in range(parts)
    ]
    return np.array(list(heapq.merge(*streams)))


def test_poisson_gaps_are_exponential() -> None:
    offsets = merged(arrivals((0, 200)), until_s=100, parts=1)

    gaps = np.diff(offsets)
    assert stats.kstest(gaps, stats.expon(scale=1 / 200).cdf).pvalue > 0.01
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_merged_poisson_streams_have_the_variance_of_one(parts: int) -> None:
    offsets = merged(arrivals((0, 500)), until_s=200, parts=parts)

    counts = np.histogram(offsets, bins=2000, range=(0, 200))[0]
    assert counts.mean() == pytest.approx(50, rel=0.02)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.15)


def test_poisson_streams_are_not_alike() -> None:
    one, two = (
        np.histogram(
            list(due_offsets(arrivals((0, 100)), until_s=100, seed="7", part=part, parts=2)),
            bins=500,
            range=(0, 100),
        )[0]
        for part in (0, 1)
    )

    assert abs(np.corrcoef(one, two)[0, 1]) < 0.15


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_constant_rate_is_even_however_many_share_it(parts: int) -> None:
    offsets = merged(arrivals((0, 40), process=CONSTANT), until_s=5, parts=parts)

    assert offsets == pytest.approx(np.arange(200) / 40)


def test_one_of_two_starts_later_and_asks_half_as_often() -> None:
    found = due_offsets(arrivals((0, 10), process=CONSTANT), until_s=10, seed="1", part=1, parts=2)

    assert list(islice(found, 3)) == pytest.approx([0.1, 0.3, 0.5])


@pytest.mark.parametrize("process", list(ArrivalProcess))
@pytest.mark.parametrize("parts", [1, 2])
def test_a_rate_in_pieces_is_followed(process: ArrivalProcess, parts: int) -> None:
    # constant to 10 s, rising to 20 s, falling to nothing at 30 s, nothing to 40 s, then rising again
    rate = arrivals((10, 100), (20, 300), (30, 0), (40, 0), (50, 200), process=process)
    offsets = merged(rate, until_s=60, parts=parts)

    counts = np.histogram(offsets, bins=[0, 10, 15, 20, 25, 30, 40, 50, 60])[0]
    expected = np.array([1000, 750, 1250, 1125, 375, 0, 1000, 2000])
    room = 1.01 if process is CONSTANT else 4 * np.sqrt(expected)
    assert (np.abs(counts - expected) <= room).all()


def test_a_constant_rate_that_grows_has_each_arrival_where_the_integral_says() -> None:
    offsets = merged(arrivals((0, 0), (10, 10), process=CONSTANT), until_s=10, parts=1)

    assert offsets == pytest.approx([math.sqrt(2 * k) for k in range(50)])


def test_a_rate_that_ends_at_nothing_ends_the_schedule() -> None:
    offsets = merged(arrivals((0, 10), (10, 0), process=CONSTANT), until_s=1e6, parts=1)

    assert len(offsets) in (50, 51)
    assert offsets.max() <= 10


def test_the_seed_decides() -> None:
    first, again, other = (
        list(due_offsets(arrivals((0, 50)), until_s=10, seed=seed)) for seed in ("1", "1", "2")
    )

    assert first == again
    assert first != other
    assert first == sorted(first)


def test_exponential_pauses_have_their_mean() -> None:
    rng = random.Random(1)
    think = ThinkTime(low_s=2.0, high_s=2.0, pause=Pause.EXPONENTIAL)
    drawn = [pause_s(think, rng) for _ in range(5000)]

    assert stats.kstest(drawn, stats.expon(scale=2.0).cdf).pvalue > 0.01


def test_exponential_pauses_can_be_cut() -> None:
    rng = random.Random(1)
    think = ThinkTime(low_s=2.0, high_s=3.0, pause=Pause.EXPONENTIAL)

    assert max(pause_s(think, rng) for _ in range(1000)) == 3.0


def test_uniform_pauses_stay_within_their_bounds() -> None:
    rng = random.Random(1)
    drawn = [pause_s(ThinkTime(low_s=1.0, high_s=3.0), rng) for _ in range(2000)]

    assert stats.kstest(drawn, stats.uniform(1, 2).cdf).pvalue > 0.01


def test_a_paced_user_is_due_by_the_clock_however_late_it_comes() -> None:
    pacer, rng = Pacer(), random.Random(1)
    think = ThinkTime(low_s=1.0, high_s=1.0, pause=Pause.PACING)
    second = 1_000_000_000

    begins = [pacer.next_ns(think, now, rng) for now in (0, second + 5, 5 * second, 5 * second + 9)]

    assert begins == [second, 2 * second, 3 * second, 4 * second]


def test_another_think_time_begins_anew() -> None:
    pacer, rng = Pacer(), random.Random(1)
    pacer.next_ns(ThinkTime(low_s=1.0, high_s=1.0, pause=Pause.PACING), 0, rng)

    slower = ThinkTime(low_s=2.0, high_s=2.0, pause=Pause.PACING)
    assert pacer.next_ns(slower, 10_000_000_000, rng) == 12_000_000_000


def test_sides_are_asked_in_random_order_and_one_pair_in_ten_is_a_control() -> None:
    pairing = Pairing(1, 3, Controls(1))
    asked = [pairing.next_sides() for _ in range(2000)]

    kinds = Counter(frozenset(sides) for sides in asked)
    assert kinds == {
        frozenset({BASE, HEAD}): 1800,
        frozenset({BASE, CONTROL}): 100,
        frozenset({HEAD, HEAD_CONTROL}): 100,
    }
    for kind, count in kinds.items():
        in_order = sum(sides[0] < sides[1] for sides in asked if frozenset(sides) == kind)
        assert 0.3 * count < in_order < 0.7 * count


def test_both_sides_have_as_many_controls_at_every_instant_whoever_asks() -> None:
    controls = Controls(5)
    users = [Pairing(5, number, controls) for number in range(10)]
    rng = random.Random(2)  # who is next to ask
    ahead, of_user = 0, Counter[int]()
    for _ in range(5000):
        number = rng.randrange(10)
        sides = users[number].next_sides()
        ahead += (CONTROL in sides) - (HEAD_CONTROL in sides)
        of_user[number] += max(sides) > HEAD
        assert abs(ahead) <= 1

    assert min(of_user.values()) > 20


def test_controls_lie_at_random_places_in_a_random_order() -> None:
    controls = Controls(3)
    asked = [controls.next_side() for _ in range(4000)]

    places = [place for place, side in enumerate(asked) if side is not None]
    assert len({place % 10 for place in places}) == 10  # ten users in step do not leave them to one of them
    first_of_two = [asked[place] for place in places[::2]]
    assert 70 < first_of_two.count(BASE) < 130


def test_pairing_follows_from_seed_user_and_process() -> None:
    def course(seed: int, user: int, part: int = 0) -> list[tuple[int, int]]:
        pairing = Pairing(seed, user, Controls(seed, part))
        return [pairing.next_sides() for _ in range(50)]

    assert course(1, 0) == course(1, 0)
    assert course(1, 0) != course(2, 0)
    assert course(1, 0) != course(1, 1)
    assert course(1, 0) != course(1, 0, part=1)
