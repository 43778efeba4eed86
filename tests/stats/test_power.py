"""The smallest detectable change is the one that is detected as often as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.comparison import paired_log_ratio
from govbench.stats.power import (
    detectable_effect,
    minimum_detectable_effect,
    rounds_detectable_effect,
    rounds_needed,
)
from govbench.stats.rounds import combine_rounds


def test_bloom_multiplier() -> None:
    # Bloom 1995, Evaluation Review 19:547: 2.80 standard errors at 5 % two-sided and 80 % power.
    assert minimum_detectable_effect(1.0, 0.0, 0.95) == pytest.approx(2.80, abs=0.005)
    assert minimum_detectable_effect(1.0, 0.0, 0.95, 0.9) == pytest.approx(3.24, abs=0.005)


def test_the_margin_is_the_least_that_is_flagged() -> None:
    # With a small error the estimate must clear the margin, half of the time at power 1/2.
    assert minimum_detectable_effect(0.001, 0.02, 0.99) == pytest.approx(0.02 + 0.8416 * 0.001, abs=1e-6)
    assert minimum_detectable_effect(0.001, 0.02, 0.99, 0.5) == 0.02


@pytest.mark.parametrize(("margin", "se"), [(0.0, 0.01), (0.02, 0.01), (0.02, 0.004)])
def test_flagged_as_often_as_promised(margin: float, se: float) -> None:
    effect = minimum_detectable_effect(se, margin, 0.99)
    estimates = np.random.default_rng(41).normal(effect, se, size=40_000)
    flagged = (estimates - 2.575829 * se > 0) & (estimates > margin)
    assert flagged.mean() == pytest.approx(0.8, abs=0.01)


def test_flagged_as_often_as_promised_with_few_pairs() -> None:
    rng = np.random.default_rng(42)
    effect = minimum_detectable_effect(0.02 / 8**0.5, 0.0, 0.95, df=7, known_se=0.01)
    flagged = 0
    for _ in range(1500):
        pairs = rng.normal(effect + rng.normal(0, 0.01), 0.02, size=8)
        flagged += paired_log_ratio([pairs], 0.01, 0.95).interval.low > 0
    assert flagged / 1500 == pytest.approx(0.8, abs=0.05)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 0.99), st.floats(1, 100))
def test_more_error_or_margin_never_helps(se: float, margin: float, power: float, df: float) -> None:
    least = minimum_detectable_effect(se, margin, 0.99, power, df=df)
    assert least >= margin
    assert minimum_detectable_effect(se + 0.1, margin, 0.99, power, df=df) >= least
    assert minimum_detectable_effect(se, margin + 0.1, 0.99, power, df=df) >= least
    assert least >= minimum_detectable_effect(se, margin, 0.99, power)


def test_from_an_interval_of_any_origin() -> None:
    assert detectable_effect(2.575829 * 0.01, 0.01, 0.0) == pytest.approx(
        minimum_detectable_effect(0.01, 0.0, 0.99)
    )


def test_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="power"):
        minimum_detectable_effect(0.1, 0.0, 0.99, 0.3)
    with pytest.raises(ValueError, match="negative"):
        minimum_detectable_effect(-0.1, 0.0, 0.99)


@pytest.mark.parametrize(("rounds", "within"), [(2, 0.01), (6, 0.01), (12, 0.01), (12, 0.02), (40, 0.005)])
@pytest.mark.parametrize("margin", [0.0, 0.02])
def test_rounds_are_flagged_with_the_power_they_promise(rounds: int, within: float, margin: float) -> None:
    mde = rounds_detectable_effect(
        rounds=rounds, within_se=within, instance_sd=0.01, margin=margin, level=0.99
    )
    rng = np.random.default_rng(44)
    runs = 2000
    effects = mde + np.hypot(0.01, within) * rng.normal(size=(runs, rounds))
    flagged = 0
    for row in effects:
        result = combine_rounds(row, np.full(rounds, within), instance_sd=0.01, level=0.99)
        flagged += result.effect > margin and result.interval.low > 0
    assert flagged / runs == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / runs))


def test_rounds_needed_are_the_fewest() -> None:
    for effect in (0.025, 0.03, 0.05):
        rounds = rounds_needed(effect, within_se=0.01, instance_sd=0.01, margin=0.02, level=0.99)
        assert rounds is not None
        at, below = (
            rounds_detectable_effect(rounds=n, within_se=0.01, instance_sd=0.01, margin=0.02, level=0.99)
            for n in (rounds, rounds - 1)
        )
        assert at <= effect < below
        assert rounds == rounds_needed(-effect, within_se=0.01, instance_sd=0.01, margin=0.02, level=0.99)


def test_a_large_effect_still_needs_three_rounds_and_one_at_the_margin_never_ends() -> None:
    assert rounds_needed(5.0, within_se=0.01, instance_sd=0.01, margin=0.02, level=0.99) == 3
    assert rounds_needed(0.02, within_se=0.01, instance_sd=0.01, margin=0.02, level=0.99) is None


def test_refuses_rounds_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="power"):
        rounds_detectable_effect(
            rounds=6, within_se=0.01, instance_sd=0.01, margin=0.0, level=0.99, power=0.3
        )
    with pytest.raises(ValueError, match="negative"):
        rounds_detectable_effect(rounds=6, within_se=0.01, instance_sd=0.01, margin=-1.0, level=0.99)
    with pytest.raises(ValueError, match="without any error"):
        rounds_detectable_effect(rounds=6, within_se=0.0, instance_sd=0.0, margin=0.02, level=0.99)


def test_more_rounds_find_smaller_effects() -> None:
    found = [
        rounds_detectable_effect(rounds=n, within_se=0.01, instance_sd=0.01, margin=0.0, level=0.99)
        for n in range(3, 30)
    ]
    assert found == sorted(found, reverse=True)
