"""Looks before the end: published boundaries, scipy's multivariate normal, and false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.sequential import boundaries, nominal_levels, spending

FOUR = (0.25, 0.5, 0.75, 1.0)
FRACTIONS = st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True).map(
    lambda xs: [x / 40 for x in sorted(xs)]
)


def test_spending_as_published() -> None:
    # DeMets & Lan 1994, Statistics in Medicine 13:1341: 0.00153 of a one-sided 0.025.
    assert spending(0.5, 0.05) == pytest.approx(2 * 0.00153, abs=1e-5)
    assert spending(1.0, 0.05) == pytest.approx(0.05)


def test_four_looks_as_published() -> None:
    # Reboussin, DeMets, Kim & Lan 2000 (the program behind ldbounds), O'Brien-Fleming type, alpha 0.05.
    assert boundaries(FOUR, 0.05) == pytest.approx((4.3326, 2.9631, 2.3590, 2.0141), abs=1e-4)


def test_two_looks_as_published() -> None:
    assert boundaries((0.5, 1.0), 0.05) == pytest.approx((2.9626, 1.9686), abs=1e-4)


def test_one_look_is_the_plain_test() -> None:
    assert boundaries((1.0,), 0.01) == pytest.approx((2.575829,), abs=1e-6)
    assert nominal_levels((1.0,), 0.01) == pytest.approx((0.99,))


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("fractions", [FOUR, (0.3, 0.45, 0.9), (0.2, 0.95, 1.0)])
def test_against_the_multivariate_normal(fractions: tuple[float, ...], alpha: float) -> None:
    critical = np.array(boundaries(fractions, alpha))
    times = np.array(fractions)
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    for k in range(1, len(fractions) + 1):
        within = scipy.stats.multivariate_normal.cdf(
            critical[:k],
            cov=correlation[:k, :k],
            lower_limit=-critical[:k],
            abseps=1e-7,
            releps=1e-7,
            maxpts=1_000_000,
        )
        assert 1 - within == pytest.approx(spending(fractions[k - 1], alpha), abs=2e-6)


@given(FRACTIONS, st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_boundaries_lie_between_the_plain_test_and_one_of_their_own_share(
    fractions: list[float], alpha: float
) -> None:
    critical = boundaries(fractions, alpha)
    spent = [0.0, *(spending(fraction, alpha) for fraction in fractions)]
    for i, b in enumerate(critical):
        assert b >= scipy.stats.norm.isf(alpha / 2) - 1e-9
        assert b <= scipy.stats.norm.isf((spent[i + 1] - spent[i]) / 2) + 1e-9
    for b, level in zip(critical, nominal_levels(fractions, alpha), strict=True):
        assert level == pytest.approx(1 - 2 * scipy.stats.norm.sf(b), abs=1e-15)
        assert level < 1.0


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from([0.001, 0.01, 0.05]))
def test_spending_grows_up_to_alpha(one: float, two: float, alpha: float) -> None:
    low, high = sorted((one, two))
    assert 0.0 <= spending(low, alpha) <= spending(high, alpha) <= alpha * (1 + 1e-9)


def test_a_very_early_look_stays_a_number() -> None:
    assert boundaries((0.001, 1.0), 0.01) == pytest.approx((7.9, 2.575829), abs=1e-4)
    assert nominal_levels((0.001, 1.0), 0.01)[0] < 1.0


def test_four_looks_do_not_raise_the_false_alarms() -> None:
    rng = np.random.default_rng(81)
    runs = 200_000
    sums = np.cumsum(rng.normal(size=(runs, 4)), axis=1)
    z = np.abs(sums / np.sqrt(np.arange(1, 5)))
    alarms = float((z > np.array(boundaries(FOUR, 0.05))).any(axis=1).mean())
    naive = float((z > 1.96).any(axis=1).mean())
    assert alarms == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / runs))
    assert naive > 0.12  # Armitage, McPherson & Rowe 1969: 12.6 % for four looks


@pytest.mark.parametrize("fractions", [(), (0.5, 0.5), (0.6, 0.3)])
def test_refuses_looks_that_do_not_follow_each_other(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="increase"):
        boundaries(fractions, 0.01)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1])
def test_refuses_a_fraction_that_is_none(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        boundaries((fraction,), 0.01)
    with pytest.raises(ValueError, match="alpha"):
        spending(0.5, 1.0)
