from __future__ import annotations

import re
from dataclasses import replace

import pytest

from govbench.report import distributions
from govbench.report.figures import ChartFigure
from govbench.results.comparison import BaseDistribution, LevelFinding, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Distribution, RunSummary
from tests.recorded.runs import recorded

P50 = MetricName.RESPONSE_TIME_P50


def with_distribution(summary: RunSummary, distribution: Distribution | None) -> RunSummary:
    return replace(
        summary, phases=tuple(replace(phase, distribution=distribution) for phase in summary.phases)
    )


def histogram_of(results: Results, test_type: TestType) -> ChartFigure:
    found = distributions.chart_distribution(results, test_type)
    assert found is not None
    return found


def curve_of(results: Results, test_type: TestType) -> ChartFigure:
    found = distributions.chart_percentiles(results, test_type)
    assert found is not None
    return found


@pytest.fixture
def stored(results: Results, run_only: Results) -> Results:
    """A run of one side with findings against a stored baseline, whose histogram is not known."""
    return replace(run_only, comparison=results.comparison)


def test_both_sides_share_the_histogram_and_the_percentile_curve(results: Results) -> None:
    for figure in distributions.charts_of(results, TestType.CONCURRENT):
        assert ">base<" in figure.svg
        assert ">head<" in figure.svg
    histogram = histogram_of(results, TestType.CONCURRENT)
    assert "p50 120 ms" in histogram.svg
    assert "p95 253 ms" in histogram.svg


def test_levels_are_never_pooled(results: Results) -> None:
    """5 and 10 users: what is drawn is of the highest, or of the one that is asked for."""
    assert "of concurrent at 10 users, n = 996 and" in histogram_of(results, TestType.CONCURRENT).caption
    of_five = distributions.chart_distribution(results, TestType.CONCURRENT, "5 users")
    assert of_five is not None
    assert re.search(r"of concurrent at 5 users, n = (49\d|50\d) and", of_five.caption)
    assert "p50 100 ms" in of_five.svg
    assert distributions.chart_distribution(results, TestType.CONCURRENT, "7 users") is None


def test_the_level_that_was_judged_the_worst_is_the_one_that_is_shown(results: Results) -> None:
    comparison = results.comparison
    assert comparison is not None
    levels = tuple(
        LevelFinding(level=level, verdict=Verdict.REGRESSION, reason="r") for level in ("5 users", "10 users")
    )
    findings = tuple(
        replace(f, level="5 users", levels=levels) if f.test_type is TestType.CONCURRENT else f
        for f in comparison.findings
    )
    found = replace(results, comparison=replace(comparison, findings=findings))
    assert distributions.level_shown(found, TestType.CONCURRENT) == "5 users"
    assert distributions.level_shown(results, TestType.CONCURRENT) == "10 users"
    assert distributions.level_shown(results, TestType.BASELINE) is None


def test_a_stored_baseline_without_histogram_is_marked(stored: Results) -> None:
    histogram = histogram_of(stored, TestType.BASELINE)
    assert "base p50 84.0 ms" in histogram.svg
    assert "head p50 109 ms" in histogram.svg
    assert histogram.table.head == ("response time", "head")


def test_a_stored_baseline_lies_under_the_run_that_is_held_against_it(stored: Results) -> None:
    assert stored.comparison is not None
    coarse = Distribution(gamma=1.02**2, buckets=((110, 50), (112, 100), (114, 50)))
    base = BaseDistribution(test_type=TestType.BASELINE, distribution=coarse, runs=2)
    found = replace(stored, comparison=replace(stored.comparison, base_distributions=(base,)))
    histogram, curve = distributions.charts_of(found, TestType.BASELINE)
    for figure in (histogram, curve):
        assert figure.table.head[1:] == ("base", "head")
        assert ">base<" in figure.svg
    assert "n = 200 and" in histogram.caption
    counts = [[int(cell) for cell in row[1:]] for row in histogram.table.rows]
    assert sum(base for base, _ in counts) == 200
    assert histogram.svg.count('class="fill"') == 2


