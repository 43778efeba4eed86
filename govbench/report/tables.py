"""The tables of a report as rows of text, shared by all formats; ``pipe_table`` lays one out for Markdown.

Cells are single lines without control characters but otherwise unescaped: a format that gives characters
a meaning escapes them itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tabulate import tabulate

from govbench.report import format as fmt
from govbench.report.circumstances import process_name, side_count, side_name
from govbench.results.comparison import (
    Comparison,
    Finding,
    LevelFinding,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from govbench.results.levels import is_levelled, metrics_by_level, most_loaded
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, PhaseResult, RunSummary, TestTypeResult

CHANGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})
LATENCIES = (MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.RESPONSE_TIME_P99)
_THRESHOLD_ORDER = (ThresholdState.MISSED, ThresholdState.NOT_MEASURED, ThresholdState.MET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Headers and rows of text; ``right`` holds the columns that are set flush right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headers) for row in self.rows):
            raise ValueError("every row of a table needs one cell per header")


def ordered(comparison: Comparison) -> tuple[Finding, ...]:
    """Findings as they are read: changed, then gated, then advisory; else in the order of the comparison."""

    def rank(finding: Finding) -> tuple[bool, bool]:
        return finding.verdict not in CHANGED, not finding.gated

    return tuple(sorted(comparison.findings, key=rank))


def ordered_thresholds(comparison: Comparison) -> tuple[ThresholdResult, ...]:
    """Thresholds as they are read: missed, then not measured, then met."""
    return tuple(sorted(comparison.thresholds, key=lambda t: _THRESHOLD_ORDER.index(t.state)))


def verdict_cell(finding: Finding) -> str:
    """Symbol and label of a finding's verdict; advisory and accepted ones say that they are."""
    advisory = "" if finding.gated else " (advisory)"
    return f"{fmt.verdict_symbol(finding.verdict)} {fmt.finding_label(finding)}{advisory}"


def observations(finding: Finding | LevelFinding) -> str:
    """How many observations a finding rests on: of the candidate, else of the baseline."""
    metric = finding.candidate or finding.baseline
    return fmt.count(None if metric is None else metric.n)


def findings_table(findings: tuple[Finding, ...]) -> Table:
    """One row per finding: test type, metric, base, head, change, n, verdict."""
    return Table(
        headers=("test type", "metric", "base", "head", "change", "n", "verdict"),
        rows=tuple(
            (
                fmt.scope_label(finding.test_type, finding.level),
                fmt.metric_label(finding.metric),
                fmt.metric_value(finding.baseline),
                fmt.metric_value(finding.candidate),
                fmt.change(finding.change),
                observations(finding),
                verdict_cell(finding),
            )
            for finding in findings
        ),
        right=frozenset({2, 3, 5}),
    )


def levels_table(findings: tuple[Finding, ...]) -> Table:
    """One row per load level of each gated finding that has several: base, head, change, n, verdict."""
    return Table(
        headers=("test type", "metric", "base", "head", "change", "n", "verdict"),
        rows=tuple(
            (
                fmt.scope_label(finding.test_type, at.level),
                fmt.metric_label(finding.metric),
                fmt.metric_value(at.baseline),
                fmt.metric_value(at.candidate),
                fmt.change(at.change),
                observations(at),
                f"{fmt.verdict_symbol(at.verdict)} {fmt.verdict_label(at.verdict)}",
            )
            for finding in findings
            if finding.gated
            for at in finding.levels
        ),
        right=frozenset({2, 3, 5}),
    )


def reasons_table(findings: tuple[Finding, ...]) -> Table:
    """One row per finding: what it was judged by, and why the verdict is what it is."""
    return Table(
        headers=("test type", "metric", "margin", "detectable from", "why"),
        rows=tuple(
            (
                fmt.scope_label(finding.test_type, finding.level),
                fmt.metric_label(finding.metric),
                fmt.margin(finding),
                fmt.effect(finding),
                fmt.finding_reason(finding),
            )
            for finding in findings
        ),
        right=frozenset({2, 3}),
    )


def metrics_table(summary: RunSummary) -> Table:
    """Every metric of every test type and side, with its interval; of several levels, that of the highest."""
    sides = side_count(summary)
    table = Table(
        headers=("test type", "side", "metric", "value", "n"),
        rows=tuple(
            (
                fmt.scope_label(result.test_type, level),
                side_name(result.side, sides),
                fmt.metric_label(metric.name),
                fmt.metric_with_interval(metric),
                fmt.count(metric.n),
            )
            for result in summary.test_types
            for level, metric in _shown_metrics(summary, result)
        ),
        right=frozenset({4}),
    )
    return table if sides > 1 else _without_column(table, 1)


def _shown_metrics(summary: RunSummary, result: TestTypeResult) -> list[tuple[str | None, Metric]]:
    """What is judged over all levels, and of the rest what was measured at the highest: no mean happened."""
    levels = metrics_by_level(summary, result.test_type, result.side)
    highest = most_loaded(levels)
    if highest is None:
        return [(None, metric) for metric in result.metrics]
    split = [(highest, metric) for metric in levels[highest] if is_levelled(metric.name)]
    return [*split, *((None, metric) for metric in result.metrics if not is_levelled(metric.name))]


