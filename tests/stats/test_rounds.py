"""Rounds combined: worked by hand, symmetric, consistent at every level, and covering."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.comparison import LogRatio
from govbench.stats.rounds import PRIOR_ROUNDS, RoundsEffect, combine_rounds, planned_rounds
from govbench.stats.sequential import nominal_levels

FLOOR = 0.01
ROUND = st.tuples(st.floats(-0.3, 0.3), st.floats(0.0, 0.05))


def slack(p: float, repetitions: int) -> float:
    return 4 * math.sqrt(p * (1 - p) / repetitions)


def combine(effects: list[float], ses: list[float], level: float = 0.99) -> RoundsEffect:
    return combine_rounds(effects, ses, instance_sd=FLOOR, level=level)


def test_worked_by_hand() -> None:
    # s² = 9e-4, v = 3e-4 + 1e-4: (0.5 · 4e-4 + 2 · 9e-4) / 2.5 / 3, and t of 2.5 df from scipy.
    result = combine([0.0, 0.03, 0.06], [math.sqrt(3e-4)] * 3, level=0.95)
    assert result.effect == pytest.approx(0.03)
    assert result.df == 2.5
    assert result.se**2 == pytest.approx(20e-4 / 2.5 / 3)
    assert result.floor_se**2 == pytest.approx(4e-4 / 3)
    assert result.half_width == pytest.approx(float(scipy.stats.t.ppf(0.975, 2.5)) * result.se)
    assert result.total_se == result.se


def test_the_moderated_variance_is_that_of_smyth() -> None:
    # Smyth 2004: the posterior mean (d₀ s₀² + d s²)/(d₀ + d), here of the variance of one round.
    rng = np.random.default_rng(71)
    effects, ses = rng.normal(0, 0.02, 9), rng.uniform(0.01, 0.02, 9)
    prior = FLOOR**2 + float(np.mean(ses**2))
    posterior = (PRIOR_ROUNDS * prior + 8 * float(np.var(effects, ddof=1))) / (PRIOR_ROUNDS + 8)
    result = combine(effects.tolist(), ses.tolist())
    assert 9 * result.se**2 == pytest.approx(posterior)
    assert result.df == PRIOR_ROUNDS + 8


def test_rounds_that_agree_do_not_narrow_the_interval() -> None:
    result = combine([0.01] * 6, [0.0] * 6)
    assert result.half_width == pytest.approx((1.1 - 2 / 6) * 2.5758 * FLOOR / math.sqrt(6), rel=1e-4)
    assert result.total_se == result.floor_se


@pytest.mark.parametrize("rounds", [1, 2])
def test_one_or_two_rounds_have_the_floor_alone(rounds: int) -> None:
    result = combine([0.0, 0.5][:rounds], [0.01] * rounds)
    assert result.half_width == pytest.approx(2.5758 * FLOOR * math.sqrt(2 / rounds), rel=1e-4)
    assert result.df is None


def test_instances_that_stay_up_enter_undiminished() -> None:
    fresh = combine_rounds([0.01] * 40, [0.001] * 40, instance_sd=FLOOR, level=0.99)
    same = combine_rounds([0.01] * 40, [0.001] * 40, instance_sd=FLOOR, level=0.99, restarted=False)
    assert fresh.half_width < 2.6 * FLOOR / 6
    assert same.half_width > 2.57 * FLOOR
    assert same.known_se == FLOOR
    assert same.p_value > fresh.p_value


@given(st.lists(ROUND, min_size=1, max_size=12), st.floats(0, 0.05), st.booleans())
def test_swapping_the_sides_turns_the_sign_and_nothing_else(
    rounds: list[tuple[float, float]], instance_sd: float, restarted: bool
) -> None:
    effects, ses = [effect for effect, _ in rounds], [se for _, se in rounds]
    one, two = (
        combine_rounds(
            [sign * x for x in effects], ses, instance_sd=instance_sd, level=0.99, restarted=restarted
        )
        for sign in (1, -1)
    )
    assert replace(two, effect=one.effect) == one
    assert two.effect == -one.effect
    assert (two.interval.low, two.interval.high) == (-one.interval.high, -one.interval.low)
    assert two.p_value == one.p_value


@given(
    st.lists(ROUND, min_size=1, max_size=12),
    st.sampled_from([0.5, 0.9, 0.99, 1 - 1e-6, 1 - 1e-12]),
    st.booleans(),
)
def test_p_value_agrees_with_the_interval_at_every_level(
    rounds: list[tuple[float, float]], level: float, restarted: bool
) -> None:
    first = combine_rounds(
        [x for x, _ in rounds], [se for _, se in rounds], instance_sd=FLOOR, level=0.99, restarted=restarted
    )
    result = replace(first, level=level)
    assert isinstance(result, LogRatio)
    assert result.interval.level == level
    assert result.interval.contains(result.effect)
    if not math.isclose(abs(result.effect), result.half_width, rel_tol=1e-3):
        assert (result.p_value < 1 - level) == (not result.interval.contains(0.0))


@given(st.lists(ROUND, min_size=3, max_size=12))
def test_a_higher_level_is_never_narrower(rounds: list[tuple[float, float]]) -> None:
    result = combine([x for x, _ in rounds], [se for _, se in rounds])
    widths = [replace(result, level=level).half_width for level in (0.9, 0.99, 0.9999, 1 - 1e-6, 1 - 1e-14)]
    assert widths == sorted(widths)


def test_refuses_what_is_no_set_of_rounds() -> None:
    with pytest.raises(TooFewSamples):
        combine([], [])
    with pytest.raises(ValueError, match="standard errors"):
        combine([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="negative"):
        combine([0.1], [-0.1])
    with pytest.raises(ValueError, match="negative"):
        combine_rounds([0.1], [0.1], instance_sd=-0.01, level=0.99)
    with pytest.raises(ValueError, match="standard error"):
        RoundsEffect(effect=0.0, se=0.1, df=2.0, known_se=0.0, level=0.99, floor_se=-1.0, rounds=3)


def simulate(
    rng: np.random.Generator,
    *,
    rounds: int,
    true: float,
    within: float,
    runs: int,
    heavy: bool = False,
    correlation: float = 0.0,
) -> list[RoundsEffect]:
    """Comparisons of equals whose errors within are known by estimates of 8 degrees of freedom."""
    size = (runs, rounds)
    instances = rng.standard_t(3, size=size) / math.sqrt(3) if heavy else rng.normal(size=size)
    for place in range(1, rounds):
        instances[:, place] *= math.sqrt(1 - correlation**2)
        instances[:, place] += correlation * instances[:, place - 1]
    effects = FLOOR * (true * instances + within * rng.normal(size=size))
    ses = FLOOR * within * np.sqrt(rng.chisquare(8, size=size) / 8)
    return [
        combine_rounds(row, errors, instance_sd=FLOOR, level=0.99)
        for row, errors in zip(effects, ses, strict=True)
    ]


# The whole grid, with 20000 runs a cell: benchmarks/rounds_coverage.py.
@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("rounds", [3, 6, 9, 18])
def test_covers_where_instances_vary_more_than_calibrated(rounds: int, heavy: bool) -> None:
    rng = np.random.default_rng(72)
    runs = 1500
    for true, within in product((0.0, 1.5, 3.0), (0.5, 2.0)):
        results = simulate(rng, rounds=rounds, true=true, within=within, runs=runs, heavy=heavy)
        covered = np.mean([result.interval.contains(0.0) for result in results])
        assert covered >= 0.985 - slack(0.985, runs), (true, within)


@pytest.mark.parametrize("rounds", [6, 12, 24, 60])
def test_covers_where_rounds_resemble_the_one_before(rounds: int) -> None:
    rng = np.random.default_rng(76)
    runs = 3000
    results = simulate(rng, rounds=rounds, true=1.0, within=1.4, runs=runs, correlation=0.3)
    covered = np.mean([result.interval.contains(0.0) for result in results])
    assert covered >= 0.985 - slack(0.985, runs) / 2


@pytest.mark.parametrize("rounds", [6, 12, 40])
def test_is_not_much_wider_than_needed_where_the_calibration_is_right(rounds: int) -> None:
    rng = np.random.default_rng(73)
    results = simulate(rng, rounds=rounds, true=1.0, within=1.0, runs=2000)
    known = 2.5758 * FLOOR * math.sqrt(2 / rounds)
    widths = np.array([result.half_width for result in results]) / known
    assert widths.mean() <= {6: 1.5, 12: 1.24, 40: 1.12}[rounds]
    assert np.mean([result.interval.contains(0.0) for result in results]) <= 0.999


def test_the_floor_alone_would_not_cover_instances_that_vary_more() -> None:
    rng = np.random.default_rng(74)
    results = simulate(rng, rounds=6, true=3.0, within=0.5, runs=1000)
    assert np.mean([abs(result.effect) <= 2.5758 * result.floor_se for result in results]) < 0.8


@pytest.mark.parametrize(("true", "most"), [(1.0, 0.01), (3.0, 0.02)])
def test_looking_four_times_raises_no_more_alarms(true: float, most: float) -> None:
    rng = np.random.default_rng(75)
    runs, looks = 3000, (3, 6, 9, 12)
    levels = nominal_levels([look / 12 for look in looks], 0.01)
    alarms = 0
    ses = np.full(12, FLOOR)
    for _ in range(runs):
        effects = FLOOR * np.hypot(true, 1.0) * rng.normal(size=12)
        seen = [
            combine_rounds(effects[:look], ses[:look], instance_sd=FLOOR, level=level)
            for look, level in zip(looks, levels, strict=True)
        ]
        alarms += any(not effect.interval.contains(0.0) for effect in seen)
    assert alarms / runs <= most + slack(most, runs) / 2


@pytest.mark.parametrize("rounds", [1, 3, 9])
def test_planned_rounds_are_those_that_show_what_is_expected(rounds: int) -> None:
    plan = planned_rounds(rounds=rounds, within_se=0.03, instance_sd=0.04, level=0.99)
    assert plan.floor_se == pytest.approx(0.05 / math.sqrt(rounds))
    assert plan.total_se == pytest.approx(plan.floor_se)
    assert plan.effect == 0.0


def test_planned_rounds_have_the_interval_that_rounds_with_their_variance_have() -> None:
    effects = [0.0, 0.02, 0.04, 0.07]
    ratio = float(np.var(effects, ddof=1)) / (0.03**2 + FLOOR**2)
    plan = planned_rounds(rounds=4, within_se=0.03, instance_sd=FLOOR, level=0.99, variance_ratio=ratio)
    assert plan.half_width == pytest.approx(combine(effects, [0.03] * 4).half_width)
