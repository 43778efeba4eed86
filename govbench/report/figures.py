"""Charts of load levels, timeline and findings: which numbers they show; ``charts.py`` draws them.

The distributions are in ``distributions.py``. Judges nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.gaps import covered, first_s, rates
from govbench.results.comparison import Finding, Results
from govbench.results.metrics import METRICS, MetricName, Unit
from govbench.results.plan import LoadModel, TestType
from govbench.results.run import PhaseResult, RunSummary, TimelinePoint, Window

PERCENTILES = (
    (MetricName.RESPONSE_TIME_P50, "p50"),
    (MetricName.RESPONSE_TIME_P95, "p95"),
    (MetricName.RESPONSE_TIME_P99, "p99"),
)
MOST_POINTS = 600
ROUND_LIMITS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart with its title and the sentence below it."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """The drawn intervals of findings, in their order (empty where nothing was compared), and their scale."""

    rows: tuple[str, ...]
    axis: str
    scales: tuple[str, ...]


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


def levels(results: Results, test_type: TestType) -> tuple[Figure, ...]:
    """Latency and throughput by users; nothing where fewer than two levels were measured."""
    phases = [
        p
        for p in results.summary.phases
        if p.phase.test_type is test_type and p.phase.model is LoadModel.CLOSED
    ]
    if len({p.phase.users for p in phases}) < 2:
        return ()
    by_side = {side: [p for p in phases if p.side == side] for side in sides(results.summary)}
    by_side = {side: found for side, found in by_side.items() if found}
    key = f"levels-{test_type.value}"
    if len(by_side) > 1:
        names = [*(name for name, _ in PERCENTILES), MetricName.THROUGHPUT]
        drawn = [
            _level_chart(results, key, test_type, fmt.metric_label(name), _per_side(by_side, name))
            for name in names
        ]
    else:
        ((side, found),) = by_side.items()
        latency = [(side, label, name, found) for name, label in PERCENTILES]
        throughput = [(side, "throughput", MetricName.THROUGHPUT, found)]
        drawn = [
            _level_chart(results, key, test_type, "response time", latency),
            _level_chart(results, key, test_type, "throughput", throughput),
        ]
    return tuple(figure for figure in drawn if figure is not None)


def timeline(summary: RunSummary) -> tuple[Figure, ...]:
    """Response times, finished requests and users second by second, the steady segments shaded."""
    if len(summary.timeline) < 2:
        return ()
    points, width_s = _thinned(summary.timeline)
    moments = tuple(point.at_s - points[0].at_s for point in points)
    x = axes.linear_axis("seconds since the start", moments, snug=True)
    bands = _steady_bands(summary, x)
    drawn = (
        _latency_timeline(points, moments, x, bands, width_s, in_rounds=bool(summary.rounds)),
        *_rate_timeline(points, moments, x, bands, width_s, covered(summary, points, width_s)),
        _users_timeline(points, moments, x, bands),
    )
    return tuple(figure for figure in drawn if figure is not None)


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


# Levels

_Line = tuple[int, str, MetricName, list[PhaseResult]]


def _per_side(by_side: dict[int, list[PhaseResult]], name: MetricName) -> list[_Line]:
    return [(side, "", name, phases) for side, phases in by_side.items()]


def _level_chart(
    results: Results, key: str, test_type: TestType, label: str, lines: list[_Line]
) -> Figure | None:
    """One line per side, or per percentile where these are named; None with fewer than two levels."""
    series = [
        _level_series(results, phases, name, end_label, style(results, side) if not end_label else number)
        for number, (side, end_label, name, phases) in enumerate(lines)
    ]
    values = [v for s in series for v in _reach(s)]
    if len({at for one in series for at, value in one.points if value is not None}) < 2:
        return None
    unit = METRICS[lines[0][2]].unit
    what = f"{label.rsplit(maxsplit=1)[-1]} in ms" if unit is Unit.MS else "requests per second"
    kept = [p for line in lines for p in line[3]]
    level = next((m.level for p in kept for m in p.metrics if m.level is not None), None)
    interval = f"Whiskers: {fmt.level(level)} intervals." if level is not None else ""
    return Figure(
        title=f"{label[:1].upper()}{label[1:]} by users",
        svg=charts.line_chart(
            key=f"{key}-{label.replace(' ', '-')}",
            title=f"{label[:1].upper()}{label[1:]} by users, {fmt.test_type_label(test_type)}",
            description=" ".join(f"{s.label}: {', '.join(s.hints)}." for s in series),
            x=axes.level_axis("users", [float(p.phase.users) for p in kept]),
            y=axes.magnitude_axis(what, values),
            series=series,
        ),
        caption=interval,
    )


def _level_series(
    results: Results, phases: list[PhaseResult], name: MetricName, end_label: str, style: int
) -> charts.Series:
    ordered = sorted(phases, key=lambda p: p.phase.users)
    found = [(p, next((m for m in p.metrics if m.name is name), None)) for p in ordered]
    owner = end_label or side_name(ordered[0].side, side_count(results.summary))
    return charts.Series(
        label=owner,
        points=[(float(p.phase.users), m.value if m else None) for p, m in found],
        intervals=[
            (m.low, m.high) if m and m.low is not None and m.high is not None else None for _, m in found
        ],
        hints=[f"{_users(p.phase.users)}: {fmt.metric_value(m)}" for p, m in found],
        style=style,
        end_label=end_label if end_label.startswith("p") else None,
        marked=True,
    )


# Timeline


def _thinned(points: Sequence[TimelinePoint]) -> tuple[tuple[TimelinePoint, ...], float]:
    """At most ``MOST_POINTS`` points and the seconds that each stands for."""
    width = math.ceil(len(points) / MOST_POINTS)
    step_s = points[1].at_s - points[0].at_s
    return tuple(_joined(points[at : at + width]) for at in range(0, len(points), width)), step_s * width


def _joined(points: Sequence[TimelinePoint]) -> TimelinePoint:
    """Neighbours as one: the median of their medians, the worst of their p95, the sums of their counts."""
    p50 = [p.p50_ms for p in points if p.p50_ms is not None]
    p95 = [p.p95_ms for p in points if p.p95_ms is not None]
    return TimelinePoint(
        at_s=points[0].at_s,
        users=max(p.users for p in points),
        completed=sum(p.completed for p in points),
        failed=sum(p.failed for p in points),
        p50_ms=median(p50) if p50 else None,
        p95_ms=max(p95) if p95 else None,
    )


def _steady_bands(summary: RunSummary, x: axes.Axis) -> tuple[charts.Band, ...]:
    start = first_s(summary)
    if summary.rounds:
        return tuple(
            charts.Band(low=max(each.start_s - start, x.low), high=min(each.end_s - start, x.high))
            for each in summary.rounds
            if max(each.start_s - start, x.low) < min(each.end_s - start, x.high)
        )
    windows: dict[Window, str] = {p.window: _users(p.phase.users) for p in summary.phases}
    bands = (
        charts.Band(
            low=max(window.steady_start_s - start, x.low),
            high=min(window.steady_end_s - start, x.high),
            label=label,
        )
        for window, label in sorted(windows.items(), key=lambda item: item[0].start_s)
    )
    return tuple(band for band in bands if band.low < band.high)


def _latency_timeline(
    points: Sequence[TimelinePoint],
    moments: Sequence[float],
    x: axes.Axis,
    bands: Sequence[charts.Band],
    width_s: float,
    *,
    in_rounds: bool,
) -> Figure | None:
    lines = (("p50", [p.p50_ms for p in points]), ("p95", [p.p95_ms for p in points]))
    series = [
        charts.Series(
            label=label, points=tuple(zip(moments, values, strict=True)), style=look, end_label=label
        )
        for look, (label, values) in enumerate(lines)
    ]
    values = values_of(series)
    if not values:
        return None
    shaded = "the rounds" if in_rounds else "the steady segments, the only ones that count"
    each = "second" if width_s == 1 else f"{width_s:g} seconds"
    return Figure(
        title="Response time over the run",
        svg=charts.line_chart(
            key="timeline-latency",
            title="Response time over the run",
            description=f"p50 and p95 over time; the slowest moment had a p95 of "
            f"{fmt.duration_ms(max(values))}.",
            x=x,
            y=axes.magnitude_axis("response time in ms", values),
            series=series,
            bands=bands,
        ),
        caption=f"p50 and p95 of the answers finished in each {each}, all sides together; shaded: {shaded}.",
    )


def _rate_timeline(
    points: Sequence[TimelinePoint],
    moments: Sequence[float],
    x: axes.Axis,
    bands: Sequence[charts.Band],
    width_s: float,
    shares: Sequence[float],
) -> tuple[Figure, ...]:
    """Completed requests, and on a scale of their own the failed ones, which are few where all is well."""
    mean = "" if width_s == 1 else f", as means over {width_s:g} seconds"
    whole = all(share == 1 for share in shares)
    mean += "" if whole else "; rates of the time within rounds, nothing between"
    counted = (
        ("completed", 0, rates([p.completed for p in points], shares, width_s)),
        ("failed", 5, rates([p.failed for p in points], shares, width_s)),
    )
    return tuple(
        Figure(
            title=f"Requests {word} over the run",
            svg=charts.line_chart(
                key=f"timeline-{word}",
                title=f"Requests {word} over the run",
                description=f"At most {max(known):.3g} requests {word} in a second.",
                x=x,
                y=axes.linear_axis(f"{word} per second", known, whole=max(known) >= 1),
                series=[
                    charts.Series(
                        label=word,
                        points=tuple(zip(moments, values, strict=True)),
                        style=look,
                        stepped=whole,
                        filled=whole,
                    )
                ],
                bands=bands,
            ),
            caption=f"Requests {word} in each second{mean}.",
        )
        for word, look, values in counted
        if any(known := [value for value in values if value is not None])
    )


def _users_timeline(
    points: Sequence[TimelinePoint],
    moments: Sequence[float],
    x: axes.Axis,
    bands: Sequence[charts.Band],
) -> Figure | None:
    users = [float(p.users) for p in points]
    if len(set(users)) < 2:
        return None
    series = [
        charts.Series(
            label="users", points=tuple(zip(moments, users, strict=True)), stepped=True, filled=True
        )
    ]
    return Figure(
        title="Users over the run",
        svg=charts.line_chart(
            key="timeline-users",
            title="Users over the run",
            description=f"Between {min(users):g} and {max(users):g} users.",
            x=x,
            y=axes.linear_axis("users", users, whole=True),
            series=series,
            bands=bands,
        ),
        caption="Users that the running phase asks for.",
    )


def _users(number: int) -> str:
    return f"{number} user" if number == 1 else f"{number} users"


# Forest


def _forest_row(index: int, finding: Finding, limits: dict[bool, float]) -> str:
    change = finding.change
    if change is None:
        return ""
    return charts.forest_row(
        key=f"forest-{index}",
        title=f"{fmt.metric_label(finding.metric)}: {fmt.change(change)}",
        estimate=change.estimate,
        low=change.low,
        high=change.high,
        margin=margin_band(finding),
        limit=limits[change.difference],
        tone=f"v-{finding.verdict.value}",
    )


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


# Shared


def values_of(series: Iterable[charts.Series]) -> list[float]:
    """Every y that was measured."""
    return [value for one in series for _, value in one.points if value is not None]


def _reach(one: charts.Series) -> list[float]:
    """The values and the finite ends of their intervals."""
    ends = [end for interval in one.intervals if interval for end in interval if math.isfinite(end)]
    return [*values_of([one]), *ends]
