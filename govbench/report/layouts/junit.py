"""The cases of a report as JUnit XML, for CI systems that show tests. Decides nothing, see ``document.py``.

Names and classes of the cases stay the same from run to run, so that a CI system can show their history.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from junit_xml import TestCase, TestSuite

from govbench.report.document import Case, Document
from govbench.report.layouts.plain import printable, printable_lines
from govbench.results.conclusion import Weight

NAMESPACE = "govbench"


def render(document: Document) -> str:
    """The document, with an XML declaration.

    What ends the command with 1 is a ``failure`` here, what ends it with 3 an ``error``, and what says
    nothing is ``skipped``.
    """
    suite = TestSuite(
        name=f"{NAMESPACE}.{printable(document.suite)}",
        test_cases=[_case(case) for case in document.cases],
        timestamp=_timestamp(document.started_at),
        properties={printable(name): printable(value) for name, value in document.properties},
    )
    element: ET.Element = suite.build_xml_doc()
    element.attrib.pop("disabled")  # the schema that Jenkins holds reports against does not know it
    element.attrib["time"] = f"{float(element.attrib['time']):.6f}"  # a decimal, never 1e-05
    counts = {key: element.attrib[key] for key in ("tests", "failures", "errors", "time")}
    root = ET.Element("testsuites", counts)
    root.append(element)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(case: Case) -> TestCase:
    """The case, with its text as output of what failed or else of the case itself."""
    made = TestCase(
        _label(case.name, "case"),
        classname=_label(case.classname, NAMESPACE),
        elapsed_sec=case.seconds,
        stderr=_lines(case.errors),
    )
    kind, text = _label(case.kind, case.weight.value), _lines(case.text)
    message = _label(case.message, kind)
    match case.weight:
        case Weight.FAILURE:
            made.add_failure_info(message=message, output=text, failure_type=kind)
        case Weight.ERROR:
            made.add_error_info(message=message, output=text, error_type=kind)
        case Weight.SKIPPED:
            made.add_skipped_info(message=message)
            made.stdout = text
        case Weight.OK:
            made.stdout = text
    return made


def _label(text: str, otherwise: str) -> str:
    """One line that is not empty: what an attribute has to be."""
    return printable(text).strip() or otherwise


def _lines(text: str) -> str:
    return "\n".join(printable_lines(text))


def _timestamp(started_at: str) -> str:
    """ISO 8601 in UTC without an offset, as the schema of Surefire's and Ant's reports asks."""
    return datetime.fromisoformat(started_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
