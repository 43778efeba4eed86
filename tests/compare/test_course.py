from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from govbench.compare.ab import compare_rounds
from govbench.compare.course import courses_of
from govbench.compare.rounds import Judging, judge_rounds
from govbench.compare.trial import Trial, design
from govbench.config.settings import CompareConfig
from govbench.results import codec
from govbench.results.comparison import Reference, Results, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect, Circumstance, Observation, Round
from govbench.results.run import RunSummary

JUDGING = Judging(config=CompareConfig())
KIND = TestType.CONCURRENT


def a_round(number: int, change: float | None) -> Round:
    errors = Observation(
        test_type=KIND, metric=MetricName.ERROR_RATE, base=0.0, head=0.0, base_n=200, head_n=200
    )
    latency = [
        Observation(
            test_type=KIND,
            metric=name,
            base=20.0,
            head=20.0 * (1 + change),
            base_n=200,
            head_n=200,
            effect=math.log1p(change),
            standard_error=0.01,
        )
        for name in (MetricName.RESPONSE_TIME_P50, MetricName.SERVICE_TIME_P50)
        if change is not None
    ]
    return Round(
        number=number, start_s=number, end_s=number + 0.5, boot_s=0.1, swapped=False,
        observations=(*latency, errors),
    )  # fmt: skip


def test_a_course_has_a_standing_for_each_round_that_narrows() -> None:
    rounds = [a_round(n, change) for n, change in enumerate((0.10, 0.12, 0.09, 0.11, 0.10, 0.08))]
    findings = judge_rounds(rounds, JUDGING)

    latency, errors = courses_of(findings, rounds, JUDGING)

    assert (latency.metric, errors.metric) == (MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE)
    alone = [s.alone.estimate for s in latency.standings if s.alone]
    assert alone == pytest.approx([0.10, 0.12, 0.09, 0.11, 0.10, 0.08])
    widths = [s.so_far.high - s.so_far.low for s in latency.standings if s.so_far]
    assert len(widths) == 6
    assert widths[-1] < widths[2] / 1.5
    last = latency.standings[-1].so_far
    assert last == next(f.change for f in findings if f.metric is latency.metric)


def test_a_round_without_the_metric_leaves_a_gap() -> None:
    rounds = [a_round(0, 0.1), a_round(1, None), a_round(2, 0.1)]
    latency, _ = courses_of(judge_rounds(rounds, JUDGING), rounds, JUDGING)
    assert [s.alone is None for s in latency.standings] == [False, True, False]
    assert all(s.so_far is not None for s in latency.standings)


def test_a_comparison_holds_the_courses_the_looks_and_what_moved(
    summary: Callable[..., RunSummary], usual: Callable[..., tuple[Metric, ...]]
) -> None:
    larger = Circumstance(
        test_type=KIND, aspect=Aspect.RESPONSE_BYTES, base_n=200, head_n=200,
        base=1000.0, head=1500.0, effect=math.log(1.5), standard_error=0.01,
    )  # fmt: skip
    trial = Trial(JUDGING, design(12, level=0.99))
    for number in range(9):
        trial.add(replace(a_round(number, 0.2), circumstances=(larger,)))
    both = summary({KIND: usual()}, {KIND: usual()})

    compared = compare_rounds(both, trial, JUDGING, baseline=Reference(label="base (git:main)"))

    assert compared.verdict is Verdict.REGRESSION
    assert compared.candidate.label == "side1 (embedded)"
    assert [len(course.standings) for course in compared.courses] == [9, 9]
    assert compared.looks == (6,)
    assert compared.look_levels == trial.plan.levels[:1]
    (confirmed,) = compared.confirmed
    assert (confirmed.metric, confirmed.verdict, confirmed.level) == (
        MetricName.RESPONSE_TIME_P50,
        Verdict.REGRESSION,
        None,
    )
    assert (confirmed.flagged_after, confirmed.fresh, confirmed.agrees) == (6, 3, True)
    assert confirmed.change is not None
    assert confirmed.change.estimate == pytest.approx(0.2)
    assert codec.from_json(codec.to_json(Results(summary=both, comparison=compared)), source="x") == Results(
        summary=both, comparison=compared
    )
    latency = next(f for f in compared.findings if f.metric is MetricName.RESPONSE_TIME_P50)
    assert [e.aspect for e in latency.explanations] == [Aspect.RESPONSE_BYTES]
