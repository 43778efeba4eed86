from __future__ import annotations

from dataclasses import replace
from typing import Any

from govbench.report import level_charts
from govbench.results.comparison import Results
from govbench.results.metrics import MetricName
from govbench.results.plan import Arrivals, LoadModel, RatePoint, TestType
from govbench.results.run import PhaseResult
from tests.recorded.runs import recorded


def with_phases(results: Results, phases: tuple[PhaseResult, ...]) -> Results:
    return replace(results, summary=replace(results.summary, phases=phases))


def of_phase(result: PhaseResult, **fields: Any) -> PhaseResult:
    return replace(result, phase=replace(result.phase, **fields))


def test_each_metric_has_both_sides_with_intervals(results: Results) -> None:
    drawn = level_charts.charts_of(results, TestType.CONCURRENT)
    assert [figure.title for figure in drawn] == [
        "Response time p50 by users",
        "Response time p95 by users",
        "Response time p99 by users",
        "Throughput by users",
    ]
    assert all(figure.svg.count('class="whisker"') == 2 for figure in drawn)


def test_the_latencies_of_one_side_share_a_chart(run_only: Results) -> None:
    latency, throughput = level_charts.charts_of(run_only, TestType.CONCURRENT)
    assert all(f">{label}</text>" in latency.svg for label in ("p50", "p95", "p99"))
    assert throughput.title == "Throughput by users"


def test_the_table_has_a_row_for_each_level(results: Results) -> None:
    chart = level_charts.chart_by_level(results, TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50)
    assert chart is not None
    assert chart.table.head == ("users", "base", "head")
    assert chart.table.rows == (
        ("5", "100 ms [98.5, 101] at 99 %", "130 ms [128, 132] at 99 %"),
        ("10", "120 ms [118, 122] at 99 %", "156 ms [154, 158] at 99 %"),
    )


def test_a_single_level_is_no_chart(results: Results) -> None:
    assert level_charts.charts_of(results, TestType.BASELINE) == ()


def test_nothing_measured_is_no_chart(failed_run: Results) -> None:
    assert level_charts.charts_of(failed_run, TestType.CONCURRENT) == ()


def test_a_metric_of_one_level_only_is_no_chart(run_only: Results) -> None:
    bare = tuple(
        replace(phase, metrics=tuple(m for m in phase.metrics if m.name is not MetricName.THROUGHPUT))
        if phase.phase.users == 5
        else phase
        for phase in run_only.summary.phases
    )
    drawn = level_charts.charts_of(with_phases(run_only, bare), TestType.CONCURRENT)
    assert [figure.title for figure in drawn] == ["Response time by users"]


def test_levels_without_metrics_are_no_chart(run_only: Results) -> None:
    phases = tuple(replace(phase, metrics=()) for phase in run_only.summary.phases)
    assert level_charts.charts_of(with_phases(run_only, phases), TestType.CONCURRENT) == ()


def test_pairs_have_no_chart_of_throughput(results: Results) -> None:
    paired = tuple(of_phase(phase, paired=True) for phase in results.summary.phases)
    titles = [f.title for f in level_charts.charts_of(with_phases(results, paired), TestType.CONCURRENT)]
    assert "Throughput by users" not in titles
    assert len(titles) == 3


def test_hours_that_repeat_a_number_of_users_are_one_level(run_only: Results) -> None:
    of_ten = run_only.summary.phases[-1]
    quiet = replace(of_ten, accounting=replace(of_ten.accounting, sent=1), metrics=())
    found = with_phases(run_only, (*run_only.summary.phases, quiet))
    chart = level_charts.chart_latencies_by_level(found, TestType.CONCURRENT)
    assert chart is not None
    assert [row[0] for row in chart.table.rows] == ["5", "10"]
    assert all("not measured" not in cell for row in chart.table.rows for cell in row)


def test_open_loops_are_levels_of_their_rate(run_only: Results) -> None:
    phases = tuple(
        of_phase(
            phase,
            users=None,
            model=LoadModel.OPEN,
            arrivals=Arrivals(points=(RatePoint(at_s=0, rate_rps=10.0 * (phase.phase.users or 0)),)),
        )
        for phase in run_only.summary.phases
    )
    chart = level_charts.chart_latencies_by_level(with_phases(run_only, phases), TestType.CONCURRENT)
    assert chart is not None
    assert chart.title == "Response time by arrival rate"
    assert [row[0] for row in chart.table.rows] == ["rate 50/s", "rate 100/s"]
    assert "users" not in chart.svg


def test_a_real_run_has_its_levels() -> None:
    latency, throughput = level_charts.charts_of(recorded("first_run"), TestType.CONCURRENT)
    assert [row[0] for row in latency.table.rows] == ["10", "25"]
    assert throughput.table.head == ("users", "target")


def test_a_real_run_stands_beside_its_stored_base_at_each_level() -> None:
    median, *_, throughput = level_charts.charts_of(recorded("stored_regression"), TestType.CONCURRENT)
    for chart in (median, throughput):
        assert chart.table.head == ("users", "base", "head")
        assert [row[0] for row in chart.table.rows] == ["10", "25"]
        assert all("not measured" not in row for row in chart.table.rows)


def test_of_many_levels_only_the_table_tells_each(run_only: Results) -> None:
    first = next(p for p in run_only.summary.phases if p.phase.test_type is TestType.CONCURRENT)
    many = tuple(of_phase(first, name=f"concurrent_{users}", users=users) for users in range(1, 23))
    for count, hints in ((10, 10), (22, 0)):
        figure = level_charts.chart_by_level(
            with_phases(run_only, many[:count]), TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50
        )
        assert figure is not None
        assert figure.svg.count("</title></path>") == hints
        assert len(figure.table.rows) == count
