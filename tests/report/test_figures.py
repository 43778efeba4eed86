from __future__ import annotations

import re
from dataclasses import replace

import pytest

from govbench.report import distributions, figures
from govbench.results.comparison import Change, Margin, Results
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Distribution, RunSummary, TimelinePoint


def _with_distribution(summary: RunSummary, distribution: Distribution | None) -> RunSummary:
    return replace(
        summary, phases=tuple(replace(phase, distribution=distribution) for phase in summary.phases)
    )


def _points(seconds: int, step_s: float = 1.0) -> tuple[TimelinePoint, ...]:
    return tuple(
        TimelinePoint(at_s=i * step_s, users=1, completed=10, failed=0, p50_ms=5.0, p95_ms=9.0 + i % 7)
        for i in range(seconds)
    )


def test_both_sides_share_the_histogram_and_the_percentile_curve(results: Results) -> None:
    histogram, curve = distributions.charts_of(results, TestType.CONCURRENT)
    for figure in (histogram, curve):
        assert ">base<" in figure.svg
        assert ">head<" in figure.svg
    assert "p50 120 ms" in histogram.svg
    assert "p95 253 ms" in histogram.svg


def test_a_stored_baseline_is_marked_in_the_histogram_of_the_only_side(
    results: Results, run_only: Results
) -> None:
    stored = replace(run_only, comparison=results.comparison)
    histogram, _ = distributions.charts_of(stored, TestType.CONCURRENT)
    assert "base p50 120 ms" in histogram.svg
    assert "head p50 120 ms" in histogram.svg


@pytest.mark.parametrize("distribution", [None, Distribution(gamma=1.02, buckets=())])
def test_without_counts_there_is_no_distribution(
    run_only: Results, distribution: Distribution | None
) -> None:
    emptied = replace(run_only, summary=_with_distribution(run_only.summary, distribution))
    assert distributions.charts_of(emptied, TestType.CONCURRENT) == ()


def test_a_single_answer_is_a_distribution(run_only: Results) -> None:
    one = _with_distribution(run_only.summary, Distribution(gamma=1.02, buckets=((230, 1),)))
    figures_of_one = distributions.charts_of(replace(run_only, summary=one), TestType.BASELINE)
    assert len(figures_of_one) == 2
    assert "n = 1;" in figures_of_one[0].caption


def test_a_long_tail_keeps_the_histogram_small(run_only: Results) -> None:
    wide = Distribution(gamma=1.02, buckets=tuple((i, 1000 if i < 250 else 1) for i in range(200, 600)))
    summary = _with_distribution(run_only.summary, wide)
    histogram, _ = distributions.charts_of(replace(run_only, summary=summary), TestType.BASELINE)
    assert len(histogram.svg) < 20_000


def test_levels_show_each_metric_for_both_sides_with_intervals(results: Results) -> None:
    drawn = figures.levels(results, TestType.CONCURRENT)
    assert [figure.title for figure in drawn] == [
        "Response time p50 by users",
        "Response time p95 by users",
        "Response time p99 by users",
        "Throughput by users",
    ]
    assert all(figure.svg.count('class="whisker"') == 2 for figure in drawn)


def test_levels_of_one_side_share_a_chart(run_only: Results) -> None:
    latency, throughput = figures.levels(run_only, TestType.CONCURRENT)
    assert all(f">{label}</text>" in latency.svg for label in ("p50", "p95", "p99"))
    assert throughput.title == "Throughput by users"


def test_a_single_level_is_no_chart(results: Results) -> None:
    assert figures.levels(results, TestType.BASELINE) == ()


def test_a_metric_of_one_level_only_is_no_chart(run_only: Results) -> None:
    bare = tuple(
        replace(phase, metrics=tuple(m for m in phase.metrics if m.name is not MetricName.THROUGHPUT))
        if phase.phase.users == 5
        else phase
        for phase in run_only.summary.phases
    )
    emptied = replace(run_only, summary=replace(run_only.summary, phases=bare))
    assert [f.title for f in figures.levels(emptied, TestType.CONCURRENT)] == ["Response time by users"]


