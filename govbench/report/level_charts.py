"""Charts of what a test type gave at each of its load levels, by users or by rate. Judges nothing.

Test types are never mixed: their levels are not of one load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.figures import (
    PERCENTILES,
    ChartFigure,
    ChartTable,
    capital,
    drawn,
    has_stored_baseline,
    reach,
    sides,
    style,
)
from govbench.results.comparison import Results
from govbench.results.levels import level_labels
from govbench.results.metrics import METRICS, Metric, MetricName, Unit
from govbench.results.plan import Phase, TestType
from govbench.results.run import PhaseResult, RunSummary

FEWEST = 2  # one level is no course
_MOST_TOLD = 10  # points of a line; of more, the table behind the chart tells each


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A metric over the levels, rising: of a side, or one of several percentiles of the only side."""

    label: str
    name: MetricName
    levels: tuple[tuple[Phase, Metric | None], ...]
    style: int
    beside: bool = False


def charts_of(results: Results, test_type: TestType) -> tuple[ChartFigure, ...]:
    """All that say something: of one side the latencies together, with a base each metric with both."""
    if len(sides(results.summary)) > 1 or has_stored_baseline(results):
        names = (*(name for name, _ in PERCENTILES), MetricName.THROUGHPUT)
        return drawn(chart_by_level(results, test_type, name) for name in names)
    return drawn(
        (
            chart_latencies_by_level(results, test_type),
            chart_by_level(results, test_type, MetricName.THROUGHPUT),
        )
    )


def chart_latencies_by_level(results: Results, test_type: TestType) -> ChartFigure | None:
    """The percentiles of the side under judgement, a line each; None below two levels."""
    measured = sides(results.summary)
    if not measured:
        return None
    phases = by_load(results.summary, test_type, measured[-1])
    lines = [
        _Line(label=label, name=name, levels=_levels(phases, name), style=number, beside=True)
        for number, (name, label) in enumerate(PERCENTILES)
    ]
    return _chart(test_type, "response time", lines)


def chart_by_level(results: Results, test_type: TestType, name: MetricName) -> ChartFigure | None:
    """One metric with its intervals, a line for each side, or for the stored base; None below two levels.

    Pairs give both sides as many requests, so they tell no throughput.
    """
    summary, stored = results.summary, has_stored_baseline(results)
    lines = _stored_line(results, test_type, name)
    lines += [
        _Line(
            label="head" if stored else side_name(side, side_count(summary)),
            name=name,
            levels=_levels(by_load(summary, test_type, side), name),
            style=style(results, side),
        )
        for side in sides(summary)
    ]
    return _chart(test_type, fmt.metric_label(name), lines)


def _levels(phases: Sequence[PhaseResult], name: MetricName) -> tuple[tuple[Phase, Metric | None], ...]:
    return tuple(
        (result.phase, result.metric(name))
        for result in phases
        if not (result.phase.paired and name is MetricName.THROUGHPUT)
    )


def _stored_line(results: Results, test_type: TestType, name: MetricName) -> list[_Line]:
    """The base of a run of one side, as its findings have it at each level."""
    findings = results.comparison.findings if results.comparison else ()
    finding = next((f for f in findings if f.test_type is test_type and f.metric is name), None)
    if not has_stored_baseline(results) or finding is None or not finding.levels:
        return []
    stored = {each.level: each.baseline for each in finding.levels}
    phases = [result.phase for result in by_load(results.summary, test_type, sides(results.summary)[-1])]
    levels = tuple(
        (phase, stored.get(label)) for label, phase in zip(level_labels(phases), phases, strict=True)
    )
    return [_Line(label="base", name=name, levels=levels, style=0)]


def by_load(summary: RunSummary, test_type: TestType, side: int) -> tuple[PhaseResult, ...]:
    """The phases of a test type on a side by rising load: its closed loops, or its open ones where more.

    Of phases with the same load that with the most requests stands for all: a line has one value for each.
    """
    mine = [p for p in summary.phases if p.phase.test_type is test_type and p.side == side]
    found: list[dict[float, PhaseResult]] = []
    for is_closed in (True, False):
        levels: dict[float, PhaseResult] = {}
        for result in (p for p in mine if (p.phase.users is not None) is is_closed):
            known = levels.get(load_of(result.phase))
            if known is None or result.accounting.sent > known.accounting.sent:
                levels[load_of(result.phase)] = result
        found.append(levels)
    longest = max(found, key=len)
    return tuple(longest[load] for load in sorted(longest))


def load_of(phase: Phase) -> float:
    """Users, or the highest rate of an open loop."""
    if phase.arrivals is None:
        return float(phase.users or 0)
    return max(point.rate_rps for point in phase.arrivals.points)


def _chart(test_type: TestType, what: str, lines: list[_Line]) -> ChartFigure | None:
    kept = [line for line in lines if line.levels]
    series = [_series(line) for line in kept]
    if len({at for one in series for at, value in one.points if value is not None}) < FEWEST:
        return None
    phases = [phase for line in kept for phase, _ in line.levels]
    by = "users" if phases[0].arrivals is None else "arrival rate"
    title = f"{capital(what)} by {by}"
    level = next((m.level for line in kept for _, m in line.levels if m and m.level is not None), None)
    return ChartFigure(
        title=title,
        svg=charts.line_chart(
            key=f"levels-{test_type.value}-{what.replace(' ', '-')}",
            title=f"{title}, {fmt.test_type_label(test_type)}",
            description=" ".join(f"{s.label}: {_told(s)}." for s in series),
            x=axes.level_axis(
                by if by == "users" else "arrival rate, requests per second",
                [load_of(phase) for phase in phases],
            ),
            y=axes.magnitude_axis(_unit_label(what, kept[0].name), [v for s in series for v in reach(s)]),
            series=series if _is_short(series) else [replace(s, hints=()) for s in series],
        ),
        caption=f"Whiskers: {fmt.level(level)} intervals." if level is not None else "",
        table=_table(kept, by),
    )


def _unit_label(what: str, name: MetricName) -> str:
    if METRICS[name].unit is Unit.MS:
        return f"{what.rsplit(maxsplit=1)[-1]} in ms"
    return "requests per second" if METRICS[name].unit is Unit.RPS else what


def _series(line: _Line) -> charts.Series:
    return charts.Series(
        label=line.label,
        points=[(load_of(phase), m.value if m else None) for phase, m in line.levels],
        intervals=[
            (m.low, m.high) if m and m.low is not None and m.high is not None else None
            for _, m in line.levels
        ],
        hints=[f"{fmt.load_in_words(phase)}: {fmt.metric_value(m)}" for phase, m in line.levels],
        style=line.style,
        end_label=line.label if line.beside else None,
        marked=True,
    )


def _table(lines: list[_Line], by: str) -> ChartTable:
    levels = {load_of(phase): phase for line in lines for phase, _ in line.levels}
    cells = [{load_of(phase): metric for phase, metric in line.levels} for line in lines]
    return ChartTable(
        head=(by, *(line.label for line in lines)),
        rows=tuple(
            (
                fmt.load_level(levels[load]),
                *(fmt.metric_with_interval(column.get(load)) for column in cells),
            )
            for load in sorted(levels)
        ),
    )


def _is_short(series: Sequence[charts.Series]) -> bool:
    """Whether every point of every line can be told beside it."""
    return all(len(one.points) <= _MOST_TOLD for one in series)


def _told(one: charts.Series) -> str:
    if len(one.hints) <= _MOST_TOLD:
        return ", ".join(one.hints)
    return f"{one.hints[0]} to {one.hints[-1]}"
