"""From the rounds of a paired comparison to effects and findings. When to look at them is ``trial.py``'s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from govbench.compare.effects import Effect
from govbench.compare.findings import Sides, findings_of
from govbench.compare.shares import share_difference
from govbench.config.settings import CompareConfig
from govbench.results.calibration import Calibration
from govbench.results.comparison import Finding, Method, Verdict
from govbench.results.levels import is_levelled
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Observation, Round
from govbench.stats import (
    RoundsEffect,
    combine_rounds,
)

# Until it has been calibrated. Instances that stay the same in all rounds are not averaged out, and what sets
# them apart (their data, their caches, where they run) is more than what sets two fresh ones apart.
FIXED_INSTANCE_SD = 0.02
CONTROL_LEVEL = 0.999

# Above this, differences between the sides are seen about a fifth larger than they are, soon several times
# (docs/statistics.md, "Where requests wait").
MOST_WAITING = 0.1

_READINGS = frozenset({MetricName.CPU_PER_REQUEST, MetricName.MEMORY_PEAK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What rounds are judged by: configuration, calibrated noise if any, and whether instances were fresh.

    ``refused`` says why a calibration that is there does not count.
    """

    config: CompareConfig
    calibration: Calibration | None = None
    refused: str | None = None
    restarted: bool = True

    def instance_sd(self, test_type: TestType, name: MetricName) -> float:
        """Standard deviation of the log ratio of two instances of the same code."""
        noise = self.calibration.noise(test_type, name) if self.calibration else None
        known = noise.instance_sd if noise else None
        return self.instance_sd_default if known is None else known

    @property
    def instance_sd_default(self) -> float:
        """What is assumed of a metric that has not been calibrated."""
        return self.config.instance_sd if self.restarted else max(self.config.instance_sd, FIXED_INSTANCE_SD)


def judge_rounds(
    rounds: Sequence[Round], judging: Judging, *, level: float | None = None
) -> tuple[Finding, ...]:
    """The findings that these rounds allow at each level, gated and advisory, before any confirmation.

    ``level`` is that at which a change counts as shown (Holm over the gated metrics), the configured one
    unless a look in mid-course asks for more; intervals are always shown at the configured level.
    """
    config = judging.config

    def sides_of(test_type: TestType, name: MetricName) -> list[Sides]:
        found = []
        for at in levels_of(rounds, test_type, name):
            seen = observations(rounds, test_type, name, at)
            effect = effect_over(seen, judging, config.level)
            base, head = _side(seen, name, 0), _side(seen, name, 1)
            found.append(Sides(level=at, baseline=base, candidate=head, effect=effect))
        return found

    shown_at = config if level is None else replace(config, level=level)
    found = findings_of(_test_types(rounds), sides_of, shown_at, Method.PAIRED_ROUNDS)
    told = (_with_gaps_told(finding, rounds) for finding in found)
    return tuple(told) if judging.restarted else tuple(_amplified(finding, rounds) for finding in told)


def levels_of(rounds: Sequence[Round], test_type: TestType, name: MetricName) -> list[str | None]:
    """The levels that a metric is judged at, in their order; None alone where it is judged over all.

    One at which no request succeeded on either side shows by its failures alone, and has to be judged.
    """
    shown_by = {name, MetricName.ERROR_RATE} if name is MetricName.RESPONSE_TIME_P50 else {name}
    labels = (
        o.level
        for each in rounds
        for o in each.observations
        if o.test_type is test_type and o.metric in shown_by and o.level is not None
    )
    return list(dict.fromkeys(labels) if is_levelled(name) else ()) or [None]


def observations(
    rounds: Sequence[Round], test_type: TestType, name: MetricName, level: str | None = None
) -> list[Observation]:
    """What the rounds saw of a metric, those left out that saw nothing."""
    found = (each.find(test_type, name, level) for each in rounds)
    return [observation for observation in found if observation is not None]


def effect_over(seen: Sequence[Observation], judging: Judging, level: float) -> Effect | None:
    """The change over the rounds that saw a metric; None where too few of them give a ratio and its error.

    A round in which one side answered nothing says so in the error rate, and is left out of the others: more
    than half of the rounds have to tell. What half of them cannot is not known.
    """
    if not seen:
        return None
    first = seen[0]
    if METRICS[first.metric].compared_as_difference:
        whole = [o for o in seen if o.base is not None and o.head is not None]
        if 2 * len(whole) <= len(seen):
            return None
        return share_difference(_values(whole, 0), _values(whole, 1), level)
    usable = [o for o in seen if _tells(o)]
    if 2 * len(usable) <= len(seen):
        return None
    return combine_rounds(
        [o.effect for o in usable if o.effect is not None],
        [o.standard_error or 0.0 for o in usable],
        instance_sd=judging.instance_sd(first.test_type, first.metric),
        level=level,
        restarted=judging.restarted,
    )


