"""A run against the stored runs of its machine class and plan: the course from a flag to a verdict.

1. ``compare_window(window, reference, candidate, config, ...)`` judges every metric against the level that
   counts for it (``reference.py``): the newest one that is no unaccepted change for the worse. What is
   flagged, or belongs to a level that rose without anybody's acceptance, is a *suspect*: ``inconclusive``,
   its reason begins with ``unconfirmed``, ``Finding.suspect`` is set.
2. ``to_measure_again(comparison)`` names the test types that have to be measured once more: at once, the same
   commit on a fresh boot, as long as the first time.
3. ``compare_window(..., again=again_of(second))`` gives the final comparison. What shows again is a
   regression (or an improvement); what does not is replaced by its second measurement; what was not measured
   again stays a suspect, unless the stored run before was one too, in the same direction: that confirms it.
   A stored regression that nobody accepted stays one until a run lies nearer to what was before.
4. ``results.entry.entry_from_results`` stores the second measurement of what was flagged, and the suspects
   as such: outside the window, and seen when changes of the level are looked for.

A comparison without ``again`` is whole and may be reported as it is, as by ``govbench compare``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from govbench.compare.alike import Apart, Fitting, fitting, is_alike, planned_types, unlike_entries
from govbench.compare.anchors import anchor_note
from govbench.compare.calibration import InForce
from govbench.compare.compare import concluded, findings_or_why_not, in_order, last_side, without_baseline
from govbench.compare.confirmation import (
    Again,
    Suspicion,
    is_suspicious,
    joined,
    kept,
    reported,
    risen,
    still_open,
)
from govbench.compare.effects import logs_of, pooled_window
from govbench.compare.findings import Sides, SidesOf, findings_of, is_gated, margin_for
from govbench.compare.history import LevelKey, changes_in, history_of, newest_first, plain_stretches
from govbench.compare.machine import explained_by_machine, machine_reason, speed_change
from govbench.compare.notes import accept_notes, level_notes, short_note
from govbench.compare.reasons import noise_note
from govbench.compare.reference import ReferenceLevel, on_scale, reference_level, worse_by
from govbench.compare.rises import Held, is_mended, open_regression, recent_rise
from govbench.compare.sides import (
    LevelWindow,
    MetricAt,
    labels_of,
    metrics_at,
    window_sides,
    with_known_errors,
    without_levels,
)
from govbench.compare.soundness import no_success, run_fault
from govbench.compare.spread import of_stored
from govbench.compare.verdict import worse_sign
from govbench.config.settings import CompareConfig, Threshold
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Finding, Method, Reference, Verdict
from govbench.results.history import HistoryPoint
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stats import FALSE_ALARM, RunNoise

# A metric of a run at each of its levels.
MetricsOf = Callable[[TestType, MetricName], MetricAt]

_UNCALIBRATED = InForce()


def compare_window(
    window: Sequence[BaselineEntry],
    reference: Reference,
    candidate: RunSummary,
    config: CompareConfig,
    thresholds: Sequence[Threshold] = (),
    *,
    anchors: Sequence[BaselineEntry] = (),
    known: InForce = _UNCALIBRATED,
    again: Again | None = None,
) -> Comparison:
    """A run against stored ones; those that do not compare with it are left out.

    Args:
        window: stored runs in any order.
        reference: what they are called.
        candidate: the run under judgement.
        config: level, margins, gates.
        thresholds: absolute bounds on the candidate.
        anchors: may lie outside the window; a slow drift is looked for from the newest that compares.
        known: the calibration in force.
        again: what a second measurement of the same commit said, once there is one.
    """
    if not window:
        return without_baseline(candidate, "there is no stored run", config, thresholds)
    window = newest_first(window)
    fit = fitting(window, candidate)
    # Where nothing compares, the newest stored run is shown, as two runs that do not compare are.
    stored = _Stored(fit.entries or window[:1], candidate, config, known)
    apart: Apart = fit.apart
    fault = run_fault(candidate)
    if not fit.entries:
        unlike = unlike_entries(window, candidate)
        apart = dict.fromkeys(TestType, (Verdict.NOT_COMPARABLE, unlike))
        fault = fault or no_success(candidate)
    speed = speed_change(candidate.environment, [entry.environment for entry in fit.entries])
    findings = explained_by_machine(stored.findings(again or {}, fault=fault, apart=apart), speed)
    compared = concluded(
        Method.STORED_WINDOW,
        replace(reference, run_ids=stored.run_ids),
        candidate,
        findings=findings,
        thresholds=thresholds,
        fault=fault,
        notes=(noise_note(config, known, learned_from=len(fit.entries)),),
    )
    if not fit.entries:
        return compared
    notes = [*compared.notes, *stored.notes(findings), *_left_out(fit, window)]
    if speed is not None:
        notes.append(f"{machine_reason(speed).capitalize()}.")
    if over_all := without_levels(fit.entries, candidate, last_side(candidate)):
        notes.append(over_all)
    anchor = next((entry for entry in newest_first(anchors) if is_alike(entry, candidate)), None)
    if anchor is not None and (drift := anchor_note(anchor, findings, config, stored.noise)):
        notes.append(drift)
    return replace(
        compared,
        notes=tuple(notes),
        again=kept(again or {}),
        base_distributions=of_stored(candidate, last_side(candidate), stored.window),
    )


def _left_out(fit: Fitting, window: Sequence[BaselineEntry]) -> list[str]:
    notes = []
    if fit.unversioned:
        notes.append(
            f"{fit.unversioned} of {len(fit.entries)} stored runs do not say what their target was, nor how"
            " it was asked; they are taken as alike, because their load is."
        )
    if left_out := len(window) - len(fit.entries):
        notes.append(f"{left_out} of {len(window)} stored runs left out: of another plan.")
    return notes


class _Stored:
    """The stored runs that a candidate is held against, metric by metric and load level by load level."""

    def __init__(
        self,
        entries: Sequence[BaselineEntry],
        candidate: RunSummary,
        config: CompareConfig,
        known: InForce,
    ) -> None:
        self._entries, self._candidate, self._config, self._known = entries, candidate, config, known
        self._side = last_side(candidate)
        measured = {(t.test_type, metric.name) for e in entries for t in e.test_types for metric in t.metrics}
        self._labels = {
            (test_type, name): labels_of(entries, self._first(test_type, name), test_type)
            for test_type in TestType
            for name in MetricName
            if (test_type, name) in measured
        }
        histories = {
            (*key, label): history_of(entries, (*key, label), config, known)
            for key, labels in self._labels.items()
            for label in labels
        }
        self._histories = {key: history for key, history in histories.items() if history is not None}
        self._levels = {key: self._level(key, self._first(*key[:2]).get(key[2])) for key in self._histories}

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs that a gated metric was held against, newest first."""
        used = {
            point.run_id
            for (test_type, name, _), level in self._levels.items()
            if is_gated(self._config, test_type, name)
            for point in level.window
        }
        return tuple(entry.run_id for entry in self._entries if entry.run_id in used)

    def window(self, test_type: TestType) -> tuple[BaselineEntry, ...]:
        """The runs that the median of a test type is held against, at any of its loads, newest first."""
        used = {
            point.run_id
            for (kind, name, _), level in self._levels.items()
            if kind is test_type and name is MetricName.RESPONSE_TIME_P50
            for point in level.window
        }
        return tuple(entry for entry in self._entries if entry.run_id in used)

    def noise(self, test_type: TestType, name: MetricName, label: str | None) -> RunNoise:
        """Of one run, with what the level that counts shows of it."""
        prior = self._known.run_noise(self._config, test_type, name)
        level = self._levels.get((test_type, name, label))
        return prior.learned([logs_of([point.metric for point in level.window])]) if level else prior

    def findings(self, again: Again, *, fault: str | None, apart: Apart) -> tuple[Finding, ...]:
        """The first measurement judged, and what is flagged settled by the second."""
        sides_of = self._sides_of(self._first)
        stored = [result.test_type for entry in self._entries for result in entry.test_types]
        kinds = {*(result.test_type for result in self._candidate.test_types), *stored}
        reported_levels: list[Finding] = []

        def judge(kinds: Sequence[TestType]) -> Sequence[Finding]:
            first = findings_of(kinds, sides_of, self._config, Method.STORED_WINDOW)
            reported_levels.extend(self._with_rise(each, again) for each in self._reported(first, again))
            return reported_levels

        found = findings_or_why_not(
            in_order(kinds & set(planned_types(self._candidate))),
            sides_of,
            self._config,
            Method.STORED_WINDOW,
            judge=judge,
            fault=fault,
            apart=apart,
        )
        return joined(reported_levels, found)

    def notes(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """What was cut off, what rose, and what a short history cannot see."""
        short = short_note(self._levels, findings)
        levels = level_notes(self._histories, self._levels, findings)
        return (*levels, *accept_notes(findings), *([short] if short else []))

    def _first(self, test_type: TestType, name: MetricName) -> MetricAt:
        return metrics_at(self._candidate, self._side, test_type, name)

    def _sides_of(self, metrics_of: MetricsOf) -> SidesOf:
        def sides_of(test_type: TestType, name: MetricName) -> list[Sides]:
            metrics = metrics_of(test_type, name)
            unstored = tuple(label for label in metrics if label is not None) or (None,)
            labels = self._labels.get((test_type, name), unstored)
            return window_sides(
                [
                    LevelWindow(
                        level=label,
                        stored=self._window((test_type, name, label)),
                        candidate=metrics.get(label),
                    )
                    for label in labels
                ],
                noise=self._known.run_noise(self._config, test_type, name),
                level=self._config.level,
                earlier={label: self._earlier((test_type, name, label)) for label in labels},
            )

        return sides_of

    def _window(self, key: LevelKey) -> tuple[Metric, ...]:
        """What the level that counts measured, newest first as the entries are."""
        level = self._levels.get(key)
        return with_known_errors(point.metric for point in reversed(level.window)) if level else ()

    def _earlier(self, key: LevelKey, *, held: Collection[str] | None = None) -> list[list[float]]:
        """Logarithms of the other levels that the metric had: how much runs differ does not begin anew."""
        if key not in self._histories:
            return []
        held = held or {point.run_id for point in self._levels[key].window}
        return [
            logs_of(with_known_errors(point.metric for point in level))
            for level in plain_stretches(self._histories[key])
            if not any(point.run_id in held for point in level)
        ]

    def _reported(self, first: Sequence[Finding], again: Again) -> list[Finding]:
        """Findings level by level, each flagged one confirmed, replaced or suspect."""
        sides_of = self._sides_of(_metrics_in(again))
        kinds = in_order(key[0] for key in again)
        second = findings_of(kinds, sides_of, self._config, Method.STORED_WINDOW)
        replacements = {(f.test_type, f.metric, f.level): f for f in second}
        effects = {
            (kind, name, sides.level): sides.effect
            for kind in kinds
            for name in MetricName
            for sides in sides_of(kind, name)
        }
        return [
            reported(
                Suspicion(
                    finding=finding,
                    worse=self._worse(finding.metric),
                    second=effects.get((finding.test_type, finding.metric, finding.level)),
                    replacement=replacements.get((finding.test_type, finding.metric, finding.level)),
                    before=self._before(finding),
                ),
                self._config.level,
            )
            if is_suspicious(finding)
            else finding
            for finding in first
        ]

    def _with_rise(self, finding: Finding, again: Again) -> Finding:
        """A metric whose level rose, or that regressed and was not mended, is a regression.

        It has to stay so when it is measured again.
        """
        key = finding.test_type, finding.metric, finding.level
        level, second = self._levels.get(key), again.get(key)
        if level is None or finding.change is None or not self._is_gated(key):
            return finding
        points = self._histories[key].points
        opened = open_regression(points, level, self._worse(finding.metric))
        if opened:
            measured = [self._here(each) for each in (self._first(*key[:2]).get(key[2]), second) if each]
            margin = margin_for(self._config, finding.metric, Method.STORED_WINDOW)
            if not is_mended(measured, opened, level, margin):
                before = points[len(points) - len(opened) - 1]
                return still_open(finding, before, opened[0], again=second)
        if level.rise is None:
            return finding
        suspicion = Suspicion(
            finding=finding, worse=self._worse(finding.metric), before=self._before(finding)
        )
        with_second = None if second is None else self._level(key, second).rise
        return risen(suspicion, level.rise, again=second, with_again=with_second)

    def _level(self, key: LevelKey, new: Metric | None) -> ReferenceLevel:
        """The level that counts, and its unaccepted rise if this run ends one: then it counts from before."""
        history, name = self._histories[key], key[1]
        worse = self._worse(name)
        margin = margin_for(self._config, name, Method.STORED_WINDOW) if self._is_gated(key) else None
        stored = reference_level(history.points, history.changes, worse=worse, margin=margin)
        if margin is None or new is None:
            return replace(stored, rise=None)
        noise = self._known.run_noise(self._config, *key[:2])
        here = self._here(new)
        points = (*history.points, here)
        changes = changes_in(
            points,
            level=self._config.level,
            noise=noise,
            # Of the changes only those for the worse count: one in a hundred of these.
            false_alarm=2.0 * FALSE_ALARM if worse else FALSE_ALARM,
        )
        found = reference_level(points, changes, worse=worse, margin=margin)
        if found.rise is not None and worse_by([here], found.window, worse) > on_scale(margin, new) / 2:
            return found
        held = Held(
            worse=worse,
            margin=margin,
            noise=noise,
            earlier=self._earlier(key, held={point.run_id for point in stored.window}),
            level=self._config.level,
            tests=sum(
                self._is_gated(k) and not METRICS[k[1]].compared_as_difference for k in self._histories
            ),
        )
        return recent_rise(points, stored, held) or replace(stored, rise=None)

    def _here(self, measured: Metric) -> HistoryPoint:
        """The run under judgement as a point of a history."""
        return HistoryPoint(
            commit=self._candidate.provenance.commit or "this run",
            committed_at=self._candidate.provenance.committed_at or "",
            run_id=self._candidate.run.id,
            metric=measured,
        )

    def _before(self, finding: Finding) -> bool:
        """Whether the stored run before was a suspect in the same direction."""
        key = finding.test_type, finding.metric, finding.level
        if key not in self._levels or finding.change is None:
            return False
        last, window = self._histories[key].points[-1], self._levels[key].window
        centre = pooled_window([point.metric for point in window]).value
        return last.suspect and (last.metric.value - centre) * finding.change.estimate > 0

    @property
    def _tests(self) -> int:
        """How many gated metrics and load levels share the chance that the last runs rise together."""
        gated = [name for test_type, name, _ in self._histories if is_gated(self._config, test_type, name)]
        return sum(not METRICS[name].compared_as_difference for name in gated)

    def _is_gated(self, key: LevelKey) -> bool:
        return is_gated(self._config, *key[:2])

    def _worse(self, name: MetricName) -> int:
        return worse_sign(name, self._config.metrics.get(name))


def _metrics_in(again: Again) -> MetricsOf:
    def metrics_of(test_type: TestType, name: MetricName) -> MetricAt:
        found: Mapping[str | None, Metric | None] = {
            level: metric
            for (kind, metric_name, level), metric in again.items()
            if kind is test_type and metric_name is name
        }
        return {None: None, **found}

    return metrics_of
