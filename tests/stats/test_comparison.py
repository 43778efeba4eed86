"""Effects: printed examples, symmetry under swap, and coverage of every interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.comparison import (
    LogRatio,
    Prediction,
    log_ratio,
    prediction_log_ratio,
    proportion_difference,
    unpaired_log_ratio,
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


def test_unpaired_ratio_as_printed() -> None:
    # Physicians' Health Study (Agresti 2002, §3.1): heart attacks in 189 of 11034 on placebo, 104 of 11037 on
    # aspirin; ratio 1.82, standard error of its logarithm 0.1213, 95 % interval 1.43 to 2.31.
    result = unpaired_log_ratio(
        base_value=104 / 11037,
        base_se=math.sqrt(1 / 104 - 1 / 11037),
        cand_value=189 / 11034,
        cand_se=math.sqrt(1 / 189 - 1 / 11034),
        between_run_sd=0.0,
        level=0.95,
    )
    assert math.exp(result.effect) == pytest.approx(1.82, abs=0.005)
    assert result.total_se == pytest.approx(0.1213, abs=5e-5)
    assert math.exp(result.interval.low) == pytest.approx(1.43, abs=0.005)
    assert math.exp(result.interval.high) == pytest.approx(2.31, abs=0.005)


@given(POSITIVE, POSITIVE, st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 0.1))
def test_unpaired_ratio_under_swap(a: float, b: float, se_a: float, se_b: float, noise: float) -> None:
    one = unpaired_log_ratio(
        base_value=a, base_se=se_a, cand_value=b, cand_se=se_b, between_run_sd=noise, level=0.99
    )
    two = unpaired_log_ratio(
        base_value=b, base_se=se_b, cand_value=a, cand_se=se_a, between_run_sd=noise, level=0.99
    )
    assert one.effect == -two.effect
    assert (one.interval.low, one.interval.high) == (-two.interval.high, -two.interval.low)
    assert one.p_value == two.p_value


def test_noise_between_runs_widens() -> None:
    calm, noisy = (
        unpaired_log_ratio(
            base_value=10, base_se=0.01, cand_value=11, cand_se=0.01, between_run_sd=sd, level=0.99
        )
        for sd in (0.0, 0.05)
    )
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
        )
        for x, y in ((a, b), (b, a))
    )
    assert one.effect == -two.effect
    assert one.interval.low == pytest.approx(-two.interval.high, abs=1e-12)
    assert one.p_value == pytest.approx(two.p_value, rel=1e-6)
    assert one.interval.contains(one.effect)
    if abs(one.p_value - (1 - level)) > 1e-6:
        assert (one.p_value < 1 - level) == (not one.interval.contains(0.0))


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


def predict(window: list[float], candidate: float, *, floor: float = 0.0, se: float = 0.0) -> Prediction:
    return prediction_log_ratio(
        window=window, window_se=se, candidate_log=candidate, candidate_se=se, floor_sd=floor, level=0.95
    )


def test_prediction_interval_as_printed() -> None:
    # Hahn & Meeker 1991, §4.7: five readings with mean 50.10 and s = 1.31; 95 % for the next: 46.1 to 54.1.
    shape = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    window = (50.10 + 1.31 * shape / shape.std(ddof=1)).tolist()
    interval = predict(window, 50.10).interval
    assert 50.10 + interval.low == pytest.approx(46.1, abs=0.05)
    assert 50.10 + interval.high == pytest.approx(54.1, abs=0.05)


def test_one_earlier_run_is_judged_by_the_floor_alone() -> None:
    result = predict([1.0], 1.1, floor=0.03, se=0.01)
    assert result.by_window is None
    assert result.half_width == pytest.approx(1.95996 * math.sqrt(2 * 0.03**2 + 2 * 0.01**2), rel=1e-5)
    with pytest.raises(TooFewSamples):
        predict([], 1.0, floor=0.03)


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=12), st.floats(0.001, 0.1), st.floats(0, 0.05))
def test_prediction_is_never_narrower_than_its_floor(window: list[float], floor: float, se: float) -> None:
    m = len(window)
    alone = 1.95996 * math.sqrt(floor**2 * (1 + 1 / m) + se**2 * (1 + 1 / m))
    assert predict(window, 0.0, floor=floor, se=se).half_width >= alone * (1 - 1e-5)


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=8), st.floats(1, 5))
def test_prediction_grows_with_the_spread_of_the_window(window: list[float], factor: float) -> None:
    centre = sum(window) / len(window)
    wider = [centre + factor * (x - centre) for x in window]
    narrow, wide = (predict(runs, 0.0, floor=0.02).half_width for runs in (window, wider))
    assert wide >= narrow * (1 - 1e-9)


@pytest.mark.parametrize(
    ("floor", "least"), [(0.0, 0.95), (0.01, 0.95), (0.02, 0.95), (0.03, 0.95), (0.05, 0.98)]
)
@pytest.mark.parametrize("m", [2, 3, 8])
def test_prediction_covers_also_where_the_floor_is_too_low(floor: float, least: float, m: int) -> None:
    rng = np.random.default_rng(23)
    repetitions = 1500
    runs = rng.normal(0.0, 0.03, size=(repetitions, m + 1))
    covered = np.mean([predict(row[:-1].tolist(), row[-1], floor=floor).interval.contains(0) for row in runs])
    assert covered >= least - slack(least, repetitions)


def test_prediction_without_floor_covers_no_more_than_it_says() -> None:
    runs = np.random.default_rng(24).normal(size=(1500, 6))
    covered = np.mean([predict(row[:-1].tolist(), row[-1]).interval.contains(0) for row in runs])
    assert covered <= 0.95 + slack(0.95, 1500)


@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8), st.floats(-0.5, 0.5), st.floats(0.001, 0.1))
def test_prediction_p_value_agrees_with_its_interval(window: list[float], shift: float, floor: float) -> None:
    result = predict(window, shift, floor=floor)
    if not math.isclose(abs(result.effect), result.half_width, rel_tol=1e-6):
        assert (result.p_value < 0.05) == (not result.interval.contains(0.0))
    assert result.total_se >= floor


def test_a_noisier_candidate_widens_the_window_as_well() -> None:
    runs = [0.0, 0.1, 0.2, 0.1]
    widths = [
        prediction_log_ratio(
            window=runs, window_se=0.01, candidate_log=0.1, candidate_se=se, floor_sd=0.0, level=0.95
        ).half_width
        for se in (0.005, 0.01, 0.2)
    ]
    assert widths[0] == widths[1] < widths[2]


def test_refuses_an_effect_that_is_none() -> None:
    with pytest.raises(ValueError, match="finite"):
        LogRatio(effect=math.inf, se=0.1, df=None, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="standard errors"):
        LogRatio(effect=0.0, se=-0.1, df=None, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="degrees"):
        LogRatio(effect=0.0, se=0.1, df=0.0, known_se=0.0, level=0.99)
    with pytest.raises(ValueError, match="level"):
        LogRatio(effect=0.0, se=0.1, df=None, known_se=0.0, level=1.0)
