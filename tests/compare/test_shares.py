"""Failures that come in bursts count for what they are: by hand, and on simulated runs (seeded)."""

from __future__ import annotations

import numpy as np
import pytest

from govbench.compare.findings import ERROR_RATE_MARGIN, ERROR_RATE_NEAR_ZERO
from govbench.compare.shares import burst_factor, share_difference, share_effect
from govbench.compare.verdict import decide, margin_of
from govbench.record.measure import error_rate
from govbench.results.comparison import Margin, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.stats import time_design_effect

LEVEL = 0.99
GATED = 3  # the level that the error rate has to pass where it shares it with two other gated metrics
MARGIN = Margin(relative=ERROR_RATE_NEAR_ZERO, absolute=ERROR_RATE_MARGIN)


def measured(failed: np.ndarray, times_s: np.ndarray) -> Metric:
    bursts = time_design_effect(failed.astype(np.float64), times_s)
    metric = error_rate(int(failed.sum()), int((~failed).sum()), inflated=bursts)
    assert metric is not None
    return metric


def run_of(
    rng: np.random.Generator, *, rate: float = 0.0, bursts_per_s: float = 0.0, burst_s: float = 1.0
) -> Metric:
    """A minute at 50 requests a second: failures one by one, and bursts in which every request fails."""
    times_s = np.sort(rng.uniform(0.0, 60.0, 3000))
    failed = rng.random(3000) < rate
    for begin in rng.uniform(0.0, 60.0, rng.poisson(60.0 * bursts_per_s)):
        failed |= (times_s >= begin) & (times_s < begin + burst_s)
    return measured(failed, times_s)


def verdict(window: list[Metric], candidate: Metric) -> Verdict:
    effect = share_effect(window, candidate, LEVEL)
    n = sum(metric.n for metric in window)
    old = sum(metric.value * metric.n for metric in window) / n
    margin = margin_of(effect, MARGIN, (old, candidate.value))
    significant = effect.p_value * GATED < 1.0 - LEVEL
    return decide(effect, +1, margin, significant=significant, within=MARGIN.absolute)


def test_one_burst_against_ten_clean_runs_is_one_event() -> None:
    """Forty failures of 3,000 in less than a second, none in 30,000: any of them might have had it."""
    times_s = np.arange(3000) / 50.0
    burst = (times_s >= 30.0) & (times_s < 30.8)
    clean = [measured(np.zeros(3000, dtype=bool), times_s) for _ in range(10)]
    candidate = measured(burst, times_s)
    assert candidate.value == pytest.approx(40 / 3000)
    assert burst_factor(candidate) > 30
    assert verdict(clean, candidate) is Verdict.INCONCLUSIVE
    scattered = measured(np.arange(3000) % 75 == 0, times_s)
    assert scattered.value == candidate.value
    assert burst_factor(scattered) == pytest.approx(1.0)
    assert verdict(clean, scattered) is Verdict.REGRESSION


def test_a_share_that_nothing_is_known_of_counts_as_it_is() -> None:
    for value, se in ((0.0, 0.0), (0.3, None), (1.0, 0.0)):
        share = Metric(name=MetricName.ERROR_RATE, value=value, n=100, standard_error=se)
        assert burst_factor(share) == 1.0


def test_the_side_that_shows_bursts_speaks_for_both() -> None:
    """Swapping the sides mirrors the interval; a side without failures shows no bursts of its own."""
    burst = Metric(name=MetricName.ERROR_RATE, value=0.02, n=1000, standard_error=0.014)
    clean = Metric(name=MetricName.ERROR_RATE, value=0.0, n=9000, standard_error=0.0)
    there, back = share_effect([clean], burst, LEVEL), share_effect([burst], clean, LEVEL)
    assert there.effect == -back.effect
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.baseline_n == pytest.approx(9000 / burst_factor(burst))
    rounds = share_difference([(0.0, 100)] * 6, [(0.6, 100)] + [(0.0, 100)] * 5, LEVEL)
    assert rounds.candidate_n < 60 < rounds.baseline_n == 600


def test_runs_that_differ_among_themselves_say_so_from_three_on() -> None:
    """One stored run in six with 3 % failures: the next with as many is like that one."""
    window = [error_rate(failed, 1000 - failed) for failed in (0, 0, 30, 0, 0, 0)]
    stored = [metric for metric in window if metric is not None]
    candidate = error_rate(30, 970)
    assert candidate is not None
    assert verdict(stored, candidate) is not Verdict.REGRESSION
    assert share_effect(stored, candidate, LEVEL).candidate_n < 100


def test_a_few_in_a_thousand_are_no_pass_where_there_were_none() -> None:
    """0 to 0.9 % over 50,000 requests lies within one point, and is beyond doubt."""
    none, some = error_rate(0, 50_000), error_rate(450, 49_550)
    assert none is not None
    assert some is not None
    assert verdict([none], some) is Verdict.REGRESSION
    assert verdict([some], none) is Verdict.IMPROVEMENT
    # So small a change is no matter, however sure it is; where there are failures, a quarter more is none.
    for old, new in ((0, 40), (1000, 1250)):
        one, other = error_rate(old, 50_000 - old), error_rate(new, 50_000 - new)
        assert one is not None
        assert other is not None
        assert verdict([one], other) is Verdict.PASS


# Both error rates.


def flagged(
    rng: np.random.Generator, old: dict[str, float], new: dict[str, float], *, stored: int, runs: int
) -> float:
    """How often a run of the one kind is a regression against ``stored`` runs of the other."""
    before, after = ([run_of(rng, **kind) for _ in range(400)] for kind in (old, new))
    found = 0
    for _ in range(runs):
        window = [before[i] for i in rng.choice(len(before), stored, replace=False)]
        found += verdict(window, after[rng.integers(len(after))]) is Verdict.REGRESSION
    return found / runs


@pytest.mark.slow
@pytest.mark.parametrize("stored", [1, 10])
@pytest.mark.parametrize(
    "kind",
    [
        {"rate": 0.002},
        {"rate": 0.02},
        {"bursts_per_s": 1 / 60, "burst_s": 0.8},
        {"bursts_per_s": 1 / 600, "burst_s": 0.8},
        {"bursts_per_s": 1 / 60, "burst_s": 4.0},
    ],
    ids=["few", "two in a hundred", "a burst a run", "a burst in ten runs", "long bursts"],
)
def test_equal_stacks_are_rarely_told_apart(stored: int, kind: dict[str, float]) -> None:
    assert flagged(np.random.default_rng(20260131), kind, kind, stored=stored, runs=3000) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "least"),
    [
        ({}, {"rate": 0.01}, 0.95),
        ({"rate": 0.01}, {"rate": 0.03}, 0.95),
        ({}, {"bursts_per_s": 1 / 4, "burst_s": 0.3}, 0.8),
    ],
    ids=["from none", "three times as many", "bursts all the time"],
)
def test_a_worse_stack_is_found(old: dict[str, float], new: dict[str, float], least: float) -> None:
    assert flagged(np.random.default_rng(7), old, new, stored=5, runs=1000) >= least
