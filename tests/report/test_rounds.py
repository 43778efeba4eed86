from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from govbench.report import rounds
from govbench.report.gaps import covered_s, rates
from govbench.results.comparison import Change, Comparison, Results
from tests.report.rendering import in_markdown, page


def changed(results: Results, **fields: Any) -> Results:
    comparison = results.comparison
    assert isinstance(comparison, Comparison)
    return dataclasses.replace(results, comparison=dataclasses.replace(comparison, **fields))


def test_each_gated_metric_has_a_chart_with_its_margin_looks_and_confirming_rounds(
    in_rounds: Results,
) -> None:
    (latency,) = rounds.charts_of(in_rounds)
    assert latency.title == "Response time p50 of concurrent"
    assert latency.svg.count('class="symbol"') == 9 + 1, "a dot for each round, and one in the legend"
    assert latency.svg.count('class="margin"') == latency.svg.count('class="band"') == 1
    assert ">look<" in latency.svg
    assert "rounds run to confirm" in latency.caption
    assert latency.table.head == ("round", "alone", "all so far")
    assert latency.table.rows[0] == ("1", "+31.0 %", "+31.0 % [+23.0, +39.0] at 99 %")
    assert len(latency.table.rows) == 9


def test_a_metric_that_no_round_saw_move_is_no_chart(in_rounds: Results) -> None:
    comparison = in_rounds.comparison
    assert comparison is not None
    latency, errors = comparison.courses
    assert [figure.title for figure in rounds.charts_of(in_rounds)] == ["Response time p50 of concurrent"]
    moved = tuple(
        dataclasses.replace(
            standing, so_far=Change(estimate=0.01, low=0, high=0.02, level=0.99, difference=True)
        )
        for standing in errors.standings
    )
    found = changed(in_rounds, courses=(latency, dataclasses.replace(errors, standings=moved)))
    assert "change in percentage points" in rounds.charts_of(found)[1].svg


def test_looks_that_follow_closely_are_named_once(in_rounds: Results) -> None:
    svg = rounds.charts_of(changed(in_rounds, looks=(6, 7, 8)))[0].svg
    assert svg.count(">looks<") == 1
    assert svg.count('class="mark"') == 3


def test_the_first_wide_intervals_do_not_set_the_scale(in_rounds: Results) -> None:
    comparison = in_rounds.comparison
    assert comparison is not None
    course = comparison.courses[0]
    first = course.standings[0]
    assert first.so_far is not None
    wild = dataclasses.replace(first, so_far=dataclasses.replace(first.so_far, low=-0.9, high=9.0))
    standings = (wild, *course.standings[1:])
    found = changed(in_rounds, courses=(dataclasses.replace(course, standings=standings),))

    def ticks(results: Results) -> list[str]:
        return re.findall(r'text-anchor="end">([^<]+)</text>', rounds.charts_of(results)[0].svg)

    assert ticks(found) == ticks(in_rounds)


def test_a_round_that_did_not_see_the_metric_is_a_gap(in_rounds: Results) -> None:
    comparison = in_rounds.comparison
    assert comparison is not None
    course = comparison.courses[0]
    unseen = dataclasses.replace(course.standings[2], alone=None)
    standings = (*course.standings[:2], unseen, *course.standings[3:])
    found = changed(in_rounds, courses=(dataclasses.replace(course, standings=standings),))
    assert rounds.charts_of(found)[0].svg.count('class="symbol"') == 8 + 1
    assert rounds.table(found).rows[2][5] == "not compared"
    assert rounds.lines(found) == (), "blocks have no gaps"


def test_one_row_for_each_round(in_rounds: Results) -> None:
    table = rounds.table(in_rounds)
    assert table.head == (
        "round", "started first", "boot", "load", "pairs", "response time p50", "error rate", "control", "for"
    )  # fmt: skip
    assert table.rows[0] == (
        "1", "base", "1.25 s", "5.50 s", "210", "+31.0 %", "+0 pp", "+0.401 %", "measuring"
    )  # fmt: skip
    assert (table.rows[4][7], table.rows[7][1], table.rows[7][-1]) == ("not measured", "head", "confirming")


def test_a_block_for_each_round_and_a_bar_before_those_that_confirm(in_rounds: Results) -> None:
    (line,) = rounds.lines(in_rounds)
    assert line == "response time p50 of concurrent  ▆▁█▄▃▇│▂▆▄  +27.0 % to +33.0 %"


@pytest.mark.parametrize("count", [0, 1])
def test_less_than_two_rounds_have_no_course(in_rounds: Results, count: int) -> None:
    summary = dataclasses.replace(in_rounds.summary, rounds=in_rounds.summary.rounds[:count])
    found = dataclasses.replace(in_rounds, summary=summary)
    assert rounds.charts_of(found) == ()
    assert rounds.lines(found) == ()
    assert len(rounds.table(found).rows) == count


def test_rounds_that_were_compared_with_nothing_still_have_their_table(in_rounds: Results) -> None:
    found = dataclasses.replace(in_rounds, comparison=None)
    assert [row[0] for row in rounds.table(found).rows] == [str(n) for n in range(1, 10)]
    assert ">Rounds<" in page(found)


def test_reports_of_other_methods_say_nothing_of_rounds(results: Results) -> None:
    assert ">Rounds<" not in page(results)
    assert "<summary>Rounds</summary>" not in in_markdown(results)


# Between the rounds.


def test_a_second_is_covered_as_far_as_rounds_reach_into_it(in_rounds: Results) -> None:
    seconds = covered_s(in_rounds.summary, in_rounds.summary.timeline)
    assert seconds[4:9] == (1.0, 0.5, 0.0, 0.0, 1.0)


def test_without_rounds_every_second_counts(results: Results) -> None:
    assert set(covered_s(results.summary, results.summary.timeline)) == {1.0}


def test_the_last_moment_is_as_long_as_the_run_goes_on(results: Results) -> None:
    """75 s in moments of 10: the last is 5 s long, and its rate is that of 5 s."""
    points = tuple(
        dataclasses.replace(results.summary.timeline[0], at_s=10.0 * at, completed=500 if at == 7 else 1000)
        for at in range(8)
    )
    summary = dataclasses.replace(results.summary, timeline=points)
    seconds = covered_s(summary, points)
    assert seconds == (10.0,) * 7 + (5.0,)
    assert set(rates([point.completed for point in points], seconds)) == {100.0}


def test_rates_are_those_of_the_covered_time_and_unknown_where_that_is_too_short() -> None:
    assert rates([100, 40, 3], [1.0, 0.5, 0.1]) == [100.0, 80.0, None]


def test_the_timeline_shades_the_rounds_and_breaks_between_them(in_rounds: Results) -> None:
    completed = re.search(r'<svg[^>]*aria-labelledby="timeline-completed.*?</svg>', page(in_rounds), re.S)
    assert completed is not None
    assert completed[0].count('class="band"') == 9
    line = re.search(r'class="line" d="([^"]+)"', completed[0])
    assert line is not None
    assert line[1].count("M") == 9, "one stretch for each round"
