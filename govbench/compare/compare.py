"""From a run and its baseline to a ``Comparison``: which metrics are set against which, and what follows.

Runs against stored ones have a course of their own, ``stored.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from govbench.compare.alike import Apart, apart_from, is_alike, planned_types
from govbench.compare.calibration import InForce
from govbench.compare.conclude import settled
from govbench.compare.effects import window_effect
from govbench.compare.explain import explained
from govbench.compare.findings import Sides, SidesOf, bare_findings, findings_of
from govbench.compare.history import history_of, newest_first, plain_levels
from govbench.compare.levels import by_metric
from govbench.compare.moved import Movement, moved_between_runs
from govbench.compare.reasons import noise_note
from govbench.compare.sides import alone, level_pairs
from govbench.compare.soundness import no_success, run_fault
from govbench.compare.spread import of_run
from govbench.compare.thresholds import judge_thresholds
from govbench.compare.verdict import margin_of, mde_of
from govbench.config.settings import CompareConfig, Threshold
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Finding, Method, Reference, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stats import RunNoise

_UNCALIBRATED = InForce()
# The findings of these test types, level by level.
Judge = Callable[[Sequence[TestType]], Sequence[Finding]]


def compare_runs(
    baseline: RunSummary,
    candidate: RunSummary,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
    *,
    history: Sequence[BaselineEntry] = (),
    known: InForce = _UNCALIBRATED,
) -> Comparison:
    """Two runs measured apart: the first side of the baseline against the last of the candidate.

    How much two runs of the same code differ is learned from the stored runs of ``history`` that were
    measured as the candidate was, on its machine class; where there are none, it is assumed.
    """
    side = last_side(candidate)
    alike = newest_first(entry for entry in history if is_alike(entry, candidate))

    def noise_at(test_type: TestType, name: MetricName, level: str | None) -> RunNoise:
        """That of a load level; of all together where it was stored without its levels."""
        histories = [history_of(alike, (test_type, name, at), config, known) for at in (level, None)]
        stored = next((history for history in histories if history is not None), None)
        return known.run_noise(config, test_type, name).learned(plain_levels(stored))

    def sides_of(test_type: TestType, name: MetricName) -> list[Sides]:
        found = []
        for level, old, new in level_pairs(baseline, (candidate, side), test_type, name):
            effect = None
            if old is not None and new is not None:
                noise = noise_at(test_type, name, level)
                effect = window_effect([old], new, noise=noise, level=config.level)
            found.append(Sides(level=level, baseline=old, candidate=new, effect=effect))
        return found

    measured = {t.test_type for t in (*baseline.test_types, *candidate.test_types)}
    test_types = measured & set(planned_types(candidate))
    apart = apart_from(baseline, candidate)
    unlike = wholly_unlike(test_types, apart)
    fault = run_fault(candidate) or run_fault(baseline, whose="the base")
    compared = concluded(
        Method.UNPAIRED,
        reference_of(baseline),
        candidate,
        findings=findings_or_why_not(
            in_order(test_types),
            sides_of,
            config,
            Method.UNPAIRED,
            judge=lambda kinds: findings_of(kinds, sides_of, config, Method.UNPAIRED),
            fault=fault or (no_success(candidate) if unlike else None),
            apart=apart,
            moved=moved_between_runs(baseline, candidate, side=side, level=config.level),
        ),
        thresholds=thresholds,
        fault=fault or (no_success(candidate) if unlike else None),
        notes=(noise_note(config, known, learned_from=len(alike)),),
    )
    return replace(compared, base_distributions=() if unlike else of_run(baseline))


def without_baseline(
    candidate: RunSummary,
    reason: str,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
    *,
    verdict: Verdict = Verdict.NO_BASELINE,
    known: InForce = _UNCALIBRATED,
    elsewhere: tuple[str, ...] = (),
) -> Comparison:
    """A run that has nothing to be compared with, or nothing usable; its thresholds hold all the same.

    Its gated metrics say what another run of this length would be able to tell, were this one stored.

    Args:
        candidate: the run.
        reason: why there is nothing.
        config: gates, margins, noise.
        thresholds: absolute bounds on the run.
        verdict: of all its metrics.
        known: the calibration in force.
        elsewhere: other machine classes that runs are stored for.
    """
    side, method = last_side(candidate), Method.STORED_WINDOW
    fault = run_fault(candidate) or no_success(candidate)
    findings = (
        ()
        if fault
        else by_metric(
            bare_findings(
                in_order(t.test_type for t in candidate.test_types),
                lambda test_type, name: alone(candidate, side, test_type, name),
                config,
                method,
                verdict=verdict,
                reason=reason,
            ),
            config.metrics,
        )
    )
    findings = tuple(_with_outlook(each, findings, config, known) for each in findings)
    compared = concluded(method, None, candidate, findings=findings, thresholds=thresholds, fault=fault)
    return replace(compared, elsewhere=elsewhere)


def _with_outlook(
    finding: Finding, findings: Sequence[Finding], config: CompareConfig, known: InForce
) -> Finding:
    """A gated metric with the smallest change that a second run like this one would show."""
    metric, margin = finding.candidate, finding.margin
    if not finding.gated or metric is None or margin is None:
        return finding
    noise = known.run_noise(config, finding.test_type, finding.metric)
    effect = window_effect([metric], metric, noise=noise, level=config.level)
    if effect is None:
        return finding
    tests = sum(max(1, len(each.levels)) for each in findings if each.gated)
    limit = margin_of(effect, margin, (metric.value, metric.value))
    return replace(finding, mde=mde_of(effect, limit, tests=tests))


def reference_of(summary: RunSummary) -> Reference:
    """A run as the other side of a comparison knows it."""
    return Reference(
        label=summary.run.id,
        run_ids=(summary.run.id,),
        commit=summary.provenance.commit,
        dirty=summary.provenance.dirty,
        machine_class=summary.environment.machine_class,
    )


def findings_or_why_not(
    test_types: Sequence[TestType],
    sides_of: SidesOf,
    config: CompareConfig,
    method: Method,
    *,
    judge: Judge,
    fault: str | None,
    apart: Apart,
    moved: Sequence[Movement] = (),
) -> tuple[Finding, ...]:
    """One finding per metric and test type: judged, or with what keeps its test type from being compared.

    Args:
        test_types: in the order of reports.
        sides_of: both sides of a metric.
        config: margins and gates.
        method: how they are compared.
        judge: gives the findings of test types that compare, level by level.
        fault: why no verdict may rest on the run: then there are none.
        apart: the test types that do not compare, and why.
        moved: what explains them.
    """
    if fault:
        return ()
    judged = judge([kind for kind in test_types if kind not in apart])
    findings = explained(by_metric(judged, config.metrics), moved)
    for kind in (kind for kind in test_types if kind in apart):
        verdict, reason = apart[kind]
        shown = bare_findings([kind], sides_of, config, method, verdict=verdict, reason=reason)
        findings += by_metric(shown, config.metrics)
    return findings


def concluded(
    method: Method,
    baseline: Reference | None,
    candidate: RunSummary,
    *,
    findings: tuple[Finding, ...],
    thresholds: Sequence[Threshold],
    fault: str | None,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """The comparison that these findings make: thresholds judged, and the overall verdict with its reason.

    ``fault`` is why no verdict may rest on the run.
    """
    return settled(
        Comparison(
            verdict=Verdict.INVALID,
            reason="",
            method=method,
            baseline=baseline,
            candidate=reference_of(candidate),
            findings=findings,
            thresholds=judge_thresholds(candidate, thresholds),
            notes=notes,
            fault=fault,
        )
    )


def wholly_unlike(test_types: Collection[TestType], apart: Apart) -> str | None:
    """Why nothing of two runs compares, or None where something does."""
    reasons = [apart[kind][1] for kind in in_order(test_types) if kind in apart]
    return reasons[0] if reasons and len(reasons) == len(test_types) else None


def last_side(summary: RunSummary) -> int:
    """The side under judgement."""
    return len(summary.targets) - 1


def in_order(test_types: Iterable[TestType]) -> tuple[TestType, ...]:
    """Each test type once, as reports have them."""
    return tuple(sorted(set(test_types), key=list(TestType).index))
