"""The report of a terminal or a log, laid out by rich: verdict first. Prints nothing itself.

A finding takes two lines, so that the same layout holds from 80 columns on.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from govbench.report import blocks, circumstances, rounds, tables
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.explanations import explained, notes
from govbench.report.gaps import covered_s, rates
from govbench.report.tables import Table
from govbench.results.comparison import Comparison, Finding, Results, ThresholdState, Verdict
from govbench.results.plan import TestType
from govbench.results.run import Distribution, Outcome, RunStatus, RunSummary

CHART_WIDTH = 48

STYLES = {
    Verdict.PASS: "green",
    Verdict.IMPROVEMENT: "green",
    Verdict.REGRESSION: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NO_BASELINE: "cyan",
    Verdict.NOT_COMPARABLE: "yellow",
    Verdict.INVALID: "red",
}
_THRESHOLD_STYLES = {
    ThresholdState.MET: "green",
    ThresholdState.MISSED: "red",
    ThresholdState.NOT_MEASURED: "yellow",
}
_STATUS_STYLES = {RunStatus.COMPLETED: "cyan", RunStatus.INTERRUPTED: "yellow", RunStatus.FAILED: "red"}


def render(results: Results, *, folder: str | None = None, width: int = 80, color: bool = False) -> str:
    """The whole report as text, ``width`` columns at most, with ANSI colours only where asked for.

    ``folder`` is where the files of the run are, as the reader can open it.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},
    )
    console.print(report(results, folder=folder))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def report(results: Results, *, folder: str | None = None) -> Group:
    """The report for a console of the caller's own."""
    parts: list[RenderableType] = [_verdict_panel(results)]
    if results.comparison is not None:
        parts += _comparison(results.comparison)
    if results.comparison is None or not results.comparison.findings:
        parts += _section("metrics", tables.metrics_table(results.summary))
    parts += _rounds(results)
    parts += _charts(results.summary)
    parts += _circumstances(results.summary)
    if folder is not None:
        parts += _lines("files", [fmt.one_line(folder)])
    return Group(*parts)


def _verdict_panel(results: Results) -> Panel:
    comparison = results.comparison
    if comparison is None:
        style, symbol = _STATUS_STYLES[results.summary.run.status], ""
    else:
        style, symbol = STYLES[comparison.verdict], f"{fmt.verdict_symbol(comparison.verdict)} "
    return Panel(Text(symbol + fmt.headline(results), style=f"bold {style}"), box=ROUNDED, border_style=style)


def _comparison(comparison: Comparison) -> list[RenderableType]:
    found = tables.ordered(comparison)
    parts: list[RenderableType] = [_text(circumstances.comparison_sentence(comparison))]
    if found:
        parts += [Text(), _findings(found), *_explanations(found)]
    if (sentence := fmt.mde_sentence(comparison)) is not None:
        parts += _lines("detectable", [sentence])
    if comparison.thresholds:
        parts += [Text(), _thresholds(comparison)]
    return parts + _lines("notes", map(fmt.one_line, notes(comparison)))


def _findings(findings: tuple[Finding, ...]) -> Grid:
    grid = _paired("verdict", "metric", "base → head, change")
    for finding in findings:
        style = STYLES[finding.verdict]
        symbol, label = fmt.verdict_symbol(finding.verdict), fmt.verdict_label(finding.verdict)
        rests_on = "gated" if finding.gated else "advisory"
        if finding.accepted:
            rests_on += ", accepted"
        grid.add_row(
            Text(f"{symbol} {label}\n  {rests_on}", style=style if finding.gated else "dim"),
            Text(f"{fmt.metric_label(finding.metric)}\n{fmt.scope_label(finding.test_type, finding.level)}"),
            Text(f"{_from_to(finding)}, n {tables.observations(finding)}\n{fmt.change(finding.change)}"),
        )
    return grid


def _explanations(findings: tuple[Finding, ...]) -> list[RenderableType]:
    """Below each other what moved with the flagged metrics, the likeliest first."""
    parts: list[RenderableType] = []
    for one in explained(findings, gated_only=True):
        parts += [Text(), Text.assemble(("moved with ", "bold"), one.metrics)]
        parts += [Padding(_text(sentence), (0, 0, 0, 2)) for sentence in one.sentences]
    return parts


def _from_to(finding: Finding) -> str:
    return f"{fmt.metric_value(finding.baseline)} → {fmt.metric_value(finding.candidate)}"


def _thresholds(comparison: Comparison) -> Grid:
    grid = _paired("threshold", "metric", "measured, asked for")
    for threshold in tables.ordered_thresholds(comparison):
        symbol, label = fmt.threshold_symbol(threshold.state), fmt.threshold_label(threshold.state)
        bound = fmt.threshold_bound(threshold.metric, threshold.bound)
        source = f"set by {fmt.one_line(threshold.source)}" if threshold.source else ""
        grid.add_row(
            Text(f"{symbol} {label}", style=_THRESHOLD_STYLES[threshold.state]),
            Text(f"{fmt.metric_label(threshold.metric)}\n{fmt.threshold_scope(threshold)}"),
            Text(f"{fmt.threshold_value(threshold)}, {bound}\n{source}"),
        )
    return grid


