"""From a run and its baseline to a ``Comparison``: which metrics are set against which, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from govbench.compare.effects import Effect, pooled_window, slices_effect, unpaired_effect, window_effect
from govbench.compare.findings import EffectOf, findings_of
from govbench.compare.thresholds import judge_thresholds, threshold_reason
from govbench.compare.verdict import overall
from govbench.config.settings import CompareConfig, Threshold
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import (
    Comparison,
    Finding,
    Method,
    Reference,
    ThresholdResult,
    Verdict,
)
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunStatus, RunSummary


def compare_runs(
    baseline: RunSummary, candidate: RunSummary, config: CompareConfig, thresholds: Sequence[Threshold] = ()
) -> Comparison:
    """Two runs measured apart: the first side of the baseline against the last of the candidate."""
    side = len(candidate.targets) - 1

    def effect_of(
        test_type: TestType, name: MetricName
    ) -> tuple[Metric | None, Metric | None, Effect | None]:
        old, new = _metric(baseline, test_type, 0, name), _metric(candidate, test_type, side, name)
        if old is None or new is None:
            return old, new, None
        effect = unpaired_effect(old, new, noise_sd=config.between_run_sd, level=config.level)
        return old, new, effect

    reason = run_fault(candidate) or run_fault(baseline, whose="the baseline")
    unlike = None if reason else _unlike(baseline, candidate)
    return _comparison(
        Method.UNPAIRED, reference_of(baseline), candidate, effect_of, config, thresholds, reason, unlike
    )


def compare_window(
    window: Sequence[BaselineEntry],
    reference: Reference,
    candidate: RunSummary,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
) -> Comparison:
    """A run against the stored runs of its machine class; entries of another plan are left out."""
    side = len(candidate.targets) - 1
    alike = [e for e in window if _same_plan(e.profile, e.suite_version, candidate)]

    def effect_of(
        test_type: TestType, name: MetricName
    ) -> tuple[Metric | None, Metric | None, Effect | None]:
        stored = [t for e in alike for t in e.test_types if t.test_type is test_type]
        old = [metric for t in stored if (metric := t.metric(name)) is not None]
        new = _metric(candidate, test_type, side, name)
        if not old or new is None:
            return (pooled_window(old) if old else None), new, None
        effect = window_effect(old, new, noise_sd=config.between_run_sd, level=config.level)
        return pooled_window(old), new, effect

    unlike = None
    if not alike:
        unlike = "the stored baselines are of another profile or another version of the suite"
    reference = replace(reference, run_ids=tuple(e.run_id for e in alike))
    return _comparison(
        Method.STORED_WINDOW,
        reference,
        candidate,
        effect_of,
        config,
        thresholds,
        run_fault(candidate),
        unlike,
    )


def compare_slices(
    summary: RunSummary, config: CompareConfig, thresholds: Sequence[Threshold] = ()
) -> Comparison:
    """The two sides of one run, asked in alternating slices: side 0 is the baseline, side 1 the candidate."""
    order = [result.phase.test_type for result in summary.phases if result.side == 0]

    def effect_of(
        test_type: TestType, name: MetricName
    ) -> tuple[Metric | None, Metric | None, Effect | None]:
        old, new = _metric(summary, test_type, 0, name), _metric(summary, test_type, 1, name)
        if old is None or new is None:
            return old, new, None
        slices = [s for s in summary.slices if order[s.window.phase] is test_type]
        effect = slices_effect(slices, name, instance_sd=config.instance_sd, level=config.level)
        # Too few requests in a slice for a tail: the two sides' whole samples, whose errors are known too.
        return old, new, effect or unpaired_effect(old, new, noise_sd=config.instance_sd, level=config.level)

    baseline = Reference(
        label=summary.targets[0].name,
        run_ids=(summary.run.id,),
        commit=summary.provenance.commit,
        machine_class=summary.environment.machine_class,
    )
    return _comparison(
        Method.PAIRED_SLICES, baseline, summary, effect_of, config, thresholds, run_fault(summary), None
    )


def without_baseline(
    candidate: RunSummary, reason: str, config: CompareConfig, thresholds: Sequence[Threshold] = ()
) -> Comparison:
    """A run that has nothing to be compared with; its thresholds hold all the same."""
    del config
    fault = run_fault(candidate)
    judged = judge_thresholds(candidate, thresholds)
    verdict = Verdict.INVALID if fault else overall((), judged, without_findings=Verdict.NO_BASELINE)
    return Comparison(
        verdict=verdict,
        reason=fault or threshold_reason(judged) or reason,
        method=Method.STORED_WINDOW,
        baseline=None,
        candidate=reference_of(candidate),
        thresholds=judged,
    )


def run_fault(summary: RunSummary, *, whose: str = "the run") -> str | None:
    """Why no verdict may rest on a run, or None: failed, cut short, unbalanced, saturated, or empty."""
    if summary.run.status is RunStatus.FAILED:
        return f"{whose} failed" + (f": {summary.run.note}" if summary.run.note else "")
    if summary.run.status is RunStatus.INTERRUPTED:
        return f"{whose} was interrupted before its end"
    if not summary.accounting.balanced:
        return f"the requests of {whose} do not add up: {summary.accounting.lost} lost"
    if summary.generator.saturated:
        return f"the load generator was the bottleneck of {whose}; use fewer users or a faster machine"
    if not any(t.metrics for t in summary.test_types):
        return f"{whose} measured nothing"
    return None


def reference_of(summary: RunSummary) -> Reference:
    """A run as the other side of a comparison knows it."""
    return Reference(
        label=summary.run.id,
        run_ids=(summary.run.id,),
        commit=summary.provenance.commit,
        machine_class=summary.environment.machine_class,
    )


def _comparison(
    method: Method,
    baseline: Reference,
    candidate: RunSummary,
    effect_of: EffectOf,
    config: CompareConfig,
    thresholds: Sequence[Threshold],
    fault: str | None,
    unlike: str | None,
) -> Comparison:
    judged = judge_thresholds(candidate, thresholds)
    findings = () if fault else findings_of(candidate, effect_of, config, method, unlike)
    verdict = Verdict.INVALID if fault else overall(findings, judged, without_findings=Verdict.INVALID)
    return Comparison(
        verdict=verdict,
        reason=fault or _reason(verdict, findings, judged, unlike),
        method=method,
        baseline=baseline,
        candidate=reference_of(candidate),
        findings=findings,
        thresholds=judged,
        notes=_notes(method, config),
    )


def _metric(summary: RunSummary, test_type: TestType, side: int, name: MetricName) -> Metric | None:
    found = next((t for t in summary.test_types if t.test_type is test_type and t.side == side), None)
    return found.metric(name) if found else None


def _same_plan(profile: str, suite_version: str, candidate: RunSummary) -> bool:
    return (profile, suite_version) == (candidate.run.profile, candidate.run.suite_version)


def _unlike(baseline: RunSummary, candidate: RunSummary) -> str | None:
    """What makes two runs incomparable, or None."""
    if baseline.environment.machine_class != candidate.environment.machine_class:
        return (
            f"measured on different machine classes: {baseline.environment.machine_class} and "
            f"{candidate.environment.machine_class}"
        )
    if not _same_plan(baseline.run.profile, baseline.run.suite_version, candidate):
        return (
            f"measured with different plans: {baseline.run.profile} ({baseline.run.suite_version}) and "
            f"{candidate.run.profile} ({candidate.run.suite_version})"
        )
    return None


def _reason(
    verdict: Verdict,
    findings: Sequence[Finding],
    thresholds: Sequence[ThresholdResult],
    unlike: str | None,
) -> str:
    missed = threshold_reason(thresholds)
    if unlike and not missed:
        return unlike
    of_verdict = [f for f in findings if f.gated and f.verdict is verdict]
    if not of_verdict:
        return missed or "no gated metric was measured on both sides"
    names = ", ".join(f"{METRICS[f.metric].label} ({f.test_type})" for f in of_verdict)
    return f"{names}: {of_verdict[0].reason}" + (f"; {missed}" if missed else "")


def _notes(method: Method, config: CompareConfig) -> tuple[str, ...]:
    if method is Method.PAIRED_SLICES:
        what, sd = (
            "Both instances stayed up: the noise between two instances",
            config.instance_sd,
        )
    else:
        what, sd = "Runs measured apart: the noise between two runs", config.between_run_sd
    return (f"{what} of the same code ({sd:.1%}, not calibrated here) is part of every interval.",)
