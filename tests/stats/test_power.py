"""The smallest detectable change is the one that is detected as often as promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.comparison import paired_log_ratio
from govbench.stats.power import detectable_effect, minimum_detectable_effect


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
