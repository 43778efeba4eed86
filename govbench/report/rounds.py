"""The rounds of a paired comparison: a chart for each gated metric, a table, blocks. Judges nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from govbench.report import axes, charts
from govbench.report import format as fmt
from govbench.report.figures import ChartFigure, ChartTable, drawn
from govbench.report.history import sparkline
from govbench.report.margins import margin_band
from govbench.results.comparison import Change, Comparison, Course, Results
from govbench.results.metrics import MetricName
from govbench.results.rounds import Round

FEWEST = 2  # one round has no course
# The first intervals are so wide that on their scale nothing else could be seen.
_SCALED_FROM = 3
_SO_FAR_STYLE, _ALONE_STYLE, _LOOK_STYLE = 0, 3, 4


def charts_of(results: Results) -> tuple[ChartFigure, ...]:
    """For each gated metric the change that every round shows alone, and what all so far show together."""
    comparison, rounds = results.comparison, results.summary.rounds
    if comparison is None or len(rounds) < FEWEST:
        return ()
    return drawn(chart_course(course, comparison, rounds) for course in comparison.courses)


def chart_course(course: Course, comparison: Comparison, rounds: Sequence[Round]) -> ChartFigure | None:
    """The course of a metric; None where no round estimated it, or none saw it move."""
    changes = [s.so_far for s in course.standings if s.so_far is not None]
    if not changes or not any(change.estimate for change in changes):
        return None
    name, last = _name(course, with_test_type=True), changes[-1]
    unit = "percentage points" if last.difference else "%"
    finding = next(
        (f for f in comparison.findings if (f.test_type, f.metric) == (course.test_type, course.metric)), None
    )
    margin = None if finding is None else margin_band(finding)
    band = None if margin is None else (100 * margin[0], 100 * margin[1])
    alone = _series("each round alone", [s.alone for s in course.standings], _ALONE_STYLE)
    so_far = _series("all rounds so far", [s.so_far for s in course.standings], _SO_FAR_STYLE)
    return ChartFigure(
        title=name[:1].upper() + name[1:],
        svg=charts.line_chart(
            key=f"rounds-{course.test_type.value}-{course.metric.value}",
            title=f"{name} over the rounds",
            description=f"After {len(rounds)} rounds {fmt.change(last)}.",
            x=_rounds_axis(len(rounds)),
            y=axes.linear_axis(f"change in {unit}", _scaled(course, band)),
            series=(so_far, alone),
            markers=_looks(comparison.looks),
            bands=_confirming(rounds),
            level_band=band,
        ),
        caption="Dots: what each round shows alone. Line and ribbon: the estimate of all rounds so far"
        f" with its {fmt.level(last.level)} interval. Grey: the margin."
        + (" Shaded from top to bottom: rounds run to confirm." if any(r.confirms for r in rounds) else ""),
        table=ChartTable(
            head=("round", "alone", "all so far"),
            rows=tuple(
                (str(at), fmt.change_estimate(standing.alone), fmt.change(standing.so_far))
                for at, standing in enumerate(course.standings, start=1)
            ),
        ),
    )


def _looks(looks: Sequence[int]) -> list[charts.Marker]:
    """A line at each look; they may follow closely, so the first is named for all."""
    names = ["looks" if len(looks) > 1 else "look", *("" for _ in looks)]
    return [
        charts.Marker(x=float(at), label=name, style=_LOOK_STYLE, before=True)
        for at, name in zip(looks, names, strict=False)
    ]


def _rounds_axis(count: int) -> axes.Axis:
    step = max(1, math.ceil(count / 15))
    ticks = tuple((float(number), str(number)) for number in range(1, count + 1, step))
    return axes.Axis(label="round", low=0.5, high=count + 0.5, ticks=ticks)


def _series(label: str, changes: Sequence[Change | None], style: int) -> charts.Series:
    is_alone = style == _ALONE_STYLE
    return charts.Series(
        label=label,
        points=[
            (float(at), None if c is None else 100 * c.estimate) for at, c in enumerate(changes, start=1)
        ],
        intervals=() if is_alone else [None if c is None else (100 * c.low, 100 * c.high) for c in changes],
        hints=[f"round {at}: {fmt.change(c)}" for at, c in enumerate(changes, start=1)],
        style=style,
        marked=is_alone,
        linked=not is_alone,
        ribbon=not is_alone,
    )


def _scaled(course: Course, band: tuple[float, float] | None) -> list[float]:
    """What the y axis has to hold; the intervals of the first rounds may leave it."""
    values = [100 * s.alone.estimate for s in course.standings if s.alone is not None]
    for at, standing in enumerate(course.standings, start=1):
        if standing.so_far is not None and (at >= _SCALED_FROM or at == len(course.standings)):
            values += (100 * standing.so_far.low, 100 * standing.so_far.high)
    return [*values, *(() if band is None else (1.5 * band[0], 1.5 * band[1]))]


def _confirming(rounds: Sequence[Round]) -> list[charts.Band]:
    """The stretches of rounds that were run to confirm."""
    found: list[charts.Band] = []
    for at, each in enumerate(rounds, start=1):
        if each.confirms and found and found[-1].high == at - 0.5:
            found[-1] = charts.Band(low=found[-1].low, high=at + 0.5, label="confirming")
        elif each.confirms:
            found.append(charts.Band(low=at - 0.5, high=at + 0.5, label="confirming"))
    return found


def table(results: Results) -> ChartTable:
    """A row for each round: which side was started first, how long it took, what it showed."""
    courses = results.comparison.courses if results.comparison else ()
    several = len({course.test_type for course in courses}) > 1
    names = (_name(course, with_test_type=several) for course in courses)
    return ChartTable(
        head=("round", "started first", "boot", "load", "pairs", *names, "control", "for"),
        rows=tuple(
            (
                str(each.number + 1),
                "head" if each.swapped else "base",
                fmt.duration_s(each.boot_s),
                fmt.duration_s(each.load_s),
                fmt.count(_pairs(each)),
                *(fmt.change_estimate(_alone(course, at)) for course in courses),
                fmt.NOT_MEASURED if each.control is None else fmt.log_change(each.control.effect),
                "confirming" if each.confirms else "measuring",
            )
            for at, each in enumerate(results.summary.rounds)
        ),
    )


def lines(results: Results) -> tuple[str, ...]:
    """For each gated metric a block for each round, from the lowest to the highest change, and both in words.

    A bar stands between rounds that measured and rounds that were run to confirm. A metric that no round saw
    move has no line.
    """
    comparison, rounds = results.comparison, results.summary.rounds
    if comparison is None or len(rounds) < FEWEST:
        return ()
    found = []
    for course in comparison.courses:
        alone = [s.alone for s in course.standings if s.alone is not None]
        if len(alone) == len(rounds) and any(change.estimate for change in alone):
            ends = (min(alone, key=_estimate), max(alone, key=_estimate))
            low, high = map(fmt.change_estimate, ends)
            blocks = _parted(sparkline(list(map(_estimate, alone))), rounds)
            found.append(f"{_name(course, with_test_type=True)}  {blocks}  {low} to {high}")
    return tuple(found)


def _estimate(change: Change) -> float:
    return change.estimate


def _parted(blocks: Iterable[str], rounds: Sequence[Round]) -> str:
    parts, before = [], False
    for block, each in zip(blocks, rounds, strict=True):
        parts.append(block if each.confirms is before else f"│{block}")
        before = each.confirms
    return "".join(parts)


def _name(course: Course, *, with_test_type: bool) -> str:
    of = f" of {fmt.scope_label(course.test_type, course.level)}" if with_test_type else ""
    return f"{fmt.metric_label(course.metric)}{of}"


def _alone(course: Course, at: int) -> Change | None:
    return course.standings[at].alone if at < len(course.standings) else None


def _pairs(each: Round) -> int | None:
    """Pairs that both sides answered, over all test types."""
    found = [min(o.base_n, o.head_n) for o in each.observations if o.metric is MetricName.RESPONSE_TIME_P50]
    return sum(found) if found else None
