"""Effects: printed examples, symmetry under swap, and coverage of every interval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.comparison import (
    LogRatio,
    RunNoise,
    believed_error,
    log_ratio,
    prediction_log_ratio,
    proportion_difference,
    runs_log_ratio,
)

POSITIVE = st.floats(1e-3, 1e6)


def slack(p: float, repetitions: int) -> float:
    return 4 * math.sqrt(p * (1 - p) / repetitions)


@given(POSITIVE, POSITIVE)
def test_log_ratio_turns_its_sign_under_swap(a: float, b: float) -> None:
    assert log_ratio(a, b) == -log_ratio(b, a)
    assert math.exp(log_ratio(a, b)) == pytest.approx(a / b)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, math.nan])
def test_log_ratio_refuses_what_has_no_logarithm(bad: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        log_ratio(bad, 1.0)
    with pytest.raises(ValueError, match="positive"):
        log_ratio(1.0, bad)


def two_runs(base: float, base_se: float, candidate: float, candidate_se: float, sd: float) -> LogRatio:
    """One run against another, at 99 %; ``sd`` is that of one run, four degrees of freedom of it."""
    return prediction_log_ratio(
        window=[math.log(base)],
        window_se=base_se,
        candidate_log=math.log(candidate),
        candidate_se=candidate_se,
        noise=RunNoise(sd=sd, df=4.0),
        level=0.99,
    )


def test_the_errors_within_two_runs_as_printed() -> None:
    # Physicians' Health Study (Agresti 2002, §3.1): heart attacks in 189 of 11034 on placebo, 104 of 11037 on
    # aspirin; ratio 1.82, standard error of its logarithm 0.1213, 95 % interval 1.43 to 2.31.
    errors = math.sqrt(1 / 104 - 1 / 11037), math.sqrt(1 / 189 - 1 / 11034)
    result = replace(two_runs(104 / 11037, errors[0], 189 / 11034, errors[1], 0.0), level=0.95)
    assert math.exp(result.effect) == pytest.approx(1.82, abs=0.005)
    assert result.total_se == pytest.approx(0.1213, abs=5e-5)
    assert math.exp(result.interval.low) == pytest.approx(1.43, abs=0.005)
    assert math.exp(result.interval.high) == pytest.approx(2.31, abs=0.005)


@given(POSITIVE, POSITIVE, st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 0.1))
def test_two_runs_under_swap(a: float, b: float, se_a: float, se_b: float, sd: float) -> None:
    one, two = two_runs(a, se_a, b, se_b, sd), two_runs(b, se_b, a, se_a, sd)
    assert one.effect == -two.effect
    assert one.interval.low == pytest.approx(-two.interval.high)
    assert one.p_value == pytest.approx(two.p_value)


def test_noise_between_runs_widens() -> None:
    calm, noisy = (two_runs(10, 0.01, 11, 0.01, sd) for sd in (0.0, 0.035))
    assert calm.p_value < 0.01 < noisy.p_value
    assert calm.interval.low > 0 > noisy.interval.low


@pytest.mark.parametrize(
    ("first", "n1", "second", "n2", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_as_printed(first: int, n1: int, second: int, n2: int, low: float, high: float) -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10, contrasts (a) to (h).
    result = proportion_difference(
        baseline_hits=second,
        baseline_n=n2,
        candidate_hits=first,
        candidate_n=n1,
        between_run_sd=0.0,
        level=0.95,
    )
    assert result.interval.low == pytest.approx(low, abs=5e-5)
    assert result.interval.high == pytest.approx(high, abs=5e-5)


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0, 0.05), st.sampled_from([0.9, 0.95, 0.99]))
def test_proportions_under_swap_and_p_against_interval(a: int, b: int, noise: float, level: float) -> None:
    one, two = (
        proportion_difference(
            baseline_hits=x,
            baseline_n=40,
            candidate_hits=y,
            candidate_n=40,
            between_run_sd=noise,
            level=level,
            exact=True,
        )
        for x, y in ((a, b), (b, a))
    )
    assert one.effect == -two.effect
    assert one.interval.low == pytest.approx(-two.interval.high, abs=1e-12)
    assert one.p_value == pytest.approx(two.p_value, rel=1e-6)
    assert one.interval.contains(one.effect)
    if abs(one.p_by_interval - (1 - level)) > 1e-6:
        assert (one.p_by_interval < 1 - level) == (not one.interval.contains(0.0))
    assert one.p_value == max(one.p_by_interval, one.p_by_counts)
    assert replace(one, exact=False).p_value == one.p_by_interval


def test_error_rates_near_zero_are_covered() -> None:
    rng = np.random.default_rng(22)
    repetitions = 1500
    covered = 0
    for base, candidate in rng.binomial(600, (0.005, 0.02), size=(repetitions, 2)):
        result = proportion_difference(
            baseline_hits=int(base),
            baseline_n=600,
            candidate_hits=int(candidate),
            candidate_n=600,
            between_run_sd=0.0,
            level=0.95,
        )
        covered += result.interval.contains(0.015)
    assert covered / repetitions >= 0.94 - slack(0.95, repetitions)


def test_no_failure_anywhere_still_leaves_doubt() -> None:
    result = proportion_difference(
        baseline_hits=0, baseline_n=300, candidate_hits=0, candidate_n=300, between_run_sd=0.0, level=0.99
    )
    assert result.p_value == 1.0
    assert result.total_se > 0
    assert result.half_width > 0.02


def test_proportion_of_nothing() -> None:
    with pytest.raises(TooFewSamples):
        proportion_difference(
            baseline_hits=0, baseline_n=0, candidate_hits=0, candidate_n=5, between_run_sd=0.0, level=0.99
        )
    with pytest.raises(ValueError, match="hits"):
        proportion_difference(
            baseline_hits=6, baseline_n=5, candidate_hits=0, candidate_n=5, between_run_sd=0.0, level=0.99
        )
    with pytest.raises(ValueError, match="standard error"):
        proportion_difference(
            baseline_hits=1, baseline_n=5, candidate_hits=0, candidate_n=5, between_run_sd=-1.0, level=0.99
        )


ASSUMED = RunNoise(sd=0.05 / math.sqrt(2), df=4.0)


def predict(
    window: list[float],
    candidate: float,
    *,
    prior: RunNoise = ASSUMED,
    se: float = 0.0,
    level: float = 0.95,
) -> LogRatio:
    return prediction_log_ratio(
        window=window,
        window_se=se,
        candidate_log=candidate,
        candidate_se=se,
        noise=prior.learned([window]),
        level=level,
    )


def varying(n: int, sd: float) -> list[float]:
    """n values with exactly this standard deviation (n - 1)."""
    shape = np.arange(n) - (n - 1) / 2
    scaled: list[float] = (shape / (shape.std(ddof=1) if n > 1 else 1.0) * sd).tolist()
    return scaled


def test_prediction_interval_as_printed() -> None:
    # Hahn & Meeker 1991, §4.7: five readings with mean 50.10 and s = 1.31; 95 % for the next: 46.1 to 54.1.
    window = [50.10 + x for x in varying(5, 1.31)]
    interval = predict(window, 50.10, prior=RunNoise(sd=0.0, df=1e-9)).interval
    assert 50.10 + interval.low == pytest.approx(46.1, abs=0.05)
    assert 50.10 + interval.high == pytest.approx(54.1, abs=0.05)


@pytest.mark.parametrize(("n", "percent"), [(1, 26), (2, 19), (3, 16), (4, 15), (5, 14), (10, 12), (30, 10)])
def test_a_second_run_makes_the_interval_narrower_and_so_does_every_other(n: int, percent: int) -> None:
    half = predict(varying(n, ASSUMED.sd), 0.0, level=0.99).half_width
    assert round(100 * math.expm1(half)) == percent


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=6), st.floats(0.0, 0.02))
def test_no_run_makes_the_interval_explode(window: list[float], se: float) -> None:
    """At two runs a t of one degree of freedom is 64; a run adds at most what it shows."""
    spread = max(window) - min(window)
    longer = predict(window, 0.0, se=se, level=0.99).half_width
    alone = predict(window[:1], 0.0, se=se, level=0.99).half_width
    assert longer <= alone * 1.05 + 4.0 * spread


def test_the_noise_of_one_run_is_learned_from_groups_each_about_its_own_mean() -> None:
    learned = ASSUMED.learned([[0.0, 0.1], [5.0], [7.0, 7.2, 7.4], []])
    squares = 4 * ASSUMED.sd**2 + 0.1**2 / 2 + 2 * 0.2**2
    assert learned.df == 4 + 1 + 0 + 2
    assert learned.sd == pytest.approx(math.sqrt(squares / 7))
    assert learned.prior_share == pytest.approx(4 / 7)
    assert ASSUMED.learned([]) == ASSUMED.learned([[3.0]]) == ASSUMED


def test_other_groups_count_for_little_and_never_for_more_than_one_of_them_has() -> None:
    wide = [[0.0, 0.2, 0.4, 0.2, 0.0, 0.4, 0.2], [9.0, 9.4, 9.0, 9.4, 9.0, 9.4, 9.0]]
    variance = ASSUMED.learned(wide).sd ** 2 * (4 + 12) - 4 * ASSUMED.sd**2
    hinted = ASSUMED.hinted(wide, at_most=4.0)
    assert hinted.df == 8
    assert hinted.sd**2 == pytest.approx((4 * ASSUMED.sd**2 + 4 * variance / 12) / 8)
    assert hinted.prior_share == pytest.approx(0.5)
    assert ASSUMED.hinted([[0.0, 0.1], [3.0, 3.1]], at_most=4.0).df == 5
    assert ASSUMED.hinted([], at_most=4.0) == ASSUMED.hinted([[3.0]], at_most=4.0) == ASSUMED


def test_what_is_learned_in_two_steps_is_what_is_learned_at_once() -> None:
    one, other = [0.0, 0.03, -0.02], [1.0, 1.1]
    at_once, in_steps = ASSUMED.learned([one, other]), ASSUMED.learned([one]).learned([other])
    assert (in_steps.sd, in_steps.df) == pytest.approx((at_once.sd, at_once.df))
    assert in_steps.prior_share == pytest.approx(at_once.prior_share)


@pytest.mark.parametrize(("sd", "df"), [(-0.1, 4.0), (math.inf, 4.0), (0.1, 0.0)])
def test_a_noise_that_is_none(sd: float, df: float) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        RunNoise(sd=sd, df=df)


def test_one_earlier_run_is_judged_by_what_was_known_and_both_errors_within() -> None:
    result = predict([1.0], 1.1, se=0.01)
    assert result.df == 4.0
    assert result.se == pytest.approx(ASSUMED.sd * math.sqrt(2))
    assert result.known_se == pytest.approx(math.sqrt(2) * 0.01)
    with pytest.raises(TooFewSamples):
        predict([], 1.0)


def test_a_long_window_holds_the_errors_within_already() -> None:
    window = varying(400, 0.03)
    assert predict(window, 0.0, se=0.01).half_width == pytest.approx(
        predict(window, 0.0).half_width, rel=0.002
    )


def test_runs_that_lie_close_leave_no_room_for_a_large_error_within() -> None:
    window = varying(10, 0.03)
    # 9 s² over the 5 % quantile of chi-square with 9 degrees of freedom, 3.325.
    assert believed_error(0.5, window, least=0.01) == pytest.approx(0.03 * math.sqrt(9 / 3.325), rel=0.01)
    assert believed_error(0.04, window, least=0.01) == 0.04
    assert believed_error(0.5, [0.1] * 10, least=0.01) == 0.01
    assert believed_error(0.5, [0.0, 0.1], least=0.01) == 0.5


def test_an_error_within_that_the_window_contradicts_does_not_hide_a_change() -> None:
    window = varying(30, 0.03)
    assert predict(window, 0.18, se=1.0, level=0.99).interval.low > 0.0
    # As far as the candidate's error is larger than theirs, it stays so.
    alike, noisier = (
        prediction_log_ratio(
            window=window,
            window_se=1.0,
            candidate_log=0.18,
            candidate_se=se,
            noise=ASSUMED.learned([window]),
            level=0.99,
        ).half_width
        for se in (1.0, 3.0)
    )
    assert noisier > 1.5 * alike


def test_an_error_within_that_is_as_stated_stays_covered() -> None:
    rng = np.random.default_rng(31)
    repetitions, within = 1500, 0.06
    runs = rng.normal(0.0, math.hypot(ASSUMED.sd, within), size=(repetitions, 5))
    covered = np.mean([predict(r[:-1].tolist(), r[-1], se=within).interval.contains(0) for r in runs])
    assert covered >= 0.95 - slack(0.95, repetitions)


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=8), st.floats(1, 5))
def test_prediction_grows_with_the_spread_of_the_window(window: list[float], factor: float) -> None:
    centre = sum(window) / len(window)
    wider = [centre + factor * (x - centre) for x in window]
    narrow, wide = (predict(runs, 0.0).half_width for runs in (window, wider))
    assert wide >= narrow * (1 - 1e-9)


@pytest.mark.parametrize(
    ("times_assumed", "least"), [(0.25, 0.99), (0.5, 0.98), (1.0, 0.95), (1.5, 0.84), (2.0, 0.74)]
)
@pytest.mark.parametrize("m", [1, 2, 3, 8])
def test_prediction_covers_what_the_docs_say(times_assumed: float, least: float, m: int) -> None:
    rng = np.random.default_rng(23)
    repetitions = 1500
    runs = rng.normal(0.0, times_assumed * ASSUMED.sd, size=(repetitions, m + 1))
    covered = np.mean([predict(row[:-1].tolist(), row[-1]).interval.contains(0) for row in runs])
    assert covered >= least - slack(least, repetitions)


@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8), st.floats(-0.5, 0.5), st.floats(0, 0.1))
def test_prediction_p_value_agrees_with_its_interval(window: list[float], shift: float, se: float) -> None:
    result = predict(window, shift, se=se)
    if not math.isclose(abs(result.effect), result.half_width, rel_tol=1e-6):
        assert (result.p_value < 0.05) == (not result.interval.contains(0.0))


def test_a_noisier_candidate_widens_the_interval() -> None:
    noise = ASSUMED.learned([[0.0, 0.1, 0.2, 0.1]])
    widths = [
        prediction_log_ratio(
            window=[0.0, 0.1, 0.2, 0.1],
            window_se=0.01,
            candidate_log=0.1,
            candidate_se=se,
            noise=noise,
            level=0.95,
        ).half_width
        for se in (0.005, 0.01, 0.2)
    ]
    assert widths == sorted(widths)
    assert widths[2] > 1.2 * widths[1]


def test_refuses_an_effect_that_is_none() -> None:
    with pytest.raises(ValueError, match="finite"):
        LogRatio(effect=math.inf, se=0.1, df=None, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="standard errors"):
        LogRatio(effect=0.0, se=-0.1, df=None, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="degrees"):
        LogRatio(effect=0.0, se=0.1, df=0.0, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="level"):
        LogRatio(effect=0.0, se=0.1, df=None, known_se=0.0, level=1.0)


def test_several_runs_together_are_told_by_their_mean() -> None:
    """By hand: t s sqrt(1/m + 1/n), and errors within that count by their numbers."""
    window, noise = varying(10, ASSUMED.sd), ASSUMED.learned([varying(10, ASSUMED.sd)])

    def together(runs: list[float], se: float = 0.0) -> LogRatio:
        return runs_log_ratio(window=window, window_se=se, runs=runs, runs_se=se, noise=noise, level=0.95)

    assert together([0.1]) == predict(window, 0.1)
    three = together([0.1, 0.2, 0.3], 0.01)
    assert three.effect == pytest.approx(0.2)
    assert three.se == pytest.approx(noise.sd * math.sqrt(1 / 3 + 1 / 10))
    assert three.df == noise.df
    assert three.known_se == pytest.approx(0.01 * math.sqrt(noise.prior_share * (1 / 3 + 1 / 10)))
    with pytest.raises(TooFewSamples):
        together([])
