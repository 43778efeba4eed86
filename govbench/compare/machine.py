"""Whether the machine itself was faster or slower than beside the stored runs, and what that may explain.

Measuring again at once shares the machine, and so confirms whatever its speed did.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from govbench.results.comparison import Finding, Verdict
from govbench.results.metrics import METRICS, MetricName, Unit
from govbench.results.run import Environment, MachineSpeed
from govbench.stats import normal_quantile

# A smaller change of the machine itself explains no regression beyond a margin of 10 %.
SMALLEST = 0.05
LEVEL = 0.99
# What waits for a busy core waits for longer than the core is slower; beyond this it is the target.
MOST_EXPLAINED = 2.0
_BOUND_BY_SPEED = frozenset({Unit.MS, Unit.RPS})


def speed_change(here: Environment, stored: Sequence[Environment]) -> float | None:
    """The log ratio of the machine's speed to the mean of the stored ones, where it lies beyond their noise.

    The noise is that of a look at the speed, within it and, from three stored runs on, from run to run. Runs
    that did not look at it are left out.

    Returns:
        Negative where the machine was slower; None where it was as fast as ever, or nobody looked.
    """
    looked = [each.speed for each in stored if each.speed is not None]
    if here.speed is None or not looked:
        return None
    logs = [math.log(speed.per_s) for speed in looked]
    change = math.log(here.speed.per_s) - statistics.fmean(logs)
    beyond = abs(change) > max(SMALLEST, normal_quantile((1 + LEVEL) / 2) * _error(here.speed, looked, logs))
    return change if beyond else None


def _error(here: MachineSpeed, looked: Sequence[MachineSpeed], logs: Sequence[float]) -> float:
    within = here.standard_error**2 + statistics.fmean(s.standard_error**2 for s in looked) / len(looked)
    between = statistics.variance(logs) * (1 + 1 / len(logs)) if len(logs) >= 3 else 0.0
    return math.sqrt(max(within, between))


def machine_reason(change: float) -> str:
    """What ``speed_change`` says, for a finding that it may explain."""
    word = "slower" if change < 0 else "faster"
    return f"the machine itself was {abs(math.expm1(change)):.0%} {word} than beside the stored runs"


def explained_by_machine(findings: Sequence[Finding], change: float | None) -> tuple[Finding, ...]:
    """The findings with those left open, as suspects, that the machine's own change of speed may explain.

    That is: a flagged time or throughput that moved in the same direction, by at most twice as much. A rise
    that several stored runs show is none of them.

    Args:
        findings: as a window of stored runs has them.
        change: of the machine, as ``speed_change`` gives it.
    """
    if change is None:
        return tuple(findings)
    return tuple(_left_open(f, change) if _may_explain(f, change) else f for f in findings)


def _may_explain(finding: Finding, change: float) -> bool:
    name = finding.metric
    flagged = finding.verdict in {Verdict.REGRESSION, Verdict.IMPROVEMENT} and finding.since is None
    if not flagged or finding.change is None or METRICS[name].unit not in _BOUND_BY_SPEED:
        return False
    moved = math.log1p(finding.change.estimate)
    # A slower machine takes longer over an answer and gives fewer of them.
    expected = change if name is MetricName.THROUGHPUT else -change
    return moved * expected > 0 and abs(moved) <= MOST_EXPLAINED * abs(change)


def _left_open(finding: Finding, change: float) -> Finding:
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        suspect=True,
        reason=f"{machine_reason(change)}, which may be all of it; {finding.reason}",
    )
