"""One finding per metric and load level: effect, correction for their number, verdict and why.

What a report shows of them, one finding per metric and test type, is ``levels.py``'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from govbench.compare.effects import Effect
from govbench.compare.verdict import absolute_unit, change_of, decide, margin_of, mde_of, worse_sign
from govbench.config.settings import CompareConfig, MetricRule
from govbench.results.comparison import Finding, Margin, Method, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.stats import ProportionDifference, holm

# Above a share of one percentage point more failures, an error rate has changed (absolute: 0 has no ratio);
# near zero half of the mean share, and a little, is enough (``verdict.margin_of``).
ERROR_RATE_MARGIN, ERROR_RATE_NEAR_ZERO = 0.01, 0.5

# What every request that is answered shows. Missing on both sides is a gap in the measurement, where the
# first token of an API that does not stream is none.
EXPECTED = frozenset({MetricName.RESPONSE_TIME_P50, MetricName.THROUGHPUT, MetricName.ERROR_RATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """A metric in the baseline and in the candidate, at one load level, and how far apart they are.

    ``level`` is None where the test type has but one, or the metric is judged over all of them.
    """

    baseline: Metric | None
    candidate: Metric | None
    effect: Effect | None
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A metric on both sides with its effect, before the correction for their number.

    ``worse`` is the sign of a change for the worse, 0 where any change is one.
    """

    test_type: TestType
    name: MetricName
    gated: bool
    worse: int
    margin: Margin
    sides: Sides


# Of a metric of a test type, both sides at each of its levels.
SidesOf = Callable[[TestType, MetricName], Sequence[Sides]]


def findings_of(
    test_types: Sequence[TestType],
    sides_of: SidesOf,
    config: CompareConfig,
    method: Method,
) -> tuple[Finding, ...]:
    """The findings of all these test types, in their order, that of the metrics and that of the levels."""
    rows = _pairings(test_types, sides_of, config, method)
    faults = [_fault(row, config) for row in rows]
    judged = [row for row, fault in zip(rows, faults, strict=True) if fault is None]
    verdicts = iter(_judge(judged, config))
    return tuple(
        next(verdicts) if fault is None else _bare(row, Verdict.INVALID, fault)
        for row, fault in zip(rows, faults, strict=True)
    )


def bare_findings(
    test_types: Sequence[TestType],
    sides_of: SidesOf,
    config: CompareConfig,
    method: Method,
    *,
    verdict: Verdict,
    reason: str,
) -> tuple[Finding, ...]:
    """The metrics that a side has, all with the verdict of a circumstance that they share."""
    rows = _pairings(test_types, sides_of, config, method)
    return tuple(_bare(row, verdict, reason) for row in rows if row.sides.baseline or row.sides.candidate)


def _pairings(
    test_types: Sequence[TestType], sides_of: SidesOf, config: CompareConfig, method: Method
) -> list[Pairing]:
    return [
        Pairing(
            test_type=test_type,
            name=name,
            gated=is_gated(config, test_type, name),
            worse=worse_sign(name, config.metrics.get(name)),
            margin=margin_for(config, name, method),
            sides=sides,
        )
        for test_type in test_types
        for name in MetricName
        for sides in sides_of(test_type, name)
        if sides.baseline or sides.candidate or _expected(name, method)
    ]


def _expected(name: MetricName, method: Method) -> bool:
    """Whether a metric that neither side has is a gap; pairs are asked alike, whatever they take."""
    return name in EXPECTED and not (method is Method.PAIRED_ROUNDS and name is MetricName.THROUGHPUT)


def _fault(row: Pairing, config: CompareConfig) -> str | None:
    """Why a metric cannot be judged, or None."""
    old, new, effect = row.sides.baseline, row.sides.candidate, row.sides.effect
    if old is None or new is None:
        return _absence(row.sides)
    values = (old.value, new.value)
    if row.name is MetricName.ERROR_RATE and min(values) >= 1:
        return "every request failed on both sides"
    fewest, needed = min(old.n, new.n), fewest_samples(row.name, config)
    if fewest < needed and not _plain_by_counts(row, config):
        return f"only {fewest} samples; at least {needed} are needed"
    if effect is None:
        zero = min(values) <= 0
        return "a side is 0: no relative change exists" if zero else "measured too briefly to know its error"
    return None


def _absence(sides: Sides) -> str:
    if sides.baseline is None and sides.candidate is None:
        return "not measured on either side: too few requests succeeded"
    return f"not measured in {'head' if sides.candidate is None else 'base'}"


def _plain_by_counts(row: Pairing, config: CompareConfig) -> bool:
    """Whether a share has changed so much that its counts say so however few they are.

    A stack that lets every request time out answers few of them; that is no lack of evidence.
    """
    effect = row.sides.effect
    return (
        isinstance(effect, ProportionDifference)
        and effect.p_value < 1 - config.level
        and abs(effect.effect) > row.margin.absolute
    )


