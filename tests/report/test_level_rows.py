"""Findings that name a level: what each report says of it and of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.report import format as fmt
from govbench.report.document import Section, Table
from govbench.report.sections import judged, measured
from govbench.report.words import VERDICTS
from govbench.results.comparison import Finding, LevelFinding, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from tests.report.rendering import in_junit, in_markdown, in_terminal, page


@pytest.fixture
def levelled(results: Results) -> Results:
    """The same results with the regression of concurrent found at its highest level alone."""
    comparison = results.comparison
    assert comparison is not None
    return replace(
        results,
        comparison=replace(comparison, findings=tuple(_with_levels(each) for each in comparison.findings)),
    )


def _with_levels(finding: Finding) -> Finding:
    key = finding.test_type, finding.metric
    if key != (TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50):
        return finding
    levels = tuple(
        LevelFinding(
            level=level,
            verdict=verdict,
            reason="as told",
            baseline=finding.baseline,
            candidate=finding.candidate,
            change=finding.change,
        )
        for level, verdict in (("5 users", Verdict.PASS), ("10 users", finding.verdict))
    )
    return replace(finding, level="10 users", levels=levels)


def p50(results: Results) -> Finding:
    assert results.comparison is not None
    (found,) = (f for f in results.comparison.findings if f.levels)
    return found


def test_every_report_names_the_level_of_a_finding(levelled: Results) -> None:
    assert fmt.scope_label(TestType.CONCURRENT, p50(levelled).level) == "concurrent at 10 users"
    for text in (
        in_markdown(levelled),
        page(levelled),
        in_junit(levelled),
        " ".join(in_terminal(levelled).split()),
    ):
        assert "concurrent at 10 users" in text


def test_levels_are_rows_of_their_own_in_the_details(levelled: Results, results: Results) -> None:
    found = p50(levelled)
    mark = VERDICTS[found.verdict]
    section = judged.levels(levelled)
    assert [(row[1].text, row[6].text) for row in table_of(section).rows] == [
        ("concurrent at 5 users", "✓ pass"),
        ("concurrent at 10 users", f"{mark.symbol} {mark.label}"),
    ]
    assert judged.levels(results) is None
    folded = in_markdown(levelled).partition("<summary>Each load level</summary>")[2]
    assert "concurrent at 5 users" in folded.partition("</details>")[0]
    assert "Each load level" not in in_markdown(results)
    assert "concurrent at 5 users" in page(levelled)
    assert "concurrent at 5 users" not in page(results)


def test_only_gated_metrics_have_rows_for_their_levels(levelled: Results) -> None:
    assert levelled.comparison is not None
    advisory = tuple(replace(f, gated=False) for f in levelled.comparison.findings)
    assert (
        judged.levels(replace(levelled, comparison=replace(levelled.comparison, findings=advisory))) is None
    )


def test_figures_are_those_of_a_level_and_never_a_mean_of_levels(run_only: Results) -> None:
    found = table_of(measured.measured(run_only))
    at = [column.head for column in found.columns].index("throughput")
    happened = {
        fmt.metric_value(metric)
        for phase in run_only.summary.phases
        for metric in phase.metrics
        if metric.name is MetricName.THROUGHPUT
    }
    assert {row[at].text for row in found.rows} == happened


def table_of(section: Section | None) -> Table:
    assert section is not None
    (block,) = section.blocks
    assert isinstance(block, Table)
    return block
