"""Regression or not: the one place that decides, for a metric and for a threshold.

What follows for the whole run is ``conclude.py``'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from govbench.compare.effects import Effect, at_level
from govbench.config.settings import MetricRule
from govbench.results.comparison import Change, Finding, Margin, ThresholdState, Verdict
from govbench.results.metrics import METRICS, Direction, MetricName, Unit
from govbench.stats import ProportionDifference, detectable_effect

# The verdict on a metric is the first of these that one of its levels has. So a pass needs every level's: one
# that is inconclusive leaves the metric so. Better at one level and no worse at any is an improvement.
LEVEL_ORDER = (
    Verdict.REGRESSION,
    Verdict.INVALID,
    Verdict.INCONCLUSIVE,
    Verdict.IMPROVEMENT,
    Verdict.PASS,
    Verdict.NOT_COMPARABLE,
    Verdict.NO_BASELINE,
)

_LARGEST_LOG = 700.0
# One request in a thousand: of less, a change of the error rate is no matter of the code.
FEW_FAILURES = 0.001


def decide(
    effect: Effect, worse: int, margin: float, *, significant: bool, within: float | None = None
) -> Verdict:
    """The verdict on one effect.

    ``regression`` iff 0 is excluded and the estimate lies beyond the margin on the worse side;
    ``improvement`` alike on the other; ``pass`` iff the whole interval lies within the margin.

    Args:
        effect: on log scale for ratios, as a plain difference for shares.
        worse: +1 where more is worse, -1 where less is, 0 where any change is.
        margin: on the scale of the effect, > 0.
        significant: whether the interval excludes 0, corrected for the number of gated metrics.
        within: what the interval has to lie within for a pass; the margin unless it is given.
    """
    if significant and abs(effect.effect) > margin:
        return Verdict.REGRESSION if not worse or effect.effect * worse > 0 else Verdict.IMPROVEMENT
    interval = effect.interval
    kept = margin if within is None else within
    if -kept <= interval.low and interval.high <= kept:
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def worse_sign(name: MetricName, rule: MetricRule | None = None) -> int:
    """+1 where more is worse, -1 where less is, 0 where the rule says that any change is."""
    direction = rule.direction if rule is not None and rule.direction is not None else METRICS[name].direction
    return {Direction.LOWER: 1, Direction.HIGHER: -1, Direction.NEITHER: 0}[direction]


def margin_of(effect: Effect, margin: Margin, values: Sequence[float]) -> float:
    """The margin on the scale of the effect: the larger of the relative one and the absolute one.

    The absolute margin is taken relative to the geometric mean of both sides, so that swapping them gives
    the mirrored verdict. Of shares it is the absolute one or, near zero, ``FEW_FAILURES`` and the relative
    part of the mean share, where that is less: a stack that began to fail 1 request in 200 has changed.
    """
    if isinstance(effect, ProportionDifference):
        if not margin.relative:
            return margin.absolute
        return min(margin.absolute, FEW_FAILURES + margin.relative * sum(values) / len(values))
    middle = math.exp(sum(math.log(value) for value in values) / len(values))
    return math.log1p(max(margin.relative, margin.absolute / middle))


def change_of(effect: Effect) -> Change:
    """The effect as a report shows it: relative for ratios, plain for shares."""
    interval = effect.interval
    if isinstance(effect, ProportionDifference):
        return Change(
            estimate=effect.effect, low=interval.low, high=interval.high, level=effect.level, difference=True
        )
    return Change(
        estimate=_relative(effect.effect),
        low=_relative(interval.low),
        high=_relative(interval.high),
        level=effect.level,
    )


def mde_of(effect: Effect, margin: float, *, tests: int) -> float:
    """The smallest change that would have been flagged with 80 % probability, as ``Change`` gives it.

    ``tests`` is how many metrics share the level: changed alone among them, this one has to pass Holm's first
    and hardest step.
    """
    hardest = at_level(effect, 1 - (1 - effect.level) / tests)
    detectable = detectable_effect(hardest.half_width, effect.total_se, margin)
    return detectable if isinstance(effect, ProportionDifference) else _relative(detectable)


def _relative(log_ratio: float) -> float:
    # Two wild pairs have one degree of freedom and an interval with no float at its end.
    return math.expm1(min(log_ratio, _LARGEST_LOG))


def judge_threshold(name: MetricName, bound: float, value: float | None) -> ThresholdState:
    """Whether a bound was kept: an upper bound, or a lower one where more is better."""
    if value is None:
        return ThresholdState.NOT_MEASURED
    kept = value <= bound if worse_sign(name) > 0 else value >= bound
    return ThresholdState.MET if kept else ThresholdState.MISSED


def counted_as(finding: Finding) -> Verdict:
    """What a finding brings to the verdict of the run: an accepted regression counts as a pass.

    What was found at other levels than where it regressed is not accepted with it.
    """
    if not finding.accepted:
        return finding.verdict
    return min(verdicts_of(finding), key=LEVEL_ORDER.index)


def verdicts_of(finding: Finding) -> set[Verdict]:
    """What was found at each level, or over all where there is one; accepted regressions as passes."""
    found = {level.verdict for level in finding.levels} or {finding.verdict}
    return {Verdict.PASS if finding.accepted and each is Verdict.REGRESSION else each for each in found}


def absolute_unit(name: MetricName) -> bool:
    """Whether the general absolute margin, which is in milliseconds, applies to a metric."""
    return METRICS[name].unit is Unit.MS and name is not MetricName.CPU_PER_REQUEST
