"""Charts of how response times spread: histogram and percentile curve, from bucket counts. Judges nothing."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.figures import (
    PERCENTILES,
    Figure,
    has_stored_baseline,
    sides,
    style,
    values_of,
)
from govbench.results.comparison import Results
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Distribution, RunSummary

LABEL_SHARE = 0.72  # where the last marker stands at most, so that its label fits beside it

_Known = tuple[str, int, Callable[[MetricName], Metric | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Latency counts of one side of a test type: bucket index → answers, in buckets of ``gamma``."""

    side: int
    gamma: float
    counts: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def quantile(self, q: float) -> int:
        """Index of the bucket that holds the nearest rank of ``q``."""
        rank, seen = max(1, math.ceil(self.total * q)), 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return index
        return max(self.counts)


def charts_of(results: Results, test_type: TestType) -> tuple[Figure, ...]:
    """How the response times of a test type spread: a histogram and the percentile curve."""
    counted = _counts(results.summary, test_type)
    if not counted:
        return ()
    return _histogram(results, test_type, counted), _percentile_curve(results, test_type, counted)


def _counts(summary: RunSummary, test_type: TestType) -> tuple[_Counts, ...]:
    """The counts of each side over all phases of the test type that share the first one's buckets."""
    found = []
    for side in sides(summary):
        parts: list[Distribution] = [
            p.distribution
            for p in summary.phases
            if p.side == side and p.phase.test_type is test_type and p.distribution is not None
        ]
        merged: defaultdict[int, int] = defaultdict(int)
        for part in parts:
            if part.gamma == parts[0].gamma:
                for index, number in part.buckets:
                    merged[index] += number
        if sum(merged.values()):
            kept = {index: number for index, number in merged.items() if number}
            found.append(_Counts(side=side, gamma=parts[0].gamma, counts=kept))
    return tuple(found)


def _histogram(results: Results, test_type: TestType, counted: tuple[_Counts, ...]) -> Figure:
    per_bin = {one.side: _buckets_per_bin(counted) if one.gamma == counted[0].gamma else 1 for one in counted}
    series = [
        charts.Series(
            label=side_name(one.side, side_count(results.summary)),
            points=_outline(one, per_bin[one.side]),
            style=style(results, one.side),
            filled=True,
            stepped=True,
        )
        for one in counted
    ]
    spread = (counted[0].gamma ** per_bin[counted[0].side] - 1) * 100
    counts = " and ".join(fmt.count(one.total) for one in counted)
    label = fmt.test_type_label(test_type)
    markers = _quantile_markers(results, test_type)
    shown = _quantiles_in_words(results, test_type)
    return Figure(
        title="Distribution of response times",
        svg=charts.line_chart(
            key=f"histogram-{test_type.value}",
            title=f"Distribution of response times, {label}",
            description=f"Histogram over a logarithmic time axis. {shown}.",
            x=axes.log_axis("response time in ms, log scale", _spread(series, markers)),
            y=axes.linear_axis("answers per bin, %", values_of(series)),
            series=series,
            markers=markers,
        ),
        caption=f"Successful answers of the steady segments, n = {counts}; "
        f"each bin is {spread:.2g}\u00a0% wide.",
    )


def _percentile_curve(results: Results, test_type: TestType, counted: tuple[_Counts, ...]) -> Figure:
    series = [
        charts.Series(
            label=side_name(one.side, side_count(results.summary)),
            points=_tail(one),
            style=style(results, one.side),
            stepped=True,
        )
        for one in counted
    ]
    label = fmt.test_type_label(test_type)
    accuracy = (math.sqrt(counted[0].gamma) - 1) * 100
    return Figure(
        title="Response time by percentile",
        svg=charts.line_chart(
            key=f"percentiles-{test_type.value}",
            title=f"Response time by percentile, {label}",
            description="For each percentile, the response time that this share of answers does not exceed. "
            + " ".join(f"{s.label} reaches {fmt.duration_ms(s.points[-1][1])}." for s in series),
            x=axes.percentile_axis("percentile", max(one.total for one in counted)),
            y=axes.magnitude_axis("response time in ms", values_of(series)),
            series=series,
        ),
        caption=f"The tail is spread out: each further nine takes the same room. Read from buckets, "
        f"to ±{accuracy:.2g}\u00a0%; the tables use the exact values.",
    )


