"""Charts of a run over its time: response times, rates, users, base and head apart. Judges nothing.

What is drawn is what was recorded: percentiles of the answers of each moment, never a mean of percentiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.figures import ChartFigure, ChartTable, capital, drawn, style, values_of
from govbench.report.gaps import covered_s, first_s, rates, width_s
from govbench.results.comparison import Results
from govbench.results.run import RunSummary, TimelinePoint, Window

FEWEST = 2  # a moment is no course
MOST_ROWS = 60
_FAILED_STYLE = 5

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Track:
    """The moments of one side, or of the only one; ``style`` is that of its lines."""

    label: str
    points: tuple[TimelinePoint, ...]
    style: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What is drawn of a track, and how its values read in the table."""

    label: str
    values: Values
    style: int
    text: Callable[[float | None], str]
    beside: bool = False


def charts_of(results: Results) -> tuple[ChartFigure, ...]:
    """All that say something, in the order in which they are read."""
    return drawn(
        (
            chart_response_times(results),
            chart_completed(results),
            chart_failed(results),
            chart_users(results),
            chart_under_way(results),
        )
    )


def chart_response_times(results: Results) -> ChartFigure | None:
    """The p50 and p95 of each moment; of two sides the p50 of each. None where nothing was answered."""
    tracks = _tracks(results)
    if len(tracks) > 1:
        lines = [
            _Line(label=t.label, values=[p.p50_ms for p in t.points], style=t.style, text=fmt.duration_ms)
            for t in tracks
        ]
        says = "p50 of the answers of base and of head"
    else:
        lines = [
            _Line(label=label, values=values, style=look, text=fmt.duration_ms, beside=True)
            for t in tracks
            for look, (label, values) in enumerate(
                (("p50", [p.p50_ms for p in t.points]), ("p95", [p.p95_ms for p in t.points]))
            )
        ]
        says = "p50 and p95 of the answers"
    shaded = "the rounds" if results.summary.rounds else "the steady segments, the only ones that count"
    return _chart(
        results,
        "timeline-latency",
        "Response time over the run",
        lines,
        y=lambda values: axes.magnitude_axis("response time in ms", values),
        caption=f"{says} that ended in each {_moment(results.summary)}; shaded: {shaded}.",
    )


def chart_completed(results: Results) -> ChartFigure | None:
    """Requests that were answered, per second; None where none was, or all in pairs: these are alike."""
    if all(result.phase.paired for result in results.summary.phases):
        return None
    return _rate_chart(results, "completed", lambda point: point.completed)


def chart_failed(results: Results) -> ChartFigure | None:
    """Requests that failed, per second, on a scale of their own: they are few. None where none did."""
    return _rate_chart(results, "failed", lambda point: point.failed)


def chart_users(results: Results) -> ChartFigure | None:
    """The users of the phase that runs; None where they were the same all the time."""
    users = [None if p.users is None else float(p.users) for p in results.summary.timeline]
    if len({number for number in users if number}) < FEWEST:
        return None
    return _chart(
        results,
        "timeline-users",
        "Users over the run",
        [_Line(label="users", values=users, style=0, text=_whole)],
        y=lambda values: axes.linear_axis("users", values, whole=True),
        caption="Users that the running phase asks for.",
        filled=True,
    )


def chart_under_way(results: Results) -> ChartFigure | None:
    """The requests under way in open loops; None where there were none, or as many all the time."""
    under_way = [None if p.under_way is None else float(p.under_way) for p in results.summary.timeline]
    if len({number for number in under_way if number is not None}) < FEWEST:
        return None
    return _chart(
        results,
        "timeline-under-way",
        "Requests under way over the run",
        [_Line(label="under way", values=under_way, style=0, text=_whole)],
        y=lambda values: axes.linear_axis("requests under way", values, whole=True),
        caption="Requests that were sent and not yet answered: they pile up where arrivals are faster.",
        filled=True,
    )


def _tracks(results: Results) -> tuple[_Track, ...]:
    summary = results.summary
    if len(summary.side_timelines) > 1:
        return tuple(
            _Track(label=side_name(each.side, side_count(summary)), points=each.points, style=each.side)
            for each in summary.side_timelines
        )
    return (_Track(label="", points=summary.timeline, style=style(results, 0)),)