def _tells(seen: Observation) -> bool:
    """Whether a round has a ratio, and an error of it where the metric has one."""
    return seen.effect is not None and (seen.metric in _READINGS or seen.standard_error is not None)


def _with_gaps_told(finding: Finding, rounds: Sequence[Round]) -> Finding:
    """A finding whose reason names the rounds that lack a side, where some do."""
    seen = observations(rounds, finding.test_type, finding.metric, finding.level)
    gaps = {"base": sum(o.base is None for o in seen), "head": sum(o.head is None for o in seen)}
    told = [f"{side} has no value in {count} of {len(seen)} rounds" for side, count in gaps.items() if count]
    if not told or max(gaps.values()) == len(seen):  # a side that never has one is told as that
        return finding
    said = " and ".join(told)
    if finding.verdict is Verdict.INVALID:
        return replace(finding, reason=f"{said}: more than half have to be whole")
    return replace(finding, reason=f"{finding.reason}; {said}" if finding.reason else said)


def waiting_of(
    rounds: Sequence[Round], test_type: TestType, name: MetricName, level: str | None = None
) -> float | None:
    """How far requests waited for each other (``Observation.waiting``), over all rounds; None: not known."""
    known = [o.waiting for o in observations(rounds, test_type, name, level) if o.waiting is not None]
    return sum(known) / len(known) if known else None


def waits(waiting: float | None) -> bool:
    """Whether requests waited for each other so much that differences look larger than they are."""
    return waiting is not None and waiting > MOST_WAITING


def _amplified(finding: Finding, rounds: Sequence[Round]) -> Finding:
    """A finding of lasting instances, which is open where queues amplify what sets these apart.

    Fresh instances differ anew in every round, and the rounds scatter by as much. Lasting ones differ by
    the same in all, amplified alike: no interval shows that, and equal code looks like a change.
    """
    waiting = waiting_of(rounds, finding.test_type, finding.metric, finding.level)
    if finding.verdict not in {Verdict.REGRESSION, Verdict.IMPROVEMENT} or not waits(waiting):
        return finding
    reason = (
        "requests waited for each other at a side, which amplifies what sets two instances apart that are"
        " not started anew: use fewer --users"
    )
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, mde=None)


def control_effect(rounds: Sequence[Round]) -> RoundsEffect | None:
    """Each side against itself over all rounds: one instance twice, so no noise between instances."""
    controls = [each.control for each in rounds if each.control is not None]
    if not controls:
        return None
    return combine_rounds(
        [c.effect for c in controls],
        [c.standard_error for c in controls],
        instance_sd=0.0,
        level=CONTROL_LEVEL,
    )


def control_fault(rounds: Sequence[Round], config: CompareConfig) -> str | None:
    """Why the measurement itself is crooked, or None: the sides do not look like themselves."""
    effect = control_effect(rounds)
    if effect is None or is_flat(effect, config):
        return None
    return (
        f"the control is not flat: the sides against themselves differ by {control_said(effect)}, beyond"
        f" the margin of {config.paired_margin:.1%}, so the measurement itself cannot be trusted"
    )


def is_flat(control: RoundsEffect, config: CompareConfig) -> bool:
    """Whether the sides look like themselves: no difference is shown, or one within the margin."""
    return control.interval.contains(0.0) or abs(control.effect) <= math.log1p(config.paired_margin)


def control_said(control: RoundsEffect) -> str:
    """The control's change and its interval as text."""
    low, high = (math.expm1(end) for end in (control.interval.low, control.interval.high))
    return f"{math.expm1(control.effect):+.1%} [{low:+.1%}, {high:+.1%}]"


def _side(seen: Sequence[Observation], name: MetricName, side: int) -> Metric | None:
    """What stands for one side in a report: the geometric mean of its rounds, of shares the pooled share."""
    values = _values(seen, side)
    if not values:
        return None
    n = sum(count for _, count in values)
    if METRICS[name].compared_as_difference:
        return Metric(name=name, value=sum(value * count for value, count in values) / n, n=n)
    if any(value <= 0 for value, _ in values):
        return Metric(name=name, value=sum(value for value, _ in values) / len(values), n=n)
    return Metric(name=name, value=math.exp(sum(math.log(value) for value, _ in values) / len(values)), n=n)


def _values(seen: Sequence[Observation], side: int) -> list[tuple[float, int]]:
    """What each round says of one side, with the requests behind it; rounds that lack it are left out."""
    both = [(o.base, o.base_n) if side == 0 else (o.head, o.head_n) for o in seen]
    return [(value, n) for value, n in both if value is not None]


def _test_types(rounds: Sequence[Round]) -> tuple[TestType, ...]:
    seen = {o.test_type for each in rounds for o in each.observations}
    return tuple(t for t in TestType if t in seen)
