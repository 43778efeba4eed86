from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.report import format as fmt
from govbench.results.comparison import Change, Margin, Results
from govbench.results.metrics import Metric, MetricName, Unit
from govbench.results.plan import Arrivals, LoadModel, Phase, RatePoint, TestType


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.0, "1230"),
        (999.6, "1000"),
        (104.2, "104"),
        (4.5, "4.50"),
        (0.01234, "0.0123"),
        (-0.5, "-0.500"),
        (None, "not measured"),
        (math.nan, "not measured"),
        (math.inf, "unbounded"),
    ],
)
def test_number_keeps_three_significant_digits(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


@pytest.mark.parametrize("exponent", range(-3, 8))
@pytest.mark.parametrize("digits", [1.0, 1.28249, 4.05, 9.996])
def test_number_is_one_that_a_chart_can_read(exponent: int, digits: float) -> None:
    """The grammar of mermaid's charts knows digits and a point, no exponents and no groups."""
    assert re.fullmatch(r"\d+(\.\d+)?", fmt.number(digits * 10.0**exponent))


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_number_is_within_half_a_digit_and_never_an_exponent(value: float) -> None:
    text = fmt.number(value)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=0.00501)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.MS, 104.2, "104 ms"),
        (Unit.MS, 999.7, "1.00 s"),
        (Unit.MS, 1234.0, "1.23 s"),
        (Unit.MS, 0.041, "41.0 µs"),
        (Unit.MS, 0.0, "0 ms"),
        (Unit.RPS, 12.34, "12.3 req/s"),
        (Unit.RATIO, 0.012, "1.20 %"),
        (Unit.RATIO, 0.0, "0 %"),
        (Unit.RATIO, 1.0, "100 %"),
        (Unit.BYTES, 512.0, "512 B"),
        (Unit.BYTES, 1536.0, "1.50 KiB"),
        (Unit.BYTES, 1023.9 * 1024, "1.00 MiB"),
        (Unit.BYTES, 2.0 * 1024**3, "2.00 GiB"),
        (Unit.TOKENS, 161.0, "161 tokens"),
    ],
)
def test_value_always_shows_its_unit(unit: Unit, value: float, text: str) -> None:
    assert fmt.value(value, unit) == text


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("value", [None, math.nan])
def test_what_was_not_measured_has_no_number(unit: Unit, value: float | None) -> None:
    assert fmt.value(value, unit) == "not measured"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.250 s"),
        (75.25, "75.2 s"),
        (125.0, "2 min 5 s"),
        (3599.9, "1 h 0 min"),
        (7260.0, "2 h 1 min"),
    ],
)
def test_duration_s(seconds: float, text: str) -> None:
    assert fmt.duration_s(seconds) == text


def test_counts_are_exact_and_grouped_from_five_digits_on() -> None:
    assert [fmt.count(n) for n in (0, 9999, 12345, 1234567, None)] == [
        "0",
        "9999",
        "12\u202f345",
        "1\u202f234\u202f567",
        "not measured",
    ]


def test_change_carries_sign_interval_and_level() -> None:
    change = Change(estimate=0.045, low=0.031, high=0.059, level=0.99)
    assert fmt.change(change) == "+4.50 % [+3.10, +5.90] at 99 %"
    assert fmt.change_estimate(change) == "+4.50 %"


def test_change_shares_decimals_and_never_shows_minus_zero() -> None:
    change = Change(estimate=-0.00001, low=-0.123, high=0.101, level=0.995)
    assert fmt.change(change) == "+0.0 % [-12.3, +10.1] at 99.5 %"


@pytest.mark.parametrize(
    ("estimate", "low", "high", "text"),
    [
        (0.004, -0.02, 1.5, "+0.4 % [-2, +150]"),
        (-0.004, -0.02, 1.5, "-0.4 % [-2, +150]"),
        (0.0004, -0.02, 1.5, "+0.04 % [-2, +150]"),
        (0.00001, -0.02, 1.5, "+0 % [-2, +150]"),
        (0.25, -0.02, 1.5, "+25 % [-2, +150]"),
        (0.045, 0.031, 0.059, "+4.50 % [+3.10, +5.90]"),
    ],
)
def test_a_far_end_takes_no_digit_that_the_estimate_needs(
    estimate: float, low: float, high: float, text: str
) -> None:
    assert fmt.change(Change(estimate=estimate, low=low, high=high, level=0.99)) == f"{text} at 99 %"


def test_a_difference_of_ratios_is_in_points() -> None:
    change = Change(estimate=0.012, low=0.003, high=0.021, level=0.99, difference=True)
    assert fmt.change(change) == "+1.20 pp [+0.30, +2.10] at 99 %"


