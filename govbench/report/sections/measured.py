"""What was measured at each level of load: the figures of a first run, and of every other one folded."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.report import format as fmt
from govbench.report.circumstances import side_count, side_name
from govbench.report.document import Cell, Section, Table, Tone
from govbench.report.headline import is_first
from govbench.report.phrases import value_and_interval
from govbench.report.sections.tables import AnyCell, table, text, without
from govbench.results.comparison import Comparison, Results, Verdict
from govbench.results.metrics import METRICS, MetricName
from govbench.results.run import PhaseResult, RunSummary
from govbench.stats import needed

_QUANTILES = {
    MetricName.RESPONSE_TIME_P50: 0.5,
    MetricName.RESPONSE_TIME_P95: 0.95,
    MetricName.RESPONSE_TIME_P99: 0.99,
}
_COLUMNS = 2  # test type and level come before the side
_OTHERS = tuple(
    name
    for name in MetricName
    if name not in {*_QUANTILES, MetricName.THROUGHPUT, MetricName.ERROR_RATE, MetricName.SERVICE_TIME_P50}
)


def measured(results: Results) -> Section | None:
    """A row for each level and side: users or rate, n, latencies with intervals, throughput, errors."""
    summary = results.summary
    if not summary.phases:
        return None
    first = is_first(results)
    return Section(
        key="measured",
        title="What was measured",
        rank=0 if first else 3,
        blocks=(_figures(summary),),
        folded=not first,
    )


def others(results: Results) -> Section | None:
    """What else was measured, a row for each metric and a column for each level, of the judged side."""
    side = len(results.summary.targets) - 1
    phases = [phase for phase in results.summary.phases if phase.side == side]
    names = [name for name in _OTHERS if any(phase.metric(name) for phase in phases)]
    if not names:
        return None
    several = len({phase.phase.test_type for phase in phases}) > 1
    heads = [
        f"{fmt.test_type_label(phase.phase.test_type)}, {_load(phase)}" if several else _load(phase)
        for phase in phases
    ]
    block = table(
        ("metric", *heads),
        ((fmt.metric_label(name), *(_metric(phase, name) for phase in phases)) for name in names),
        right=range(1, 1 + len(phases)),
        priority=dict.fromkeys(range(1, len(phases)), 1),  # the heaviest load stays
    )
    return Section(key="others", title="Other figures", rank=4, blocks=(block,), folded=True)


def next_time(results: Results) -> Section | None:
    """Of a first run what another one of this length could tell, and which stored runs do not count."""
    comparison = results.comparison
    if comparison is None or comparison.verdict is not Verdict.NO_BASELINE or not is_first(results):
        return None
    blocks = []
    if seen := _would_show(comparison):
        blocks.append(text(seen))
    if comparison.elsewhere:
        others = ", ".join(map(fmt.one_line, comparison.elsewhere))
        said = f"Runs are stored for {others}; figures of other machines say nothing of this one."
        blocks.append(text(said))
    if not blocks:
        return None
    return Section(key="next", title="What the next run will be able to tell", rank=1, blocks=tuple(blocks))


def _would_show(comparison: Comparison) -> str | None:
    """The smallest changes that would show, worst level of each gated metric: the largest of them counts."""
    largest: dict[MetricName, tuple[float, str]] = {}
    for finding in comparison.findings:
        if finding.gated and finding.mde is not None:
            known = largest.get(finding.metric, (0.0, ""))
            largest[finding.metric] = max(known, (finding.mde, fmt.effect(finding)))
    if not largest:
        return None
    parts = [f"{METRICS[name].short} ±{effect}" for name, (_, effect) in largest.items()]
    said = f"As much load again would show changes from: {', '.join(parts)}."
    return f"{said} With five stored runs about half of that would do; govbench ab sees less at once."


def _figures(summary: RunSummary) -> Table:
    sides = side_count(summary)
    found = table(
        ("test type", "load", "side", "n", "p50", "p95", "p99", "throughput", "errors"),
        (_row(phase, sides) for phase in summary.phases),
        right=range(3, 9),
        priority={6: 4, 3: 3, 7: 2, 5: 1},
        caption=_caption(summary),
    )
    return found if sides > 1 else without(found, _COLUMNS)


def _caption(summary: RunSummary) -> str:
    shown = {*_QUANTILES, MetricName.THROUGHPUT}
    metrics = [m for p in summary.phases for m in p.metrics if m.name in shown and m.low is not None]
    levels = {m.level for m in metrics if m.level is not None}
    intervals = f"; intervals at {fmt.level(levels.pop())}" if len(levels) == 1 else ""
    return f"Requests due in the steady time of each level{intervals}."


def _row(result: PhaseResult, sides: int) -> Sequence[AnyCell]:
    errors = result.metric(MetricName.ERROR_RATE)
    n = None if errors is None else errors.n
    return (
        fmt.test_type_label(result.phase.test_type),
        _load(result),
        side_name(result.side, sides),
        fmt.count(n),
        *(_latency(result, name) for name in _QUANTILES),
        _metric(result, MetricName.THROUGHPUT),
        _errors(result),
    )


def _load(result: PhaseResult) -> str:
    """Users of a closed loop, the rate of an open one."""
    return fmt.load_in_words(result.phase)


def _latency(result: PhaseResult, name: MetricName) -> AnyCell:
    """The value above its interval; where there were too few answers for it, how many it takes."""
    metric = result.metric(name)
    if metric is not None:
        shown, interval = value_and_interval(metric)
        return Cell(text=shown, note=interval)
    fewest = needed(_QUANTILES[name])
    had = None if result.steady is None else result.steady.ok
    if had is None or had >= fewest:
        return Cell(text=fmt.NOT_MEASURED, tone=Tone.QUIET)
    return Cell(text=f"needs {fmt.count(fewest)}", note=f"had {fmt.count(had)}", tone=Tone.QUIET)


def _metric(result: PhaseResult, name: MetricName) -> AnyCell:
    shown, interval = value_and_interval(result.metric(name))
    return Cell(text=shown, note=interval)


def _errors(result: PhaseResult) -> AnyCell:
    metric = result.metric(MetricName.ERROR_RATE)
    if metric is None:
        return Cell(text=fmt.NOT_MEASURED, tone=Tone.QUIET)
    failed = round(metric.value * metric.n)
    return Cell(
        text=f"{fmt.count(failed)} of {fmt.count(metric.n)}",
        note=fmt.percent(metric.value) if failed else "",
        tone=Tone.BAD if failed else Tone.PLAIN,
    )
