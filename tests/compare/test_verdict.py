"""The decision on one effect and on a threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.compare.effects import Effect
from govbench.compare.verdict import (
    absolute_unit,
    change_of,
    decide,
    judge_threshold,
    margin_of,
    mde_of,
    worse_sign,
)
from govbench.results.comparison import (
    Margin,
    ThresholdState,
    Verdict,
)
from govbench.results.metrics import MetricName
from govbench.stats import LogRatio, proportion_difference

MIRROR = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}
P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT
DEFAULT = frozenset({Verdict.REGRESSION, Verdict.INVALID})


def ratio(effect: float, known_se: float = 0.01) -> LogRatio:
    return LogRatio(effect=effect, se=0.0, df=None, known_se=known_se, level=0.99)


def half(known_se: float) -> float:
    return ratio(0, known_se).half_width


@pytest.mark.parametrize(
    ("effect", "known_se", "worse", "verdict"),
    [
        (0.10, 0.01, +1, Verdict.REGRESSION),
        (-0.10, 0.01, +1, Verdict.IMPROVEMENT),
        (0.10, 0.01, -1, Verdict.IMPROVEMENT),
        (-0.10, 0.01, -1, Verdict.REGRESSION),
        (0.0, 0.01, +1, Verdict.PASS),
        (0.04, 0.01, +1, Verdict.INCONCLUSIVE),  # excludes 0, within the margin, may be beyond it
        (0.10, 0.10, +1, Verdict.INCONCLUSIVE),  # beyond the margin, holds 0
        (0.02, 0.005, +1, Verdict.PASS),  # changed for certain, and for certain by less than the margin
        (0.0, 0.10, +1, Verdict.INCONCLUSIVE),
        (0.0, 0.0, +1, Verdict.PASS),  # all values equal: an error of 0
        (0.10, 0.0, +1, Verdict.REGRESSION),
    ],
)
def test_the_four_outcomes(effect: float, known_se: float, worse: int, verdict: Verdict) -> None:
    row = ratio(effect, known_se)
    assert decide(row, worse, 0.05, significant=row.p_value < 0.01) is verdict


def test_at_the_margin_it_is_no_regression_and_just_beyond_it_is() -> None:
    assert decide(ratio(0.05, 0.001), +1, 0.05, significant=True) is Verdict.INCONCLUSIVE
    assert decide(ratio(math.nextafter(0.05, 1), 0.001), +1, 0.05, significant=True) is Verdict.REGRESSION


def test_an_interval_that_just_fits_the_margin_passes() -> None:
    margin = half(0.01)
    assert decide(ratio(0.0), +1, margin, significant=False) is Verdict.PASS
    assert decide(ratio(0.0), +1, math.nextafter(margin, 0), significant=False) is Verdict.INCONCLUSIVE


@given(
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
    st.floats(0, 0.5),
    st.floats(0, 1),
    st.floats(0, 5),
    st.sampled_from([+1, -1]),
)
def test_swapped_sides_give_the_mirrored_verdict_of_ratios(
    a: float, b: float, known_se: float, relative: float, absolute: float, worse: int
) -> None:
    def verdict(old: float, new: float) -> Verdict:
        effect = ratio(math.log(new) - math.log(old), known_se)
        margin = margin_of(effect, Margin(relative=relative, absolute=absolute), (old, new))
        return decide(effect, worse, margin, significant=effect.p_value < 0.01)

    there = verdict(a, b)
    assert verdict(b, a) is MIRROR.get(there, there)


@given(st.integers(1, 2000), st.integers(1, 2000), st.data())
def test_swapped_sides_give_the_mirrored_verdict_of_shares(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))

    def verdict(old: int, old_n: int, new: int, new_n: int) -> Verdict:
        effect = share(old, old_n, new, new_n)
        margin = margin_of(effect, Margin(relative=0.5, absolute=0.01), (old / old_n, new / new_n))
        return decide(effect, +1, margin, significant=effect.p_value < 0.01, within=0.01)

    there = verdict(x, n, y, m)
    assert verdict(y, m, x, n) is MIRROR.get(there, there)


def share(old: int, old_n: int, new: int, new_n: int) -> Effect:
    return proportion_difference(
        baseline_hits=old,
        baseline_n=old_n,
        candidate_hits=new,
        candidate_n=new_n,
        between_run_sd=0.0,
        level=0.99,
    )


def test_the_larger_of_the_two_margins_holds() -> None:
    small, large = (1.0, 1.0), (100.0, 100.0)
    margin = Margin(relative=0.1, absolute=0.3)
    assert margin_of(ratio(0), margin, small) == pytest.approx(math.log(1.3))
    assert margin_of(ratio(0), margin, large) == pytest.approx(math.log(1.1))


@pytest.mark.parametrize(
    ("old", "new", "relative", "margin"),
    [
        (0.0, 0.0, 0.5, 0.001),
        (0.0, 0.009, 0.5, 0.00325),
        (0.009, 0.0, 0.5, 0.00325),
        (0.01, 0.02, 0.5, 0.0085),
        (0.02, 0.03, 0.5, 0.01),
        (0.3, 0.4, 0.5, 0.01),
        (0.0, 0.009, 0.0, 0.01),  # one that somebody set holds as it is
    ],
)
def test_the_margin_of_a_share_shrinks_near_zero(
    old: float, new: float, relative: float, margin: float
) -> None:
    effect = share(round(1000 * old), 1000, round(1000 * new), 1000)
    found = margin_of(effect, Margin(relative=relative, absolute=0.01), (old, new))
    assert found == pytest.approx(margin)


def test_a_change_is_shown_as_it_is_compared() -> None:
    shown = change_of(ratio(math.log(1.3)))
    assert shown.estimate == pytest.approx(0.3)
    assert 1 + shown.high == pytest.approx(1.3 * math.exp(half(0.01)))
    assert not shown.difference
    assert change_of(share(0, 100, 3, 100)).estimate == pytest.approx(0.03)
    assert change_of(share(0, 100, 3, 100)).difference


def test_an_interval_without_end_is_still_a_number() -> None:
    wild = LogRatio(effect=6.0, se=4.0, df=1.0, known_se=0.01, level=0.99999)
    assert wild.interval.high > 1000
    assert math.isfinite(change_of(wild).high)
    assert math.isfinite(mde_of(wild, 0.02, tests=6))


@pytest.mark.parametrize("tests", [1, 5])
@pytest.mark.parametrize("margin", [0.02, 0.2])
def test_a_change_as_large_as_the_mde_is_found_four_times_in_five(tests: int, margin: float) -> None:
    rng = np.random.default_rng(7)
    change = math.log1p(mde_of(ratio(0, 0.03), margin, tests=tests))
    found = 0
    for estimate in change + 0.03 * rng.standard_normal(4000):
        effect = ratio(float(estimate), 0.03)
        found += decide(effect, +1, margin, significant=effect.p_value * tests < 0.01) is Verdict.REGRESSION
    assert found / 4000 == pytest.approx(0.8, abs=0.03)


def test_more_metrics_at_once_can_find_less() -> None:
    assert mde_of(ratio(0), 0.02, tests=6) > mde_of(ratio(0), 0.02, tests=1)
    assert mde_of(share(0, 99, 0, 99), 0.01, tests=6) > mde_of(share(0, 99, 0, 99), 0.01, tests=1)


@pytest.mark.parametrize(
    ("name", "bound", "value", "state"),
    [
        (P50, 100.0, 100.0, ThresholdState.MET),
        (P50, 100.0, 100.1, ThresholdState.MISSED),
        (THROUGHPUT, 50.0, 50.0, ThresholdState.MET),
        (THROUGHPUT, 50.0, 49.9, ThresholdState.MISSED),
        (ERRORS, 0.0, 0.0, ThresholdState.MET),
        (P50, 100.0, None, ThresholdState.NOT_MEASURED),
    ],
)
def test_a_bound_is_above_or_below_by_what_is_better(
    name: MetricName, bound: float, value: float | None, state: ThresholdState
) -> None:
    assert judge_threshold(name, bound, value) is state


def test_worse_is_more_of_everything_but_throughput() -> None:
    assert [name for name in MetricName if worse_sign(name) < 0] == [THROUGHPUT]


def test_only_times_have_the_margin_in_milliseconds() -> None:
    """Cores, bytes, tokens and shares are no milliseconds, and CPU per request is no wait of a user."""
    assert {name for name in MetricName if absolute_unit(name)} == {
        MetricName.RESPONSE_TIME_P50,
        MetricName.RESPONSE_TIME_P95,
        MetricName.RESPONSE_TIME_P99,
        MetricName.SERVICE_TIME_P50,
        MetricName.TTFB_P50,
        MetricName.TTFT_P50,
        MetricName.TPOT_P50,
        MetricName.CHUNK_GAP_P50,
        MetricName.CHUNK_GAP_P99,
    }
