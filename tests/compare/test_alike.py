"""Which measurements compare, decided per test type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govbench.compare.alike import apart_from, fitting, is_alike, planned_types
from govbench.compare.calibration import InForce
from govbench.compare.compare import compare_runs
from govbench.compare.confirmation import again_of
from govbench.compare.history import all_histories
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry, BaselineTestType
from govbench.results.comparison import Finding, Reference, Verdict
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.results.versions import PlanVersion

BASELINE, CONCURRENT = TestType.BASELINE, TestType.CONCURRENT
CONFIG, STORED = CompareConfig(), Reference(label="stored")
EMBEDDED = {
    name: PlanVersion(hash=f"{name}-1", settings={"target": "embedded", "api": "govstack"})
    for name in ("baseline", "concurrent")
}
URL = {
    name: PlanVersion(hash=f"{name}-2", settings={"target": "url, this machine", "api": "govstack"})
    for name in ("baseline", "concurrent")
}
Build = Callable[..., Any]


@pytest.fixture
def run(summary: Build, usual: Build) -> Callable[..., RunSummary]:
    def build(p50: float = 100.0, **changes: Any) -> RunSummary:
        both = {BASELINE: usual(p50), CONCURRENT: usual(p50)}
        made: RunSummary = summary(both, **{"versions": EMBEDDED, **changes})
        return made

    return build


@pytest.fixture
def stored(entry: Build, usual: Build) -> Callable[..., BaselineEntry]:
    def build(p50: float = 100.0, number: int = 0, **changes: Any) -> BaselineEntry:
        made: BaselineEntry = entry(usual(p50), number=number, **{"versions": EMBEDDED, **changes})
        more = BaselineTestType(test_type=CONCURRENT, metrics=made.test_types[0].metrics)
        return replace(made, test_types=(*made.test_types, more))

    return build


def of_type(findings: tuple[Finding, ...], test_type: TestType) -> set[Verdict]:
    return {finding.verdict for finding in findings if finding.test_type is test_type}


def test_a_run_of_another_kind_of_target_never_compares(run: Build, stored: Build) -> None:
    candidate = run(300.0, versions=URL)
    assert not is_alike(stored(), candidate)

    compared = compare_window([stored()], STORED, candidate, CONFIG)
    assert compared.verdict is Verdict.NOT_COMPARABLE
    assert "different plans: target embedded and url, this machine" in compared.reason
    apart = compare_runs(run(), candidate, CONFIG)
    assert apart.verdict is Verdict.NOT_COMPARABLE
    assert "different plans: target embedded and url, this machine" in apart.reason


def test_one_test_type_compares_where_the_other_does_not(run: Build, stored: Build) -> None:
    mixed = {**EMBEDDED, "concurrent": PlanVersion(hash="other", settings={"phases": "concurrent_5 1 s"})}
    slow = run(300.0, versions=mixed)
    by_window = compare_window([stored()], STORED, slow, CONFIG, again=again_of(slow))
    apart = compare_runs(run(), run(300.0, versions=mixed), CONFIG)

    for compared in (by_window, apart):
        assert Verdict.REGRESSION in of_type(compared.findings, BASELINE)
        assert of_type(compared.findings, CONCURRENT) == {Verdict.NOT_COMPARABLE}
        assert compared.verdict is Verdict.REGRESSION
    unchanged = compare_window([stored()], STORED, run(versions=mixed), CONFIG)
    assert unchanged.verdict is not Verdict.PASS
    assert any("phases not set and concurrent_5 1 s" in f.reason for f in unchanged.findings)


def test_a_test_type_that_nobody_has_stored_is_without_a_baseline(
    run: Build, entry: Build, usual: Build
) -> None:
    window = [entry(usual(), versions={"baseline": EMBEDDED["baseline"]})]
    compared = compare_window(window, STORED, run(), CONFIG)

    assert of_type(compared.findings, CONCURRENT) == {Verdict.NO_BASELINE}
    assert compared.verdict is Verdict.NO_BASELINE or compared.verdict is Verdict.INCONCLUSIVE


def test_a_test_type_that_was_not_to_be_measured_is_no_gap(
    summary: Build, usual: Build, stored: Build
) -> None:
    candidate = summary({BASELINE: usual()}, versions={"baseline": EMBEDDED["baseline"]})

    assert planned_types(candidate) == {BASELINE}
    compared = compare_window([stored()], STORED, candidate, CONFIG)
    assert {finding.test_type for finding in compared.findings} == {BASELINE}


def test_a_planned_test_type_that_measured_nothing_is_a_gap(
    summary: Build, usual: Build, stored: Build
) -> None:
    candidate = summary({BASELINE: usual()}, versions=EMBEDDED)
    compared = compare_window([stored()], STORED, candidate, CONFIG)

    assert Verdict.INVALID in of_type(compared.findings, CONCURRENT)
    assert compared.verdict is Verdict.INVALID


def test_what_was_stored_before_test_types_had_versions_compares_by_its_load_and_says_so(
    run: Build, stored: Build
) -> None:
    window = [
        stored(number=0, versions={}),
        stored(number=1, versions={}, suite_version="0"),
        stored(number=2),
    ]
    fit = fitting(window, run())

    assert [entry.run_id for entry in fit.entries] == ["run-0", "run-2"]
    assert fit.unversioned == 1
    notes = compare_window(window, STORED, run(), CONFIG).notes
    assert any("1 of 2 stored runs do not say what their target was" in note for note in notes)
    assert fitting(window, run(versions={})).unversioned == 0


def test_another_profile_is_another_plan(run: Build, stored: Build) -> None:
    compared = compare_window([stored(profile="full")], STORED, run(), CONFIG)
    assert "different plans: profile full and quick" in compared.reason


def test_a_test_type_apart_is_said_of_two_runs(run: Build) -> None:
    assert apart_from(run(), run()) == {}
    only = run(versions={"baseline": EMBEDDED["baseline"]})
    assert apart_from(only, run())[CONCURRENT][0] is Verdict.NO_BASELINE


def test_a_history_holds_what_compares(stored: Build) -> None:
    mixed = {**EMBEDDED, "concurrent": URL["concurrent"]}
    entries = [stored(number=i, versions=mixed if i < 2 else EMBEDDED) for i in range(5)]
    found = [
        (history.test_type, len(history.points))
        for history in all_histories(entries, CONFIG, lambda *_: InForce())
        if history.metric.value == "response_time_p50_ms"
    ]
    assert sorted(found) == [(BASELINE, 5), (CONCURRENT, 2), (CONCURRENT, 3)]
