"""A regression that a person accepted, in every report: still seen as one, and no failure."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from junitparser import Failure, JUnitXml

from govbench.report import format as fmt
from govbench.report.headline import strongest, tallies
from govbench.report.words import finding_mark
from govbench.results.comparison import Comparison, Finding, Results, Verdict
from tests.report.rendering import in_junit, in_markdown, in_terminal, page

SAID = "by commit 0123abcde: *safer* <answers>"


@pytest.fixture
def accepted(results: Results) -> Results:
    """Every gated regression accepted but the strongest; thresholds as they were."""
    assert results.comparison is not None
    first = strongest(results.comparison, Verdict.REGRESSION)[0]
    findings = tuple(
        replace(f, accepted=SAID) if f.gated and f.verdict is Verdict.REGRESSION and f != first else f
        for f in results.comparison.findings
    )
    return replace(results, comparison=replace(results.comparison, findings=findings))


def accepted_of(results: Results) -> tuple[Finding, ...]:
    assert results.comparison is not None
    found = tuple(f for f in results.comparison.findings if f.accepted)
    assert found
    return found


def comparison_of(results: Results) -> Comparison:
    assert results.comparison is not None
    return results.comparison


def test_the_headline_counts_what_was_not_accepted(results: Results, accepted: Results) -> None:
    before = strongest(comparison_of(results), Verdict.REGRESSION)
    after = strongest(comparison_of(accepted), Verdict.REGRESSION)
    assert after == before[:1]
    assert tallies(accepted)[0].startswith("1 of ")
    assert tallies(accepted)[0].endswith(f"{len(before) - 1} regressed and accepted")


def test_the_verdict_stays_visible(accepted: Results) -> None:
    for finding in accepted_of(accepted):
        assert finding_mark(finding).label == "regression (accepted)"
        assert fmt.finding_reason(finding) == f"{fmt.one_line(finding.reason)}; accepted {SAID}"


def test_the_terminal(accepted: Results) -> None:
    assert in_terminal(accepted).count("regression (accepted)") == len(accepted_of(accepted))


def test_markdown_escapes_the_reason(accepted: Results) -> None:
    text = in_markdown(accepted)
    assert text.count("regression (accepted)") >= len(accepted_of(accepted))
    assert "accepted by commit 0123abcde" in text
    assert "*safer*" not in text.replace("\\*", "")
    assert "<answers>" not in text


def test_the_page_escapes_the_reason(accepted: Results) -> None:
    text = page(accepted)
    assert text.count("regression (accepted)") == len(accepted_of(accepted))
    assert "accepted by commit 0123abcde: *safer* &lt;answers&gt;" in text


def test_junit_does_not_fail(results: Results, accepted: Results) -> None:
    def failures(document: Results) -> int:
        suites = JUnitXml.fromstring(in_junit(document).encode())
        return sum(isinstance(r, Failure) for suite in suites for case in suite for r in case.result)

    assert failures(accepted) == failures(results) - len(accepted_of(accepted))
    assert re.search(r"reason: .*; accepted by commit 0123abcde", in_junit(accepted))
