"""What a chart is to a report, what charts share, and the forest of the findings. Judges nothing.

The charts themselves are in ``distributions.py``, ``level_charts.py``, ``timelines.py`` and ``rounds.py``;
each is a function that returns a ``ChartFigure``, or None where the chart would say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.results.comparison import Finding, Results
from govbench.results.metrics import METRICS, MetricName
from govbench.results.run import RunSummary

PERCENTILES = (
    (MetricName.RESPONSE_TIME_P50, "p50"),
    (MetricName.RESPONSE_TIME_P95, "p95"),
    (MetricName.RESPONSE_TIME_P99, "p99"),
)
ROUND_LIMITS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """The drawn intervals of findings, in their order (empty where nothing was compared), and their scale."""

    rows: tuple[str, ...]
    axis: str
    scales: tuple[str, ...]


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


# Forest


def forest(findings: Sequence[Finding]) -> Forest:
    """The intervals of the findings on one scale; differences of ratios share a second one."""
    limits = {
        difference: _limit([f for f in findings if f.change and f.change.difference is difference])
        for difference in (False, True)
    }
    rows = tuple(_forest_row(index, finding, limits) for index, finding in enumerate(findings))
    scales = tuple(
        f"scale ±{axes.tick_text(limits[True] * 100)} pp" if f.change and f.change.difference else ""
        for f in findings
    )
    compared = any(f.change and not f.change.difference for f in findings)
    end = axes.tick_text(limits[False] * 100)
    texts = (f"-{end} %", "0", f"+{end} %")
    title = f"Scale of the relative changes: -{end} % to +{end} %"
    axis = charts.forest_axis(key="forest-axis", title=title, texts=texts) if compared else ""
    return Forest(rows=rows, axis=axis, scales=scales)


def _forest_row(index: int, finding: Finding, limits: dict[bool, float]) -> str:
    change = finding.change
    if change is None:
        return ""
    return charts.forest_row(
        key=f"forest-{index}",
        title=f"{fmt.metric_label(finding.metric)}: {fmt.change(change)}",
        description=f"Base and head: {_both(finding)}. Margin: {fmt.margin(finding)}.",
        estimate=change.estimate,
        low=change.low,
        high=change.high,
        margin=margin_band(finding),
        limit=limits[change.difference],
        tone=f"v-{finding.verdict.value}",
    )


def _both(finding: Finding) -> str:
    return f"{fmt.metric_value(finding.baseline)}, {fmt.metric_value(finding.candidate)}"


def margin_band(finding: Finding) -> tuple[float, float] | None:
    """The band of the margin on the scale of the change, as ``compare/verdict.py`` applies it.

    The absolute margin is relative to the geometric mean of both sides; ratios mirror in the logarithm,
    so +25 % stands opposite -20 %.
    """
    if finding.margin is None:
        return None
    relative, absolute = finding.margin.relative, finding.margin.absolute
    if METRICS[finding.metric].compared_as_difference:
        return -absolute, absolute
    values = [side.value for side in (finding.baseline, finding.candidate) if side and side.value > 0]
    if values:
        relative = max(relative, absolute / math.prod(values) ** (1 / len(values)))
    return -relative / (1 + relative), relative


def _limit(findings: Iterable[Finding]) -> float:
    """A round end of the scale that holds every estimate; wide intervals may leave it, and get an arrow."""
    estimates, ends, margins = [0.0], [0.0], [0.0]
    for finding in findings:
        if finding.change is not None:
            estimates.append(abs(finding.change.estimate))
            ends += (abs(finding.change.low), abs(finding.change.high))
            margins.append((margin_band(finding) or (0.0, 0.0))[1])
    finite = [[v for v in values if math.isfinite(v)] for values in (estimates, ends, margins)]
    largest_estimate, largest_end, largest_margin = (max(values) for values in finite)
    wanted = max(min(largest_end * 1.1, 3 * largest_estimate), largest_estimate * 1.1, 1.6 * largest_margin)
    return next((limit for limit in ROUND_LIMITS if limit >= wanted), ROUND_LIMITS[-1])
