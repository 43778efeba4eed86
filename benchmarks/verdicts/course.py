"""A drawn year taken through ``govbench run`` and ``baseline update``, a commit a day. Counts nothing.

The configuration is the default one: response time, throughput and error rate decide, a share of failures of
one in twenty is none too few. What is flagged is measured again; what is red for ``ACCEPTED_AT`` commits is
accepted by a person; the first release is an anchor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.verdicts.drawn import RELEASED, Measured, Year
from benchmarks.verdicts.recorded import SAMPLES, summary_of
from benchmarks.verdicts.replay import Judge, Replay
from govbench.compare.confirmation import Again, again_of, to_measure_again
from govbench.compare.stored import compare_window
from govbench.config.settings import DEFAULT_ERROR_RATE, CompareConfig
from govbench.record.measure import error_rate
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Reference, Results, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.run import Accounting, MachineSpeed, Outcome, RunSummary
from govbench.stats import time_design_effect

CONFIG = CompareConfig()
THROUGHPUT_RPS, PIECES_PER_S, LOOK_STANDARD_ERROR = 50.0, 10_000.0, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said of a commit.

    Attributes:
        verdict: of the whole.
        only_errors: of the gated metrics, the error rate alone regressed.
        improved: whether a gated metric did.
        suspect: whether a gated metric is one.
        beyond_anchor: whether a note says that the anchor is far.
    """

    verdict: Verdict
    only_errors: bool = False
    improved: bool = False
    suspect: bool = False
    beyond_anchor: bool = False

    @property
    def red(self) -> bool:
        """Whether the job failed."""
        return self.verdict is Verdict.REGRESSION


def take(year: Year) -> list[Said]:
    """What is said of each commit of a year."""
    kept, anchors = Replay(judge=Judge(), remembers=year.kind.remembers), list[BaselineEntry]()
    said = []
    for number in range(len(year.first)):
        summary = run_of(number, year.first[number])
        compared = _judged(kept, anchors, summary)
        if to_measure_again(compared):
            again = again_of(run_of(number, year.second[number]))
            compared = _judged(kept, anchors, summary, again)
        said.append(_said(compared))
        kept.settle(Results(summary=summary, comparison=compared))
        if number >= RELEASED and not anchors:
            anchors.append(replace(kept.stored[-1].entry, anchor="release"))
    return said


def _judged(
    kept: Replay, anchors: list[BaselineEntry], summary: RunSummary, again: Again | None = None
) -> Comparison:
    return compare_window(
        [each.entry for each in kept.stored],
        Reference(label="stored"),
        summary,
        CONFIG,
        (DEFAULT_ERROR_RATE,),
        anchors=anchors,
        again=again,
    )


def _said(compared: Comparison) -> Said:
    regressed = {f.metric for f in compared.findings if f.gated and f.verdict is Verdict.REGRESSION}
    return Said(
        verdict=compared.verdict,
        only_errors=regressed == {MetricName.ERROR_RATE},
        improved=any(f.gated and f.verdict is Verdict.IMPROVEMENT for f in compared.findings),
        suspect=any(f.gated and f.suspect for f in compared.findings),
        beyond_anchor=any(note.startswith("Against anchor") for note in compared.notes),
    )


def run_of(number: int, measured: Measured) -> RunSummary:
    """A completed run of govbench on the commit of that number."""
    plain = summary_of(number, number + 1, measured.log, measured.error)
    failed, errors = _failures(measured)
    throughput = Metric(
        name=MetricName.THROUGHPUT,
        value=THROUGHPUT_RPS * math.exp(measured.rate_log),
        n=SAMPLES,
        standard_error=measured.error,
    )
    metrics = (*plain.test_types[0].metrics, throughput, errors)
    counts = Accounting(
        offered=SAMPLES,
        sent=SAMPLES,
        ok=SAMPLES - failed,
        failed=failed,
        errors={Outcome.HTTP_5XX: failed} if failed else {},
    )
    speed = MachineSpeed(
        per_s=PIECES_PER_S * math.exp(measured.speed_log), standard_error=LOOK_STANDARD_ERROR
    )
    return replace(
        plain,
        environment=replace(plain.environment, speed=speed),
        accounting=counts,
        phases=tuple(replace(phase, accounting=counts, metrics=metrics) for phase in plain.phases),
        test_types=tuple(replace(result, metrics=metrics) for result in plain.test_types),
    )


def _failures(measured: Measured) -> tuple[int, Metric]:
    """How many requests fail, one by one and in a burst, and their share as a run has it."""
    burst = round(SAMPLES * measured.failing)
    failed = min(SAMPLES, burst + measured.failed)
    effect = 1.0
    if burst:
        requests = np.arange(SAMPLES)
        effect = time_design_effect((requests < burst).astype(np.float64), requests / THROUGHPUT_RPS)
    found = error_rate(failed, SAMPLES - failed, inflated=effect)
    assert found is not None  # requests were sent
    return failed, found
