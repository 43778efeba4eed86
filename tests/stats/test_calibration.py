"""Noise from rounds of the same code: a worked example, its confidence, and what verdicts make of it."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from govbench.errors import TooFewSamples
from govbench.stats import combine_rounds, instance_deviation, run_deviation, upper_variance
from govbench.stats.calibration import LEAST_INSTANCE_SD
from govbench.stats.distributions import chi_square_quantile

EFFECTS = [0.01, -0.02, 0.03, 0.0, -0.01, -0.01]


@pytest.mark.parametrize("df", [5, 9, 19, 50, 1000])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_chi_square_quantiles_are_those_of_scipy(p: float, df: int) -> None:
    assert chi_square_quantile(p, df) == pytest.approx(scipy_stats.chi2.ppf(p, df), rel=0.01)


def test_a_worked_example() -> None:
    # Sum of squares 0.0016 around a mean of 0; χ² with 5 degrees of freedom exceeds 2.343 in 80 %.
    assert upper_variance(EFFECTS) == pytest.approx(0.0016 / 2.343, rel=0.01)
    # Of 0.000683 the errors within explain 0.0001; what is left is (2.41 %)².
    assert instance_deviation(EFFECTS, [0.01] * 6) == pytest.approx(0.0241, rel=0.01)


def test_what_the_errors_explain_leaves_the_least_that_is_believed() -> None:
    assert instance_deviation(EFFECTS, [0.05] * 6) == LEAST_INSTANCE_SD
    assert instance_deviation([0.0] * 6, [0.0] * 6) == LEAST_INSTANCE_SD


def test_two_runs_differ_by_the_square_root_of_two_times_one() -> None:
    one = upper_variance(EFFECTS)
    assert run_deviation(EFFECTS, [5 + x for x in EFFECTS]) == pytest.approx(math.sqrt(2 * one))
    assert run_deviation(EFFECTS, [1.0] * 6) == pytest.approx(math.sqrt(one))


def test_order_and_sides_do_not_matter() -> None:
    ses = [0.001, 0.002, 0.003, 0.004, 0.005, 0.006]
    expected = instance_deviation(EFFECTS, ses)
    assert instance_deviation(EFFECTS[::-1], ses[::-1]) == pytest.approx(expected)
    assert instance_deviation([-x for x in EFFECTS], ses) == pytest.approx(expected)
    assert run_deviation(EFFECTS, ses) == run_deviation(ses, EFFECTS)


def test_rounds_without_their_errors_are_refused() -> None:
    with pytest.raises(ValueError, match="6 rounds but 1 standard errors"):
        instance_deviation(EFFECTS, [0.01])
    with pytest.raises(TooFewSamples):
        upper_variance([0.01])


@pytest.mark.parametrize("rounds", [6, 20])
def test_four_calibrations_of_five_err_upwards(rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    above = np.mean([upper_variance(rng.standard_normal(rounds)) > 1.0 for _ in range(4000)])
    assert above == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("calibrated", [6, 20])
@pytest.mark.parametrize("sd", [0.003, 0.01, 0.03])
def test_intervals_with_a_calibration_keep_their_level(sd: float, calibrated: int) -> None:
    """Equal code, error of 1 % within each round; margin and confirmation, which come on top, left out."""
    rng = np.random.default_rng(3)
    alarms, runs = 0, 1500
    for _ in range(runs):
        known = instance_deviation(_rounds(rng, calibrated, sd), [0.01] * calibrated)
        effect = combine_rounds(_rounds(rng, 9, sd), [0.01] * 9, instance_sd=known, level=0.99)
        alarms += not effect.interval.contains(0.0)
    assert alarms / runs <= 0.01


def test_believing_in_no_noise_would_not_keep_it() -> None:
    rng = np.random.default_rng(3)
    effects = (
        combine_rounds(_rounds(rng, 6, 0.03), [0.01] * 6, instance_sd=LEAST_INSTANCE_SD, level=0.99)
        for _ in range(1500)
    )
    assert sum(not effect.interval.contains(0.0) for effect in effects) / 1500 > 0.01


def _rounds(rng: np.random.Generator, count: int, sd: float) -> list[float]:
    return list(sd * rng.standard_normal(count) + 0.01 * rng.standard_normal(count))