def thresholds_table(comparison: Comparison) -> Table:
    """One row per threshold, missed ones first."""
    return Table(
        headers=("threshold", "test type", "asked for", "measured", "state", "set by"),
        rows=tuple(
            (
                fmt.metric_label(t.metric),
                fmt.threshold_scope(t),
                fmt.threshold_bound(t.metric, t.bound),
                fmt.threshold_value(t),
                f"{fmt.threshold_symbol(t.state)} {fmt.threshold_label(t.state)}",
                "-" if t.source is None else fmt.one_line(t.source),
            )
            for t in ordered_thresholds(comparison)
        ),
        right=frozenset({3}),
    )


def phases_table(summary: RunSummary) -> Table:
    """One row per phase and side: load, finished requests that count, latencies, throughput, errors."""
    sides = side_count(summary)
    table = Table(
        headers=("phase", "side", "users", "n", "p50", "p95", "p99", "throughput", "error rate"),
        rows=tuple(
            (
                fmt.one_line(phase.phase.name),
                side_name(phase.side, sides),
                fmt.load_level(phase.phase),
                fmt.count(phase.finished),
                *(fmt.metric_value(phase_metric(phase, name)) for name in LATENCIES),
                fmt.metric_value(phase_metric(phase, MetricName.THROUGHPUT)),
                fmt.metric_value(phase_metric(phase, MetricName.ERROR_RATE)),
            )
            for phase in summary.phases
        ),
        right=frozenset(range(2, 9)),
    )
    return table if sides > 1 else _without_column(table, 1)


def accounting_table(accounting: Accounting) -> Table:
    """Where every request of the run went, and what failed ones failed of."""
    parts = (
        ("offered", accounting.offered),
        ("dropped", accounting.dropped),
        ("sent", accounting.sent),
        ("ok", accounting.ok),
        ("failed", accounting.failed),
        *((f"failed: {outcome.value}", n) for outcome, n in accounting.errors.items() if n),
        ("cancelled", accounting.cancelled),
        ("lost", accounting.lost),
    )
    return Table(
        headers=("requests", "count"),
        rows=tuple((label, fmt.count(n)) for label, n in parts),
        right=frozenset({1}),
    )


def resources_table(summary: RunSummary) -> Table:
    """What each process used while it was measured."""
    sides = side_count(summary)
    return Table(
        headers=("process", "CPU mean", "CPU time", "memory peak", "memory last", "samples"),
        rows=tuple(
            (
                process_name(usage.role, sides),
                fmt.cores(usage.cpu_cores_mean),
                fmt.duration_s(usage.cpu_s),
                fmt.size(usage.memory_peak_bytes),
                fmt.size(usage.memory_last_bytes),
                fmt.count(usage.samples),
            )
            for usage in summary.resources
        ),
        right=frozenset(range(1, 6)),
    )


def tokens_table(summary: RunSummary) -> Table:
    """Tokens that the answers in the steady segments reported, per side."""
    sides = side_count(summary)
    return Table(
        headers=("side", "answers", "with usage", "input tokens", "output tokens"),
        rows=tuple(
            (
                side_name(usage.side, sides),
                fmt.count(usage.answers),
                fmt.count(usage.answers_with_usage),
                fmt.count(usage.input_tokens),
                fmt.count(usage.output_tokens),
            )
            for usage in summary.tokens
        ),
        right=frozenset(range(1, 5)),
    )


def phase_metric(phase: PhaseResult, name: MetricName) -> Metric | None:
    """The metric of that name in a phase, or None where it was not measured."""
    return next((metric for metric in phase.metrics if metric.name is name), None)


def p50_by_users(summary: RunSummary) -> tuple[tuple[int, tuple[float | None, ...]], ...]:
    """Median response time in ms of each side by users, rising: of the test type with the most levels."""
    return max((_p50_of(summary, test_type) for test_type in TestType), key=len)


def _p50_of(summary: RunSummary, test_type: TestType) -> tuple[tuple[int, tuple[float | None, ...]], ...]:
    """Where several phases have the same number of users, the one with the most requests stands."""
    found: dict[int, dict[int, Metric]] = {}
    for phase in summary.phases:
        if phase.phase.users is None or phase.phase.test_type is not test_type:
            continue
        metric = phase_metric(phase, MetricName.RESPONSE_TIME_P50)
        level = found.setdefault(phase.phase.users, {})
        if metric is not None and (phase.side not in level or metric.n > level[phase.side].n):
            level[phase.side] = metric
    return tuple(
        (users, tuple(level[s].value if s in level else None for s in range(side_count(summary))))
        for users, level in sorted(found.items())
    )


def pipe_table(table: Table, *, escape: Callable[[str], str]) -> str:
    """The table in GitHub's Markdown, without padding: short, and the same wherever it is rendered."""
    text: str = tabulate(
        [[escape(cell) for cell in row] for row in table.rows],
        headers=[escape(header) for header in table.headers],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["right" if at in table.right else "left" for at in range(len(table.headers))]
        if table.rows
        else None,
    )
    head, rule, *body = (re.sub(" +", " ", line) for line in text.splitlines())
    return "\n".join([head, re.sub("-+", "--", rule), *body])


def _without_column(table: Table, column: int) -> Table:
    return Table(
        headers=table.headers[:column] + table.headers[column + 1 :],
        rows=tuple(row[:column] + row[column + 1 :] for row in table.rows),
        right=frozenset(at - (at > column) for at in table.right if at != column),
    )
