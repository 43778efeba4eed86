"""The report as JUnit XML, for CI systems that show tests. Which verdicts fail is decided by the caller.

One case for the run as a whole, one for every finding and every threshold. Names and classes stay the same
from run to run, so that a CI system can show the history of a case.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from junit_xml import TestCase, TestSuite

from govbench.report import circumstances, tables
from govbench.report import format as fmt
from govbench.report.explanations import explained
from govbench.results.comparison import Comparison, Finding, Results, ThresholdResult, ThresholdState, Verdict
from govbench.results.run import RunStatus

DEFAULT_FAIL_ON = frozenset({Verdict.REGRESSION, Verdict.INVALID})
_SKIPPED = frozenset({Verdict.NO_BASELINE, Verdict.NOT_COMPARABLE})


def render(results: Results, *, fail_on: frozenset[Verdict] = DEFAULT_FAIL_ON) -> str:
    """The document, with an XML declaration.

    A gated regression and a missed threshold are a ``failure``, a gated invalid measurement an ``error``.
    No baseline, not comparable and a threshold without a measurement are ``skipped``; an inconclusive
    finding passes and says so. Where ``fail_on`` names one of these, it is a ``failure``. Advisory
    findings pass whatever they say. A verdict that fails the job always has a case that fails.
    """
    comparison = results.comparison
    cases = []
    if comparison is not None:
        cases += [_finding_case(f, _suite_name(results), fail_on) for f in comparison.findings]
        cases += [_threshold_case(t, _suite_name(results)) for t in comparison.thresholds]
    broken = any(case.is_failure() or case.is_error() for case in cases)
    suite = TestSuite(
        name=_suite_name(results),
        test_cases=[_run_case(results, fail_on, explained=broken), *cases],
        timestamp=_timestamp(results.summary.run.started_at),
        properties=_properties(results),
    )
    return _document(suite)


def _run_case(results: Results, fail_on: frozenset[Verdict], *, explained: bool) -> TestCase:
    """The case of the whole run: an error where nothing sound was measured or the run broke off."""
    summary, comparison = results.summary, results.comparison
    headline = fmt.headline(results)
    case = TestCase(
        "run",
        classname=_suite_name(results),
        elapsed_sec=summary.run.duration_s,
        stdout=f"{headline}\n{fmt.accounting_equation(summary.accounting)}",
        stderr="\n".join(map(fmt.one_line, summary.warnings)),
    )
    verdict = None if comparison is None else comparison.verdict
    if (
        verdict is Verdict.INVALID
        or summary.run.status is not RunStatus.COMPLETED
        or not summary.accounting.ok
    ):
        case.add_error_info(message=headline, error_type=Verdict.INVALID.value)
    elif not explained and (verdict is Verdict.REGRESSION or verdict in fail_on):
        case.add_failure_info(message=headline, failure_type=verdict.value)
    return case


def _finding_case(finding: Finding, suite: str, fail_on: frozenset[Verdict]) -> TestCase:
    of = fmt.test_type_label(finding.test_type)
    case = TestCase(
        fmt.metric_label(finding.metric),
        classname=f"{suite}.{finding.test_type.value}",
    )
    verdict = finding.verdict
    message = f"{fmt.metric_label(finding.metric)} of {of}: {tables.verdict_cell(finding)}"
    if finding.change is not None:
        message += f", {fmt.change(finding.change)}"
    if finding.gated and verdict is Verdict.INVALID:
        case.add_error_info(message=message, output=_finding_text(finding), error_type=verdict.value)
    elif finding.gated and not finding.accepted and (verdict is Verdict.REGRESSION or verdict in fail_on):
        case.add_failure_info(message=message, output=_finding_text(finding), failure_type=verdict.value)
    else:
        case.stdout = _finding_text(finding)
        if verdict in _SKIPPED:
            case.add_skipped_info(message=f"{fmt.verdict_label(verdict)}: {fmt.one_line(finding.reason)}")
    return case


def _finding_text(finding: Finding) -> str:
    return "\n".join(
        [
            f"verdict: {tables.verdict_cell(finding)}",
            f"reason: {fmt.finding_reason(finding)}",
            f"base: {fmt.metric_with_interval(finding.baseline)}",
            f"head: {fmt.metric_with_interval(finding.candidate)}",
            f"change: {fmt.change(finding.change)}",
            f"n: {tables.observations(finding)}",
            f"margin: {fmt.margin(finding)}",
            f"detectable from: {fmt.effect(finding)}",
            *(f"moved with it: {text}" for one in explained([finding]) for text in one.sentences),
        ]
    )


def _threshold_case(threshold: ThresholdResult, suite: str) -> TestCase:
    scope = "" if threshold.test_type is None else f".{threshold.test_type.value}"
    bound = fmt.threshold_bound(threshold.metric, threshold.bound)
    text = fmt.threshold_in_words(threshold)
    source = f"\nset by: {fmt.one_line(threshold.source)}" if threshold.source else ""
    case = TestCase(f"{fmt.metric_label(threshold.metric)} {bound}", classname=f"{suite}.thresholds{scope}")
    if threshold.state is ThresholdState.MISSED:
        case.add_failure_info(message=text, output=text + source, failure_type="threshold")
        return case
    case.stdout = text + source
    if threshold.state is ThresholdState.NOT_MEASURED:
        case.add_skipped_info(message=text)
    return case


def _suite_name(results: Results) -> str:
    return f"govbench.{fmt.one_line(results.summary.run.suite)}"


def _properties(results: Results) -> dict[str, str]:
    summary, comparison = results.summary, results.comparison
    run = summary.run
    sides = circumstances.side_count(summary)
    found = {
        "run": run.id,
        "status": run.status.value,
        "profile": run.profile,
        "suite_version": run.suite_version,
        "seed": str(run.seed),
        "region": run.region,
        "commit": summary.provenance.commit,
        "machine_class": summary.environment.machine_class,
        "govbench_version": run.govbench_version,
        **{circumstances.side_name(side, sides): target.name for side, target in enumerate(summary.targets)},
        **(_verdict_properties(comparison) if comparison is not None else {}),
    }
    return {key: fmt.one_line(value) for key, value in found.items() if value is not None}


def _verdict_properties(comparison: Comparison) -> dict[str, str | None]:
    return {
        "verdict": comparison.verdict.value,
        "reason": comparison.reason,
        "method": comparison.method.value,
        "baseline": None if comparison.baseline is None else comparison.baseline.label,
    }


def _timestamp(started_at: str) -> str:
    """ISO 8601 in UTC without an offset, as the schema of Surefire's and Ant's reports asks."""
    return datetime.fromisoformat(started_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _document(suite: TestSuite) -> str:
    """The XML text. The schema that Jenkins holds reports against knows no ``disabled``, so it goes."""
    element: ET.Element = suite.build_xml_doc()
    element.attrib.pop("disabled")
    root = ET.Element(
        "testsuites", {key: element.attrib[key] for key in ("tests", "failures", "errors", "time")}
    )
    root.append(element)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
