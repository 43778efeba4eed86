"""The figures that are looked for first: p50, p95, throughput and errors of one level of a test type."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.report.document import Tile, Tone
from govbench.report.headline import strongest
from govbench.report.phrases import bracketed, of_scope
from govbench.report.words import finding_mark
from govbench.results.comparison import Finding, LevelFinding, Results, Verdict
from govbench.results.levels import metrics_by_level, most_loaded
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

SHOWN = (
    MetricName.RESPONSE_TIME_P50,
    MetricName.RESPONSE_TIME_P95,
    MetricName.THROUGHPUT,
    MetricName.ERROR_RATE,
)
_CHANGED = (Verdict.REGRESSION, Verdict.IMPROVEMENT)


def tiles(results: Results) -> tuple[Tile, ...]:
    """A tile for each of ``SHOWN``: of the level that the headline names, else of that with the most load."""
    if not results.summary.test_types:
        return ()
    test_type, level = _place(results)
    return tuple(_tile(results, test_type, level, name) for name in SHOWN)


def _place(results: Results) -> tuple[TestType, str | None]:
    comparison, summary = results.comparison, results.summary
    if comparison is not None:
        for verdict in (*_CHANGED, Verdict.INCONCLUSIVE):
            if found := strongest(comparison, verdict):
                return found[0].test_type, found[0].level or _judged_at(results, found[0].test_type)
    kinds = [p.phase.test_type for p in sorted(summary.phases, key=lambda p: p.phase.users or 0)]
    test_type = kinds[-1] if kinds else summary.test_types[-1].test_type
    return test_type, _highest(summary, test_type)


def _judged_at(results: Results, test_type: TestType) -> str | None:
    """The level with the most load, where metrics of the test type were judged level by level."""
    found = results.comparison.findings if results.comparison else ()
    if not any(f.levels for f in found if f.test_type is test_type):
        return None
    return _highest(results.summary, test_type)


def _highest(summary: RunSummary, test_type: TestType) -> str | None:
    return most_loaded(metrics_by_level(summary, test_type, len(summary.targets) - 1))


def _tile(results: Results, test_type: TestType, level: str | None, name: MetricName) -> Tile:
    label, where = METRICS[name].short, of_scope(test_type, level)
    finding = _finding(results, test_type, name)
    at = _at_level(finding, level) if finding else None
    if at is not None and at.baseline is not None:
        shown = finding if isinstance(at, Finding) else None
        return Tile(
            label=label,
            value=fmt.metric_value(at.candidate),
            was=fmt.metric_value(at.baseline),
            change=bracketed(at.change) if at.change else "",
            note=where,
            tone=_tone(finding, at) if shown or at.verdict in _CHANGED else Tone.PLAIN,
        )
    return Tile(
        label=label, value=fmt.metric_value(_measured(results.summary, test_type, level, name)), note=where
    )


def _finding(results: Results, test_type: TestType, name: MetricName) -> Finding | None:
    found = results.comparison.findings if results.comparison else ()
    return next((f for f in found if f.test_type is test_type and f.metric is name), None)


def _at_level(finding: Finding, level: str | None) -> Finding | LevelFinding | None:
    if finding.level == level or not finding.levels:
        return finding
    return next((each for each in finding.levels if each.level == level), None)


def _tone(finding: Finding | None, at: Finding | LevelFinding) -> Tone:
    if finding is None or at.verdict not in _CHANGED:
        return Tone.PLAIN
    return finding_mark(finding).tone if finding.gated else Tone.INFO


def _measured(summary: RunSummary, test_type: TestType, level: str | None, name: MetricName) -> Metric | None:
    side = len(summary.targets) - 1
    if level is not None:
        metrics = metrics_by_level(summary, test_type, side)[level]
        return next((m for m in metrics if m.name is name), None)
    whole = next((t for t in summary.test_types if t.test_type is test_type and t.side == side), None)
    return whole.metric(name) if whole else None
