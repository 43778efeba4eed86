"""Numbers, units, signs and verdicts as text: the one place where they become it. Lays out nothing.

Three significant digits; the unit always shown; the sign always shown on changes. Signs are the ASCII ``+``
and ``-``, so that a report can be searched; counts of five digits and more are grouped by a narrow
no-break space (U+202F). What was not measured reads ``not measured``, never 0 and never NaN.
"""

from __future__ import annotations

import math

from govbench.report import digits, printable
from govbench.report.digits import decimals_of, rounded, same_decimals
from govbench.results.comparison import (
    Change,
    Comparison,
    Finding,
    ThresholdResult,
    ThresholdState,
)
from govbench.results.metrics import METRICS, Direction, Metric, MetricName, Unit
from govbench.results.plan import Phase, TestType
from govbench.results.run import Accounting

NOT_COMPARED = "not compared"
NOT_MEASURED, UNBOUNDED = digits.NOT_MEASURED, digits.UNBOUNDED
one_line = printable.one_line
GROUP_SEPARATOR = "\u202f"


# Plain values


def number(value: float | None) -> str:
    """Three significant digits, no exponent: ``0.0123``, ``4.50``, ``104``, ``1230``."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return UNBOUNDED
    return f"{rounded(value):.{decimals_of(value)}f}" if value else "0"


def count(value: int | None) -> str:
    """A whole number, exact; grouped from five digits on."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,}".replace(",", GROUP_SEPARATOR) if abs(value) >= 10_000 else str(value)


def duration_ms(value: float | None) -> str:
    """A latency given in ms: ``104 ms``, ``1.23 s``, ``45.0 µs``."""
    if value is None or not math.isfinite(value):
        return number(value)
    shown = abs(rounded(value))
    if shown >= 1000:
        return f"{number(value / 1000)} s"
    return f"{number(value * 1000)} µs" if 0 < shown < 0.1 else f"{number(value)} ms"


