"""Metrics, changes and bounds as parts of sentences, in every report the same. ``format.py`` has numbers."""

from __future__ import annotations

from govbench.report import format as fmt
from govbench.results.comparison import Change, Finding, LevelFinding, ThresholdResult, ThresholdState
from govbench.results.metrics import METRICS, Direction, Metric, MetricName
from govbench.results.plan import TestType


def plural(number: int, noun: str) -> str:
    """``1 metric``, ``5 metrics``."""
    return f"{fmt.count(number)} {noun}{'' if number == 1 else 's'}"


def short_name(finding: Finding) -> str:
    """What a metric is called in a sentence: ``p50``."""
    return METRICS[finding.metric].short


def of_scope(test_type: TestType, level: str | None = None) -> str:
    """A test type in a sentence, and its load level: ``concurrent at 50 users``, ``test type baseline``.

    One of them has the name that a stored run has elsewhere, and so is never named by that word alone.
    """
    name = (
        f"test type {test_type.value}" if test_type is TestType.BASELINE else fmt.test_type_label(test_type)
    )
    return name if level is None else f"{name} at {fmt.level_words(level)}"


def from_to(finding: Finding | LevelFinding) -> str:
    """``25.2 → 50.4 ms``; each with its unit where these differ."""
    old, new = fmt.metric_value(finding.baseline), fmt.metric_value(finding.candidate)
    number, _, unit = old.partition(" ")
    if unit and new.partition(" ")[2] == unit and finding.baseline and finding.candidate:
        old = number
    return f"{old} → {new}"


def bracketed(change: Change | None) -> str:
    """A change with its interval and without its level: ``+100 % [+64, +143]``."""
    return fmt.change(change).partition(" at ")[0]


def direction(name: MetricName, estimate: float) -> str:
    """Which way a metric moved, in its own word: ``slower``, ``fewer``."""
    spec = METRICS[name]
    return spec.more if estimate > 0 else spec.less


def looks(finding: Finding) -> str:
    """What is not certain: ``p50 looks 12.5 % slower (-2.0 to +29.0 %), not certain``.

    An estimate within the margin is no lean: ``p50: -0.80 % measured, but -10.5 to +10.0 % is possible``.
    """
    change, margin = finding.change, finding.margin
    what = f"{short_name(finding)} of {of_scope(finding.test_type, finding.level)}"
    if change is None:
        return f"{what}: {fmt.one_line(finding.reason)}"
    estimate, unit = fmt.change_estimate(change).split(" ", 1)
    ends = _ends(change)
    limit = 0.0 if margin is None else margin.absolute if change.difference else margin.relative
    if abs(change.estimate) > limit:
        amount = f"{estimate.lstrip('+-')} {unit} {direction(finding.metric, change.estimate)}"
        return f"{what} looks {amount} ({ends}), not certain"
    return f"{what}: {estimate} {unit} measured, but {ends} is possible; {fmt.margin(finding)} would count"


def _ends(change: Change) -> str:
    interval = bracketed(change).partition("[")[2].rstrip("]")
    return f"{interval.replace(', ', ' to ')} {'pp' if change.difference else '%'}"


def threshold_in_words(threshold: ThresholdResult) -> str:
    """``p95 of concurrent at 50 users is 912 ms, above its bound of 800 ms``."""
    spec = METRICS[threshold.metric]
    of = "" if threshold.test_type is None else f" of {of_scope(threshold.test_type)}"
    at = "" if threshold.phase is None else f" in {fmt.one_line(threshold.phase)}"
    what = f"{spec.short}{of}{at}"
    bound = f"its bound of {fmt.value(threshold.bound, spec.unit)}"
    if threshold.default and threshold.source:
        bound += f" ({fmt.one_line(threshold.source)})"
    if threshold.value is None and threshold.state is ThresholdState.MISSED:
        failed = f"{fmt.count(threshold.failed)} of {fmt.count(threshold.n)} requests failed"
        return f"{what} falls on a failure, as {failed}: beyond {bound}"
    if threshold.state is ThresholdState.NOT_MEASURED or threshold.value is None:
        return f"{what} was not measured, so nothing is known of {bound}"
    missed = "above" if spec.direction is Direction.LOWER else "below"
    kept = "within" if threshold.state is ThresholdState.MET else missed
    return f"{what} is {fmt.value(threshold.value, spec.unit)}, {kept} {bound}"


def value_and_interval(metric: Metric | None) -> tuple[str, str]:
    """A value, and its interval in short: its unit is that of the value, its level is stated elsewhere."""
    return fmt.metric_value(metric), fmt.metric_interval(metric)