def _judge(rows: Sequence[Pairing], config: CompareConfig) -> list[Finding]:
    """The findings of the rows that can be judged.

    The level is shared (Holm 1979) by the gated rows, whatever their metric and load level; an advisory
    metric shares it with itself at other load levels only.
    """
    effects = [row.sides.effect for row in rows if row.sides.effect is not None]
    families: dict[tuple[TestType, MetricName] | None, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        families[None if row.gated else (row.test_type, row.name)].append(i)
    found: dict[int, Finding] = {}
    for family in families.values():
        corrected = holm([effects[i].p_value for i in family])
        for i, p_value in zip(family, corrected, strict=True):
            shown = p_value < 1 - config.level
            finding = _finding(rows[i], effects[i], significant=shown, tests=len(family))
            found[i] = replace(finding, p_value=p_value)
    return [found[i] for i in range(len(rows))]


def _finding(row: Pairing, effect: Effect, *, significant: bool, tests: int) -> Finding:
    old, new = row.sides.baseline, row.sides.candidate
    assert old is not None
    assert new is not None
    values = (old.value, new.value)
    margin = margin_of(effect, row.margin, values)
    if isinstance(effect, ProportionDifference) and not any(values):
        # However wide the interval: what did not happen once is no reason to leave a verdict open.
        verdict, reason = Verdict.PASS, "no request failed on either side"
    else:
        within = row.margin.absolute if isinstance(effect, ProportionDifference) else margin
        verdict = decide(effect, row.worse, margin, significant=significant, within=within)
        reason = _why(verdict, effect, margin, significant=significant)
    return Finding(
        test_type=row.test_type,
        metric=row.name,
        verdict=verdict,
        gated=row.gated,
        reason=reason,
        baseline=old,
        candidate=new,
        change=change_of(effect),
        margin=row.margin,
        mde=mde_of(effect, margin, tests=tests),
        level=row.sides.level,
    )


def _why(verdict: Verdict, effect: Effect, margin: float, *, significant: bool) -> str:
    if verdict in {Verdict.REGRESSION, Verdict.IMPROVEMENT}:
        return "the interval excludes 0, and the estimate lies beyond the margin"
    if verdict is Verdict.PASS:
        return "the whole interval lies within the margin"
    if significant:
        return "the change is within the margin, but its interval reaches beyond it"
    if abs(effect.effect) > margin and not effect.interval.contains(0.0):
        if (
            isinstance(effect, ProportionDifference)
            and effect.exact
            and effect.p_by_counts >= 1.0 - effect.level
        ):
            return "so few failures may be chance: an exact test of the counts tells nothing apart"
        return "no longer significant after correction for the number of gated metrics"
    return "the interval holds 0 and reaches beyond the margin"


def fewest_samples(name: MetricName, config: CompareConfig) -> int:
    """How many observations of a metric a verdict needs on either side."""
    # Memory is counted in looks at a process, not in requests.
    return 1 if name is MetricName.MEMORY_PEAK else config.min_samples


def _bare(row: Pairing, verdict: Verdict, reason: str) -> Finding:
    return Finding(
        test_type=row.test_type,
        metric=row.name,
        verdict=verdict,
        gated=row.gated,
        reason=reason,
        baseline=row.sides.baseline,
        candidate=row.sides.candidate,
        margin=row.margin,
        level=row.sides.level,
    )


def is_gated(config: CompareConfig, test_type: TestType, name: MetricName) -> bool:
    """Whether a metric of a test type decides the run, by the configuration or by default."""
    rule = config.metrics.get(name)
    if rule is not None and rule.gate is not None:
        return rule.gate
    # One user after another: throughput is latency said again, and would count its noise twice.
    if name is MetricName.THROUGHPUT and test_type is TestType.BASELINE:
        return False
    return METRICS[name].gate


def margin_for(config: CompareConfig, name: MetricName, method: Method) -> Margin:
    """The margin of a metric, by the configuration or by default."""
    rule = config.metrics.get(name) or MetricRule()
    if METRICS[name].compared_as_difference:  # 0 has no ratio: both kinds of margin are points of a share
        points = rule.margin if rule.absolute_margin is None else rule.absolute_margin
        if points is None:
            return Margin(relative=ERROR_RATE_NEAR_ZERO, absolute=ERROR_RATE_MARGIN)
        return Margin(relative=0.0, absolute=points)
    relative = config.paired_margin if method is Method.PAIRED_ROUNDS else config.unpaired_margin
    absolute = config.absolute_margin_ms if absolute_unit(name) else 0.0
    return Margin(
        relative=relative if rule.margin is None else rule.margin,
        absolute=absolute if rule.absolute_margin is None else rule.absolute_margin,
    )
