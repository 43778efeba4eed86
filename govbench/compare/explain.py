"""What moved together with a flagged metric, likeliest first. Pure; it explains verdicts and changes none.

Nothing here proves a cause. Other metrics count as moved where their own verdict says so; what is known
besides is ``moved.py``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from govbench.compare.moved import GROUPED, Key, Movement
from govbench.results.comparison import Explanation, Finding, Verdict
from govbench.results.metrics import MetricName
from govbench.results.rounds import Aspect

_FLAGGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})
_LATENCIES = frozenset(
    {
        MetricName.RESPONSE_TIME_P50,
        MetricName.RESPONSE_TIME_P95,
        MetricName.RESPONSE_TIME_P99,
        MetricName.SERVICE_TIME_P50,
        MetricName.TTFB_P50,
        MetricName.TTFT_P50,
        MetricName.TPOT_P50,
        MetricName.CHUNK_GAP_P50,
        MetricName.CHUNK_GAP_P99,
    }
)
# Metrics that explain others. Of the latencies only those that say where in a request the time went, and
# to what is no latency itself the response time: the others say the same thing again.
_TELLING = frozenset(
    {
        MetricName.TTFB_P50,
        MetricName.TTFT_P50,
        MetricName.TPOT_P50,
        MetricName.RESPONSE_TIME_P50,
        MetricName.OUTPUT_TOKENS,
        MetricName.CPU_PER_REQUEST,
        MetricName.MEMORY_PEAK,
    }
)

# The likeliest first: a single kind of request that changed points to a place in the code, then comes where
# in a request the time went, then what there was more of to do, then what the doing took.
_ORDER: tuple[Key, ...] = (
    *GROUPED,
    Aspect.AFTER_FIRST_BYTE,
    MetricName.TTFB_P50,
    MetricName.TTFT_P50,
    MetricName.TPOT_P50,
    Aspect.RESPONSE_BYTES,
    MetricName.OUTPUT_TOKENS,
    Aspect.INPUT_TOKENS,
    MetricName.CPU_PER_REQUEST,
    MetricName.MEMORY_PEAK,
    Aspect.ERROR_CLASS,
    MetricName.RESPONSE_TIME_P50,
)
_FIRST_OF: Mapping[MetricName, tuple[Key, ...]] = {
    MetricName.ERROR_RATE: (Aspect.ERROR_CLASS,),
    MetricName.MEMORY_PEAK: (MetricName.CPU_PER_REQUEST,),
}


def explained(findings: Sequence[Finding], moved: Sequence[Movement] = ()) -> tuple[Finding, ...]:
    """The findings, the flagged ones with what moved with them; ``moved`` is known besides the metrics."""
    known = (*moved, *_moved_metrics(findings))
    return tuple(
        replace(finding, explanations=_of(finding, known)) if finding.verdict in _FLAGGED else finding
        for finding in findings
    )


def besides(findings: Sequence[Finding], moved: Sequence[Movement]) -> tuple[Explanation, ...]:
    """The categories and scenarios that moved and explain no finding: too few requests to move a median."""
    told = {explanation for finding in findings for explanation in finding.explanations}
    return tuple(m.explanation for m in moved if m.key in GROUPED and m.explanation not in told)


def _of(finding: Finding, known: Iterable[Movement]) -> tuple[Explanation, ...]:
    fitting = [m for m in known if m.test_type is finding.test_type and _fits(finding, m)]
    first = _FIRST_OF.get(finding.metric, ())

    def rank(movement: Movement) -> tuple[bool, int, float]:
        return movement.key not in first, _ORDER.index(movement.key), -movement.strength

    return tuple(movement.explanation for movement in sorted(fitting, key=rank))


def _fits(finding: Finding, movement: Movement) -> bool:
    """Whether it can say something about the finding that this does not say itself."""
    key, is_latency = movement.key, finding.metric in _LATENCIES
    if key is finding.metric or not _at_same_level(finding, movement):
        return False
    if key in GROUPED:
        if movement.of_failures:
            return finding.metric is MetricName.ERROR_RATE
        same_way = finding.change is not None and movement.explanation.change.estimate * _sign(finding) > 0
        return is_latency and same_way
    return not (key is MetricName.RESPONSE_TIME_P50 and is_latency)


def _at_same_level(finding: Finding, movement: Movement) -> bool:
    """What is of all levels is explained by the level that the other metric names."""
    if finding.level is None:
        return movement.is_named
    return movement.level in {None, finding.level}


def _sign(finding: Finding) -> float:
    return 0.0 if finding.change is None else math.copysign(1.0, finding.change.estimate)


def _moved_metrics(findings: Iterable[Finding]) -> list[Movement]:
    """The flagged metrics, as explanations of others; at each of their levels that is flagged."""
    found = []
    telling = [finding for finding in findings if finding.metric in _TELLING]
    for finding, at in ((each, at) for each in telling for at in each.levels or (each,)):
        base, head, change = at.baseline, at.candidate, at.change
        if at.verdict not in _FLAGGED or not (base and head and change):
            continue
        explanation = Explanation(
            aspect=Aspect.METRIC,
            metric=finding.metric,
            baseline=base.value,
            candidate=head.value,
            baseline_n=base.n,
            candidate_n=head.n,
            change=change,
        )
        found.append(
            Movement(
                test_type=finding.test_type,
                explanation=explanation,
                strength=0.0,
                level=at.level,
                is_named=at.level == finding.level,
            )
        )
    return found
