"""The smallest detectable change is the one that is detected as often as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.power import (
    detectable_effect,
    rounds_detectable_effect,
)
from govbench.stats.rounds import combine_rounds

Z95, Z99 = 1.959964, 2.575829


def test_bloom_multiplier() -> None:
    # Bloom 1995, Evaluation Review 19:547: 2.80 standard errors at 5 % two-sided and 80 % power.
    assert detectable_effect(Z95, 1.0, 0.0) == pytest.approx(2.80, abs=0.005)
    assert detectable_effect(Z95, 1.0, 0.0, 0.9) == pytest.approx(3.24, abs=0.005)


def test_the_margin_is_the_least_that_is_flagged() -> None:
    # With a small error the estimate must clear the margin, half of the time at power 1/2.
    assert detectable_effect(Z99 * 0.001, 0.001, 0.02) == pytest.approx(0.02 + 0.8416 * 0.001, abs=1e-6)
    assert detectable_effect(Z99 * 0.001, 0.001, 0.02, 0.5) == 0.02


@pytest.mark.parametrize(("margin", "se"), [(0.0, 0.01), (0.02, 0.01), (0.02, 0.004)])
def test_flagged_as_often_as_promised(margin: float, se: float) -> None:
    effect = detectable_effect(Z99 * se, se, margin)
    estimates = np.random.default_rng(41).normal(effect, se, size=40_000)
    flagged = (estimates - Z99 * se > 0) & (estimates > margin)
    assert flagged.mean() == pytest.approx(0.8, abs=0.01)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 0.99))
def test_more_error_or_margin_never_helps(se: float, margin: float, power: float) -> None:
    least = detectable_effect(Z99 * se, se, margin, power)
    assert least >= margin
    assert detectable_effect(Z99 * (se + 0.1), se + 0.1, margin, power) >= least
    assert detectable_effect(Z99 * se, se, margin + 0.1, power) >= least


def test_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="power"):
        detectable_effect(0.1, 0.1, 0.0, 1.3)


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
