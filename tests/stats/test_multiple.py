"""p-values agree with their intervals, and Holm's adjustment with its definition."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.intervals import half_width
from govbench.stats.multiple import holm, p_value_by_inversion, two_sided_p_value

PS = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_holm_example() -> None:
    # The worked example of Wikipedia, "Holm–Bonferroni method": at 0.05 the first and the last are rejected.
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert [p <= 0.05 for p in adjusted] == [True, False, False, True]


@given(PS)
def test_holm_is_the_closed_bonferroni_test(ps: list[float]) -> None:
    # Marcus, Peritz & Gabriel 1976: adjusted p = largest Bonferroni p over all sets that hold the hypothesis.
    indices = range(len(ps))
    subsets = [s for size in range(1, len(ps) + 1) for s in combinations(indices, size)]
    for i, adjusted in zip(indices, holm(ps), strict=True):
        worst = max(len(s) * min(ps[j] for j in s) for s in subsets if i in s)
        assert adjusted == pytest.approx(min(1.0, worst))


@given(PS)
def test_holm_never_lowers_and_keeps_the_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    assert all(adjusted[i] <= adjusted[j] for i in range(len(ps)) for j in range(len(ps)) if ps[i] <= ps[j])


def test_holm_of_none_and_of_no_probability() -> None:
    assert holm([]) == ()
    with pytest.raises(ValueError, match="p-values"):
        holm([0.5, 1.5])


@pytest.mark.parametrize("df", [1, 4.5, 30])
def test_p_value_against_scipy(df: float) -> None:
    assert two_sided_p_value(-0.5, 0.2, df) == pytest.approx(2 * scipy.stats.t.sf(2.5, df), rel=1e-9)
    assert two_sided_p_value(0.5, 0.2, None) == pytest.approx(2 * scipy.stats.norm.sf(2.5), rel=1e-9)


def test_p_value_without_error() -> None:
    assert two_sided_p_value(0.0, 0.0, 3) == 1.0
    assert two_sided_p_value(0.1, 0.0, 3) == 0.0
    assert two_sided_p_value(0.1, 0.0, 3, known_se=0.05) == pytest.approx(0.0455, abs=5e-5)


@given(
    st.floats(0.001, 1), st.floats(0.01, 0.3), st.floats(1, 50), st.floats(0.01, 0.3), st.floats(0.5, 0.999)
)
def test_p_value_agrees_with_the_interval(
    effect: float, se: float, df: float, known: float, level: float
) -> None:
    p = two_sided_p_value(effect, se, df, known_se=known)
    width = half_width(se=se, df=df, known_se=known, level=level)
    if not math.isclose(width, effect, rel_tol=1e-6):
        assert (p < 1 - level) == (effect > width)


@given(st.floats(0.01, 1), st.floats(0.01, 0.3), st.floats(1, 60), st.floats(0.01, 0.3))
def test_p_value_of_both_parts_is_that_of_the_inverted_interval(
    effect: float, se: float, df: float, known: float
) -> None:
    inverted = p_value_by_inversion(
        lambda level: half_width(se=se, df=df, known_se=known, level=level) < effect
    )
    # A level of 1 - p closer to 1 than a float can say makes the inverted one coarse.
    assert two_sided_p_value(effect, se, df, known_se=known) == pytest.approx(inverted, rel=1e-6, abs=1e-12)


def test_a_known_part_counts_as_known() -> None:
    # With both parts the p-value lies between all-known and all-estimated.
    known = two_sided_p_value(0.3, 0.0, None, known_se=math.hypot(0.1, 0.1))
    mixed = two_sided_p_value(0.3, 0.1, 3, known_se=0.1)
    estimated = two_sided_p_value(0.3, math.hypot(0.1, 0.1), 3)
    assert known < mixed < estimated


def test_inversion_at_its_ends() -> None:
    assert p_value_by_inversion(lambda _: True) == 1e-15
    assert p_value_by_inversion(lambda _: False) == 1.0
    assert p_value_by_inversion(lambda level: level < 0.97) == pytest.approx(0.03)


def test_uniform_under_no_change() -> None:
    rng = np.random.default_rng(31)
    samples = rng.normal(size=(2000, 5))
    ps = [two_sided_p_value(x.mean(), x.std(ddof=1) / math.sqrt(5), 4) for x in samples]
    assert scipy.stats.kstest(ps, "uniform").pvalue > 0.001
