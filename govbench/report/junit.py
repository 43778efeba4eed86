"""The report as JUnit XML, for CI systems that show tests. What fails is decided by the caller.

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
from govbench.results.comparison import Comparison, Finding, Results, ThresholdResult
from govbench.results.conclusion import Conclusion, Weight


def render(results: Results, conclusion: Conclusion) -> str:
    """The document, with an XML declaration.

    ``conclusion`` says of every finding, every threshold and the run itself what it is: what ends the command
    with 1 is a ``failure`` here, what ends it with 3 an ``error``, and what says nothing is ``skipped``.
    """
    comparison, suite = results.comparison, _suite_name(results)
    cases = [_run_case(results, conclusion)]
    if comparison is not None:
        pairs = zip(comparison.findings, conclusion.findings, strict=True)
        cases += [_finding_case(finding, suite, weight) for finding, weight in pairs]
        bounds = zip(comparison.thresholds, conclusion.thresholds, strict=True)
        cases += [_threshold_case(threshold, suite, weight) for threshold, weight in bounds]
    return _document(
        TestSuite(
            name=suite,
            test_cases=cases,
            timestamp=_timestamp(results.summary.run.started_at),
            properties=_properties(results),
        )
    )


def _run_case(results: Results, conclusion: Conclusion) -> TestCase:
    """The case of the whole run: what none of the other cases shows."""
    summary = results.summary
    headline = fmt.headline(results)
    case = TestCase(
        "run",
        classname=_suite_name(results),
        elapsed_sec=summary.run.duration_s,
        stdout=f"{headline}\n{fmt.accounting_equation(summary.accounting)}",
        stderr="\n".join(map(fmt.one_line, summary.warnings)),
    )
    _weigh(case, conclusion.run, headline, kind=conclusion.verdict.value)
    return case


def _finding_case(finding: Finding, suite: str, weight: Weight) -> TestCase:
    of = fmt.scope_label(finding.test_type, finding.level)
    case = TestCase(
        fmt.metric_label(finding.metric),
        classname=f"{suite}.{finding.test_type.value}",
    )
    verdict = finding.verdict
    message = f"{fmt.metric_label(finding.metric)} of {of}: {tables.verdict_cell(finding)}"
    if finding.change is not None:
        message += f", {fmt.change(finding.change)}"
    if weight is Weight.SKIPPED:
        message = f"{fmt.verdict_label(verdict)}: {fmt.one_line(finding.reason)}"
    _weigh(case, weight, message, kind=verdict.value, text=_finding_text(finding))
    return case


def _weigh(case: TestCase, weight: Weight, message: str, *, kind: str, text: str | None = None) -> None:
    """Make the case what it weighs, with its text as output of what failed or of the case itself."""
    match weight:
        case Weight.FAILURE:
            case.add_failure_info(message=message, output=text, failure_type=kind)
            return
        case Weight.ERROR:
            case.add_error_info(message=message, output=text, error_type=kind)
            return
        case Weight.SKIPPED:
            case.add_skipped_info(message=message)
        case Weight.OK:
            pass
    if text is not None:
        case.stdout = text


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


def _threshold_case(threshold: ThresholdResult, suite: str, weight: Weight) -> TestCase:
    scope = "" if threshold.test_type is None else f".{threshold.test_type.value}"
    bound = fmt.threshold_bound(threshold.metric, threshold.bound)
    text = fmt.threshold_in_words(threshold)
    source = f"\nset by: {fmt.one_line(threshold.source)}" if threshold.source else ""
    case = TestCase(f"{fmt.metric_label(threshold.metric)} {bound}", classname=f"{suite}.thresholds{scope}")
    _weigh(case, weight, text, kind="threshold", text=text + source)
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
