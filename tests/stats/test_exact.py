"""The exact test of two shares: by hand, against scipy, and the level that it keeps."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from govbench.stats import exact_p_value, proportion_difference


def p_value(base: tuple[float, float], head: tuple[float, float]) -> float:
    return exact_p_value(
        baseline_hits=base[0], baseline_n=base[1], candidate_hits=head[0], candidate_n=head[1]
    )


def test_the_lady_tasting_tea() -> None:
    """Fisher 1935, The Design of Experiments, chapter II: 3 of 4 cups told right, one-sided 17/70."""
    assert p_value((1, 4), (3, 4)) == pytest.approx(2 * 17 / 70)
    assert p_value((0, 4), (4, 4)) == pytest.approx(2 / 70)
    assert p_value((0, 10), (0, 20)) == 1.0


@given(st.integers(0, 30), st.integers(0, 50), st.integers(1, 30), st.integers(1, 50))
def test_as_scipy_has_it_and_the_same_when_swapped(a: int, b: int, n: int, m: int) -> None:
    a, b = min(a, n), min(b, m)
    if a * m == b * n:
        return
    larger, its_n = (b, m) if b * n > a * m else (a, n)
    tail = float(scipy_stats.hypergeom.sf(larger - 1, n + m, a + b, its_n))
    assert p_value((a, n), (b, m)) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
    assert p_value((b, m), (a, n)) == p_value((a, n), (b, m))


def test_counts_that_are_no_whole_numbers_lie_between_those_that_are() -> None:
    few, between, more = (p_value((0, 900), (hits, 30)) for hits in (1.0, 1.5, 2.0))
    assert few > between > more
    assert more == pytest.approx(2 * comb(30, 2) / comb(930, 2))


def test_four_of_a_thousand_where_one_is_usual_are_no_beyond_doubt() -> None:
    """The interval excludes 0, and by chance such a run comes once in forty."""
    found = proportion_difference(
        baseline_hits=10,
        baseline_n=10_000,
        candidate_hits=5,
        candidate_n=1000,
        between_run_sd=0.0,
        level=0.99,
        exact=True,
    )
    assert found.p_by_interval < found.p_by_counts == found.p_value


def test_the_level_is_kept_where_the_interval_alone_does_not_keep_it() -> None:
    """One in a thousand fails on both sides: a run of a thousand against ten like it, one-sided at 0.5 %."""
    rng = np.random.default_rng(31)
    runs = 4000
    base, head = rng.binomial(10_000, 0.001, runs), rng.binomial(1000, 0.001, runs)
    found = [
        proportion_difference(
            baseline_hits=int(old),
            baseline_n=10_000,
            candidate_hits=int(new),
            candidate_n=1000,
            between_run_sd=0.0,
            level=0.99,
            exact=True,
        )
        for old, new in zip(base, head, strict=True)
        if new >= 3
    ]
    exact = sum(each.p_value < 0.01 for each in found) / runs
    assert exact <= 0.005
    assert sum(each.p_by_interval < 0.01 for each in found) / runs > exact
