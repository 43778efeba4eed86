"""Whether runs may be judged and compared at all: what is wrong with one, what sets two apart."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Verdict
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


def unlike_run(baseline: RunSummary, candidate: RunSummary) -> str | None:
    """What makes two runs incomparable, or None."""
    if baseline.environment.machine_class != candidate.environment.machine_class:
        return _other_machine(baseline.environment.machine_class, candidate)
    if _plan_of(baseline) != _plan_of(candidate):
        return _other_plan([_plan_of(baseline)], candidate)
    return None


def alike_entries(window: Sequence[BaselineEntry], candidate: RunSummary) -> tuple[BaselineEntry, ...]:
    """The stored runs that a run compares with: same machine class and plan, since the last accepted change.

    A regression that a person accepted begins a new level; what lies before it is another system.

    Args:
        window: newest first.
        candidate: the run under judgement.
    """
    alike = []
    for entry in window:
        if is_alike(entry, candidate):
            alike.append(entry)
            if entry.accepted is not None and entry.verdict is Verdict.REGRESSION:
                break
    return tuple(alike)


def is_alike(entry: BaselineEntry, candidate: RunSummary) -> bool:
    """Whether a stored run was measured on the machine class and with the plan of a run."""
    return entry.machine_class == candidate.environment.machine_class and _plan(entry) == _plan_of(candidate)


def unlike_window(window: Sequence[BaselineEntry], candidate: RunSummary) -> str:
    """Why none of the stored runs compares with a run."""
    here = [e for e in window if e.machine_class == candidate.environment.machine_class]
    if here:
        return _other_plan([_plan(entry) for entry in here], candidate)
    return _other_machine(", ".join(dict.fromkeys(e.machine_class for e in window)), candidate)


def _plan_of(summary: RunSummary) -> tuple[str, str]:
    return summary.run.profile, summary.run.suite_version


def _plan(entry: BaselineEntry) -> tuple[str, str]:
    return entry.profile, entry.suite_version


def _other_machine(classes: str, candidate: RunSummary) -> str:
    return f"measured on different machine classes: {classes} and {candidate.environment.machine_class}"


def _other_plan(plans: Sequence[tuple[str, str]], candidate: RunSummary) -> str:
    """Profile and suite version of both sides, each plan once."""
    baseline = ", ".join(f"{profile} ({version})" for profile, version in dict.fromkeys(plans))
    profile, version = _plan_of(candidate)
    return f"measured with different plans: {baseline} and {profile} ({version})"
