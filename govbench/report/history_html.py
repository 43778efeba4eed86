"""The history of stored runs as one HTML page: a trend for each metric; loads nothing, runs no scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from govbench import __version__
from govbench.report import axes, charts, history
from govbench.report import format as fmt
from govbench.report.pages import environment
from govbench.results.history import HistoryPoint, MetricHistory
from govbench.results.metrics import METRICS, Unit

# What a chart divides a value by, and how its axis calls the result.
_SCALES = {
    Unit.MS: (1.0, "ms"),
    Unit.RPS: (1.0, "requests per second"),
    Unit.RATIO: (0.01, "%"),
    Unit.BYTES: (2.0**20, "MiB"),
    Unit.TOKENS: (1.0, "tokens"),
}
# The axis reaches at least this far from the middle of a ratio scale: noise is not drawn as drama.
_ROOM = 0.1
_MOST_TICKS = 5  # so that commit ids keep apart on a narrow screen
_STYLE_RUNS, _STYLE_LEVEL, _STYLE_CHANGE, _STYLE_ANCHOR = 0, 2, 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One metric as the template shows it."""

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change point as the template shows it."""

    metric: str
    change: str
    word: str
    commits: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The trends of one plan on one machine class, and the values behind them."""

    key: str
    title: str
    marked: tuple[str, ...]
    trends: tuple[Trend, ...]
    changes: tuple[ChangeRow, ...]
    head: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]


def render(histories: Sequence[MetricHistory]) -> str:
    """The page as one HTML document; every text in it is escaped, whatever it holds."""
    plans = tuple(_plan(index, group) for index, group in enumerate(history.by_plan(histories)))
    return environment().get_template("history.html.j2").render(plans=plans, version=__version__)


def _plan(index: int, group: Sequence[MetricHistory]) -> Plan:
    points = {point.commit: point for one in group for point in one.points}
    order = sorted(points.values(), key=lambda point: point.committed_at)
    return Plan(
        key=f"plan-{index}",
        title=history.title(group[0]),
        marked=history.marked_points(group),
        trends=tuple(_trend(f"trend-{index}-{at}", one) for at, one in enumerate(group)),
        changes=tuple(row for one in group for row in _change_rows(one)),
        head=("commit", "date", *(_name(one) for one in group)),
        runs=tuple(_run_row(point, group) for point in reversed(order)),
    )


def _trend(key: str, one: MetricHistory) -> Trend:
    divisor, unit = _SCALES[METRICS[one.metric].unit]
    values = [point.metric.value / divisor for point in one.points]
    intervals = [_interval(point, divisor) for point in one.points]
    last = fmt.metric_value(one.points[-1].metric)
    changes = f"{len(one.changes)} change points" if len(one.changes) != 1 else "1 change point"
    svg = charts.line_chart(
        key=key,
        title=f"{_name(one)} over {len(values)} stored runs",
        description=f"From {fmt.metric_value(one.points[0].metric)} to {last}; {changes}.",
        x=_commits_axis(one),
        y=_value_axis(unit, values, intervals),
        series=(
            charts.Series(
                label="stored run",
                points=list(enumerate(values)),
                style=_STYLE_RUNS,
                intervals=intervals,
                hints=[_hint(point) for point in one.points],
                marked=True,
            ),
            charts.Series(label="level", points=_levels(one, divisor), style=_STYLE_LEVEL),
        ),
        markers=_markers(one),
    )
    return Trend(title=_name(one), svg=Markup(svg), caption=f"Now {last}; {changes}.")  # noqa: S704 - escaped


def _name(one: MetricHistory) -> str:
    return f"{fmt.metric_label(one.metric)}, {fmt.test_type_label(one.test_type)}"


def _interval(point: HistoryPoint, divisor: float) -> tuple[float, float] | None:
    low, high = point.metric.low, point.metric.high
    return None if low is None or high is None else (low / divisor, high / divisor)


def _commits_axis(one: MetricHistory) -> axes.Axis:
    step = math.ceil(len(one.points) / _MOST_TICKS)
    return axes.Axis(
        label="commits, oldest first",
        low=-0.5,
        high=len(one.points) - 0.5,
        ticks=tuple(
            (float(at), point.commit[: history.SHORT]) for at, point in list(enumerate(one.points))[::step]
        ),
    )


def _value_axis(
    unit: str, values: Sequence[float], intervals: Sequence[tuple[float, float] | None]
) -> axes.Axis:
    ends = [end for interval in intervals if interval for end in interval]
    around = [min(values) * (1 - _ROOM), max(values) * (1 + _ROOM)]
    shown = [*values, *ends, *around]
    return axes.linear_axis(unit, shown if any(shown) else [0.0, 1.0], from_zero=False)


def _levels(one: MetricHistory, divisor: float) -> list[charts.Point]:
    """The mean of every level as a line from its first run to its last, broken between levels."""
    points: list[charts.Point] = []
    start = 0
    for level in one.levels:
        mean = sum(point.metric.value for point in level) / len(level) / divisor
        points += [(start - 0.4, mean), (start + len(level) - 0.6, mean), (start + len(level) - 0.5, None)]
        start += len(level)
    return points


def _markers(one: MetricHistory) -> tuple[charts.Marker, ...]:
    changes = [
        charts.Marker(
            x=change.index - 0.5,
            label=fmt.change_estimate(change.change),
            style=_STYLE_CHANGE,
            row=at % 2,
        )
        for at, change in enumerate(one.changes)
    ]
    below = min(2, len(changes))
    named = [(at, point.anchor) for at, point in enumerate(one.points) if point.anchor]
    anchors = [
        charts.Marker(
            x=float(at),
            label=charts.shortened(fmt.one_line(name), 16),
            style=_STYLE_ANCHOR,
            row=below + index % 2,
        )
        for index, (at, name) in enumerate(named)
    ]
    return (*changes, *anchors)


def _hint(point: HistoryPoint) -> str:
    extra = f", anchor {fmt.one_line(point.anchor)}" if point.anchor else ""
    return (
        f"{point.commit[: history.SHORT]}, {point.committed_at[:10]}: "
        f"{fmt.metric_with_interval(point.metric)}{extra}"
    )


def _change_rows(one: MetricHistory) -> list[ChangeRow]:
    return [
        ChangeRow(
            metric=_name(one),
            change=fmt.change(change.change),
            word=history.better_or_worse(one, change),
            commits=history.commit_range(change),
            date=one.points[change.index].committed_at[:10],
        )
        for change in one.changes
    ]


def _run_row(point: HistoryPoint, group: Sequence[MetricHistory]) -> tuple[str, ...]:
    cells = []
    for one in group:
        found = next((p.metric for p in one.points if p.commit == point.commit), None)
        cells.append(fmt.metric_value(found))
    anchor = f" ({point.anchor})" if point.anchor else ""
    return (point.commit[: history.SHORT] + anchor, point.committed_at[:10], *cells)
