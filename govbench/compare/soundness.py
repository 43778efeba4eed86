"""Whether a run may be judged at all: what is wrong with it, so that no verdict may rest on it."""

from __future__ import annotations

from govbench.results.metrics import MetricName
from govbench.results.run import RunStatus, RunSummary

# How late the requests of an open loop may be (p99): their response times count from when they were due, so
# what the generator adds must stay small beside them.
MAX_DELAY_MS = 10.0
MAX_DELAY_SHARE = 0.01  # of the median response time


def run_fault(summary: RunSummary, *, whose: str = "the run") -> str | None:
    """Why no verdict may rest on a run, or None: failed, cut short, unbalanced, saturated, late, or empty."""
    note = f": {summary.run.note}" if summary.run.note else ""
    lost = summary.accounting.lost
    late = _late_phase(summary, whose)
    faults = (
        (summary.run.status is RunStatus.FAILED, f"{whose} failed{note}"),
        (summary.run.status is RunStatus.INTERRUPTED, f"{whose} was interrupted before its end"),
        (lost != 0, f"{lost} requests of {whose} were sent and left no record"),
        (not summary.accounting.balanced, f"the requests of {whose} do not add up"),
        (
            summary.generator.saturated,
            f"the load generator was the bottleneck of {whose}; use --workers, or fewer users",
        ),
        (late is not None, late or ""),
        (not any(t.metrics for t in summary.test_types), f"{whose} measured nothing"),
    )
    return next((reason for found, reason in faults if found), None)


def _late_phase(summary: RunSummary, whose: str) -> str | None:
    """Of an open loop that did not keep to its schedule: which phase, how late, what to do."""
    for result in summary.phases:
        delay_ms, median = result.scheduling_delay_p99_ms, result.metric(MetricName.RESPONSE_TIME_P50)
        allowed_ms = max(MAX_DELAY_MS, MAX_DELAY_SHARE * median.value if median else 0.0)
        if delay_ms is not None and delay_ms > allowed_ms:
            return (
                f"requests of {whose} went out late in phase {result.phase.name}: p99 of the scheduling delay"
                f" is {delay_ms:.1f} ms, allowed are {allowed_ms:.1f} ms;"
                " use --workers, a lower rate, or a higher --max-in-flight"
            )
    return None


def no_success(summary: RunSummary) -> str | None:
    """Said of a run that nothing can be held against: then no comparison shows that all of it failed."""
    return None if summary.accounting.ok else "no request of the run succeeded"
