"""From a run and its baseline to a ``Comparison``: which metrics are set against which, and what follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType

from govbench.compare.alike import Apart, apart_from, fitting, is_alike, planned_types, unlike_entries
from govbench.compare.anchors import anchor_note
from govbench.compare.calibration import InForce
from govbench.compare.conclude import settled
from govbench.compare.effects import unpaired_effect
from govbench.compare.explain import explained
from govbench.compare.findings import Sides, SidesOf, bare_findings, findings_of
from govbench.compare.history import histories_of, level_notes, newest_first
from govbench.compare.levels import by_metric
from govbench.compare.moved import Movement, moved_between_runs
from govbench.compare.reasons import noise_note
from govbench.compare.sides import alone, level_pairs, level_windows, window_sides, without_levels
from govbench.compare.soundness import no_success, run_fault
from govbench.compare.thresholds import judge_thresholds
from govbench.config.settings import CompareConfig, Threshold
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Finding, Method, Reference, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

_UNCALIBRATED = InForce()
_NONE_APART: Apart = MappingProxyType({})


def compare_runs(
    baseline: RunSummary,
    candidate: RunSummary,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
    *,
    known: InForce = _UNCALIBRATED,
) -> Comparison:
    """Two runs measured apart: the first side of the baseline against the last of the candidate."""
    side = _last_side(candidate)

    def sides_of(test_type: TestType, name: MetricName) -> list[Sides]:
        noise_sd = known.between_run_sd(config, test_type, name)
        found = []
        for level, old, new in level_pairs(baseline, (candidate, side), test_type, name):
            effect = None
            if old is not None and new is not None:
                effect = unpaired_effect(old, new, noise_sd=noise_sd, level=config.level)
            found.append(Sides(level=level, baseline=old, candidate=new, effect=effect))
        return found

    measured = {t.test_type for t in (*baseline.test_types, *candidate.test_types)}
    test_types = measured & set(planned_types(candidate))
    apart = apart_from(baseline, candidate)
    unlike = _wholly_unlike(test_types, apart)
    fault = run_fault(candidate) or run_fault(baseline, whose="the baseline")
    return _comparison(
        Method.UNPAIRED,
        reference_of(baseline),
        candidate,
        _in_order(test_types),
        sides_of,
        config,
        thresholds,
        apart=apart,
        moved=moved_between_runs(baseline, candidate, side=side, level=config.level),
        fault=fault or (no_success(candidate) if unlike else None),
        unlike=unlike,
        known=known,
    )


def compare_window(
    window: Sequence[BaselineEntry],
    reference: Reference,
    candidate: RunSummary,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
    *,
    anchors: Sequence[BaselineEntry] = (),
    known: InForce = _UNCALIBRATED,
) -> Comparison:
    """A run against stored ones; those that do not compare with it are left out.

    Each metric is held against the runs since its own last change point. ``anchors`` may lie outside the
    window; the newest that compares is the one that a slow drift is looked for from.
    """
    if not window:
        return without_baseline(candidate, "there is no stored run", config, thresholds)
    side = _last_side(candidate)
    window = newest_first(window)
    fit = fitting(window, candidate)
    alike = fit.entries
    unlike = None if alike else unlike_entries(window, candidate)
    # Where nothing compares, the newest stored run is shown, as two runs that do not compare are.
    used = alike or window[:1]
    histories = histories_of(used, config)
    stored = {entry.run_id: entry for entry in used}

    def sides_of(test_type: TestType, name: MetricName) -> list[Sides]:
        history = histories.get((test_type, name))
        entries = [stored[point.run_id] for point in history.levels[-1]] if history else []
        noise_sd = known.between_run_sd(config, test_type, name)
        windows = level_windows(entries, (candidate, side), test_type, name)
        return window_sides(windows, noise_sd=noise_sd, level=config.level)

    test_types = {t.test_type for t in candidate.test_types} | {
        t.test_type for e in used for t in e.test_types
    }
    compared = _comparison(
        Method.STORED_WINDOW,
        replace(reference, run_ids=tuple(entry.run_id for entry in used)),
        candidate,
        _in_order(test_types & set(planned_types(candidate))),
        sides_of,
        config,
        thresholds,
        apart=fit.apart,
        fault=run_fault(candidate) or (no_success(candidate) if unlike else None),
        unlike=unlike,
        known=known,
    )
    if not alike:
        return compared
    notes = [*compared.notes, *level_notes(histories, compared.findings)]
    if fit.unversioned:
        notes.append(
            f"{fit.unversioned} of {len(alike)} stored runs do not say what their target was, nor how it was"
            " asked; they are taken as alike, because their load is."
        )
    if left_out := len(window) - len(alike):
        of = f"{left_out} of {len(window)} stored runs"
        notes.append(f"{of} left out: of another plan, or before an accepted change.")
    if over_all := without_levels(used, candidate, side):
        notes.append(over_all)
    anchor = next((entry for entry in newest_first(anchors) if is_alike(entry, candidate)), None)
    if anchor is not None and (drift := anchor_note(anchor, compared.findings, config)):
        notes.append(drift)
    return replace(compared, notes=tuple(notes))


def without_baseline(
    candidate: RunSummary, reason: str, config: CompareConfig, thresholds: Sequence[Threshold] = ()
) -> Comparison:
    """A run that has nothing to be compared with; its thresholds hold all the same."""
    side, method = _last_side(candidate), Method.STORED_WINDOW
    fault = run_fault(candidate) or no_success(candidate)
    findings = (
        ()
        if fault
        else by_metric(
            bare_findings(
                _in_order(t.test_type for t in candidate.test_types),
                lambda test_type, name: alone(candidate, side, test_type, name),
                config,
                method,
                verdict=Verdict.NO_BASELINE,
                reason=reason,
            ),
            config.metrics,
        )
    )
    return concluded(method, None, candidate, findings=findings, thresholds=thresholds, fault=fault)


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
    test_types: Sequence[TestType],
    sides_of: SidesOf,
    config: CompareConfig,
    thresholds: Sequence[Threshold],
    *,
    fault: str | None,
    unlike: str | None,
    apart: Apart = _NONE_APART,
    moved: Sequence[Movement] = (),
    known: InForce = _UNCALIBRATED,
) -> Comparison:
    if fault:
        findings: tuple[Finding, ...] = ()
    elif unlike:
        shown = bare_findings(
            test_types, sides_of, config, method, verdict=Verdict.NOT_COMPARABLE, reason=unlike
        )
        findings = by_metric(shown, config.metrics)
    else:
        compared = [kind for kind in test_types if kind not in apart]
        judged = findings_of(compared, sides_of, config, method)
        findings = explained(by_metric(judged, config.metrics), moved)
        for kind in (kind for kind in test_types if kind in apart):
            verdict, reason = apart[kind]
            shown = bare_findings([kind], sides_of, config, method, verdict=verdict, reason=reason)
            findings += by_metric(shown, config.metrics)
    return concluded(
        method,
        baseline,
        candidate,
        findings=findings,
        thresholds=thresholds,
        fault=fault,
        notes=(noise_note(config, known),),
    )


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


def _wholly_unlike(test_types: Collection[TestType], apart: Apart) -> str | None:
    """Why nothing of two runs compares, or None where something does."""
    reasons = [apart[kind][1] for kind in _in_order(test_types) if kind in apart]
    return reasons[0] if reasons and len(reasons) == len(test_types) else None


def _last_side(summary: RunSummary) -> int:
    return len(summary.targets) - 1


def _in_order(test_types: Iterable[TestType]) -> tuple[TestType, ...]:
    return tuple(sorted(set(test_types), key=list(TestType).index))
