from __future__ import annotations

import re
from dataclasses import replace

import pytest

from govbench.report import timelines
from govbench.results.comparison import Results
from govbench.results.run import SideTimeline, TimelinePoint
from tests.recorded.runs import recorded


def points(count: int, *, step_s: float = 1.0, p50_ms: float = 5.0) -> tuple[TimelinePoint, ...]:
    return tuple(
        TimelinePoint(at_s=i * step_s, users=1, completed=10, failed=0, p50_ms=p50_ms, p95_ms=9.0 + i % 7)
        for i in range(count)
    )


def timed(
    results: Results, timeline: tuple[TimelinePoint, ...], *sides: tuple[TimelinePoint, ...]
) -> Results:
    """The results with this timeline; a run that lasts as long as it does."""
    apart = tuple(SideTimeline(side=side, points=each) for side, each in enumerate(sides))
    return replace(results, summary=replace(results.summary, timeline=timeline, side_timelines=apart))


def test_failures_and_users_have_a_chart_only_where_there_is_something_to_see(results: Results) -> None:
    assert [figure.title for figure in timelines.charts_of(results)] == [
        "Response time over the run",
        "Requests completed over the run",
        "Requests failed over the run",
        "Users over the run",
    ]
    calm = timed(results, points(30))
    assert [figure.title for figure in timelines.charts_of(calm)] == [
        "Response time over the run",
        "Requests completed over the run",
    ]
    assert (
        timelines.chart_failed(calm) is timelines.chart_users(calm) is timelines.chart_under_way(calm) is None
    )


@pytest.mark.parametrize("timeline", [(), points(1)])
def test_a_moment_is_no_timeline(results: Results, timeline: tuple[TimelinePoint, ...]) -> None:
    assert timelines.charts_of(timed(results, timeline)) == ()


def test_the_caption_says_what_is_drawn(results: Results) -> None:
    second = timelines.chart_response_times(timed(results, points(30)))
    assert second is not None
    assert second.caption == (
        "P50 and p95 of the answers that ended in each second;"
        " shaded: the steady segments, the only ones that count."
    )
    longer = timelines.chart_response_times(timed(results, points(30, step_s=2.5)))
    assert longer is not None
    assert "that ended in each 2.5 seconds;" in longer.caption


def test_base_and_head_are_two_lines(results: Results) -> None:
    chart = timelines.chart_response_times(
        timed(results, points(30), points(30, p50_ms=4.0), points(30, p50_ms=8.0))
    )
    assert chart is not None
    assert chart.svg.count('class="line"') == 2 + 2, "and one each in the legend"
    assert chart.table.head == ("seconds", "base", "head")
    assert set(chart.table.rows[3][1:]) == {"4.00 ms", "8.00 ms"}
    assert chart.caption.startswith("P50 of the answers of base and of head that ended in each second")
    completed = timelines.chart_completed(timed(results, points(30), points(30), points(30)))
    assert completed is not None
    assert completed.table.head == ("seconds", "base", "head")


def test_counts_of_longer_moments_are_shown_per_second(results: Results) -> None:
    chart = timelines.chart_completed(timed(results, points(15, step_s=5.0)))
    assert chart is not None
    assert "between 2.00 req/s and 2.00 req/s" in chart.svg
    assert chart.caption == "Requests completed per second, the mean of each 5 seconds."


def test_the_last_moment_is_no_dip(results: Results) -> None:
    """The run ends after 75 s, amid a moment of 10 s in which half of the others' requests ended."""
    timeline = [*points(8, step_s=10.0)]
    timeline[-1] = replace(timeline[-1], completed=5)
    chart = timelines.chart_completed(timed(results, tuple(timeline)))
    assert chart is not None
    assert "between 1.00 req/s and 1.00 req/s" in chart.svg


def test_an_open_loop_shows_what_is_under_way(results: Results) -> None:
    timeline = tuple(replace(p, users=None, under_way=at) for at, p in enumerate(points(30)))
    found = timed(results, timeline)
    chart = timelines.chart_under_way(found)
    assert chart is not None
    assert chart.table.rows[7] == ("7", "7")
    assert timelines.chart_users(found) is None


def test_the_table_of_a_long_run_is_thinned_and_says_so(results: Results) -> None:
    chart = timelines.chart_response_times(timed(results, points(600)))
    assert chart is not None
    assert len(chart.table.rows) == 60
    assert chart.table.rows[1] == ("10", "5.00 ms", "12.0 ms")
    assert chart.caption.endswith("The table holds every 10th of them.")
    assert len(chart.svg) < 30_000


def test_a_real_comparison_has_both_sides_and_breaks_between_its_rounds() -> None:
    results = recorded("ab_regression")
    latency = timelines.chart_response_times(results)
    assert latency is not None
    assert latency.table.head == ("seconds", "base", "head")
    assert "shaded: the rounds." in latency.caption
    assert latency.svg.count('class="band"') >= 6
    assert re.search(r'class="line" d="M[^M"]+M', latency.svg)
    assert timelines.chart_completed(results) is None, "pairs give both sides as many requests"


def test_the_bands_of_an_open_loop_name_its_rate() -> None:
    results = recorded("open_loop")
    chart = timelines.chart_completed(results)
    assert chart is not None
    assert ">rate 20/s<" in chart.svg
    assert not any("1000" in figure.svg for figure in timelines.charts_of(results))