def duration_s(value: float | None) -> str:
    """A stretch of a run given in seconds: ``0.250 s``, ``75.3 s``, ``2 min 5 s``, ``1 h 2 min``."""
    if value is None or not math.isfinite(value):
        return number(value)
    if value < 120:
        return f"{number(value)} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def size(value_bytes: float | None) -> str:
    """Bytes in binary units: ``512 B``, ``1.50 KiB``, ``2.00 GiB``."""
    if value_bytes is None or not math.isfinite(value_bytes):
        return number(value_bytes)
    scaled, unit = float(value_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if abs(rounded(scaled)) < 1000:
            break
        scaled, unit = scaled / 1024, larger
    return f"{round(scaled)} B" if unit == "B" else f"{number(scaled)} {unit}"


def rate(value_rps: float | None) -> str:
    """Requests completed per second: ``12.3 req/s``."""
    return _with_unit(value_rps, "req/s")


def tokens(value: float | None) -> str:
    """Tokens per answer: ``212 tokens``."""
    return _with_unit(value, "tokens")


def cores(value: float | None) -> str:
    """Use of processor cores: ``0.420 cores``."""
    return _with_unit(value, "cores")


def percent(ratio: float | None) -> str:
    """A ratio as percent, without sign: 0.012 is ``1.20 %``."""
    if ratio is None or not math.isfinite(ratio):
        return number(ratio)
    return f"{number(ratio * 100)} %"


def level(value: float) -> str:
    """A confidence level: 0.99 is ``99 %``, 0.995 is ``99.5 %``."""
    return f"{round(value * 100, 2):g} %"


# Metrics


def value(amount: float | None, unit: Unit) -> str:
    """A metric's value in its unit."""
    match unit:
        case Unit.MS:
            return duration_ms(amount)
        case Unit.RPS:
            return rate(amount)
        case Unit.RATIO:
            return percent(amount)
        case Unit.BYTES:
            return size(amount)
        case Unit.TOKENS:
            return tokens(amount)


def metric_value(metric: Metric | None) -> str:
    """What was measured, in its unit, without its interval."""
    return NOT_MEASURED if metric is None else value(metric.value, metric.spec.unit)


def metric_with_interval(metric: Metric | None) -> str:
    """The value with its interval: ``104 ms [102, 107] at 99 %``; without one, the value alone."""
    if metric is None or metric.low is None or metric.high is None:
        return metric_value(metric)
    at = "" if metric.level is None else f" at {level(metric.level)}"
    return f"{metric_value(metric)} {metric_interval(metric)}{at}"


def metric_interval(metric: Metric | None) -> str:
    """The interval alone: ``[102, 107]``, with units where they are not the value's; empty without."""
    if metric is None or metric.low is None or metric.high is None:
        return ""
    ends = [value(end, metric.spec.unit).partition(" ") for end in (metric.low, metric.high)]
    shown = metric_value(metric).partition(" ")[2]
    alike = all(unit == shown or not float(amount) for amount, _, unit in ends)
    return f"[{', '.join(amount if alike else f'{amount} {unit}' for amount, _, unit in ends)}]"


def metric_label(name: MetricName) -> str:
    """What a metric is called in print."""
    return METRICS[name].label


def test_type_label(test_type: TestType) -> str:
    """What a test type is called in print."""
    return test_type.value.replace("_", " ")


def scope_label(test_type: TestType, level: str | None) -> str:
    """A test type and, where one is named, its load level: ``concurrent at 50 users``."""
    label = test_type_label(test_type)
    return label if level is None else f"{label} at {level_words(level)}"


def level_words(key: str) -> str:
    """A load level as it is read; its key says ``20 rps``, which is the rate of arrivals: ``rate 20/s``."""
    rates, is_rate, rest = one_line(key).partition(" rps")
    return f"rate {rates.replace(' to ', '/s to ')}/s{rest}" if is_rate else rates


# Changes


def change(amount: Change | None) -> str:
    """The change with its interval: ``+4.52 % [+3.10, +5.90] at 99 %``; of two ratios in points (``pp``).

    They share the decimals of the largest, but the estimate keeps a digit: ``+0.4 % [-2, +150] at 99 %``.
    """
    if amount is None:
        return NOT_COMPARED
    estimate, low, high = same_decimals((amount.estimate, amount.low, amount.high))
    return f"{estimate} {_change_unit(amount)} [{low}, {high}] at {level(amount.level)}"


def change_estimate(amount: Change | None) -> str:
    """The change alone, with its sign: ``+4.52 %``."""
    if amount is None:
        return NOT_COMPARED
    return f"{same_decimals((amount.estimate,))[0]} {_change_unit(amount)}"


def log_change(effect: float) -> str:
    """A log ratio as a relative change with its sign: 0.0198 is ``+2.00 %``."""
    return f"{same_decimals((math.expm1(effect),))[0]} %"


def effect(finding: Finding) -> str:
    """What a smallest change is, in the unit of the finding's change: ``3.20 %`` or ``0.500 pp``."""
    if finding.mde is None:
        return "not known"
    unit = "pp" if METRICS[finding.metric].compared_as_difference else "%"
    return f"{number(finding.mde * 100)} {unit}"


def margin(finding: Finding) -> str:
    """The margin of a finding: ``3.00 %``, ``3.00 % and 2.00 ms``, ``1.00 pp``."""
    if finding.margin is None:
        return "none"
    spec = METRICS[finding.metric]
    relative, absolute = finding.margin.relative, finding.margin.absolute
    if spec.compared_as_difference:
        return f"{'up to ' if relative else ''}{number(absolute * 100)} pp"
    parts = [percent(relative)] if relative else []
    parts += [value(absolute, spec.unit)] if absolute else []
    return " and ".join(parts) or "0 %"


# Verdicts and thresholds


def finding_reason(finding: Finding) -> str:
    """Why a finding has its verdict, and of an accepted regression who accepted it and why."""
    accepted = f"; accepted {finding.accepted}" if finding.accepted else ""
    return one_line(finding.reason + accepted)


def threshold_bound(name: MetricName, bound: float) -> str:
    """What a threshold asks for: ``at most 800 ms``, ``at least 5.00 req/s``."""
    spec = METRICS[name]
    word = "at most" if spec.direction is Direction.LOWER else "at least"
    return f"{word} {value(bound, spec.unit)}"


def threshold_value(threshold: ThresholdResult) -> str:
    """What was measured against a threshold, of how many requests: ``912 ms (n 480)``."""
    of = "" if threshold.n is None else f" (n {count(threshold.n)})"
    if threshold.value is None and threshold.state is ThresholdState.MISSED:
        return f"a failure{of}"
    return (
        f"{value(threshold.value, METRICS[threshold.metric].unit)}{of if threshold.value is not None else ''}"
    )


def threshold_scope(threshold: ThresholdResult) -> str:
    """Which test types a threshold is for."""
    return "all test types" if threshold.test_type is None else test_type_label(threshold.test_type)


# Sentences


def mde_sentence(comparison: Comparison) -> str | None:
    """What the comparison could have seen at least, per gated metric; None where nothing is known."""
    parts = [
        f"{metric_label(f.metric)} of {scope_label(f.test_type, f.level)} {effect(f)}"
        for f in comparison.findings
        if f.gated and f.mde is not None
    ]
    return f"This run would have flagged changes from: {', '.join(parts)}." if parts else None


def load_level(phase: Phase) -> str:
    """How much load a phase puts on: ``50``, the users, or the rate of an open loop: ``rate 5/s to 20/s``."""
    if phase.arrivals is None:
        return count(phase.users)
    rates = [point.rate_rps for point in phase.arrivals.points]
    low, high = f"{min(rates):g}", f"{max(rates):g}"
    return f"rate {low}/s" if low == high else f"rate {low}/s to {high}/s"


def load_in_words(phase: Phase) -> str:
    """The same with its noun: ``1 user``, ``50 users``, ``rate 20/s``."""
    noun = "" if phase.arrivals is not None else " user" if phase.users == 1 else " users"
    return f"{load_level(phase)}{noun}"


def accounting_equation(accounting: Accounting) -> str:
    """Where every request went: ``offered 120 = sent 118 + dropped 2; sent 118 = ok 110 + …``."""
    lost = f" + lost {count(accounting.lost)}" if accounting.lost else ""
    share = f" ({percent(accounting.dropped / accounting.offered)})" if accounting.dropped else ""
    return (
        f"offered {count(accounting.offered)} = sent {count(accounting.sent)}"
        f" + dropped {count(accounting.dropped)}{share}; sent {count(accounting.sent)}"
        f" = ok {count(accounting.ok)} + failed {count(accounting.failed)}"
        f" + cancelled {count(accounting.cancelled)}{lost}"
    )


def _change_unit(amount: Change) -> str:
    return "pp" if amount.difference else "%"


def _with_unit(amount: float | None, unit: str) -> str:
    return number(amount) if amount is None or not math.isfinite(amount) else f"{number(amount)} {unit}"
