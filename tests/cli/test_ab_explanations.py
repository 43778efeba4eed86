"""Rounds of the embedded API whose head is known to fail and to leak: the reports say so.

Memory is read twice a second, and a round has to hold two of the readings.
"""

from __future__ import annotations

import pytest

from govbench.results import codec
from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName
from govbench.results.rounds import Aspect
from tests.cli.conftest import Cli

HEAD = "embedded:errors=0.2,leak=500000"


@pytest.mark.load
@pytest.mark.slow
def test_failures_and_a_leak_are_told_beside_the_verdict(govbench: Cli) -> None:
    arguments = ("ab", "--base", "embedded", "--head", HEAD, "--round", "2s", "--max-time", "60s")
    ended = govbench.start(*arguments).end(timeout_s=120)

    (folder,) = (f for f in (govbench.cwd / "results").iterdir() if f.is_dir() and not f.is_symlink())
    results = codec.read(folder)
    comparison = results.comparison
    assert comparison is not None
    found = {f.metric: f for f in comparison.findings}
    errors, memory = found[MetricName.ERROR_RATE], found[MetricName.MEMORY_PEAK]
    assert (errors.verdict, memory.verdict) == (Verdict.REGRESSION, Verdict.REGRESSION), ended.out
    first = errors.explanations[0]
    assert (first.aspect, first.which) == (Aspect.ERROR_CLASS, ("http_5xx",))
    assert 0.1 < first.candidate < 0.3
    assert first.baseline == 0
    assert MetricName.MEMORY_PEAK in {e.metric for e in errors.explanations}
    asked = {c.which for each in results.summary.rounds for c in each.circumstances}
    assert {"passports", "taxes"} <= asked, "a paired request says of which category it is"
    # The failures come in every category alike, so none is singled out.
    assert not any(e.aspect is Aspect.CATEGORY and e.only for e in errors.explanations)
    assert any(e.aspect is Aspect.ERROR_CLASS for e in memory.explanations)
    assert "error class http_5xx: 0 of" in ended.out
