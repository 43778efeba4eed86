"""Absolute bounds: where they hold, what they are held against, and that collapsing meets none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govbench.compare.compare import without_baseline
from govbench.compare.conclude import conclude
from govbench.compare.thresholds import judge_thresholds
from govbench.config.settings import DEFAULT_ERROR_RATE, CompareConfig, Threshold
from govbench.errors import ExitCode
from govbench.results.comparison import ThresholdResult, ThresholdState, Verdict
from govbench.results.metrics import AdjustedPercentile, Metric, MetricName
from govbench.results.plan import TestType, breaks_on_purpose
from govbench.results.run import Accounting, PhaseResult, RunSummary

BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
BuildMetric = Callable[..., Metric]

P50, P95 = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95
ERRORS, THROUGHPUT, MEMORY = MetricName.ERROR_RATE, MetricName.THROUGHPUT, MetricName.MEMORY_PEAK
BASELINE, CONCURRENT, CUSTOM = TestType.BASELINE, TestType.CONCURRENT, TestType.CUSTOM
MET, MISSED, LACKING = ThresholdState.MET, ThresholdState.MISSED, ThresholdState.NOT_MEASURED


def p95(value: float | None, *, n: int = 500, failed: int = 0) -> AdjustedPercentile:
    return AdjustedPercentile(name=P95, value=value, n=n, failed=failed)


def bound(metric: MetricName, limit: float, **changes: Any) -> Threshold:
    return replace(Threshold(metric=metric, bound=limit, source="govbench.toml"), **changes)


def with_levels(run: RunSummary, *levels: PhaseResult) -> RunSummary:
    return replace(run, phases=levels)


def level(run: RunSummary, test_type: TestType, name: str, **changes: Any) -> PhaseResult:
    first = next(p for p in run.phases if p.phase.test_type is test_type)
    return replace(first, phase=replace(first.phase, name=name), **changes)


def states(judged: tuple[ThresholdResult, ...]) -> dict[str, tuple[ThresholdState, float | None]]:
    return {str(t.test_type): (t.state, t.value) for t in judged}


@pytest.fixture
def both(summary: BuildRun, usual: BuildUsual) -> RunSummary:
    """Both test types with what is usual, p50 100 and 300 ms, throughput 9 and 80."""
    return summary({BASELINE: usual(100.0, rate=9), CONCURRENT: usual(300.0, rate=80)})


def test_a_bound_without_a_test_type_holds_in_each_of_them(both: RunSummary) -> None:
    assert states(judge_thresholds(both, [bound(P50, 200.0)])) == {
        "baseline": (MET, 100.0),
        "concurrent": (MISSED, 300.0),
    }
    assert states(judge_thresholds(both, [bound(THROUGHPUT, 9.5)])) == {
        "baseline": (MISSED, 9.0),
        "concurrent": (MET, 80.0),
    }
    (one,) = judge_thresholds(both, [bound(P50, 200.0, test_type=BASELINE)])
    assert (one.state, one.value, one.source) == (MET, 100.0, "govbench.toml")


def test_an_overload_that_answers_nothing_in_time_meets_no_bound(
    summary: BuildRun, usual: BuildUsual, metric: BuildMetric
) -> None:
    """97 % of the requests of one test type fail, too few answers are left for a p95, the other is fast."""
    run = summary({BASELINE: usual(20.0), CONCURRENT: (metric(ERRORS, 0.97, 3000),)})
    run = with_levels(
        run,
        replace(run.phases[0], adjusted=(p95(20.0),)),
        replace(run.phases[1], adjusted=(p95(None, n=3000, failed=2910),)),
    )
    judged = judge_thresholds(run, [bound(P95, 500.0)])
    assert states(judged) == {"baseline": (MET, 20.0), "concurrent": (MISSED, None)}
    assert (judged[1].n, judged[1].failed) == (3000, 2910)


@pytest.mark.parametrize(("n", "state"), [(19, LACKING), (20, MET)])
def test_a_percentile_of_twenty_is_judged(both: RunSummary, n: int, state: ThresholdState) -> None:
    run = with_levels(both, *(replace(p, adjusted=(p95(80.0, n=n),)) for p in both.phases))
    assert {t.state for t in judge_thresholds(run, [bound(P95, 500.0)])} == {state}


def test_the_worst_level_counts_and_is_named(both: RunSummary) -> None:
    run = with_levels(
        both,
        level(both, CONCURRENT, "users_10", adjusted=(p95(90.0),)),
        level(both, CONCURRENT, "users_50", adjusted=(p95(900.0, n=70),)),
    )
    (judged,) = judge_thresholds(run, [bound(P95, 500.0, test_type=CONCURRENT)])
    assert (judged.state, judged.value, judged.n, judged.phase) == (MISSED, 900.0, 70, "users_50")


def test_a_level_without_the_figure_is_not_measured_unless_another_misses(both: RunSummary) -> None:
    for value, state in ((90.0, LACKING), (900.0, MISSED)):
        run = with_levels(
            both,
            level(both, CONCURRENT, "users_10", adjusted=(p95(value),)),
            level(both, CONCURRENT, "users_50", adjusted=(p95(90.0, n=7),)),
        )
        (judged,) = judge_thresholds(run, [bound(P95, 500.0, test_type=CONCURRENT)])
        assert judged.state is state


def test_a_planned_test_type_that_never_came_is_not_measured(both: RunSummary) -> None:
    """The limit of requests was reached before it."""
    run = replace(
        both,
        planned=(BASELINE, CONCURRENT),
        phases=tuple(p for p in both.phases if p.phase.test_type is BASELINE),
        test_types=tuple(t for t in both.test_types if t.test_type is BASELINE),
    )
    judged = judge_thresholds(run, [bound(P50, 200.0)])
    assert states(judged) == {"baseline": (MET, 100.0), "concurrent": (LACKING, None)}
    assert conclude(without_baseline(run, "none", CompareConfig(), [bound(P50, 200.0)])).exit_code == 3


def test_a_bound_of_a_test_type_that_was_not_asked_for_is_told_and_demands_nothing(both: RunSummary) -> None:
    (judged,) = judge_thresholds(both, [bound(P50, 200.0, test_type=CUSTOM)])
    assert (judged.state, judged.demanded) == (LACKING, False)


@pytest.mark.parametrize(("demanded", "code"), [(True, ExitCode.NOT_MEASURED), (False, ExitCode.OK)])
def test_what_was_not_measured_is_no_pass_unless_it_may_be(
    both: RunSummary, demanded: bool, code: ExitCode
) -> None:
    compared = without_baseline(both, "none", CompareConfig(), [bound(MEMORY, 1e9, demanded=demanded)])
    assert conclude(compared).exit_code is code
    assert (compared.verdict is Verdict.INVALID) == demanded


def test_no_answer_at_all_is_a_throughput_of_zero(both: RunSummary) -> None:
    dead = replace(both.phases[1], accounting=Accounting(offered=40, sent=40, failed=40))
    run = replace(both, phases=(both.phases[0], dead), test_types=both.test_types[:1])
    judged = judge_thresholds(run, [bound(THROUGHPUT, 5.0)])
    assert states(judged) == {"baseline": (MET, 9.0), "concurrent": (MISSED, 0.0)}


# Errors, where nobody set a bound.


@pytest.mark.parametrize(
    ("rate", "n", "state"),
    [
        (0.0, 1000, MET),
        (0.05, 1000, MET),
        (0.06, 1000, MISSED),
        (0.9, 1000, MISSED),
        (1.0, 1000, MISSED),
        (2 / 20, 20, MET),
        (3 / 20, 20, MISSED),
    ],
)
def test_more_than_one_in_twenty_and_at_least_three(
    summary: BuildRun, metric: BuildMetric, rate: float, n: int, state: ThresholdState
) -> None:
    run = summary({BASELINE: (metric(ERRORS, rate, n),)})
    (judged,) = judge_thresholds(run, [DEFAULT_ERROR_RATE])
    assert (judged.state, judged.value, judged.default) == (state, rate, True)
    assert judged.source == "the default of thresholds.error_rate"


def test_failures_of_one_level_do_not_hide_among_the_others(summary: BuildRun, metric: BuildMetric) -> None:
    """Timeouts leave few requests beside the many of the levels before."""
    run = summary({CONCURRENT: (metric(ERRORS, 200 / 5200, 5200),)})
    run = with_levels(
        run,
        level(run, CONCURRENT, "users_10", metrics=(metric(ERRORS, 0.0, 5000),)),
        level(run, CONCURRENT, "users_1000", metrics=(metric(ERRORS, 1.0, 200),)),
    )
    (judged,) = judge_thresholds(run, [DEFAULT_ERROR_RATE])
    assert (judged.state, judged.value, judged.phase) == (MISSED, 1.0, "users_1000")


def test_few_failures_of_each_level_add_up(summary: BuildRun, metric: BuildMetric) -> None:
    run = summary({CONCURRENT: (metric(ERRORS, 0.1, 60),)})
    levels = [level(run, CONCURRENT, f"users_{i}", metrics=(metric(ERRORS, 0.1, 20),)) for i in range(3)]
    (judged,) = judge_thresholds(with_levels(run, *levels), [DEFAULT_ERROR_RATE])
    assert (judged.state, judged.n, judged.failed) == (MISSED, 60, 6)


def test_a_level_at_which_nothing_ended_is_not_measured(both: RunSummary) -> None:
    run = with_levels(both, both.phases[0], replace(both.phases[1], metrics=()))
    judged = judge_thresholds(run, [DEFAULT_ERROR_RATE])
    assert [t.state for t in judged] == [MET, LACKING]
    assert judged[1].demanded


def test_a_bound_of_a_test_type_takes_the_place_of_the_default_there(both: RunSummary) -> None:
    judged = judge_thresholds(both, [DEFAULT_ERROR_RATE, bound(ERRORS, 0.5, test_type=CONCURRENT)])
    assert [(t.test_type, t.bound) for t in judged] == [(BASELINE, 0.05), (CONCURRENT, 0.5)]


def test_who_breaks_the_target_on_purpose() -> None:
    assert [breaks_on_purpose(word) for word in ("stress", "capacity")] == [True, True]
    assert not any(breaks_on_purpose(test_type) for test_type in TestType)


def test_only_bounds_of_its_own_hold_where_breaking_is_the_purpose(
    both: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govbench.compare.thresholds.breaks_on_purpose", lambda t: t is CONCURRENT)
    wanted = [DEFAULT_ERROR_RATE, bound(P50, 200.0), bound(P50, 200.0, test_type=CONCURRENT)]
    assert [(t.metric, t.test_type) for t in judge_thresholds(both, wanted)] == [
        (ERRORS, BASELINE),
        (P50, BASELINE),
        (P50, CONCURRENT),
    ]


def test_a_run_that_fails_nearly_everything_exits_1_whatever_is_stored(
    summary: BuildRun, metric: BuildMetric, usual: BuildUsual
) -> None:
    run = summary({BASELINE: usual(errors=0.9)})
    compared = without_baseline(run, "none", CompareConfig(), [DEFAULT_ERROR_RATE])
    for fail_on in (frozenset({Verdict.REGRESSION}), frozenset[Verdict]()):
        assert conclude(compared, fail_on).exit_code is ExitCode.REGRESSION
