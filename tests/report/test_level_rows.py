"""Findings that name a level: what each report says of it and of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.compare.conclude import conclude_results
from govbench.report import format as fmt
from govbench.report import html, junit, markdown, tables, terminal
from govbench.results.comparison import Finding, LevelFinding, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType


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


def page_of(results: Results) -> str:
    return html.render(results, conclude_results(results))


def p50(results: Results) -> Finding:
    assert results.comparison is not None
    (found,) = (f for f in results.comparison.findings if f.levels)
    return found


def test_every_report_names_the_level_of_a_finding(levelled: Results) -> None:
    assert fmt.scope_label(TestType.CONCURRENT, p50(levelled).level) == "concurrent at 10 users"
    plain = (
        markdown.render(levelled),
        page_of(levelled),
        junit.render(levelled, conclude_results(levelled)),
        " ".join(terminal.render(levelled, width=200).split()),
    )
    for text in plain:
        assert "concurrent at 10 users" in text


def test_levels_are_rows_of_their_own_in_the_details(levelled: Results, results: Results) -> None:
    found = p50(levelled)
    rows = tables.levels_table((found,)).rows
    assert [(row[0], row[6]) for row in rows] == [
        ("concurrent at 5 users", "✓ pass"),
        ("concurrent at 10 users", f"{fmt.verdict_symbol(found.verdict)} {fmt.verdict_label(found.verdict)}"),
    ]
    assert tables.levels_table((replace(found, gated=False),)).rows == ()
    folded = markdown.render(levelled).partition("<summary>Each load level</summary>")[2]
    assert "concurrent at 5 users" in folded.partition("</details>")[0]
    assert "Each load level" not in markdown.render(results)
    assert "concurrent at 5 users" in page_of(levelled)
    assert "concurrent at 5 users" not in page_of(results)


def test_a_run_that_was_not_compared_shows_its_highest_level_and_no_mean_of_levels(run_only: Results) -> None:
    rows = tables.metrics_table(run_only.summary).rows
    shown = [row for row in rows if row[1] == fmt.metric_label(MetricName.THROUGHPUT)]
    measured = {
        fmt.metric_with_interval(metric)
        for phase in run_only.summary.phases
        for metric in phase.metrics
        if metric.name is MetricName.THROUGHPUT
    }
    assert {row[2] for row in shown} <= measured
    assert any(" at " in row[0] for row in shown)
    failures = [row[0] for row in rows if row[1] == fmt.metric_label(MetricName.ERROR_RATE)]
    assert failures
    assert not any(" at " in scope for scope in failures)
