"""What is kept of a run as a baseline: the second measurement of what was flagged, suspects as such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from govbench.errors import PublishError, ResultsError
from govbench.results.baseline import (
    MAX_BUCKETS,
    MAX_LEVEL_BUCKETS,
    BaselineEntry,
    BaselineLevel,
    BaselineTestType,
    metric_key,
    utc_text,
)
from govbench.results.comparison import AgainKey, Finding, LevelFinding, Results, Verdict
from govbench.results.distributions import coarsen_distribution, merge_distributions
from govbench.results.levels import level_labels, metrics_by_level
from govbench.results.metrics import Metric
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Distribution, Outcome, RunStatus


def entry_from_results(
    results: Results, *, side: int = 0, accepted: str | None = None, anchor: str | None = None
) -> BaselineEntry:
    """What is kept of a run, of one of its sides.

    Raises:
        PublishError: the run did not complete, measured nothing on that side, or belongs to no commit.
        ResultsError: the run carries a name or a time that cannot be stored.
    """
    summary = results.summary
    run, provenance = summary.run, summary.provenance
    if run.status is not RunStatus.COMPLETED:
        raise PublishError(
            f"run {run.id} is {run.status}: only a completed run becomes a baseline", hint="measure again"
        )
    if provenance.commit is None or provenance.committed_at is None:
        raise PublishError(
            f"run {run.id} belongs to no commit: a baseline is the measurement of a commit",
            hint=provenance.note or "run govbench inside a git repository that has at least one commit",
        )
    test_types = _test_types(results, side)
    findings = results.comparison.findings if results.comparison else ()
    if not test_types:
        raise PublishError(f"run {run.id} measured nothing on side {side}", hint="measure again")
    try:
        return BaselineEntry(
            run_id=run.id,
            suite=run.suite,
            suite_version=run.suite_version,
            profile=run.profile,
            commit=provenance.commit,
            committed_at=utc_text(provenance.committed_at),
            measured_at=utc_text(run.started_at),
            govbench_version=run.govbench_version,
            environment=replace(summary.environment, load_average=None),
            accounting=_total(phase.accounting for phase in summary.phases if phase.side == side),
            test_types=test_types,
            verdict=results.comparison.verdict if results.comparison else None,
            accepted=accepted,
            accepted_metrics=_regressed(findings, accepted=accepted is not None),
            suspects=_suspects(findings, accepted=accepted is not None),
            anchor=anchor,
            dirty=bool(provenance.dirty),
            saturated=summary.generator.saturated,
            versions=run.versions,
        )
    except ValueError as error:
        raise ResultsError(f"run {run.id} cannot be a baseline: {error}") from error


def _test_types(results: Results, side: int) -> tuple[BaselineTestType, ...]:
    found = []
    again = _measured_again(results)
    for result in results.summary.test_types:
        if result.side != side or not result.metrics:
            continue
        metrics = [again.get((result.test_type, metric.name, None), metric) for metric in result.metrics]
        distribution = merge_distributions(
            phase.distribution
            for phase in results.summary.phases
            if phase.side == side and phase.phase.test_type is result.test_type and phase.distribution
        )
        found.append(
            BaselineTestType(
                test_type=result.test_type,
                metrics=tuple(sorted(metrics, key=lambda metric: metric.name)),
                distribution=_at_most(MAX_BUCKETS, distribution),
                levels=_levels(results, result.test_type, side, again),
            )
        )
    return tuple(sorted(found, key=lambda result: result.test_type))


def _at_most(buckets: int, distribution: Distribution | None) -> Distribution | None:
    """The distribution, as coarse as it takes to have no more buckets."""
    while distribution is not None and len(distribution.buckets) > buckets:
        distribution = coarsen_distribution(distribution)
    return distribution


def _levels(
    results: Results, test_type: TestType, side: int, again: Mapping[AgainKey, Metric]
) -> tuple[BaselineLevel, ...]:
    phases = [p for p in results.summary.phases if p.phase.test_type is test_type and p.side == side]
    labels = level_labels([result.phase for result in phases])
    spread = {label: result.distribution for label, result in zip(labels, phases, strict=True)}
    return tuple(
        BaselineLevel(
            level=label,
            metrics=tuple(
                replace(again.get((test_type, metric.name, label), metric), low=None, high=None, level=None)
                for metric in sorted(metrics, key=lambda metric: metric.name)
            ),
            distribution=_at_most(MAX_LEVEL_BUCKETS, spread[label]),
        )
        for label, metrics in sorted(metrics_by_level(results.summary, test_type, side).items())
    )


def _measured_again(results: Results) -> dict[AgainKey, Metric]:
    """Of what was flagged, the second measurement: the first was picked for being far away."""
    comparison = results.comparison
    if comparison is None:
        return {}
    flagged = {key for finding in comparison.findings for key in _flagged(finding)}
    return {key: metric for key, metric in comparison.again_by_key.items() if key in flagged}


def _flagged(finding: Finding) -> Iterator[AgainKey]:
    """Where a second measurement has to do with a metric: over all of its load levels, and at these."""
    levels = [at.level for at in finding.levels if at.again is not None]
    if finding.again is not None or levels:
        yield finding.test_type, finding.metric, None
    for level in levels:
        yield finding.test_type, finding.metric, level


def _regressed(findings: Iterable[Finding], *, accepted: bool) -> tuple[str, ...]:
    """The gated metrics that regressed, where they did; without ``accepted`` those that no commit accepts."""
    red = [f for f in findings if f.gated and f.verdict is Verdict.REGRESSION]
    refused = [f for f in red if not f.accepted]
    meant = red if accepted or not refused else refused
    return _keys(meant, lambda at: at.verdict is Verdict.REGRESSION)


def _suspects(findings: Sequence[Finding], *, accepted: bool) -> tuple[str, ...]:
    """What is no part of a window: suspects, and what regressed and was not accepted."""
    suspects = _keys((f for f in findings if f.suspect), lambda at: at.suspect)
    open_ones = [] if accepted else [f for f in findings if not f.accepted]
    return tuple(sorted({*suspects, *_regressed(open_ones, accepted=False)}))


def _keys(findings: Iterable[Finding], is_meant: Callable[[LevelFinding], bool]) -> tuple[str, ...]:
    """The keys of metrics, at the levels that are meant; of a metric with none of these, the whole."""
    keys = []
    for finding in findings:
        levels = [at.level for at in finding.levels if is_meant(at)]
        keys += [metric_key(finding.test_type, finding.metric, level) for level in levels or (None,)]
    return tuple(sorted(keys))


def _total(parts: Iterable[Accounting]) -> Accounting:
    counts: Counter[str] = Counter()
    errors: Counter[Outcome] = Counter()
    for part in parts:
        for key in ("offered", "dropped", "sent", "ok", "failed", "cancelled", "lost"):
            counts[key] += getattr(part, key)
        errors.update(part.errors)
    return Accounting(**counts, errors=dict(sorted(errors.items())))
