from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from govbench.report import axes, charts

SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = "<script>alert('1')</script> & \"2\" \x1b[31m \x00 日本"


def _chart(*series: charts.Series, **extra: object) -> str:
    values = [v for s in series for _, v in s.points if v is not None]
    return charts.line_chart(
        key="k",
        title=AWKWARD,
        description=AWKWARD,
        x=axes.linear_axis(AWKWARD, [at for s in series for at, _ in s.points], snug=True),
        y=axes.linear_axis("ms", values),
        series=series,
        **extra,  # type: ignore[arg-type]
    )


def _elements(svg: str, tag: str, css: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [e for e in root.iter(f"{SVG}{tag}") if css in e.get("class", "").split()]


def _texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_charts_are_well_formed_and_escape_every_text() -> None:
    svg = _chart(
        charts.Series(label=AWKWARD, points=[(0, 1.0), (1, 2.0)], hints=[AWKWARD], marked=True),
        charts.Series(label="b", points=[(0, 2.0), (1, 1.0)], style=1),
        markers=[charts.Marker(x=0.5, label=AWKWARD)],
        bands=[charts.Band(low=0.1, high=0.9, label="5 users")],
    )
    root = ElementTree.fromstring(svg)
    assert root.find(f".//{SVG}script") is None
    assert root.get("role") == "img"
    named = {e.get("id") for e in root.iter() if e.get("id")}
    assert set((root.get("aria-labelledby") or "").split()) == named
    assert "5 users" in _texts(svg)


def test_series_differ_by_more_than_colour() -> None:
    svg = _chart(*(charts.Series(label=str(i), points=[(0, i), (1, i)], style=i) for i in range(3)))
    lines = _elements(svg, "path", "line")
    assert {line.get("stroke-dasharray") for line in lines} == {None, *charts.DASHES[1:3]}


def test_a_lone_series_has_no_legend() -> None:
    assert "lonely" not in _texts(_chart(charts.Series(label="lonely", points=[(0, 1.0), (1, 2.0)])))


def test_a_missing_value_breaks_the_line() -> None:
    svg = _chart(charts.Series(label="a", points=[(0, 1.0), (1, 2.0), (2, None), (3, 1.0), (4, math.nan)]))
    (line,) = _elements(svg, "path", "line")
    assert (line.get("d") or "").count("M") == 2
    assert len(_elements(svg, "path", "symbol")) == 1  # the point that stands alone
    assert "nan" not in svg


def test_intervals_become_whiskers_that_stand_beside_each_other() -> None:
    points = [(1.0, 10.0), (2.0, 20.0)]
    intervals = [(9.0, 11.0), None]
    svg = _chart(*(charts.Series(label=str(i), points=points, intervals=intervals) for i in range(2)))
    whiskers = [e.get("d") or "" for e in _elements(svg, "path", "whisker")]
    assert len(whiskers) == 2
    assert whiskers[0] != whiskers[1]


def test_labels_at_the_ends_keep_apart() -> None:
    svg = _chart(
        *(
            charts.Series(label=f"p{i}", points=[(0, 1.0), (1, 1.0 + i / 1000)], end_label=f"p{i}")
            for i in range(4)
        )
    )
    at = sorted(float(e.get("y") or 0) for e in _elements(svg, "text", "tag"))
    assert len(at) == 4
    assert all(later - earlier >= 15.9 for earlier, later in pairwise(at))


def test_crowded_ticks_lose_their_labels_not_their_order() -> None:
    levels = [float(n) for n in range(100, 160)]
    svg = charts.line_chart(
        key="k",
        title="t",
        description="d",
        x=axes.level_axis("users", levels),
        y=axes.linear_axis("ms", [1.0]),
        series=[charts.Series(label="a", points=[(level, 1.0) for level in levels])],
    )
    shown = [float(t) for t in _texts(svg) if re.fullmatch(r"1\d\d", t)]
    assert shown == sorted(shown)
    assert 5 < len(shown) < 20


def test_a_forest_row_shows_interval_estimate_and_margin_to_scale() -> None:
    svg = charts.forest_row(
        key="f",
        title="t",
        description="d",
        estimate=0.1,
        low=0.05,
        high=0.2,
        margin=(-0.1, 0.05),
        limit=0.2,
        tone="v-regression",
    )
    (band,) = _elements(svg, "rect", "margin")
    (dot,) = _elements(svg, "circle", "estimate")
    assert float(band.get("x") or 0) == pytest.approx(100 - 92 / 2)
    assert float(band.get("width") or 0) == pytest.approx(92 * 3 / 4)
    assert float(dot.get("cx") or 0) == pytest.approx(100 + 92 / 2)
    (edges,) = _elements(svg, "path", "edge")
    assert edges.get("d") == "M54 2v24M123 2v24"
    assert not _elements(svg, "path", "arrow")


@pytest.mark.parametrize("high", [0.5, math.inf])
def test_an_interval_that_leaves_the_scale_ends_in_an_arrow(high: float) -> None:
    svg = charts.forest_row(
        key="f",
        title="t",
        description="d",
        estimate=0.1,
        low=0.05,
        high=high,
        margin=None,
        limit=0.2,
        tone="v-pass",
    )
    assert len(_elements(svg, "path", "arrow")) == 1
    assert not _elements(svg, "rect", "margin")
    assert "inf" not in svg.replace("interval", "")


def test_the_forest_axis_names_its_ends() -> None:
    assert _texts(charts.forest_axis(key="a", title="t", texts=("-5 %", "0", "+5 %"))) == [
        "-5 %",
        "0",
        "+5 %",
    ]


def test_steps_turn_only_where_the_height_changes() -> None:
    users = [1.0, 1.0, 1.0, 5.0, 5.0, 5.0]
    svg = charts.line_chart(
        key="k",
        title="t",
        description="d",
        x=axes.linear_axis("s", range(6)),
        y=axes.linear_axis("users", users),
        series=[charts.Series(label="users", points=list(enumerate(users)), stepped=True)],
    )
    (line,) = _elements(svg, "path", "line")
    assert re.sub(r"[\d. ]+", "", line.get("d", "")) == "MHVH"


def test_symbols_without_hints_are_one_shape() -> None:
    series = charts.Series(label="p50", points=[(0, 1.0), (1, 2.0), (2, None)], marked=True)
    svg = charts.line_chart(
        key="k",
        title="t",
        description="d",
        x=axes.linear_axis("users", range(3)),
        y=axes.linear_axis("ms", [1.0, 2.0]),
        series=[series],
    )
    (symbols,) = _elements(svg, "path", "symbol")
    assert symbols.get("d", "").count("M") == 2
