"""The cases of a report: what fails, what is an error, what says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree

from govbench.compare.conclude import DEFAULT_FAIL_ON
from govbench.results.comparison import Results, Verdict
from govbench.results.run import RunStatus
from tests.report.rendering import in_junit as rendered

SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parent / "junit.xsd")))


def outcomes(text: str) -> dict[tuple[str, str], type | None]:
    """Class and name of each case, and the kind of its outcome, as a consumer reads them."""
    return {
        (case.classname.rpartition(".")[2], case.name): type(case.result[0]) if case.result else None
        for suite in JUnitXml.fromstring(text.encode())
        for case in suite
    }


@pytest.fixture(params=["results", "run_only", "failed_run", "invalid", "passing"])
def document(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_every_document_is_valid(document: Results) -> None:
    SCHEMA.assertValid(etree.fromstring(rendered(document).encode()))


def test_a_consumer_reads_the_counts(results: Results) -> None:
    document = JUnitXml.fromstring(rendered(results).encode())
    assert (document.tests, document.failures, document.errors) == (19, 4, 0)


def test_only_gated_findings_and_missed_thresholds_fail(results: Results) -> None:
    found = outcomes(rendered(results))
    assert {case for case, kind in found.items() if kind is Failure} == {
        ("baseline", "response time p50"),
        ("concurrent", "response time p50"),
        ("concurrent", "throughput"),
        ("concurrent", "response time p95 at most 200 ms"),
    }
    assert found["baseline", "throughput"] is Skipped  # no baseline
    assert found["concurrent", "target CPU per request"] is Skipped  # not comparable
    assert found["thresholds", "target memory peak at most 512 MiB"] is Skipped
    assert found["baseline", "time to first token p50"] is None  # inconclusive
    assert found["baseline", "response time p99"] is None  # invalid, and advisory


def test_fail_on_makes_more_verdicts_fail(results: Results) -> None:
    fail_on = DEFAULT_FAIL_ON | {Verdict.INCONCLUSIVE, Verdict.NO_BASELINE}
    found = outcomes(rendered(results, fail_on))
    assert found["baseline", "time to first token p50"] is Failure
    assert found["baseline", "throughput"] is Failure


def test_an_invalid_run_is_an_error_and_its_findings_say_nothing(invalid: Results) -> None:
    found = outcomes(rendered(invalid))
    assert found["govstack | <chat>", "run"] is Error
    assert {kind for (_, name), kind in found.items() if name != "run"} == {Skipped}


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.FAILED])
def test_a_run_that_broke_off_is_an_error(run_only: Results, status: RunStatus) -> None:
    run = replace(run_only.summary.run, status=status)
    broken = replace(run_only, summary=replace(run_only.summary, run=run))
    assert set(outcomes(rendered(broken)).values()) == {Error}


def test_a_run_with_nothing_to_compare_passes(run_only: Results) -> None:
    assert set(outcomes(rendered(run_only)).values()) == {None}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"fault": "the control is not flat"}, Error),
        ({"base_failure": "git:main does not build"}, Error),
        ({"findings": (), "thresholds": ()}, Error),
        ({"findings": (), "thresholds": (), "baseline": None}, Failure),
    ],
)
def test_what_fails_the_job_and_no_part_shows_fails_the_run(
    passing: Results, changes: dict[str, Any], kind: type
) -> None:
    assert passing.comparison is not None
    fails = replace(passing, comparison=replace(passing.comparison, **changes))
    found = outcomes(rendered(fails, DEFAULT_FAIL_ON | {Verdict.NO_BASELINE}))
    assert next(kind for (_, name), kind in found.items() if name == "run") is kind


def test_a_crooked_measurement_has_no_failure_and_one_error(results: Results) -> None:
    """Its findings are shown, and none of them counts."""
    assert results.comparison is not None
    crooked = replace(results, comparison=replace(results.comparison, fault="the control is not flat"))
    document = JUnitXml.fromstring(rendered(crooked).encode())
    assert (document.failures, document.errors) == (0, 1)
    assert document.tests == len(outcomes(rendered(results)))


def test_names_do_not_change_with_the_numbers(results: Results, invalid: Results) -> None:
    assert outcomes(rendered(results)).keys() == outcomes(rendered(invalid)).keys()


def test_characters_that_xml_forbids_are_left_out(results: Results) -> None:
    assert results.comparison is not None
    reason = "a\x00b\x1b[0m\x08c\ufffe\ud800 ]]> d"
    finding = replace(results.comparison.findings[0], reason=reason)
    text = rendered(replace(results, comparison=replace(results.comparison, findings=(finding,))))
    root = etree.fromstring(text.encode())
    SCHEMA.assertValid(root)
    assert "reason: ab[0mc ]]> d" in str(root.findtext(".//failure"))
