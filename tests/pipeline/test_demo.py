from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from govbench.compare.compare import without_baseline
from govbench.config.settings import CompareConfig
from govbench.pipeline.demo import DemoFinished
from govbench.results.comparison import Change, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.run import RunSummary


def change(low: float, high: float) -> Change:
    return Change(estimate=(low + high) / 2, low=low, high=high, level=0.99)


def finished(summary: RunSummary, verdict: Verdict, measured: Change | None) -> DemoFinished:
    comparison = without_baseline(summary, "none", CompareConfig())
    findings = tuple(
        replace(f, change=measured) if f.metric is MetricName.RESPONSE_TIME_P50 else f
        for f in comparison.findings
    )
    results = Results(summary=summary, comparison=replace(comparison, verdict=verdict, findings=findings))
    return DemoFinished(results=results, folder=Path())


@pytest.mark.parametrize(
    ("verdict", "measured", "proven"),
    [
        (Verdict.REGRESSION, change(0.27, 0.32), True),
        (Verdict.REGRESSION, change(0.25, 0.30), True),  # an interval holds its ends
        (Verdict.REGRESSION, change(0.30, 0.35), True),
        (Verdict.REGRESSION, change(0.2, 0.299), False),
        (Verdict.REGRESSION, change(0.301, 0.4), False),
        (Verdict.REGRESSION, None, False),
        (Verdict.PASS, change(0.27, 0.32), False),
        (Verdict.INVALID, change(0.27, 0.32), False),
    ],
)
def test_the_demo_proves_itself_by_verdict_and_truth(
    summary: RunSummary, verdict: Verdict, measured: Change | None, proven: bool
) -> None:
    assert finished(summary, verdict, measured).proven is proven


def test_the_demo_says_what_it_was_held_against(summary: RunSummary) -> None:
    right = finished(summary, Verdict.REGRESSION, change(0.27, 0.32))
    assert right.sentence == (
        "head was slowed by a factor of 1.3; the verdict is regression, "
        "and its interval, 1.270 to 1.320, holds that"
    )
    wrong = finished(summary, Verdict.REGRESSION, change(0.31, 0.32))
    assert "does NOT hold" in wrong.sentence
    assert "was not measured" in finished(summary, Verdict.INVALID, None).sentence
