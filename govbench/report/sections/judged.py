"""What was judged: gated metrics, what moved with them, advisory ones, thresholds, what could be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from govbench.report import format as fmt
from govbench.report.document import (
    Cell,
    FindingRow,
    Findings,
    Interval,
    Items,
    Section,
    Text,
    Tone,
)
from govbench.report.explanations import explained
from govbench.report.headline import is_first, shown_metrics
from govbench.report.margins import margin_band, scale_of
from govbench.report.phrases import bracketed, plural, value_and_interval
from govbench.report.sections.tables import strong, table, text
from govbench.report.words import THRESHOLDS, VERDICTS, finding_mark
from govbench.results.comparison import (
    Finding,
    LevelFinding,
    Method,
    Results,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from govbench.results.metrics import Metric

_CHANGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})
_OF_PAIRS = (
    "The change is that of pairs of one question to both sides: more exact than the ratio of the two values."
)
_STATES = (ThresholdState.MISSED, ThresholdState.NOT_MEASURED, ThresholdState.MET)


def gated(results: Results) -> Section | None:
    """The metrics that decide, changed ones first."""
    comparison = results.comparison
    if comparison is None or is_first(results):
        return None
    found = shown_metrics(comparison, gated=True)
    if not found:
        return None
    return Section(
        key="findings", title="What was judged", rank=0, blocks=(_findings(found, comparison.method),)
    )


def advisory(results: Results) -> Section | None:
    """The metrics that decide nothing, folded; the title says how many of them changed."""
    comparison = results.comparison
    if comparison is None or is_first(results):
        return None
    found = shown_metrics(comparison, gated=False)
    if not found:
        return None
    changed = sum(f.verdict in _CHANGED for f in found)
    title = f"{plural(len(found), 'advisory metric')}, {fmt.count(changed) if changed else 'none'} changed"
    return Section(
        key="advisory", title=title, rank=4, blocks=(_findings(found, comparison.method),), folded=True
    )


def moved(results: Results) -> Section | None:
    """What moved with the flagged metrics, the likeliest first."""
    found = explained(results.comparison.findings, gated_only=True) if results.comparison else ()
    if not found:
        return None
    blocks: list[Text | Items] = []
    for one in found:
        blocks.append(text("With ", strong(one.metrics), ", likeliest first:"))
        blocks.append(Items(items=tuple(text(sentence) for sentence in one.sentences), numbered=True))
    return Section(key="moved", title="What moved with it", rank=1, blocks=tuple(blocks))


def thresholds(results: Results) -> Section | None:
    """The absolute bounds; folded where all of them were kept, for then the tally has said it."""
    bounds = results.comparison.thresholds if results.comparison else ()
    if not bounds:
        return None
    ordered = sorted(bounds, key=lambda t: _STATES.index(t.state))
    amiss = any(t.state is ThresholdState.MISSED or _lacking(t) for t in bounds)
    found = table(
        ("threshold", "test type", "asked for", "measured", "state", "set by"),
        (_bound_row(t) for t in ordered),
        right=(3,),
        priority={5: 2, 1: 1},
    )
    return Section(
        key="thresholds", title="Thresholds", rank=1 if amiss else 3, blocks=(found,), folded=not amiss
    )


def levels(results: Results) -> Section | None:
    """What was found at each load level of the gated metrics that have several."""
    comparison = results.comparison
    rows = [
        (finding, at)
        for finding in (shown_metrics(comparison, gated=True) if comparison else ())
        for at in finding.levels
    ]
    if not rows or is_first(results):
        return None
    found = table(
        ("metric", "test type", "base", "head", "change", "n", "verdict"),
        (_level_row(finding, at) for finding, at in rows),
        right=(2, 3, 4, 5),
        priority={5: 2},
        caption="The verdict on a metric is that of its worst level.",
    )
    return Section(key="levels", title="Each load level", rank=4, blocks=(found,), folded=True)


def seen(results: Results) -> Section | None:
    """From where on this much measuring would have flagged a change; and why each metric is what it is."""
    comparison = results.comparison
    if comparison is None or is_first(results) or not comparison.findings:
        return None
    found = table(
        ("metric", "test type", "margin", "would be seen from", "why"),
        (
            (
                fmt.metric_label(f.metric),
                fmt.scope_label(f.test_type, f.level),
                fmt.margin(f),
                fmt.effect(f),
                fmt.finding_reason(f),
            )
            for f in (*shown_metrics(comparison, gated=True), *shown_metrics(comparison, gated=False))
        ),
        right=(2, 3),
        priority={1: 1},
    )
    said = fmt.mde_sentence(comparison)
    blocks = (*((text(said),) if said else ()), found)
    return Section(key="seen", title="What could be seen, and why", rank=5, blocks=blocks, folded=True)


def row_of(finding: Finding, scale: float) -> FindingRow:
    """One metric as it is read."""
    change = finding.change
    estimate, _, interval = bracketed(change).partition(" [")
    return FindingRow(
        mark=finding_mark(finding),
        metric=fmt.metric_label(finding.metric),
        scope=fmt.scope_label(finding.test_type, finding.level),
        gated=finding.gated,
        base=_value(finding.baseline),
        head=_value(finding.candidate),
        change=Cell(text=estimate, note=f"[{interval}" if interval else "", tone=finding_mark(finding).tone),
        n="" if finding.candidate is None else fmt.count(finding.candidate.n),
        margin=fmt.margin(finding),
        reason=fmt.finding_reason(finding),
        interval=_interval(finding, scale),
    )


def _findings(found: Sequence[Finding], method: Method) -> Findings:
    scales = {
        difference: scale_of(f for f in found if f.change and f.change.difference is difference)
        for difference in (False, True)
    }
    rows = tuple(row_of(f, scales[bool(f.change and f.change.difference)]) for f in found)
    levels = {f.change.level for f in found if f.change is not None}
    return Findings(
        rows=rows,
        level=fmt.level(levels.pop()) if len(levels) == 1 else "",
        caption=_OF_PAIRS if method is Method.PAIRED_ROUNDS else "",
    )


def _interval(finding: Finding, scale: float) -> Interval | None:
    change = finding.change
    if change is None or not math.isfinite(change.estimate):
        return None
    return Interval(
        estimate=change.estimate,
        low=change.low,
        high=change.high,
        margin=margin_band(finding),
        scale=scale,
        difference=change.difference,
    )


def _value(metric: Metric | None) -> Cell:
    shown, interval = value_and_interval(metric)
    return Cell(text=shown, note=interval, tone=Tone.PLAIN if metric else Tone.QUIET)


def _lacking(threshold: ThresholdResult) -> bool:
    return threshold.state is ThresholdState.NOT_MEASURED and threshold.demanded


def _bound_row(threshold: ThresholdResult) -> tuple[str | Cell, ...]:
    mark = THRESHOLDS[threshold.state]
    return (
        fmt.metric_label(threshold.metric),
        fmt.threshold_scope(threshold),
        fmt.threshold_bound(threshold.metric, threshold.bound),
        fmt.threshold_value(threshold),
        Cell(text=f"{mark.symbol} {mark.label}", tone=mark.tone),
        "-" if threshold.source is None else fmt.one_line(threshold.source),
    )


def _level_row(finding: Finding, at: LevelFinding) -> tuple[str | Cell, ...]:
    mark = VERDICTS[at.verdict]
    estimate, _, interval = bracketed(at.change).partition(" [")
    return (
        fmt.metric_label(finding.metric),
        fmt.scope_label(finding.test_type, at.level),
        _value(at.baseline).text,
        _value(at.candidate).text,
        Cell(text=estimate, note=f"[{interval}" if interval else ""),
        "" if at.candidate is None else fmt.count(at.candidate.n),
        Cell(text=f"{mark.symbol} {mark.label}", tone=mark.tone),
    )