def test_buckets_that_never_meet_are_not_drawn_over_each_other(stored: Results) -> None:
    assert stored.comparison is not None
    odd = BaseDistribution(
        test_type=TestType.BASELINE, distribution=Distribution(gamma=1.03, buckets=((150, 9),)), runs=1
    )
    found = replace(stored, comparison=replace(stored.comparison, base_distributions=(odd,)))
    assert histogram_of(found, TestType.BASELINE).table.head == ("response time", "head")


@pytest.mark.parametrize("distribution", [None, Distribution(gamma=1.02, buckets=())])
def test_without_counts_there_is_no_distribution(
    run_only: Results, distribution: Distribution | None
) -> None:
    emptied = replace(run_only, summary=with_distribution(run_only.summary, distribution))
    assert distributions.charts_of(emptied, TestType.CONCURRENT) == ()


def test_a_test_type_that_did_not_run_has_no_distribution(failed_run: Results) -> None:
    assert distributions.charts_of(failed_run, TestType.BASELINE) == ()


def test_a_single_answer_is_a_distribution_and_no_curve(run_only: Results) -> None:
    one = with_distribution(run_only.summary, Distribution(gamma=1.02, buckets=((230, 1),)))
    (histogram,) = distributions.charts_of(replace(run_only, summary=one), TestType.BASELINE)
    assert "n = 1;" in histogram.caption
    assert len(histogram.table.rows) == 1


@pytest.mark.parametrize(
    ("answers", "last"),
    [(21, "p50"), (40, "p75"), (200, "p95"), (1000, "p99"), (2000, "p99.5"), (20_000, "p99.9")],
)
def test_the_curve_goes_as_far_as_ten_answers_are_above(run_only: Results, answers: int, last: str) -> None:
    spread = tuple((at, answers // 20 + (at < 200 + answers % 20)) for at in range(200, 220))
    summary = with_distribution(run_only.summary, Distribution(gamma=1.02, buckets=spread))
    curve = curve_of(replace(run_only, summary=summary), TestType.BASELINE)
    assert (curve.table.rows[0][0], curve.table.rows[-1][0]) == ("p50", last)
    ticks = re.findall(r'text-anchor="middle">([\d.]+)</text>', curve.svg)
    assert ticks[0] == "50"
    assert ticks[-1] == last[1:]


def test_a_side_with_fewer_answers_ends_before_the_other(results: Results) -> None:
    phases = tuple(
        replace(phase, distribution=Distribution(gamma=1.02, buckets=((230, 40),))) if phase.side else phase
        for phase in results.summary.phases
    )
    found = replace(results, summary=replace(results.summary, phases=phases))
    rows = {row[0]: row[1:] for row in curve_of(found, TestType.CONCURRENT).table.rows}
    assert rows["p75"][1].endswith(" ms")
    assert rows["p95"][1] == "too few answers"


def test_a_long_tail_keeps_the_histogram_small(run_only: Results) -> None:
    wide = Distribution(gamma=1.02, buckets=tuple((i, 1000 if i < 250 else 1) for i in range(200, 600)))
    summary = with_distribution(run_only.summary, wide)
    assert len(histogram_of(replace(run_only, summary=summary), TestType.BASELINE).svg) < 20_000


def test_labels_of_the_markers_have_room_beside_them(results: Results) -> None:
    histogram = histogram_of(results, TestType.CONCURRENT)
    anchors = re.findall(r'text-anchor="(start|end)">(p50|p95) ', histogram.svg)
    assert set(anchors) == {("end", "p50"), ("start", "p95")}


def test_a_real_run_is_drawn_over_the_stored_runs_of_its_level() -> None:
    results = recorded("stored_regression")
    for test_type in (TestType.BASELINE, TestType.CONCURRENT):
        histogram, curve = distributions.charts_of(results, test_type)
        for figure in (histogram, curve):
            assert figure.table.head[1:] == ("base", "head")
        p50 = next(row for row in curve.table.rows if row[0] == "p50")
        assert all(cell.endswith(" ms") for cell in p50[1:])


def test_the_markers_of_a_real_comparison_are_the_numbers_of_its_findings() -> None:
    results = recorded("ab_regression")
    assert results.comparison is not None
    finding = next(f for f in results.comparison.findings if f.metric is P50)
    assert finding.candidate is not None
    histogram = histogram_of(results, finding.test_type)
    shown = re.findall(r">p50 ([\d.]+) ms<", histogram.svg)
    assert f"{finding.candidate.value:.3g}" in shown