def _rate_chart(results: Results, word: str, count: Callable[[TimelinePoint], int]) -> ChartFigure | None:
    tracks, summary = _tracks(results), results.summary
    if not any(count(point) for track in tracks for point in track.points):
        return None
    alone = len(tracks) == 1
    failed_alone = alone and word == "failed"
    lines = [
        _Line(
            label=track.label or word,
            values=rates([count(p) for p in track.points], covered_s(summary, track.points)),
            style=_FAILED_STYLE if failed_alone else track.style,
            text=fmt.rate,
        )
        for track in tracks
    ]
    within = " Rates of the time within rounds, nothing between." if summary.rounds else ""
    return _chart(
        results,
        f"timeline-{word}",
        f"Requests {word} over the run",
        lines,
        y=lambda values: axes.linear_axis(f"{word} per second", values, whole=max(values) >= 1),
        caption=f"Requests {word} per second, the mean of each {_moment(summary)}.{within}",
        filled=alone and not summary.rounds,
    )


def _chart(
    results: Results,
    key: str,
    title: str,
    lines: Sequence[_Line],
    *,
    y: Callable[[list[float]], axes.Axis],
    caption: str,
    filled: bool = False,
) -> ChartFigure | None:
    points = results.summary.timeline
    if len(points) < FEWEST or not lines:
        return None
    moments = [point.at_s for point in points]
    x = axes.linear_axis("seconds since the start", moments, snug=True)
    series = [
        charts.Series(
            label=line.label,
            points=tuple(zip(moments, line.values, strict=True)),
            style=line.style,
            end_label=line.label if line.beside else None,
            stepped=filled,
            filled=filled,
        )
        for line in lines
    ]
    values = values_of(series)
    if not values:
        return None
    rows = _rows(moments, lines)
    return ChartFigure(
        title=title,
        svg=charts.line_chart(
            key=key,
            title=title,
            description=" ".join(_said(line) for line in lines),
            x=x,
            y=y(values),
            series=series,
            bands=_bands(results.summary, x),
        ),
        caption=capital(caption) + _thinned(len(moments), len(rows)),
        table=ChartTable(head=("seconds", *(line.label for line in lines)), rows=rows),
    )


def _said(line: _Line) -> str:
    known = [value for value in line.values if value is not None]
    if not known:
        return f"{capital(line.label)}: nothing."
    return f"{capital(line.label)}: between {line.text(min(known))} and {line.text(max(known))}."


def _rows(moments: Sequence[float], lines: Sequence[_Line]) -> tuple[tuple[str, ...], ...]:
    every = math.ceil(len(moments) / MOST_ROWS)
    return tuple(
        (
            f"{moments[at]:g}",
            *("-" if line.values[at] is None else line.text(line.values[at]) for line in lines),
        )
        for at in range(0, len(moments), every)
    )


def _thinned(moments: int, rows: int) -> str:
    return "" if moments == rows else f" The table holds every {math.ceil(moments / MOST_ROWS)}th of them."


def _moment(summary: RunSummary) -> str:
    width = width_s(summary.timeline)
    return "second" if width == 1 else f"{width:g} seconds"


def _whole(value: float | None) -> str:
    return fmt.count(None if value is None else round(value))


def _bands(summary: RunSummary, x: axes.Axis) -> tuple[charts.Band, ...]:
    """The rounds, or the steady segments with their load."""
    start = first_s(summary)
    if summary.rounds:
        spans = [(each.start_s, each.end_s, "") for each in summary.rounds]
    else:
        windows: dict[Window, str] = {p.window: fmt.load_in_words(p.phase) for p in summary.phases}
        ordered = sorted(windows.items(), key=lambda item: item[0].start_s)
        spans = [(window.steady_start_s, window.steady_end_s, label) for window, label in ordered]
    bands = (
        charts.Band(low=max(begin - start, x.low), high=min(end - start, x.high), label=label)
        for begin, end, label in spans
    )
    return tuple(band for band in bands if band.low < band.high)