def _circumstances(summary: RunSummary) -> list[RenderableType]:
    parts = _section("phases", tables.phases_table(summary))
    parts += _lines("requests", _accounting(summary))
    parts += _section("resources", tables.resources_table(summary))
    code = circumstances.provenance_sentence(summary.provenance)
    parts += _lines("generator", [circumstances.generator_sentence(summary.generator)])
    parts += _lines("run", [circumstances.run_sentence(summary), *([code] if code else [])])
    parts += _lines("machine", [circumstances.environment_sentence(summary.environment)])
    return parts + _lines("warnings", map(fmt.one_line, summary.warnings), style="yellow")


def _accounting(summary: RunSummary) -> list[str]:
    errors: dict[Outcome, int] = {k: n for k, n in summary.accounting.errors.items() if n}
    split = ", ".join(f"{outcome.value} {fmt.count(n)}" for outcome, n in errors.items())
    return [
        *fmt.accounting_equation(summary.accounting).split("; "),
        *([f"failed: {split}"] if split else []),
    ]


def _rounds(results: Results) -> list[RenderableType]:
    """A block for each round; after a bar, those that were run to confirm."""
    return _lines("rounds", rounds.lines(results))


def _charts(summary: RunSummary) -> list[RenderableType]:
    lines = [*_distributions(summary), *_medians(summary), *_timeline(summary)]
    return [Text(), *(Text(line, no_wrap=True, overflow="crop") for line in lines)] if lines else []


def _distributions(summary: RunSummary) -> list[str]:
    """The distributions of the test type with the most users: base and head under each other."""
    measured = [phase for phase in summary.phases if phase.distribution is not None]
    if not measured:
        return []
    test_type = max(measured, key=lambda phase: phase.phase.users or 0).phase.test_type
    by_side = [_of_side(summary, test_type, side) for side in range(side_count(summary))]
    bounds = blocks.extent([d for side in by_side for d in side])
    if bounds is None or not bounds[0] < bounds[1]:
        return []
    low, high = (fmt.duration_ms(bound) for bound in bounds)
    rows = [
        f"  {side_name(at, len(by_side)):<6} {blocks.columns(blocks.spread(side, *bounds, CHART_WIDTH))}"
        for at, side in enumerate(by_side)
    ]
    axis = f"         {low}{high:>{CHART_WIDTH - len(low)}}"
    return [f"response time of {fmt.test_type_label(test_type)} (logarithmic scale)", *rows, axis, ""]


def _of_side(summary: RunSummary, test_type: TestType, side: int) -> list[Distribution]:
    return [
        phase.distribution
        for phase in summary.phases
        if phase.distribution is not None and phase.phase.test_type is test_type and phase.side == side
    ]


def _medians(summary: RunSummary) -> list[str]:
    levels = tables.p50_by_users(summary)
    largest = max((p50 for _, sides in levels for p50 in sides if p50 is not None), default=0.0)
    if len(levels) < 2 or largest <= 0:
        return []
    lines = ["response time p50 by users"]
    for users, sides in levels:
        for at, p50 in enumerate(sides):
            label = f"{fmt.count(users) if at == 0 else '':>6} {side_name(at, len(sides)):<6}"
            chart = "" if p50 is None else blocks.bar(p50, largest, CHART_WIDTH - 12) + " "
            lines.append(f"{label} {chart}{fmt.duration_ms(p50)}")
    return [*lines, ""]


def _timeline(summary: RunSummary) -> list[str]:
    if not summary.timeline:
        return []
    points = summary.timeline
    p50s = [point.p50_ms for point in points]
    slowest = max((p50 for p50 in p50s if p50 is not None), default=None)
    shares = covered_s(summary, points)
    completed = rates([point.completed for point in points], shares)
    highest = max((rate for rate in completed if rate is not None), default=None)
    users = [point.users if share else None for point, share in zip(points, shares, strict=True)]
    most = max((point.users for point in points if point.users is not None), default=None)
    return [
        "over time, second by second, within rounds" if summary.rounds else "over time, second by second",
        f"  p50    {_sparkline(p50s)}  up to {fmt.duration_ms(slowest)}",
        f"  req/s  {_sparkline(completed)}  up to {fmt.rate(highest)}",
        *([] if most is None else [f"  users  {_sparkline(users)}  up to {fmt.count(most)}"]),
    ]


def _sparkline(values: Sequence[float | None]) -> str:
    return blocks.columns(blocks.resampled(values, CHART_WIDTH))


def _section(title: str, table: Table) -> list[RenderableType]:
    """A title and its table; nothing where the table has no rows."""
    if not table.rows:
        return []
    return [Text(), Text(title, style="bold"), Padding(_grid(table), (0, 0, 0, 2))]


def _paired(verdict: str, metric: str, numbers: str) -> Grid:
    """An empty table whose rows take two lines each, and fit into 80 columns."""
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    grid.add_column(verdict, no_wrap=True, min_width=16)
    grid.add_column(metric, no_wrap=True, min_width=23)
    grid.add_column(numbers, no_wrap=True, overflow="ellipsis")
    return grid


def _grid(table: Table) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for at, header in enumerate(table.headers):
        grid.add_column(header, justify="right" if at in table.right else "left")
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def _lines(title: str, lines: Iterable[str], *, style: str = "") -> list[RenderableType]:
    """A title and its lines beside it; nothing where there are no lines."""
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=11)
    grid.add_column()
    for at, line in enumerate(lines):
        grid.add_row(Text(title if at == 0 else "", style="bold"), _text(line, style))
    return [Text(), grid] if grid.row_count else []


def _text(line: str, style: str = "") -> Text:
    return Text(line, style=style)
