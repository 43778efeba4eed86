"""Whether two measurements compare: same machine class, profile, and version of the test type.

The only place that decides it; what then follows from the figures is not its business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Verdict
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.results.versions import PlanVersions, difference


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredUnder:
    """What a run or a stored run was measured under."""

    machine_class: str
    profile: str
    suite_version: str
    versions: PlanVersions


def of_run(summary: RunSummary) -> MeasuredUnder:
    """What a run was measured under."""
    return MeasuredUnder(
        machine_class=summary.environment.machine_class,
        profile=summary.run.profile,
        suite_version=summary.run.suite_version,
        versions=summary.run.versions,
    )


def of_entry(entry: BaselineEntry) -> MeasuredUnder:
    """What a stored run was measured under."""
    return MeasuredUnder(
        machine_class=entry.machine_class,
        profile=entry.profile,
        suite_version=entry.suite_version,
        versions=entry.versions,
    )


def unlike(one: MeasuredUnder, other: MeasuredUnder, test_type: TestType) -> str | None:
    """What makes a test type of two measurements incomparable, or None.

    Where one of them was written before test types had versions of their own, the load of all of them counts.
    """
    if one.machine_class != other.machine_class:
        return f"measured on different machine classes: {one.machine_class} and {other.machine_class}"
    versions = one.versions.get(test_type.value), other.versions.get(test_type.value)
    parts = []
    if versions[0] is None or versions[1] is None:
        if (one.profile, one.suite_version) != (other.profile, other.suite_version):
            parts = [f"{one.profile} ({one.suite_version}) and {other.profile} ({other.suite_version})"]
    else:
        if one.profile != other.profile:
            parts = [f"profile {one.profile} and {other.profile}"]
        parts += filter(None, [difference(versions[0], versions[1])])
    return f"measured with different plans: {', '.join(parts)}" if parts else None


# Test types of a run that have nothing to be compared with: the verdict on all their metrics, and why.
Apart = Mapping[TestType, tuple[Verdict, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The stored runs that a run compares with, newest first, each with the test types that compare only.

    ``apart`` are the test types for which none does. ``unversioned`` counts the entries that were taken by
    the load of all test types alone, because they were written before these had versions of their own.
    """

    entries: tuple[BaselineEntry, ...]
    apart: Apart
    unversioned: int


def fitting(window: Sequence[BaselineEntry], candidate: RunSummary) -> Fitting:
    """Which stored runs a run compares with, each in what is alike; which level counts is ``reference.py``'s.

    Args:
        window: newest first.
        candidate: the run under judgement.
    """
    here = of_run(candidate)
    alike: list[BaselineEntry] = []
    for entry in window:
        found = alike_part(entry, here)
        if found is not None:
            alike.append(found)
    compared = {result.test_type for entry in alike for result in entry.test_types}
    missing = {kind for kind in planned_types(candidate) if kind not in compared}
    return Fitting(
        entries=tuple(alike),
        apart=_apart([(of_entry(e), {t.test_type for t in e.test_types}) for e in window], here, missing),
        unversioned=sum(not entry.versions for entry in alike) if here.versions else 0,
    )


def apart_from(baseline: RunSummary, candidate: RunSummary) -> Apart:
    """Which test types of a run do not compare with those of another."""
    measured = {result.test_type for result in baseline.test_types}
    return _apart([(of_run(baseline), measured)], of_run(candidate), planned_types(candidate))


def _apart(
    others: Sequence[tuple[MeasuredUnder, Collection[TestType]]],
    here: MeasuredUnder,
    test_types: Collection[TestType],
) -> Apart:
    """Why test types have no counterpart in others, newest first; one that was planned there has one."""
    found = {}
    for kind in sorted(test_types):
        reasons = [unlike(there, here, kind) for there, measured in others if kind in measured]
        said = next(filter(None, reasons), None)
        if said is not None:
            found[kind] = (Verdict.NOT_COMPARABLE, said)
        elif here.versions and all(o.versions and kind.value not in o.versions for o, _ in others):
            found[kind] = (Verdict.NO_BASELINE, f"the base has no test type {kind}")
    return found


def alike_part(entry: BaselineEntry, here: MeasuredUnder) -> BaselineEntry | None:
    """A stored run with those of its test types that compare; None where none does."""
    there = of_entry(entry)
    parts = tuple(each for each in entry.test_types if unlike(there, here, each.test_type) is None)
    return replace(entry, test_types=parts) if parts else None


def is_alike(entry: BaselineEntry, candidate: RunSummary) -> bool:
    """Whether any test type of a stored run compares with a run."""
    return alike_part(entry, of_run(candidate)) is not None


def planned_types(summary: RunSummary) -> Collection[TestType]:
    """The test types that a run was to measure; all there are where it does not say."""
    planned = {test_type for test_type in TestType if test_type.value in summary.run.versions}
    return planned or set(TestType)


def unlike_entries(window: Sequence[BaselineEntry], candidate: RunSummary) -> str:
    """Why none of the stored runs compares with a run: what sets the newest of its machine class apart."""
    here = of_run(candidate)
    fit = [entry for entry in window if entry.machine_class == here.machine_class]
    if not fit:
        classes = ", ".join(dict.fromkeys(entry.machine_class for entry in window))
        return f"measured on different machine classes: {classes} and {here.machine_class}"
    kinds = [kind for kind in planned_types(candidate) if fit[0].test_type(kind)]
    reasons = [unlike(of_entry(fit[0]), here, kind) for kind in sorted(kinds)]
    said = next(filter(None, reasons), None)
    names = ", ".join(sorted(planned_types(candidate)))
    return said or f"the stored runs have none of the test types of this run: {names}"