def _buckets_per_bin(counted: tuple[_Counts, ...]) -> int:
    """How many buckets make a bin: 2 n^(1/3) bins (Rice's rule) over the middle 98 % of the answers."""
    low, high = min(one.quantile(0.01) for one in counted), max(one.quantile(0.99) for one in counted)
    bins = min(max(2 * math.cbrt(min(one.total for one in counted)), 8), 40)
    whole = max(max(one.counts) for one in counted) - min(min(one.counts) for one in counted) + 1
    return max(1, round((high - low + 1) / bins), math.ceil(whole / 150))


def _outline(one: _Counts, per_bin: int) -> tuple[charts.Point, ...]:
    """The steps of the histogram: each bin's share in percent from its lower edge on, 0 after the last."""
    bins: defaultdict[int, int] = defaultdict(int)
    for index, number in one.counts.items():
        bins[(index - 1) // per_bin] += number
    first, last = min(bins), max(bins)

    def edge(number: int) -> float:
        return one.gamma ** (number * per_bin)

    steps = [(edge(b), 100 * bins.get(b, 0) / one.total) for b in range(first, last + 1)]
    return ((edge(first), 0.0), *steps, (edge(last + 1), 0.0))


def _tail(one: _Counts) -> tuple[charts.Point, ...]:
    """(1/(1-p), response time) for each bucket, p being the share of answers before it."""
    points: list[charts.Point] = []
    before = 0
    for index in sorted(one.counts):
        middle = one.gamma ** (index - 0.5)
        points.append((one.total / (one.total - before), middle))
        before += one.counts[index]
    return (*points, (float(max(one.total, 2)), points[-1][1]))


def _known_quantiles(results: Results, test_type: TestType) -> list[_Known]:
    """The judged metrics of each side, and of the stored baseline where the run itself has only one side."""
    summary, stored = results.summary, has_stored_baseline(results)
    known: list[_Known] = [
        (side_name(found.side, side_count(summary)), style(results, found.side), found.metric)
        for found in summary.test_types
        if found.test_type is test_type
    ]
    if not stored:
        return known
    return [("base", 0, _stored(results, test_type)), *(("head", at, of) for _, at, of in known)]


def _quantile_markers(results: Results, test_type: TestType) -> tuple[charts.Marker, ...]:
    """p50 and p95 of each side in a row of their own; named where no legend tells the lines apart."""
    markers = []
    named = has_stored_baseline(results)
    for row, (owner, at, metric_of) in enumerate(_known_quantiles(results, test_type)):
        for name, label in PERCENTILES[:2]:
            found, first = metric_of(name), name is PERCENTILES[0][0]
            if found is not None:
                text = f"{f'{owner} ' if named and first else ''}{label} {fmt.metric_value(found)}"
                markers.append(charts.Marker(x=found.value, label=text, style=at, row=row, before=first))
    return tuple(markers)


def _quantiles_in_words(results: Results, test_type: TestType) -> str:
    return ", ".join(
        f"{owner} {label} {fmt.metric_value(metric_of(name))}"
        for owner, _, metric_of in _known_quantiles(results, test_type)
        for name, label in PERCENTILES[:2]
    )


def _stored(results: Results, test_type: TestType) -> Callable[[MetricName], Metric | None]:
    found = {
        f.metric: f.baseline
        for f in (results.comparison.findings if results.comparison else ())
        if f.test_type is test_type and f.level is None  # what is drawn is of all levels
    }
    return found.get


def _spread(series: Iterable[charts.Series], markers: Iterable[charts.Marker]) -> list[float]:
    """What the time axis has to hold: the bins, the markers, and room for the labels right of these."""
    values = [at for one in series for at, _ in one.points] + [marker.x for marker in markers]
    low, last = min(values), max((marker.x for marker in markers if not marker.before), default=0.0)
    return [*values, low * (last / low) ** (1 / LABEL_SHARE)] if last > low else values
