"""Change points: a published series, symmetries, hard cases, and both error rates on simulated series."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.change_points import change_points

# Annual flow of the Nile at Aswan, 1871 to 1970, in 10^8 m³ (Cobb 1978): lower after 1898.
NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140,
    995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840,
    874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
    831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821,
    768, 845, 864, 862, 698, 845, 744, 796, 1040, 759,
    781, 865, 845, 944, 984, 897, 822, 1010, 771, 676,
    649, 846, 812, 742, 801, 1040, 860, 874, 848, 890,
    744, 749, 838, 1050, 918, 986, 797, 923, 975, 815,
    1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]  # fmt: skip

Noise = Callable[[np.random.Generator, int], np.ndarray]


def normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n)


def heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Student's t with three degrees of freedom, scaled to a deviation of 1."""
    return rng.standard_t(3, n) / math.sqrt(3)


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(rng.standard_normal(n))


def with_spikes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Every tenth value is eight deviations too high."""
    return rng.standard_normal(n) + 8 * (rng.random(n) < 0.1)


def test_the_nile() -> None:
    (point,) = change_points(NILE)
    assert point.index == 1899 - 1871
    assert point.before == pytest.approx(1097.75)  # Cobb 1978: 1097.75 and 849.97
    assert point.after == pytest.approx(849.97, abs=0.005)


def test_the_error_of_a_step_by_hand() -> None:
    (point,) = change_points([1, 2, 3, 11, 12, 13], false_alarm=0.5)
    # Both variances are 1: se² = 1/3 + 1/3, 4 degrees of freedom, t = 10/0.8165; t(4) at 97.5 % is 2.7764.
    assert (point.index, point.before, point.after, point.df) == (3, 2, 12, 4)
    assert point.se == pytest.approx(math.sqrt(2 / 3))
    assert point.t == pytest.approx(12.247, abs=1e-3)
    assert point.p_value == pytest.approx(0.000255, abs=1e-6)
    interval = point.interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((7.7331, 12.2669), abs=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_too_few_values_for_two_levels(n: int) -> None:
    assert change_points([float(2**i) for i in range(n)]) == ()


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e100])
def test_equal_values(value: float) -> None:
    assert all(change_points([value] * n) == () for n in range(40))


def test_a_step_without_noise() -> None:
    (point,) = change_points([0.1] * 5 + [0.2] * 4)
    assert point.index == 5
    assert point.p_value < 1e-12


@pytest.mark.parametrize("n", [6, 12, 30, 100])
def test_one_spike_is_no_change_wherever_it_is(n: int) -> None:
    quiet = np.random.default_rng(n).normal(0, 0.001, n)
    for at in range(n):
        for height in (0.1, -3.0):
            series = quiet.copy()
            series[at] += height
            assert change_points(series) == (), f"at {at}"


def test_two_spikes_side_by_side_are_no_change() -> None:
    quiet = np.random.default_rng(1).normal(0, 0.001, 40)
    for at in range(39):
        series = quiet.copy()
        series[at : at + 2] += 1.0
        assert change_points(series) == (), f"at {at}"


def test_a_change_at_the_very_end_shows_with_the_third_value() -> None:
    series = np.random.default_rng(2).normal(0, 0.01, 23)
    series[20:] += 0.5
    assert change_points(series[:21]) == ()
    assert change_points(series[:22]) == ()
    assert [point.index for point in change_points(series)] == [20]


def test_a_spike_hides_no_change() -> None:
    series = np.random.default_rng(3).normal(0, 0.01, 30)
    series[20:] += 0.3
    series[5] += 3.0
    assert [point.index for point in change_points(series)] == [20]


def test_up_and_down_again() -> None:
    series = np.random.default_rng(4).normal(0, 0.02, 60)
    series[25:33] += 0.3
    up, down = change_points(series)
    assert (up.index, down.index) == (25, 33)
    assert up.after == down.before
    assert up.shift == pytest.approx(0.3, abs=0.03)
    assert down.shift == pytest.approx(-0.3, abs=0.03)


def test_the_noise_floor_keeps_a_quiet_series_still() -> None:
    series = [0.0] * 6 + [0.02] * 6
    assert len(change_points(series)) == 1
    assert change_points(series, noise_sd=0.035) == ()
    assert len(change_points([20 * x for x in series], noise_sd=0.035)) == 1


def test_a_noise_believed_beforehand_gives_way_to_what_is_seen() -> None:
    before, after = [0.001, -0.001] * 10, [0.051, 0.049] * 4
    assert change_points([*before, *after], noise_sd=0.035) == ()
    (point,) = change_points([*before, *after], noise_sd=0.035, noise_df=4.0)
    assert (point.index, point.df) == (20, 26.0)
    known = 4 * 0.035**2
    pooled = (known + 28e-6) / 30 * (1 / 20 + 1 / 8)
    apart = (known + 20e-6) / 23 / 20 + (known + 8e-6) / 11 / 8
    assert point.se == pytest.approx(math.sqrt(max(pooled, apart)))


def test_a_noise_believed_beforehand_keeps_few_values_still() -> None:
    series = [0.0] * 3 + [0.04] * 3
    assert len(change_points(series)) == 1
    assert change_points(series, noise_sd=0.035, noise_df=4.0) == ()


@pytest.mark.parametrize(("times_believed", "most"), [(0.5, 0.005), (1.0, 0.01), (2.0, 0.015)])
def test_a_believed_noise_that_is_wrong_costs_little(times_believed: float, most: float) -> None:
    rng = np.random.default_rng(8)
    drawn = [rng.normal(0.0, times_believed * 0.035, 30) for _ in range(600)]
    alarms = sum(bool(change_points(series, noise_sd=0.035, noise_df=4.0)) for series in drawn)
    assert alarms / len(drawn) <= most


def test_shifts_below_the_smallest_of_interest() -> None:
    series = [0.0] * 6 + [0.02] * 6
    assert change_points(series, min_shift=0.021) == ()
    assert len(change_points(series, min_shift=0.019)) == 1


def test_longer_levels_can_be_demanded() -> None:
    series = [0.0] * 9 + [1.0] * 4
    assert len(change_points(series, min_segment=4)) == 1
    assert change_points(series, min_segment=7) == ()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_no_numbers(bad: float) -> None:
    with pytest.raises(ValueError, match=r"NaN|finite"):
        change_points([0.0] * 6 + [bad])


@pytest.mark.parametrize("wrong", [{"min_segment": 1}, {"false_alarm": 0.0}, {"false_alarm": 1.0}])
def test_arguments_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"min_segment|false_alarm"):
        change_points([0.0] * 10, **wrong)  # type: ignore[arg-type]


stepped = st.tuples(
    st.integers(0, 10_000),
    st.integers(3, 20),
    st.integers(3, 20),
    st.floats(-0.5, 0.5, allow_subnormal=False),
)


@given(stepped)
def test_negation_changes_only_the_signs(case: tuple[int, int, int, float]) -> None:
    seed, n1, n2, shift = case
    series = np.random.default_rng(seed).normal(0, 0.03, n1 + n2)
    series[n1:] += shift
    straight, negated = change_points(series), change_points(-series)
    assert [(p.index, -p.before, -p.after, p.se) for p in straight] == [
        (p.index, p.before, p.after, p.se) for p in negated
    ]


@given(stepped)
def test_reversed_time_mirrors_the_places(case: tuple[int, int, int, float]) -> None:
    seed, n1, n2, shift = case
    series = np.random.default_rng(seed).normal(0, 0.03, n1 + n2)
    series[n1:] += shift
    backwards = change_points(series[::-1])
    assert [p.index for p in change_points(series)] == [n1 + n2 - p.index for p in reversed(backwards)]


@given(st.floats(0.001, 1000), st.floats(-100, 100))
def test_neither_unit_nor_origin_matters(scale: float, origin: float) -> None:
    moved = change_points([scale * x + origin for x in NILE])
    assert [point.index for point in moved] == [28]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "n", "most"),
    [
        (normal, 6, 0.02),
        (normal, 30, 0.01),
        (normal, 100, 0.01),
        (heavy, 6, 0.02),
        (heavy, 30, 0.01),
        (heavy, 100, 0.01),
        (skewed, 30, 0.01),
        (skewed, 100, 0.035),
        (with_spikes, 30, 0.03),
    ],
)
def test_a_series_that_did_not_change_rarely_alarms(noise: Noise, n: int, most: float) -> None:
    rng = np.random.default_rng(5)
    repetitions = 600
    alarms = sum(bool(change_points(0.03 * noise(rng, n))) for _ in range(repetitions))
    assert alarms / repetitions <= most


@pytest.mark.parametrize(
    ("before", "after", "least"), [(5, 5, 0.6), (8, 8, 0.9), (20, 3, 0.6), (20, 5, 0.85), (15, 15, 0.93)]
)
def test_a_tenth_more_is_found_in_three_percent_of_noise(before: int, after: int, least: float) -> None:
    """To within one place, as the noise may put the first value of a level on the side of the other."""
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(400):
        series = rng.normal(0, 0.03, before + after)
        series[before:] += math.log(1.1)
        points = change_points(series)
        found += any(abs(point.index - before) <= 1 for point in points)
    assert found / 400 >= least