def test_the_margin_is_drawn_as_it_is_applied(results: Results) -> None:
    assert results.comparison is not None
    first = results.comparison.findings[0]
    wide = replace(first, margin=Margin(relative=0.25, absolute=0.3))
    row = figures.forest((wide,)).rows[0]
    band = re.search(r'<rect class="margin" x="([\d.]+)" y="2" width="([\d.]+)"', row)
    assert band is not None
    left, width = map(float, band.groups())
    assert 100 - left == pytest.approx(92 * 0.2 / 0.4, abs=0.1)
    assert left + width - 100 == pytest.approx(92 * 0.25 / 0.4, abs=0.1)


def test_labels_of_the_markers_have_room_beside_them(results: Results) -> None:
    histogram, _ = distributions.charts_of(results, TestType.CONCURRENT)
    anchors = re.findall(r'text-anchor="(start|end)">(p50|p95) ', histogram.svg)
    assert set(anchors) == {("end", "p50"), ("start", "p95")}


def test_levels_without_metrics_are_no_chart(run_only: Results) -> None:
    phases = tuple(replace(phase, metrics=()) for phase in run_only.summary.phases)
    emptied = replace(run_only, summary=replace(run_only.summary, phases=phases))
    assert figures.levels(emptied, TestType.CONCURRENT) == ()


def test_failures_have_a_chart_only_where_there_were_some(results: Results) -> None:
    titles = [figure.title for figure in figures.timeline(results.summary)]
    assert titles == [
        "Response time over the run",
        "Requests completed over the run",
        "Requests failed over the run",
        "Users over the run",
    ]
    calm = replace(results.summary, timeline=_points(30))
    assert [figure.title for figure in figures.timeline(calm)] == titles[:2]


@pytest.mark.parametrize("points", [(), _points(1)])
def test_a_moment_is_no_timeline(results: Results, points: tuple[TimelinePoint, ...]) -> None:
    assert figures.timeline(replace(results.summary, timeline=points)) == ()


def test_a_long_timeline_is_thinned_and_keeps_its_worst_second(results: Results) -> None:
    points = list(_points(7200))
    points[4321] = replace(points[4321], p95_ms=90.0)
    latency, completed = figures.timeline(replace(results.summary, timeline=tuple(points)))
    assert "90.0 ms" in latency.svg
    assert "in each 12 seconds" in latency.caption
    assert len(latency.svg) < 30_000
    assert "At most 10 requests" in completed.svg


def test_counts_over_longer_steps_are_shown_per_second(results: Results) -> None:
    _, completed = figures.timeline(replace(results.summary, timeline=_points(100, step_s=5.0)))
    assert "At most 2 requests" in completed.svg


def test_a_forest_has_a_row_per_finding_and_a_scale_of_its_own_for_differences(results: Results) -> None:
    assert results.comparison is not None
    findings = results.comparison.findings
    forest = figures.forest(findings)
    assert len(forest.rows) == len(findings)
    for finding, row, scale in zip(findings, forest.rows, forest.scales, strict=True):
        assert bool(row) is (finding.change is not None)
        assert bool(scale) is (finding.metric is MetricName.ERROR_RATE)
    assert "+40 %" in forest.axis


def test_an_unbounded_interval_does_not_stretch_the_scale(results: Results) -> None:
    assert results.comparison is not None
    first = results.comparison.findings[0]
    wide = replace(first, change=Change(estimate=0.1, low=0.0, high=float("inf"), level=0.99))
    forest = figures.forest((wide,))
    assert re.search(r"\+(15|20|30) %", forest.axis)
    assert 'class="arrow"' in forest.rows[0]


def test_no_finding_makes_no_forest() -> None:
    assert figures.forest(()) == figures.Forest(rows=(), axis="", scales=())