def test_nothing_to_compare_is_no_change_of_zero() -> None:
    assert fmt.change(None) == "not compared"
    zero = Change(estimate=0, low=0, high=0, level=0.99)
    assert fmt.change(zero) == "+0 % [+0, +0] at 99 %"


def test_one_line_takes_out_what_moves_a_cursor_or_turns_the_text() -> None:
    assert fmt.one_line("a\nb\t c\x1b[31m\u202egnp.exe\u200b\x00") == "a b c[31mgnp.exe"


def test_thresholds_say_which_side_of_the_bound_is_wanted() -> None:
    assert fmt.threshold_bound(MetricName.RESPONSE_TIME_P95, 800) == "at most 800 ms"
    assert fmt.threshold_bound(MetricName.THROUGHPUT, 5) == "at least 5.00 req/s"


def test_mde_sentence_lists_gated_metrics_only(results: Results) -> None:
    assert results.comparison is not None
    sentence = fmt.mde_sentence(results.comparison)
    assert sentence is not None
    assert sentence.startswith(
        "This run would have flagged changes from: time to first token p50 of baseline"
    )
    assert "error rate of baseline 1.00 pp" in sentence
    assert fmt.mde_sentence(replace(results.comparison, findings=())) is None


def test_accounting_equation_names_what_was_lost(results: Results) -> None:
    accounting = results.summary.accounting
    assert fmt.accounting_equation(accounting) == (
        "offered 12\u202f345 = sent 12\u202f340 + dropped 5 (0.0405 %);"
        " sent 12\u202f340 = ok 12\u202f300 + failed 35 + cancelled 5"
    )
    assert fmt.accounting_equation(replace(accounting, lost=2)).endswith("+ lost 2")


def metric(value: float, low: float | None, high: float | None, level: float | None = 0.99) -> Metric:
    return Metric(name=MetricName.RESPONSE_TIME_P50, value=value, n=9, low=low, high=high, level=level)


def test_an_interval_repeats_units_only_where_they_differ() -> None:
    assert fmt.metric_with_interval(metric(104, 102, 107)) == "104 ms [102, 107] at 99 %"
    assert fmt.metric_with_interval(metric(1010, 993, 1020)) == "1.01 s [993 ms, 1.02 s] at 99 %"
    assert fmt.metric_with_interval(metric(104, 102, 107, None)) == "104 ms [102, 107]"
    assert fmt.metric_with_interval(metric(104, None, None)) == "104 ms"
    assert fmt.metric_with_interval(None) == "not measured"


def test_an_interval_alone_reads_as_beside_its_value() -> None:
    assert fmt.metric_interval(metric(104, 102, 107)) == "[102, 107]"
    assert fmt.metric_interval(metric(1010, 993, 1020)) == "[993 ms, 1.02 s]"
    assert fmt.metric_interval(metric(1010, 0, 1020)) == "[0, 1.02]"
    assert fmt.metric_interval(metric(104, None, None)) == fmt.metric_interval(None) == ""


def phase(users: int | None, *rates_rps: float) -> Phase:
    points = tuple(RatePoint(at_s=at, rate_rps=rate) for at, rate in enumerate(rates_rps))
    return Phase(
        name="a",
        test_type=TestType.CUSTOM,
        users=users,
        steady_s=1,
        model=LoadModel.OPEN if points else LoadModel.CLOSED,
        arrivals=Arrivals(points=points) if points else None,
    )


@pytest.mark.parametrize(
    ("phase", "level", "words"),
    [
        (phase(1), "1", "1 user"),
        (phase(50), "50", "50 users"),
        (phase(None, 20.0), "rate 20/s", "rate 20/s"),
        (phase(None, 5.0, 12.5), "rate 5/s to 12.5/s", "rate 5/s to 12.5/s"),
    ],
)
def test_the_load_of_a_phase_is_its_users_or_its_rate(phase: Phase, level: str, words: str) -> None:
    assert fmt.load_level(phase) == level
    assert fmt.load_in_words(phase) == words


def test_changes_without_bounds_say_so() -> None:
    change = Change(estimate=0.5, low=-1.0, high=math.inf, level=0.99)
    assert fmt.change(change) == "+50 % [-100, +unbounded] at 99 %"
    assert fmt.change_estimate(None) == "not compared"


@pytest.mark.parametrize(
    ("margin", "text"),
    [
        (Margin(relative=0.02, absolute=0.3), "2.00 % and 0.300 ms"),
        (Margin(relative=0.02), "2.00 %"),
        (Margin(relative=0.0), "0 %"),
        (None, "none"),
    ],
)
def test_margin(results: Results, margin: Margin | None, text: str) -> None:
    assert results.comparison is not None
    assert fmt.margin(replace(results.comparison.findings[0], margin=margin)) == text
