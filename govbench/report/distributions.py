"""Charts of how response times spread: histogram and percentile curve, from bucket counts. Judges nothing.

They are of one load level each: the answers of 10 users and of 1000 together are nobody's experience.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.figures import (
    PERCENTILES,
    ChartFigure,
    ChartTable,
    drawn,
    has_stored_baseline,
    sides,
    style,
    values_of,
)
from govbench.results.comparison import Finding, Results
from govbench.results.distributions import coarsen_distribution
from govbench.results.levels import level_labels, metrics_by_level, most_loaded
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Distribution, PhaseResult

LABEL_SHARE = 0.72  # where the last marker stands at most, so that its label fits beside it
# Of the percentile curve: a percentile needs ten answers above it, as it does in the tables.
ANSWERS_ABOVE = 10
CURVE_FROM, CURVE_TO = 0.5, 0.999
CURVE_ROWS = (0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)
_COARSEST = 2.0  # buckets wider than this show nothing

MetricOf = Callable[[MetricName], Metric | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Latency counts of what ``label`` names: bucket index → answers, in buckets of ``gamma``."""

    label: str
    style: int
    gamma: float
    counts: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def highest_quantile(self) -> float:
        """The last that so many answers carry."""
        return min(CURVE_TO, 1 - ANSWERS_ABOVE / self.total)

    def bucket(self, q: float) -> int:
        """Index of the bucket that holds the nearest rank of ``q``."""
        rank, seen = max(1, math.ceil(self.total * q)), 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return index
        return max(self.counts)

    def quantile_ms(self, q: float) -> float:
        """The middle of that bucket."""
        return float(self.gamma ** (self.bucket(q) - 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What both charts of a test type are of."""

    test_type: TestType
    level: str | None
    counted: tuple[_Counts, ...]

    @property
    def label(self) -> str:
        return fmt.scope_label(self.test_type, self.level)

    @property
    def key(self) -> str:
        level = "" if self.level is None else "-" + "".join(c if c.isalnum() else "-" for c in self.level)
        return f"{self.test_type.value}{level}"


def charts_of(results: Results, test_type: TestType) -> tuple[ChartFigure, ...]:
    """Both charts of the level that is shown, as far as they say something."""
    return drawn((chart_distribution(results, test_type), chart_percentiles(results, test_type)))


def level_shown(results: Results, test_type: TestType) -> str | None:
    """The level that speaks for a test type: the one its median was judged at, else the highest.

    None where the test type has one level only.
    """
    measured = sides(results.summary)
    levels = metrics_by_level(results.summary, test_type, measured[-1]) if measured else {}
    finding = _finding(results, test_type, MetricName.RESPONSE_TIME_P50)
    if finding is not None and finding.level in levels:
        return finding.level
    return most_loaded(levels)


def chart_distribution(results: Results, test_type: TestType, level: str | None = None) -> ChartFigure | None:
    """The histogram of a level, the base's under the head's; None where nothing was answered.

    ``level`` is one of the test type's several; None: the one that is shown for it.
    """
    shown = _shown(results, test_type, level)
    if not shown.counted:
        return None
    per_bin = _buckets_per_bin(shown.counted)
    series = [
        charts.Series(
            label=one.label, points=_outline(one, per_bin), style=one.style, filled=True, stepped=True
        )
        for one in shown.counted
    ]
    width = (shown.counted[0].gamma ** per_bin - 1) * 100
    counts = " and ".join(fmt.count(one.total) for one in shown.counted)
    markers = _quantile_markers(results, shown)
    return ChartFigure(
        title="Distribution of response times",
        svg=charts.line_chart(
            key=f"histogram-{shown.key}",
            title=f"Distribution of response times, {shown.label}",
            description=f"Histogram over a logarithmic time axis. {_quantiles_in_words(results, shown)}.",
            x=axes.log_axis("response time in ms, log scale", _spread(series, markers)),
            y=axes.linear_axis("answers per bin, %", values_of(series)),
            series=series,
            markers=markers,
        ),
        caption=f"Successful answers of the steady segments of {shown.label}, n = {counts}; "
        f"each bin is {width:.2g}\u00a0% wide.",
        table=_bins_table(shown.counted, per_bin),
    )


def chart_percentiles(results: Results, test_type: TestType, level: str | None = None) -> ChartFigure | None:
    """The response time of each percentile from p50 as far as the answers carry, at most p99.9.

    None where they do not carry p50.
    """
    shown = _shown(results, test_type, level)
    counted = [one for one in shown.counted if one.highest_quantile > CURVE_FROM]
    if not counted:
        return None
    series = [
        charts.Series(label=one.label, points=_tail(one), style=one.style, stepped=True) for one in counted
    ]
    accuracy = (math.sqrt(counted[0].gamma) - 1) * 100
    return ChartFigure(
        title="Response time by percentile",
        svg=charts.line_chart(
            key=f"percentiles-{shown.key}",
            title=f"Response time by percentile, {shown.label}",
            description="For each percentile, the response time that this share of answers does not exceed. "
            + " ".join(f"{s.label} reaches {fmt.duration_ms(s.points[-1][1])}." for s in series),
            x=axes.percentile_axis("percentile", CURVE_FROM, max(one.highest_quantile for one in counted)),
            y=axes.magnitude_axis("response time in ms", values_of(series)),
            series=series,
        ),
        caption=f"Of {shown.label}. Each further nine takes the same room; a line ends where fewer than"
        f" {ANSWERS_ABOVE} answers are above it. Read from buckets, to ±{accuracy:.2g}\u00a0%; the tables of"
        " metrics have the exact values.",
        table=_curve_table(counted),
    )


def _shown(results: Results, test_type: TestType, level: str | None) -> _Shown:
    level = level_shown(results, test_type) if level is None else level
    found = [*_stored_counts(results, test_type, level), *_measured_counts(results, test_type, level)]
    return _Shown(test_type=test_type, level=level, counted=_alike(found))


def _measured_counts(results: Results, test_type: TestType, level: str | None) -> list[_Counts]:
    """Of each side; beside a stored baseline the only side is the head."""
    summary = results.summary
    stored = has_stored_baseline(results)
    found = []
    for side in sides(summary):
        phases = [p for p in summary.phases if p.side == side and p.phase.test_type is test_type]
        part = _of_level(phases, level)
        if part is not None:
            label = "head" if stored else side_name(side, side_count(summary))
            found.append(_counts(label, style(results, side), part))
    return [one for one in found if one.counts]


def _of_level(phases: Sequence[PhaseResult], level: str | None) -> Distribution | None:
    """The distribution of the only phase, or of that of the level."""
    if level is None:
        return phases[0].distribution if phases else None
    labels = level_labels([result.phase for result in phases])
    return next(
        (result.distribution for label, result in zip(labels, phases, strict=True) if label == level), None
    )


def _stored_counts(results: Results, test_type: TestType, level: str | None) -> list[_Counts]:
    """Of the baseline, where it is no side of the run and its histogram is known."""
    found = results.comparison.base_distributions if results.comparison else ()
    if len(sides(results.summary)) > 1:
        return []
    return [
        _counts("base", 0, each.distribution)
        for each in found
        if each.test_type is test_type and each.level == level and each.distribution.buckets
    ]


def _counts(label: str, look: int, distribution: Distribution) -> _Counts:
    counts = {index: number for index, number in distribution.buckets if number}
    return _Counts(label=label, style=look, gamma=distribution.gamma, counts=counts)


def _alike(found: Sequence[_Counts]) -> tuple[_Counts, ...]:
    """All in the coarsest buckets of them; what shares no boundaries with the last is left out."""
    if not found:
        return ()
    gamma = max(one.gamma for one in found)
    coarse = [_coarsened(one, gamma) for one in found]
    wanted = coarse[-1].gamma
    return tuple(one for one in coarse if math.isclose(one.gamma, wanted, rel_tol=1e-9))


def _coarsened(one: _Counts, gamma: float) -> _Counts:
    while one.gamma < gamma * (1 - 1e-9) and one.gamma < _COARSEST:
        wider = coarsen_distribution(Distribution(gamma=one.gamma, buckets=tuple(sorted(one.counts.items()))))
        one = replace(one, gamma=wider.gamma, counts=dict(wider.buckets))
    return one


# Histogram


def _buckets_per_bin(counted: Sequence[_Counts]) -> int:
    """How many buckets make a bin: 2 n^(1/3) bins (Rice's rule) over the middle 98 % of the answers."""
    low, high = min(one.bucket(0.01) for one in counted), max(one.bucket(0.99) for one in counted)
    bins = min(max(2 * math.cbrt(min(one.total for one in counted)), 8), 40)
    whole = max(max(one.counts) for one in counted) - min(min(one.counts) for one in counted) + 1
    return max(1, round((high - low + 1) / bins), math.ceil(whole / 150))


def _binned(one: _Counts, per_bin: int) -> dict[int, int]:
    bins: defaultdict[int, int] = defaultdict(int)
    for index, number in one.counts.items():
        bins[(index - 1) // per_bin] += number
    return dict(bins)


def _outline(one: _Counts, per_bin: int) -> tuple[charts.Point, ...]:
    """The steps of the histogram: each bin's share in percent from its lower edge on, 0 after the last."""
    bins = _binned(one, per_bin)
    first, last = min(bins), max(bins)

    def edge(number: int) -> float:
        return float(one.gamma ** (number * per_bin))

    steps = [(edge(b), 100 * bins.get(b, 0) / one.total) for b in range(first, last + 1)]
    return ((edge(first), 0.0), *steps, (edge(last + 1), 0.0))


def _bins_table(counted: Sequence[_Counts], per_bin: int) -> ChartTable:
    binned = [_binned(one, per_bin) for one in counted]
    width = counted[0].gamma ** per_bin
    return ChartTable(
        head=("response time", *(one.label for one in counted)),
        rows=tuple(
            (
                f"{fmt.duration_ms(width**number)} to {fmt.duration_ms(width ** (number + 1))}",
                *(fmt.count(bins.get(number, 0)) for bins in binned),
            )
            for number in sorted(set().union(*binned))
        ),
    )


# Percentile curve


def _tail(one: _Counts) -> tuple[charts.Point, ...]:
    """(1/(1-q), response time) from p50 on for each bucket, q being the share of answers before it."""
    points: list[charts.Point] = [(1 / (1 - CURVE_FROM), one.quantile_ms(CURVE_FROM))]
    before = 0
    for index in sorted(one.counts):
        q = before / one.total
        if CURVE_FROM < q <= one.highest_quantile:
            points.append((1 / (1 - q), one.gamma ** (index - 0.5)))
        before += one.counts[index]
    return (*points, (1 / (1 - one.highest_quantile), points[-1][1]))


def _curve_table(counted: Sequence[_Counts]) -> ChartTable:
    highest = max(one.highest_quantile for one in counted)
    return ChartTable(
        head=("percentile", *(one.label for one in counted)),
        rows=tuple(
            (
                f"p{q * 100:g}",
                *(
                    fmt.duration_ms(one.quantile_ms(q)) if q <= one.highest_quantile else "too few answers"
                    for one in counted
                ),
            )
            for q in CURVE_ROWS
            if q <= highest
        ),
    )


# Markers


def _known_quantiles(results: Results, shown: _Shown) -> list[tuple[str, int, MetricOf]]:
    """The judged metrics of each curve at its level: those of the findings, else what the level gave."""
    known: list[tuple[str, int, MetricOf]] = []
    for one in shown.counted:
        side = 0 if one.label == "base" else sides(results.summary)[-1]
        known.append((one.label, one.style, _metric_of(results, shown, side, one.label)))
    if has_stored_baseline(results) and known[0][0] != "base":  # its histogram is not stored
        known.insert(0, ("base", 0, _metric_of(results, shown, 0, "base")))
    return known


def _metric_of(results: Results, shown: _Shown, side: int, label: str) -> MetricOf:
    def found(name: MetricName) -> Metric | None:
        judged = _judged(_finding(results, shown.test_type, name), shown.level)
        metric = None if judged is None else judged[label != "base"]
        if metric is not None or (label == "base" and has_stored_baseline(results)):
            return metric
        phases = [
            p for p in results.summary.phases if p.side == side and p.phase.test_type is shown.test_type
        ]
        labels = [None] if shown.level is None else level_labels([p.phase for p in phases])
        return next(
            (p.metric(name) for at, p in zip(labels, phases, strict=False) if at == shown.level), None
        )

    return found


def _finding(results: Results, test_type: TestType, name: MetricName) -> Finding | None:
    found = results.comparison.findings if results.comparison else ()
    return next((f for f in found if f.test_type is test_type and f.metric is name), None)


def _judged(finding: Finding | None, level: str | None) -> tuple[Metric | None, Metric | None] | None:
    """Base and head of a finding at that level."""
    if finding is None:
        return None
    at = next((each for each in finding.levels if each.level == level), None)
    if at is not None:
        return at.baseline, at.candidate
    return (finding.baseline, finding.candidate) if finding.level == level else None


def _quantile_markers(results: Results, shown: _Shown) -> tuple[charts.Marker, ...]:
    """p50 and p95 of each curve in a row of their own; named where no legend tells the lines apart."""
    markers = []
    named = has_stored_baseline(results) and len(shown.counted) == 1
    for row, (owner, at, metric_of) in enumerate(_known_quantiles(results, shown)):
        for name, label in PERCENTILES[:2]:
            found, first = metric_of(name), name is PERCENTILES[0][0]
            if found is not None:
                text = f"{f'{owner} ' if named and first else ''}{label} {fmt.metric_value(found)}"
                markers.append(charts.Marker(x=found.value, label=text, style=at, row=row, before=first))
    return tuple(markers)


def _quantiles_in_words(results: Results, shown: _Shown) -> str:
    return ", ".join(
        f"{owner} {label} {fmt.metric_value(metric_of(name))}"
        for owner, _, metric_of in _known_quantiles(results, shown)
        for name, label in PERCENTILES[:2]
    )


def _spread(series: Iterable[charts.Series], markers: Iterable[charts.Marker]) -> list[float]:
    """What the time axis has to hold: the bins, the markers, and room for the labels right of these."""
    values = [at for one in series for at, _ in one.points] + [marker.x for marker in markers]
    low, last = min(values), max((marker.x for marker in markers if not marker.before), default=0.0)
    return [*values, low * (last / low) ** (1 / LABEL_SHARE)] if last > low else values
