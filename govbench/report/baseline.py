"""Stored baselines as text: the list, and one entry. Reads no file."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from govbench.report import format as fmt
from govbench.report.words import VERDICTS
from govbench.results.baseline import BaselineEntry, BaselineTestType
from govbench.results.levels import is_levelled, most_loaded
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType

_SHOWN = (
    (TestType.BASELINE, MetricName.RESPONSE_TIME_P50),
    (TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50),
    (TestType.CONCURRENT, MetricName.THROUGHPUT),
)


def table(entries: Sequence[BaselineEntry]) -> str:
    """One line per stored commit, in the order given."""
    headers = ("commit", "measured", "suite", "profile", "machine class", "baseline p50", "concurrent p50",
               "throughput", "verdict")  # fmt: skip
    rows = [
        (
            entry.commit[:9] + (f" ({entry.anchor})" if entry.anchor else ""),
            entry.measured_at,
            entry.suite,
            entry.profile,
            entry.machine_class,
            *(_value(entry, test_type, name) for test_type, name in _SHOWN),
            _verdict(entry),
        )
        for entry in entries
    ]
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)


def details(entry: BaselineEntry) -> str:
    """One stored commit with all its metrics."""
    lines = [
        f"commit   {entry.commit}" + (f" (anchor {entry.anchor})" if entry.anchor else ""),
        f"measured {entry.measured_at} with govbench {entry.govbench_version}, run {entry.run_id}",
        f"suite    {entry.suite} {entry.suite_version}, profile {entry.profile}",
        f"machine  {entry.machine_class}: {entry.environment.cpu_model}",
        f"verdict  {_verdict(entry)}" + (f", accepted: {entry.accepted}" if entry.accepted else ""),
        f"requests {fmt.accounting_equation(entry.accounting)}",
    ]
    rows = [
        (
            fmt.scope_label(result.test_type, level),
            fmt.metric_label(metric.name),
            fmt.metric_with_interval(metric),
            fmt.count(metric.n),
        )
        for result in entry.test_types
        for level, metric in _measured(result)
    ]
    grid = tabulate(
        rows, headers=("test type", "metric", "value", "n"), tablefmt="simple", disable_numparse=True
    )
    return "\n".join((*lines, "", grid))


def _measured(result: BaselineTestType) -> list[tuple[str | None, Metric]]:
    """What was measured at each level, and of all of them together what is judged so."""
    of_all = [(None, m) for m in result.metrics if not (result.levels and is_levelled(m.name))]
    by_load = sorted(result.levels, key=lambda each: float(each.level.split()[0]))
    return [
        *of_all,
        *((each.level, m) for each in by_load for m in each.metrics if is_levelled(m.name)),
    ]


def _value(entry: BaselineEntry, test_type: TestType, name: MetricName) -> str:
    found = entry.test_type(test_type)
    highest = most_loaded(level.level for level in found.levels) if found else None
    at_highest = found.at_level(highest) if found and highest else None
    if at_highest is not None:
        return f"{fmt.metric_value(at_highest.metric(name))} ({highest})"
    return fmt.metric_value(found.metric(name) if found else None)


def _verdict(entry: BaselineEntry) -> str:
    return VERDICTS[entry.verdict].label if entry.verdict else "not judged"
