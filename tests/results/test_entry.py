"""What is kept of a run that was flagged: the second measurement, and the suspects as such."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.results import codec
from govbench.results.baseline import from_json, metric_key, to_json
from govbench.results.comparison import (
    Comparison,
    Finding,
    MeasuredAgain,
    Method,
    Reference,
    Results,
    Verdict,
)
from govbench.results.entry import entry_from_results
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from tests.results.test_baseline import results as sound_run

P50 = MetricName.RESPONSE_TIME_P50


def judged(*, verdict: Verdict, suspect: bool = False, again: float | None = None) -> Results:
    """A run of which the median of the test type baseline was flagged."""
    run = sound_run()
    second = Metric(name=P50, value=again, n=90) if again is not None else None
    finding = Finding(
        test_type=TestType.BASELINE,
        metric=P50,
        verdict=verdict,
        gated=True,
        reason="flagged",
        suspect=suspect,
        again=second,
    )
    comparison = Comparison(
        verdict=verdict,
        reason="flagged",
        method=Method.STORED_WINDOW,
        baseline=None,
        candidate=Reference(label="run"),
        findings=(finding,),
        again=(MeasuredAgain(test_type=TestType.BASELINE, metrics=(second,)),) if second else (),
    )
    return replace(run, comparison=comparison)


def test_a_suspect_is_stored_as_one_and_read_back() -> None:
    entry = entry_from_results(judged(verdict=Verdict.INCONCLUSIVE, suspect=True))
    assert entry.suspects == ("baseline/response_time_p50_ms",)
    assert entry.is_suspect(TestType.BASELINE, P50)
    assert not entry.is_suspect(TestType.CONCURRENT, P50)
    assert from_json(to_json(entry), source="here").suspects == entry.suspects


def test_of_what_was_flagged_the_second_measurement_is_stored() -> None:
    result = entry_from_results(judged(verdict=Verdict.INCONCLUSIVE, again=77.0)).test_type(TestType.BASELINE)
    assert result is not None
    metric = result.metric(P50)
    assert metric is not None
    assert metric.value == 77.0


def test_the_accepted_metrics_are_those_that_regressed() -> None:
    entry = entry_from_results(judged(verdict=Verdict.REGRESSION, again=77.0), accepted="meant")
    assert entry.accepted_metrics == (metric_key(TestType.BASELINE, P50),)
    assert entry.begins_level(TestType.BASELINE, P50)
    assert not entry.begins_level(TestType.BASELINE, MetricName.THROUGHPUT)
    old = replace(entry, accepted_metrics=())
    assert old.begins_level(TestType.BASELINE, MetricName.THROUGHPUT)


def test_an_entry_without_suspects_looks_as_before() -> None:
    text = to_json(entry_from_results(sound_run()))
    assert "suspects" not in text
    assert "accepted_metrics" not in text


@pytest.mark.parametrize("again", [None, 77.0])
def test_results_keep_what_the_second_measurement_said(again: float | None) -> None:
    results = judged(verdict=Verdict.INCONCLUSIVE, suspect=again is None, again=again)
    kept = codec.from_json(codec.to_json(results), source="here").comparison
    assert kept == results.comparison
