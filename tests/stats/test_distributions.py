"""Probabilities written here, held against scipy and the printed tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.distributions import (
    binomial_window,
    normal_cdf,
    normal_quantile,
    student_cdf,
    student_quantile,
    two_sided,
)

DFS = [1, 1.5, 2, 3.7, 5, 10, 29.3, 99.9, 199.9, 200, 200.1, 1000.5, 1e4, 1e5, 1e6, 1e7, 1e9]
PS = [1e-12, 1e-6, 0.001, 0.005, 0.025, 0.1, 0.24, 0.26, 0.4, 0.4999, 0.50001, 0.7, 0.9, 0.975, 0.995, 0.9999]


@pytest.mark.parametrize("df", DFS)
def test_student_quantile_against_scipy(df: float) -> None:
    ours = [student_quantile(p, df) for p in PS]
    np.testing.assert_allclose(ours, scipy.stats.t.ppf(PS, df), rtol=1e-8)


@pytest.mark.parametrize("df", DFS)
def test_student_cdf_against_scipy(df: float) -> None:
    ts = [-40.0, -5.0, -2.0, -1.0, -1e-6, 0.0, 1e-6, 0.5, 1.0, 3.0, 8.0]
    ours = [student_cdf(t, df) for t in ts]
    np.testing.assert_allclose(ours, scipy.stats.t.cdf(ts, df), rtol=1e-8)


@pytest.mark.parametrize(
    ("p", "df", "printed"),
    [(0.975, 1, 12.706), (0.975, 10, 2.228), (0.995, 5, 4.032), (0.95, 30, 1.697), (0.995, 120, 2.617)],
)
def test_student_table(p: float, df: float, printed: float) -> None:
    # Fisher & Yates 1963, table III.
    assert student_quantile(p, df) == pytest.approx(printed, abs=5e-4)


def test_cauchy_is_one_degree_of_freedom() -> None:
    assert student_quantile(0.9999999, 1) == pytest.approx(math.tan(math.pi * 0.4999999), rel=1e-8)
    assert student_cdf(1e200, 1) == 1.0
    assert student_cdf(-math.inf, 1) == 0.0
    assert student_cdf(math.inf, 1) == 1.0


@given(st.floats(0.001, 0.999), st.floats(1, 1e5))
def test_quantile_inverts_the_distribution_function(p: float, df: float) -> None:
    assert student_cdf(student_quantile(p, df), df) == pytest.approx(p, rel=1e-9)


@given(st.floats(0.001, 0.999), st.floats(1, 1e5))
def test_symmetric_around_zero(p: float, df: float) -> None:
    # 1 - p is itself rounded, so the two agree up to that bit near the middle.
    assert student_quantile(p, df) == pytest.approx(-student_quantile(1 - p, df), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("x", [-30.0, -8.0, -1.0, 0.0, 1.96, 5.0])
def test_normal_cdf_keeps_its_tail(x: float) -> None:
    assert normal_cdf(x) == pytest.approx(scipy.stats.norm.cdf(x), rel=1e-12)


def test_normal_quantile_of_a_level() -> None:
    assert normal_quantile(two_sided(0.95)) == pytest.approx(1.959964, abs=1e-6)
    assert normal_quantile(two_sided(0.99)) == pytest.approx(2.575829, abs=1e-6)


@pytest.mark.parametrize(("n", "q"), [(1, 0.5), (7, 0.01), (1000, 0.99), (5000, 0.5), (1_000_000, 0.999)])
def test_binomial_window_against_scipy(n: int, q: float) -> None:
    first, cdf = binomial_window(n, q)
    counts = np.arange(first, first + len(cdf))
    np.testing.assert_allclose(cdf, scipy.stats.binom.cdf(counts, n, q), atol=1e-11)
    assert scipy.stats.binom.cdf(first - 1, n, q) < 1e-20
    assert scipy.stats.binom.sf(counts[-1], n, q) < 1e-20


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, math.nan])
def test_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="strictly between"):
        normal_quantile(p)
    with pytest.raises(ValueError, match="strictly between"):
        student_quantile(p, 3)
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_quantile(0.5, 0)
