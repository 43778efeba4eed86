"""Whole comparisons of synthetic runs: what is set against what, what is refused, and what is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.compare.compare import compare_runs, without_baseline
from govbench.compare.confirmation import again_of
from govbench.compare.soundness import run_fault
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig, MetricRule, Threshold
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Finding, Method, Reference, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, RunStatus, RunSummary

BuildMetric = Callable[..., Metric]
BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]

P50, P95, P99 = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.RESPONSE_TIME_P99
ERRORS, THROUGHPUT = MetricName.ERROR_RATE, MetricName.THROUGHPUT
BASELINE, CONCURRENT = TestType.BASELINE, TestType.CONCURRENT
CONFIG = CompareConfig()
STORED = Reference(label="3 stored runs")
MIRROR = {Verdict.REGRESSION: Verdict.IMPROVEMENT, Verdict.IMPROVEMENT: Verdict.REGRESSION}


def found(comparison: Comparison, name: MetricName = P50, test_type: TestType = BASELINE) -> Finding:
    return next(f for f in comparison.findings if f.metric is name and f.test_type is test_type)


# Two runs.


@pytest.mark.parametrize(
    ("p50", "verdict"),
    [
        (150.0, Verdict.REGRESSION),
        (100.0, Verdict.INCONCLUSIVE),
        (60.0, Verdict.IMPROVEMENT),
    ],
)
def test_two_runs(summary: BuildRun, usual: BuildUsual, p50: float, verdict: Verdict) -> None:
    compared = compare_runs(summary(), summary({BASELINE: usual(p50)}), CONFIG)
    latency = found(compared)
    assert latency.verdict is verdict
    assert latency.change is not None
    assert latency.change.estimate == pytest.approx(p50 / 100 - 1)
    assert latency.mde is not None
    assert latency.mde > 0.1
    assert found(compared, ERRORS).verdict is Verdict.PASS
    assert compared.method is Method.UNPAIRED
    assert "5.0%" in compared.notes[0]


def test_two_equal_runs_with_little_noise_pass(summary: BuildRun) -> None:
    compared = compare_runs(summary(), summary(), CompareConfig(between_run_sd=0.01))
    assert compared.verdict is Verdict.PASS
    assert "the whole interval lies within the margin" in compared.reason


def test_the_sentence_names_every_gated_metric_with_its_own_reason(
    summary: BuildRun, usual: BuildUsual, metric: BuildMetric
) -> None:
    short = {BASELINE: (metric(P50, 100.0, n=25), metric(ERRORS, 0.0)), CONCURRENT: usual()}
    compared = compare_runs(summary({BASELINE: usual(), CONCURRENT: usual()}), summary(short), CONFIG)
    assert compared.verdict is Verdict.INVALID
    assert compared.reason == "response time p50 (baseline): only 25 samples; at least 30 are needed"


@given(
    st.floats(1, 1e4),
    st.floats(1, 1e4),
    st.floats(0, 0.05),
    st.floats(0, 0.05),
    st.sampled_from([0.0, 0.002, 0.01, 0.3, 1.0]),
    st.sampled_from([0.0, 0.002, 0.01, 0.3, 1.0]),
)
def test_swapped_runs_give_mirrored_findings(
    summary: BuildRun,
    metric: BuildMetric,
    a: float,
    b: float,
    se_a: float,
    se_b: float,
    x: float,
    y: float,
) -> None:
    one = summary({BASELINE: (metric(P50, a, se=se_a), metric(THROUGHPUT, b, se=se_b), metric(ERRORS, x))})
    two = summary({BASELINE: (metric(P50, b, se=se_b), metric(THROUGHPUT, a, se=se_a), metric(ERRORS, y))})
    there, back = compare_runs(one, two, CONFIG), compare_runs(two, one, CONFIG)
    assert len(there.findings) == 3
    for f, g in zip(there.findings, back.findings, strict=True):
        assert g.verdict is MIRROR.get(f.verdict, f.verdict)
        assert g.mde == f.mde
        assert (g.baseline, g.candidate) == (f.candidate, f.baseline)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"machine_class": "linux-arm64-cpu-4c-8g"}, ("linux-x86_64-cpu-2c-4g", "linux-arm64-cpu-4c-8g")),
        ({"profile": "full"}, ("quick (1)", "full (1)")),
        ({"suite_version": "2"}, ("quick (1)", "quick (2)")),
    ],
)
def test_unlike_runs_are_not_compared_and_both_are_shown(
    summary: BuildRun, usual: BuildUsual, change: dict[str, Any], words: tuple[str, str]
) -> None:
    compared = compare_runs(summary(), summary({BASELINE: usual(300.0)}, **change), CONFIG)
    assert compared.verdict is Verdict.NOT_COMPARABLE
    assert all(word in compared.reason for word in words)
    assert {f.verdict for f in compared.findings} == {Verdict.NOT_COMPARABLE}
    latency = found(compared)
    assert latency.baseline is not None
    assert latency.candidate is not None
    assert (latency.baseline.value, latency.candidate.value) == (100.0, 300.0)
    assert latency.change is None


def test_an_unlike_run_that_misses_a_threshold_says_both(summary: BuildRun) -> None:
    bound = Threshold(metric=P50, bound=50.0, source="thresholds.p50")
    compared = compare_runs(summary(), summary(profile="full"), CONFIG, [bound])
    assert compared.verdict is Verdict.REGRESSION
    assert "different plans" in compared.reason
    assert "threshold missed: response time p50" in compared.reason


# What no verdict may rest on.

SUNK = Accounting(offered=10, sent=10, ok=8, lost=2)
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"status": RunStatus.FAILED, "note": "the stack died"}, "failed: the stack died"),
    ({"status": RunStatus.INTERRUPTED}, "interrupted"),
    ({"accounting": SUNK}, "2 requests of .* left no record"),
    ({"accounting": Accounting(offered=9, sent=8, ok=8)}, "do not add up"),
    ({"saturated": True}, "bottleneck"),
    ({"test_types": ()}, "measured nothing"),
]


@pytest.mark.parametrize(("change", "reason"), FAULTS)
def test_a_run_at_fault_outranks_everything(
    summary: BuildRun, usual: BuildUsual, change: dict[str, Any], reason: str
) -> None:
    bad = summary({BASELINE: usual(300.0)}, **change)
    missed = [Threshold(metric=P50, bound=1.0, source="thresholds.p50")]
    for compared in (
        compare_runs(summary(), bad, CONFIG, missed),
        compare_runs(summary(profile="full"), bad, CONFIG, missed),
        without_baseline(bad, "nothing stored", CONFIG, missed),
    ):
        assert compared.verdict is Verdict.INVALID
        assert compared.findings == ()
        assert re.search(reason, compared.reason)


def test_a_baseline_at_fault_is_named(summary: BuildRun) -> None:
    compared = compare_runs(summary(saturated=True), summary(), CONFIG)
    assert compared.verdict is Verdict.INVALID
    assert "of the base" in compared.reason


@pytest.mark.parametrize("n", [5, 1000])
def test_a_side_that_answers_only_errors_is_a_regression_however_few_it_answers(
    summary: BuildRun, usual: BuildUsual, metric: BuildMetric, n: int
) -> None:
    down = summary({BASELINE: (metric(ERRORS, 1.0, n=n),)})
    compared = compare_runs(summary(), down, CONFIG)
    assert compared.verdict is Verdict.REGRESSION
    assert compared.reason.startswith("error rate (baseline): ")
    assert found(compared).verdict is Verdict.INVALID
    assert found(compared).reason == "not measured in head"
    back = compare_runs(down, summary(), CONFIG)
    assert found(back, ERRORS).verdict is Verdict.IMPROVEMENT
    assert found(back).reason == "not measured in base"
    assert back.verdict is Verdict.INVALID


def test_two_sides_that_answer_only_errors_are_never_a_pass(summary: BuildRun, metric: BuildMetric) -> None:
    down = summary({BASELINE: (metric(ERRORS, 1.0),)})
    only_errors_gate = CompareConfig(metrics={P50: MetricRule(gate=False)})
    for config in (CONFIG, only_errors_gate):
        compared = compare_runs(down, down, config)
        assert compared.verdict is Verdict.INVALID
        assert found(compared, ERRORS).reason == "every request failed on both sides"
        assert found(compared).reason.startswith("not measured on either side")


def test_nothing_to_compare_with_and_nothing_that_succeeded_is_invalid(
    summary: BuildRun, metric: BuildMetric
) -> None:
    down = summary(
        {BASELINE: (metric(ERRORS, 1.0),)}, accounting=Accounting(offered=9, sent=9, cancelled=9, ok=0)
    )
    assert without_baseline(down, "none", CONFIG).verdict is Verdict.INVALID
    assert compare_runs(summary(profile="full"), down, CONFIG).verdict is Verdict.INVALID
    assert compare_runs(summary(), down, CONFIG).verdict is Verdict.REGRESSION


def test_a_test_type_that_one_side_lacks_is_invalid(summary: BuildRun, usual: BuildUsual) -> None:
    whole, part = summary({BASELINE: usual(), CONCURRENT: usual()}), summary({BASELINE: usual()})
    quiet = CompareConfig(between_run_sd=0.01)
    assert compare_runs(whole, whole, quiet).verdict is Verdict.PASS
    for compared, side in (
        (compare_runs(whole, part, quiet), "head"),
        (compare_runs(part, whole, quiet), "base"),
    ):
        assert compared.verdict is Verdict.INVALID
        assert found(compared, P50, CONCURRENT).reason == f"not measured in {side}"


# Single metrics.


def test_no_failure_on_either_side_passes_whatever_the_interval(summary: BuildRun, usual: BuildUsual) -> None:
    few = summary({BASELINE: usual(n=40)})
    rate = found(compare_runs(few, few, CONFIG), ERRORS)
    assert rate.verdict is Verdict.PASS
    assert rate.change is not None
    assert rate.change.high > 0.01
    assert rate.mde is not None
    assert rate.mde > 0.1


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (0.0, 0.05, Verdict.REGRESSION),
        (0.05, 0.0, Verdict.IMPROVEMENT),
        (0.0, 0.008, Verdict.INCONCLUSIVE),
        (0.0, 0.01, Verdict.REGRESSION),
        (0.001, 0.001, Verdict.PASS),
        (0.0, 0.004, Verdict.INCONCLUSIVE),
    ],
)
def test_error_rates(summary: BuildRun, usual: BuildUsual, old: float, new: float, verdict: Verdict) -> None:
    compared = compare_runs(
        summary({BASELINE: usual(errors=old)}), summary({BASELINE: usual(errors=new)}), CONFIG
    )
    assert found(compared, ERRORS).verdict is verdict


def test_too_few_samples_are_judged_on_neither_side(summary: BuildRun, usual: BuildUsual) -> None:
    few = summary({BASELINE: usual(300.0, n=29)})
    for compared in (compare_runs(summary(), few, CONFIG), compare_runs(few, summary(), CONFIG)):
        assert found(compared).verdict is Verdict.INVALID
        assert found(compared).reason == "only 29 samples; at least 30 are needed"
        assert found(compared, ERRORS).verdict is Verdict.INVALID
    enough = summary({BASELINE: usual(300.0, n=30)})
    assert found(compare_runs(summary(), enough, CONFIG)).verdict is Verdict.REGRESSION


def test_an_error_that_is_not_known_is_not_taken_for_none(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    vague = summary({BASELINE: (metric(P50, 300.0, se=None), *usual()[1:])})
    for compared in (compare_runs(summary(), vague, CONFIG), compare_runs(vague, summary(), CONFIG)):
        assert found(compared).verdict is Verdict.INVALID
        assert "too briefly" in found(compared).reason


def test_readings_of_a_process_need_no_error_and_few_looks(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    memory = MetricName.MEMORY_PEAK
    small = summary({BASELINE: (*usual(), metric(memory, 1e8, n=3, se=None))})
    large = summary({BASELINE: (*usual(), metric(memory, 2e8, n=3, se=None))})
    compared = compare_runs(small, large, CompareConfig(between_run_sd=0.01))
    assert found(compared, memory).verdict is Verdict.REGRESSION
    assert not found(compared, memory).gated
    assert compared.verdict is Verdict.PASS


def test_a_ratio_of_zero_is_invalid_on_either_side(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    zero = summary({BASELINE: (metric(P50, 0.0), *usual()[1:])})
    for compared in (compare_runs(summary(), zero, CONFIG), compare_runs(zero, summary(), CONFIG)):
        assert found(compared).verdict is Verdict.INVALID
        assert "a side is 0" in found(compared).reason


def test_values_without_any_spread_are_judged_by_the_noise_between_runs(
    summary: BuildRun, metric: BuildMetric
) -> None:
    def still(value: float) -> RunSummary:
        return summary(
            {BASELINE: (metric(P50, value, se=0.0), metric(THROUGHPUT, 9, se=0.0), metric(ERRORS, 0.0))}
        )

    exact = CompareConfig(between_run_sd=0.0)
    assert found(compare_runs(still(100), still(100), exact)).verdict is Verdict.PASS
    assert found(compare_runs(still(100), still(105), exact)).verdict is Verdict.PASS
    assert found(compare_runs(still(100), still(111), exact)).verdict is Verdict.REGRESSION
    assert found(compare_runs(still(100), still(111), CONFIG)).verdict is Verdict.INCONCLUSIVE


def test_a_metric_that_neither_side_can_have_is_no_finding(summary: BuildRun) -> None:
    compared = compare_runs(summary(), summary(), CONFIG)
    assert [f.metric for f in compared.findings] == [P50, THROUGHPUT, ERRORS]


def test_only_gated_metrics_share_the_level(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    """With five gated metrics, an effect of p = 0.004 is no longer found, and among two it is."""

    def run(factor: float) -> RunSummary:
        changed = (metric(P50, 100 * factor, se=0.0), *usual()[1:], metric(P95, 200 * factor, se=0.0))
        return summary({BASELINE: changed, CONCURRENT: usual()})

    def latency(config: CompareConfig) -> Finding:
        return found(compare_runs(run(1.0), run(1.34), config))

    several = CompareConfig(metrics={P95: MetricRule(gate=False)})
    alone = CompareConfig(
        metrics={name: MetricRule(gate=name is P50) for name in (P50, THROUGHPUT, ERRORS)},
    )
    gated = [f for f in compare_runs(run(1.0), run(1.34), several).findings if f.gated]
    assert len(gated) == 5
    assert latency(several).verdict is Verdict.INCONCLUSIVE
    assert "correction" in latency(several).reason
    left = [f for f in compare_runs(run(1.0), run(1.34), alone).findings if f.gated]
    assert [(f.test_type, f.metric) for f in left] == [(BASELINE, P50), (CONCURRENT, P50)]
    assert latency(alone).verdict is Verdict.REGRESSION
    advisory = found(compare_runs(run(1.0), run(1.34), several), P95)
    assert advisory.verdict is Verdict.REGRESSION
    assert not advisory.gated


def test_gates_and_margins_can_be_set_per_metric(summary: BuildRun, usual: BuildUsual) -> None:
    slow = summary({BASELINE: usual(150.0)})
    wide = CompareConfig(metrics={P50: MetricRule(margin=1.0, absolute_margin=1.0)})
    compared = compare_runs(summary(), slow, wide)
    assert found(compared).verdict is Verdict.PASS
    assert found(compared).margin is not None
    assert (found(compared).margin.relative, found(compared).margin.absolute) == (1.0, 1.0)  # type: ignore[union-attr]
    ungated = compare_runs(summary(), slow, CompareConfig(metrics={P50: MetricRule(gate=False)}))
    assert found(ungated).verdict is Verdict.REGRESSION
    assert ungated.verdict is not Verdict.REGRESSION


def test_the_absolute_margin_spares_fast_answers(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    def run(ms: float) -> RunSummary:
        return summary({BASELINE: (metric(P50, ms), *usual()[1:])})

    quiet = CompareConfig(between_run_sd=0.01)
    assert found(compare_runs(run(0.5), run(0.7), quiet)).verdict is Verdict.PASS
    assert found(compare_runs(run(5.0), run(7.0), quiet)).verdict is Verdict.REGRESSION


def test_throughput_of_one_user_after_another_does_not_gate(summary: BuildRun, usual: BuildUsual) -> None:
    both = {BASELINE: usual(), CONCURRENT: usual()}
    compared = compare_runs(summary(both), summary(both), CONFIG)
    assert not found(compared, THROUGHPUT, BASELINE).gated
    assert found(compared, THROUGHPUT, CONCURRENT).gated
    assert all(f.gated is METRICS[f.metric].gate for f in compared.findings if f.metric is not THROUGHPUT)


def test_where_nothing_gates_a_threshold_that_is_met_passes_and_nothing_at_all_is_invalid(
    summary: BuildRun,
) -> None:
    nothing = CompareConfig(metrics={name: MetricRule(gate=False) for name in MetricName})
    bound = Threshold(metric=P50, bound=500.0, source="thresholds.p50")
    unknown = Threshold(metric=P99, bound=500.0, source="thresholds.p99")
    assert compare_runs(summary(), summary(), nothing, [bound]).verdict is Verdict.PASS
    assert compare_runs(summary(), summary(), nothing, [unknown]).verdict is Verdict.INVALID
    assert compare_runs(summary(), summary(), nothing).verdict is Verdict.INVALID


# Thresholds.


def test_without_a_baseline_thresholds_hold_and_values_are_shown(summary: BuildRun) -> None:
    missed = Threshold(metric=P50, bound=50.0, source="a")
    met = Threshold(metric=P50, bound=500.0, source="a")
    compared = without_baseline(summary(), "nothing stored yet", CONFIG, [met])
    assert (compared.verdict, compared.reason) == (Verdict.NO_BASELINE, "nothing stored yet")
    assert compared.baseline is None
    assert {f.verdict for f in compared.findings} == {Verdict.NO_BASELINE}
    assert found(compared).candidate is not None
    compared = without_baseline(summary(), "nothing stored yet", CONFIG, [missed])
    assert (compared.verdict, compared.reason) == (
        Verdict.REGRESSION,
        "threshold missed: response time p50 (baseline)",
    )


# A window of stored runs.


def test_a_window_of_one_is_judged_by_the_assumed_noise(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry
) -> None:
    slow = summary({BASELINE: usual(150.0)})
    by_window = compare_window([entry(usual())], STORED, slow, CONFIG, again=again_of(slow))
    by_run = compare_runs(summary(), slow, CONFIG)
    assert by_window.verdict is Verdict.REGRESSION
    one, other = found(by_window).change, found(by_run).change
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-9)
    assert by_window.method is Method.STORED_WINDOW
    assert by_window.baseline is not None
    assert by_window.baseline.run_ids == ("run-0",)


def test_a_window_shows_its_geometric_mean(summary: BuildRun, usual: BuildUsual, entry: BuildEntry) -> None:
    window = [entry(usual(80.0, errors=0.01)), entry(usual(125.0, errors=0.03), number=1)]
    compared = compare_window(window, STORED, summary(), CONFIG)
    latency, errors = found(compared).baseline, found(compared, ERRORS).baseline
    assert latency is not None
    assert errors is not None
    assert latency.value == pytest.approx(100.0)
    assert latency.n == 2000
    assert errors.value == pytest.approx(0.02)


def test_stored_runs_that_do_not_compare_are_left_out_and_counted(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry
) -> None:
    window = [
        entry(usual(300.0), number=1, profile="full"),
        entry(usual(100.0), number=2),
        entry(usual(300.0), number=3, suite_version="0"),
        entry(usual(300.0), number=4, machine_class="linux-arm64-cpu-4c-8g"),
    ]
    compared = compare_window(window, STORED, summary(), CONFIG)
    assert compared.baseline is not None
    assert compared.baseline.run_ids == ("run-2",)
    assert found(compared).baseline is not None
    assert found(compared).baseline.value == pytest.approx(100.0)  # type: ignore[union-attr]
    assert any("3 of 4 stored runs left out" in note for note in compared.notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profile": "full"}, "full (1) and quick (1)"),
        ({"suite_version": "0"}, "quick (0) and quick (1)"),
        ({"machine_class": "linux-arm64-cpu-4c-8g"}, "linux-arm64-cpu-4c-8g and linux-x86_64-cpu-2c-4g"),
    ],
)
def test_a_window_of_which_nothing_compares(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry, changes: dict[str, Any], words: str
) -> None:
    window = [entry(usual(200.0), number=i, **changes) for i in range(3)]
    compared = compare_window(window, STORED, summary(), CONFIG)
    assert compared.verdict is Verdict.NOT_COMPARABLE
    assert words in compared.reason
    latency = found(compared)
    assert latency.baseline is not None
    assert latency.baseline.value == pytest.approx(200.0)
    assert compared.baseline is not None
    assert compared.baseline.run_ids == ("run-0",)


def test_an_empty_window_is_no_baseline(summary: BuildRun) -> None:
    assert compare_window([], STORED, summary(), CONFIG).verdict is Verdict.NO_BASELINE


def test_a_metric_that_some_stored_runs_lack_is_compared_with_the_others(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry, metric: BuildMetric
) -> None:
    window = [
        entry((*usual(), metric(P95, 200.0)), number=0),
        entry(usual(), number=1),
        entry((metric(P50, 900.0, se=None), *usual()[1:], metric(P95, 200.0)), number=2),
    ]
    compared = compare_window(window, STORED, summary({BASELINE: (*usual(), metric(P95, 200.0))}), CONFIG)
    tail, median = found(compared, P95).baseline, found(compared).baseline
    assert tail is not None
    assert median is not None
    assert tail.n == 2000
    assert median.value == pytest.approx(100.0)  # an unknown error says nothing
    assert median.n == 2000
    bare = compare_window([entry(usual()[1:])], STORED, summary(), CONFIG)
    assert found(bare).reason == "not measured in base"
    assert bare.verdict is Verdict.INVALID


def test_an_accepted_regression_begins_a_new_level(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry
) -> None:
    accepted = {"accepted": "safer answers", "verdict": Verdict.REGRESSION}
    old = [entry(usual(100.0), number=i) for i in (3, 4, 5)]
    window = [entry(usual(150.0), number=1), entry(usual(150.0), number=2, **accepted), *old]
    slow = summary({BASELINE: usual(150.0)})
    compared = compare_window(window, STORED, slow, CONFIG)
    assert compared.baseline is not None
    assert compared.baseline.run_ids == ("run-1", "run-2")
    assert found(compared).change is not None
    assert found(compared).change.estimate == pytest.approx(0.0)  # type: ignore[union-attr]


def test_a_restless_window_widens_the_interval(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry
) -> None:
    still = [entry(usual(100.0), number=i) for i in range(8)]
    restless = [entry(usual(100.0 * 1.3 ** (-1) ** i), number=i) for i in range(8)]
    slow = summary({BASELINE: usual(150.0)})
    again = again_of(slow)
    assert found(compare_window(still, STORED, slow, CONFIG, again=again)).verdict is Verdict.REGRESSION
    assert found(compare_window(restless, STORED, slow, CONFIG, again=again)).verdict is Verdict.INCONCLUSIVE


def test_comparing_changes_nothing_and_says_the_same_twice(
    summary: BuildRun, usual: BuildUsual, entry: BuildEntry
) -> None:
    window = [entry(usual(), number=i) for i in range(3)]
    candidate = summary({BASELINE: usual(111.0)})
    first = compare_window(window, STORED, candidate, CONFIG)
    assert compare_window(window, STORED, candidate, CONFIG) == first
    assert candidate == summary({BASELINE: usual(111.0)})


# An open loop that did not keep to its schedule.


def late(summary: BuildRun, usual: BuildUsual, *, delay_ms: float | None, median_ms: float) -> RunSummary:
    run = summary({BASELINE: usual(median_ms)})
    (only,) = run.phases
    return summary({BASELINE: usual(median_ms)}, phases=(replace(only, scheduling_delay_p99_ms=delay_ms),))


@pytest.mark.parametrize(
    ("delay_ms", "median_ms", "valid"),
    [
        (None, 100.0, True),
        (9.9, 100.0, True),
        (10.1, 100.0, False),
        (24.0, 2500.0, True),
        (26.0, 2500.0, False),
    ],
)
def test_requests_that_go_out_late_make_a_run_invalid(
    summary: BuildRun, usual: BuildUsual, delay_ms: float | None, median_ms: float, valid: bool
) -> None:
    run = late(summary, usual, delay_ms=delay_ms, median_ms=median_ms)

    reason = run_fault(run)

    assert (reason is None) is valid
    if reason is not None:
        assert "baseline" in reason
        assert f"{delay_ms} ms" in reason
        assert "--workers" in reason
        assert compare_runs(summary(), run, CONFIG).verdict is Verdict.INVALID
