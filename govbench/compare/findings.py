"""One finding per metric and test type: effect, correction for their number, verdict and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from govbench.compare.effects import Effect
from govbench.compare.verdict import absolute_unit, change_of, decide, margin_of, mde_of, worse_sign
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Finding, Margin, Method, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stats import ProportionDifference, holm

# Above a share of one percentage point more failures, an error rate has changed (absolute: 0 has no ratio).
ERROR_RATE_MARGIN = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A metric on both sides with its effect, before the correction for their number."""

    test_type: TestType
    name: MetricName
    gated: bool
    margin: Margin
    baseline: Metric | None
    candidate: Metric | None
    effect: Effect | None


# The metric in the baseline, in the candidate, and how far apart they are.
EffectOf = Callable[[TestType, MetricName], tuple[Metric | None, Metric | None, Effect | None]]


def findings_of(
    candidate: RunSummary, effect_of: EffectOf, config: CompareConfig, method: Method, unlike: str | None
) -> tuple[Finding, ...]:
    """The findings of all test types that the candidate measured; ``unlike`` makes all ``not_comparable``."""
    test_types = sorted({t.test_type for t in candidate.test_types}, key=list(TestType).index)
    rows = []
    for test_type in test_types:
        for name in MetricName:
            old, new, effect = effect_of(test_type, name)
            if old is None and new is None:
                continue
            rows.append(
                Pairing(
                    test_type=test_type,
                    name=name,
                    gated=_gated(config, test_type, name),
                    margin=_margin(config, name, method),
                    baseline=old,
                    candidate=new,
                    effect=effect,
                )
            )
    if unlike:
        return tuple(_bare(row, Verdict.NOT_COMPARABLE, unlike) for row in rows)
    significant = _significant(rows, config)
    return tuple(_finding(row, config, significant=flag) for row, flag in zip(rows, significant, strict=True))


def _significant(rows: Sequence[Pairing], config: CompareConfig) -> list[bool]:
    """Whether each effect excludes no change; the gated ones corrected for their number (Holm 1979)."""
    alpha = 1 - config.level
    p_values = [row.effect.p_value if row.effect else 1.0 for row in rows]
    gated = [i for i, row in enumerate(rows) if row.gated and row.effect]
    for i, adjusted in zip(gated, holm([p_values[i] for i in gated]), strict=True) if gated else ():
        p_values[i] = adjusted
    return [p < alpha for p in p_values]


def _finding(row: Pairing, config: CompareConfig, *, significant: bool) -> Finding:
    if row.baseline is None or row.candidate is None:
        side = "candidate" if row.candidate is None else "baseline"
        return _bare(row, Verdict.INVALID, f"not measured in the {side}")
    short = [m.n for m in (row.baseline, row.candidate) if m.n < _needed(row.name, config)]
    if short:
        return _bare(
            row, Verdict.INVALID, f"only {min(short)} samples; at least {config.min_samples} are needed"
        )
    if row.effect is None:
        return _bare(row, Verdict.INVALID, "a side is 0: no relative change exists")
    values = (row.baseline.value, row.candidate.value)
    if isinstance(row.effect, ProportionDifference) and not any(values):
        # However small the interval: what did not happen once is no reason to leave a verdict open.
        return _judged(row, row.effect, row.margin.absolute, Verdict.PASS, "no request failed on either side")
    margin = margin_of(row.effect, row.margin, values)
    verdict = decide(row.effect, worse_sign(row.name), margin, significant=significant)
    return _judged(
        row, row.effect, margin, verdict, _why(verdict, row.effect, margin, significant=significant)
    )


def _judged(row: Pairing, effect: Effect, margin: float, verdict: Verdict, reason: str) -> Finding:
    return Finding(
        test_type=row.test_type,
        metric=row.name,
        verdict=verdict,
        gated=row.gated,
        reason=reason,
        baseline=row.baseline,
        candidate=row.candidate,
        change=change_of(effect),
        margin=row.margin,
        mde=mde_of(effect, margin),
    )


def _why(verdict: Verdict, effect: Effect, margin: float, *, significant: bool) -> str:
    if verdict in {Verdict.REGRESSION, Verdict.IMPROVEMENT}:
        return "no change is excluded, and the estimate lies beyond the margin"
    if verdict is Verdict.PASS:
        return "the whole interval lies within the margin"
    if significant:
        return "the change is within the margin, but its interval reaches beyond it"
    if abs(effect.effect) > margin and not effect.interval.contains(0.0):
        return "no longer significant after correction for the number of gated metrics"
    return "the interval reaches beyond the margin and does not exclude no change"


def _needed(name: MetricName, config: CompareConfig) -> int:
    # Memory is counted in looks at a process, not in requests.
    return 1 if name is MetricName.MEMORY_PEAK else config.min_samples


def _bare(row: Pairing, verdict: Verdict, reason: str) -> Finding:
    return Finding(
        test_type=row.test_type,
        metric=row.name,
        verdict=verdict,
        gated=row.gated,
        reason=reason,
        baseline=row.baseline,
        candidate=row.candidate,
        margin=row.margin,
    )


def _gated(config: CompareConfig, test_type: TestType, name: MetricName) -> bool:
    rule = config.metrics.get(name)
    if rule is not None and rule.gate is not None:
        return rule.gate
    # One user after another: throughput is latency said again, and would count its noise twice.
    if name is MetricName.THROUGHPUT and test_type is TestType.BASELINE:
        return False
    return METRICS[name].gate


def _margin(config: CompareConfig, name: MetricName, method: Method) -> Margin:
    rule = config.metrics.get(name)
    relative = config.paired_margin if method is Method.PAIRED_SLICES else config.unpaired_margin
    absolute = config.absolute_margin_ms if absolute_unit(name) else 0.0
    if METRICS[name].compared_as_difference:
        relative, absolute = 0.0, ERROR_RATE_MARGIN
    if rule is not None and rule.margin is not None:
        relative = rule.margin
    if rule is not None and rule.absolute_margin is not None:
        absolute = rule.absolute_margin
    return Margin(relative=relative, absolute=absolute)
