"""The charts of a report, each with its values as a table; what would say nothing is not drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from govbench.report import blocks as ink
from govbench.report import distributions, level_charts, rounds, timelines
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.document import Chart, Section
from govbench.report.figures import ChartFigure
from govbench.report.mermaid import levels_chart
from govbench.report.sections.tables import table
from govbench.results.comparison import Results
from govbench.results.levels import level_labels
from govbench.results.plan import TestType
from govbench.results.run import Distribution, PhaseResult, RunSummary

TERMINAL_WIDTH = 48


def response_times(results: Results) -> Section | None:
    """How the response times of each test type spread, and their percentiles."""
    found = _of_each(results, distributions.charts_of)
    return _section("distributions", "How response times spread", found, rank=4)


def by_load(results: Results) -> Section | None:
    """Latency and throughput by users; nothing where there is one level."""
    return _section("load", "By load", _of_each(results, level_charts.charts_of), rank=4)


def over_time(results: Results) -> Section | None:
    """Response times, finished requests and users over the run."""
    return _section("timeline", "Over time", timelines.charts_of(results), rank=5)


def over_rounds(results: Results) -> Section | None:
    """What each round of a paired comparison showed alone, and all so far together."""
    return _section("rounds-charts", "Round by round", rounds.charts_of(results), rank=4)


def sketches(results: Results) -> Section | None:
    """What a terminal and a comment can draw: base and head under each other, and p50 by load."""
    found = [chart for chart in (_sketch(results), levels_chart(results)) if chart is not None]
    if not found:
        return None
    return Section(key="sketches", title="Response times", rank=2, blocks=tuple(found))


def _section(key: str, title: str, found: Sequence[ChartFigure], *, rank: int) -> Section | None:
    if not found:
        return None
    charts = tuple(_chart(figure, f"{key}-{number}") for number, figure in enumerate(found))
    return Section(key=key, title=title, rank=rank, blocks=charts, pages_only=True)


def _of_each(
    results: Results, charts_of: Callable[[Results, TestType], tuple[ChartFigure, ...]]
) -> tuple[ChartFigure, ...]:
    """The charts of every test type, in the order in which they were measured; several say whose they are."""
    kinds = dict.fromkeys(phase.phase.test_type for phase in results.summary.phases)
    found = [(kind, figure) for kind in kinds for figure in charts_of(results, kind)]
    if len({kind for kind, _ in found}) < 2:
        return tuple(figure for _, figure in found)
    return tuple(
        replace(figure, title=f"{figure.title}, {fmt.test_type_label(kind)}") for kind, figure in found
    )


def _chart(figure: ChartFigure, key: str) -> Chart:
    head = figure.table.head
    return Chart(
        key=key,
        title=figure.title,
        caption=figure.caption,
        svg=figure.svg,
        table=table(head, figure.table.rows, right=range(1, len(head))),
    )


def _sketch(results: Results) -> Chart | None:
    """The distributions of the level with the most load, base and head under each other."""
    summary = results.summary
    drawn = [phase for phase in summary.phases if phase.distribution is not None]
    if not drawn:
        return None
    heaviest = drawn[-1]
    sides = side_count(summary)
    rows = [(side_name(at, sides), _of(summary, heaviest.phase.name, at)) for at in range(sides)]
    if stored := _stored(results, heaviest):
        rows = [("base", stored), ("head", rows[-1][1])]
    bounds = ink.extent([each for _, found in rows for each in found])
    if bounds is None or not bounds[0] < bounds[1]:
        return None
    low, high = (fmt.duration_ms(bound) for bound in bounds)
    lines = [f"{name:<6} {ink.columns(ink.spread(found, *bounds, TERMINAL_WIDTH))}" for name, found in rows]
    lines.append(f"{'':<6} {low}{high:>{TERMINAL_WIDTH - len(low)}}")
    title = f"Response times of {fmt.one_line(heaviest.phase.name)}, logarithmic scale"
    return Chart(key="sketch", title=title, caption="", lines=tuple(lines))


def _stored(results: Results, of: PhaseResult) -> list[Distribution]:
    """What stored runs kept of the level that a phase measured; nothing where they kept none."""
    kind = of.phase.test_type
    mine = [p.phase for p in results.summary.phases if p.phase.test_type is kind and p.side == of.side]
    level = dict(zip(mine, level_labels(mine), strict=True))[of.phase] if len(mine) > 1 else None
    kept = results.comparison.base_distributions if results.comparison else ()
    return [each.distribution for each in kept if each.test_type is kind and each.level == level]


def _of(summary: RunSummary, phase: str, side: int) -> list[Distribution]:
    return [
        result.distribution
        for result in summary.phases
        if result.distribution is not None and result.phase.name == phase and result.side == side
    ]
