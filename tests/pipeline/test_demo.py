from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from govbench.compare.compare import without_baseline
from govbench.config.settings import CompareConfig
from govbench.pipeline.demo import DemoFinished, Truth
from govbench.results.comparison import Change, Results, Verdict
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

CHANGE = Change(estimate=0.30, low=0.25, high=0.35, level=0.99)


def truth(true_change: float, measured: Change | None = CHANGE) -> Truth:
    return Truth(test_type=TestType.BASELINE, true_change=true_change, measured=measured)


@pytest.mark.parametrize(
    ("true_change", "held"), [(0.25, True), (0.30, True), (0.35, True), (0.2499, False), (0.3501, False)]
)
def test_an_interval_holds_the_truth_with_its_ends(true_change: float, held: bool) -> None:
    assert truth(true_change).held is held


def test_what_was_not_measured_holds_nothing() -> None:
    assert not truth(0.3, None).held


@pytest.mark.parametrize(
    ("verdict", "truths", "proven"),
    [
        (Verdict.REGRESSION, (truth(0.3), truth(0.31)), True),
        (Verdict.REGRESSION, (truth(0.3), truth(0.4)), False),
        (Verdict.REGRESSION, (), False),
        (Verdict.PASS, (truth(0.3),), False),
        (Verdict.INVALID, (truth(0.3),), False),
    ],
)
def test_the_demo_proves_itself_by_verdict_and_truth(
    summary: RunSummary, verdict: Verdict, truths: tuple[Truth, ...], proven: bool
) -> None:
    comparison = replace(without_baseline(summary, "none", CompareConfig()), verdict=verdict)
    results = Results(summary=summary, comparison=comparison)

    assert DemoFinished(results=results, truths=truths, folder=Path()).proven is proven
