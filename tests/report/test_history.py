"""Histories as text and as a page: what is shown of each metric, and of awkward names."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

from govbench.report import history, history_html
from govbench.results.comparison import Change
from govbench.results.history import HistoryPoint, LevelChange, MetricHistory, to_json
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType

P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT


def point(number: int, value: float, name: MetricName = P50, **changes: Any) -> HistoryPoint:
    return HistoryPoint(
        commit=f"{number:07x}".ljust(40, "0"),
        committed_at=f"2026-01-{1 + number:02}T09:00:00Z",
        run_id=f"run-{number}",
        metric=Metric(name=name, value=value, n=1000, low=value * 0.98, high=value * 1.02, level=0.99),
        **changes,
    )


def course(*values: float, at: int | None = None, name: MetricName = P50, **changes: Any) -> MetricHistory:
    """A history of these values, oldest first, a change point before the one at ``at``."""
    points = tuple(point(number, value, name) for number, value in enumerate(values))
    found: tuple[LevelChange, ...] = ()
    if at is not None:
        ratio = values[at] / values[0] - 1
        found = (
            LevelChange(
                index=at,
                after_commit=points[at - 1].commit,
                commit=points[at].commit,
                change=Change(estimate=ratio, low=ratio - 0.05, high=ratio + 0.05, level=0.99),
                p_value=1e-6,
            ),
        )
    made = MetricHistory(
        suite="default",
        suite_version="1",
        profile="quick",
        machine_class="linux-x86_64-cpu-2c-4g",
        test_type=TestType.CONCURRENT,
        metric=name,
        points=points,
        changes=found,
    )
    return replace(made, **changes)


STEP = course(100, 101, 99, 130, 131, 129, at=3)


def test_a_metric_with_its_change() -> None:
    assert history.render([STEP]).splitlines() == [
        "suite default 1, profile quick, linux-x86_64-cpu-2c-4g",
        "  concurrent: response time p50  ▁▁▁███  100 ms → 129 ms, 6 runs",
        "      +30.0 % [+25.0, +35.0] at 99 %, worse, in 0000002..0000003 (2026-01-04)",
    ]


def test_less_throughput_is_worse_and_less_time_better() -> None:
    assert ", worse, " in history.render([course(50, 50, 50, 40, 40, 40, at=3, name=THROUGHPUT)])
    assert ", better, " in history.render([course(50, 50, 50, 40, 40, 40, at=3)])


@pytest.mark.parametrize(
    ("values", "blocks"),
    [((1.0,), "▄"), ((2.0, 2.0, 2.0), "▄▄▄"), ((0.0, 0.0, 7.0), "▁▁█"), ((7.0, 0.0, 3.0, 1.0), "█▁▄▂")],
)
def test_sparklines(values: tuple[float, ...], blocks: str) -> None:
    assert history.sparkline(values) == blocks


def test_one_run_and_a_long_history() -> None:
    assert "▄  100 ms → 100 ms, 1 run" in history.render([course(100)]).replace("  ▄", "▄")
    long = history.render([course(*([100.0] * 30), *([110.0] * 1))])
    assert "31 runs" in long
    many = [float(i) for i in range(1, 29)]
    assert max(map(len, history.render([course(*many)]).splitlines())) <= 100


def test_the_newest_runs_of_a_long_history_are_drawn() -> None:
    values = [1.0] * 5 + [float(i) for i in range(history.LONGEST)]
    points = tuple(replace(point(i % 28, v)) for i, v in enumerate(values))
    text = history.render([replace(STEP, points=points, changes=())])
    assert history.sparkline(values[5:]) in text
    assert f"{len(values)} runs" in text


def test_anchors_and_accepted_changes_of_a_plan_once() -> None:
    marked = (point(0, 100, anchor="v1.0"), point(1, 100), point(2, 130, accepted="safer\nanswers"))
    first = replace(STEP, points=marked, changes=())
    text = history.render([first, replace(first, test_type=TestType.BASELINE)])
    assert text.splitlines()[1:3] == [
        "  anchor v1.0 at 0000000 (2026-01-01)",
        "  accepted at 0000002 (2026-01-03): safer answers",
    ]
    assert text.count("anchor") == 1


def test_every_plan_has_its_heading() -> None:
    other = replace(STEP, machine_class="linux-arm64-cpu-4c-8g")
    text = history.render([STEP, other])
    assert [line for line in text.splitlines() if line.startswith("suite")] == [
        "suite default 1, profile quick, linux-x86_64-cpu-2c-4g",
        "suite default 1, profile quick, linux-arm64-cpu-4c-8g",
    ]


# The page.


def charts_of(page: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def texts(element: ET.Element) -> list[str]:
    return [text.strip() for text in element.itertext() if text.strip()]


def test_a_page_with_a_chart_a_metric() -> None:
    marked = (replace(STEP.points[0], anchor="v1.0"), *STEP.points[1:])
    page = history_html.render([replace(STEP, points=marked), course(50, 51, 52, name=THROUGHPUT)])
    first, second = charts_of(page)
    assert {"+30.0 %", "v1.0", "0000000", "ms"} <= set(texts(first))
    assert "0000003, 2026-01-04: 130 ms [127, 133] at 99 %" in texts(first)
    assert "requests per second" in texts(second)
    assert "0000002..0000003" in page
    assert "No level changed" not in page


def test_a_page_without_a_change_says_so() -> None:
    page = history_html.render([course(100, 101)])
    assert "No level changed" in page
    assert "0 change points" in page


@pytest.mark.parametrize("values", [(100.0,), (0.0,), (0.0, 0.0, 0.0), (5.0, 5.0), (1e-9, 1e9)])
@pytest.mark.parametrize("name", [P50, ERRORS, MetricName.MEMORY_PEAK])
def test_any_values_have_a_chart(values: tuple[float, ...], name: MetricName) -> None:
    (chart,) = charts_of(history_html.render([course(*values, name=name)]))
    assert "nan" not in ET.tostring(chart, encoding="unicode").lower()


def test_levels_are_drawn_from_their_first_run_to_their_last() -> None:
    (chart,) = charts_of(history_html.render([STEP]))
    paths = [str(g[0].get("d")) for g in chart if g.get("class") == "s2"]
    assert [path.count("M") for path in paths] == [2, 1]  # two levels, and the line in the legend


def test_a_page_needs_nothing_else_and_escapes_what_it_is_given() -> None:
    evil = "<script>alert(1)</script>\u202e\x1b[31m"
    points = (replace(STEP.points[0], anchor=evil, accepted=evil), *STEP.points[1:])
    page = history_html.render([replace(STEP, points=points, suite_version=evil, profile=evil)])
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "default-src 'none'" in page


def test_metrics_that_a_run_lacks_leave_a_gap_in_the_table() -> None:
    page = history_html.render([STEP, replace(course(50, name=THROUGHPUT))])
    rows = re.findall(r"<tr>\s*<th scope=\"row\">0000005.*?</tr>", page, re.DOTALL)
    assert "not measured" in rows[-1]


def test_the_document() -> None:
    document = json.loads(to_json([STEP]))
    assert (document["schema"], document["schema_version"]) == ("govbench/history", 1)
    (one,) = document["histories"]
    assert one["metric"] == "response_time_p50_ms"
    assert [p["metric"]["value"] for p in one["points"]] == [100, 101, 99, 130, 131, 129]
    (change,) = one["changes"]
    assert (change["index"], change["after_commit"][:7], change["commit"][:7]) == (3, "0000002", "0000003")


def test_a_history_is_not_empty_and_its_changes_are_in_order() -> None:
    with pytest.raises(ValueError, match="points"):
        replace(STEP, points=(), changes=())
    with pytest.raises(ValueError, match="order"):
        replace(STEP, changes=STEP.changes * 2)
