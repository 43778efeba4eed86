"""What a chart is to a report, and what charts share. Judges nothing.

The charts themselves are in ``distributions.py``, ``level_charts.py``, ``timelines.py`` and ``rounds.py``;
each is a function that returns a ``ChartFigure``, or None where the chart would say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from govbench.report import charts
from govbench.results.comparison import Results
from govbench.results.metrics import MetricName
from govbench.results.run import RunSummary

PERCENTILES = (
    (MetricName.RESPONSE_TIME_P50, "p50"),
    (MetricName.RESPONSE_TIME_P95, "p95"),
    (MetricName.RESPONSE_TIME_P99, "p99"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTable:
    """The numbers behind a chart as text, for those who cannot see or point at it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError("every row of a table needs one cell per header")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFigure:
    """A chart with its title, the sentence below it, and the table behind it."""

    title: str
    svg: str
    caption: str
    table: ChartTable


def drawn(figures: Iterable[ChartFigure | None]) -> tuple[ChartFigure, ...]:
    """The charts that say something."""
    return tuple(figure for figure in figures if figure is not None)


def sides(summary: RunSummary) -> tuple[int, ...]:
    """The sides that gave any result, in order."""
    return tuple(sorted({phase.side for phase in summary.phases}))


def has_stored_baseline(results: Results) -> bool:
    """Whether the run has one side and its baseline is known from the findings only."""
    return (
        results.comparison is not None
        and len(sides(results.summary)) == 1
        and any(f.baseline is not None for f in results.comparison.findings)
    )


def style(results: Results, side: int) -> int:
    """Blue is always the reference: the only side of a run takes the second style beside a baseline."""
    return side + 1 if has_stored_baseline(results) else side


def values_of(series: Iterable[charts.Series]) -> list[float]:
    """Every y that was measured."""
    return [value for one in series for _, value in one.points if value is not None]


def reach(one: charts.Series) -> list[float]:
    """The values and the finite ends of their intervals."""
    ends = [end for interval in one.intervals if interval for end in interval if math.isfinite(end)]
    return [*values_of([one]), *ends]


def capital(text: str) -> str:
    """The text as a title begins."""
    return text[:1].upper() + text[1:]
