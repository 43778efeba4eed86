from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.report import charts

SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = "<script>alert('1')</script> & \"2\" \x1b[31m \x00 日本"


def _chart(*series: charts.Series, **extra: object) -> str:
    values = [v for s in series for _, v in s.points if v is not None]
    return charts.line_chart(
        key="k",
        title=AWKWARD,
        description=AWKWARD,
        x=charts.linear_axis(AWKWARD, [at for s in series for at, _ in s.points], snug=True),
        y=charts.linear_axis("ms", values),
        series=series,
        **extra,  # type: ignore[arg-type]
    )


def _elements(svg: str, tag: str, css: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    return [e for e in root.iter(f"{SVG}{tag}") if css in e.get("class", "").split()]


def _texts(svg: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 100.0, (0, 20, 40, 60, 80, 100)),
        (0.0, 0.7, (0, 0.2, 0.4, 0.6, 0.8)),
        (0.0, 1234.0, (0, 250, 500, 750, 1000, 1250)),
        (-3.0, 7.0, (-4, -2, 0, 2, 4, 6, 8)),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert charts.nice_ticks(low, high) == pytest.approx(ticks)


@given(
    start=st.floats(min_value=-1e6, max_value=1e6),
    scale=st.floats(min_value=1e-3, max_value=1e6),
)
def test_ticks_hold_any_range_between_few_steps(start: float, scale: float) -> None:
    low, high = start * scale, start * scale + scale
    ticks = charts.nice_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert 3 <= len(ticks) <= 9
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= high - step * 1e-6


def test_ticks_of_counts_are_whole() -> None:
    assert charts.nice_ticks(0, 2, whole=True) == (0, 1, 2)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_ticks_need_a_range(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="finite low < high"):
        charts.nice_ticks(low, high)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 120.0, (1, 2, 5, 10, 20, 50, 100)),
        (0.5, 60000.0, (1, 10, 100, 1000, 10000)),
        (60.0, 280.0, (100, 150, 200, 250)),
    ],
)
def test_log_ticks_suit_the_width_of_the_range(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert charts.log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (20.0, "20"), (2000.0, "2000"), (20_000.0, "20k"), (1.5e6, "1.5M")]
)
def test_tick_texts_are_short(value: float, text: str) -> None:
    assert charts.tick_text(value) == text


def test_a_log_axis_gives_each_decade_the_same_room() -> None:
    axis = charts.Axis(label="ms", low=1.0, high=1000.0, ticks=(), log=True)
    assert [axis.share(v) for v in (1, 10, 100, 1000)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert axis.share(0.01) == 0
    assert axis.share(1e9) == 1


@pytest.mark.parametrize(("low", "high", "log"), [(1.0, 1.0, False), (0.0, 1.0, True)])
def test_an_axis_needs_a_range_that_its_scale_can_show(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="low must be below high"):
        charts.Axis(label="ms", low=low, high=high, ticks=(), log=log)


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [math.inf, 3.0], [-2.0, -2.0]])
def test_axes_exist_for_any_values(values: list[float]) -> None:
    for axis in (charts.linear_axis("a", values), charts.log_axis("a", values)):
        assert axis.low < axis.high
        assert axis.ticks


def test_wide_magnitudes_are_drawn_on_a_log_scale_that_says_so() -> None:
    axis = charts.magnitude_axis("ms", [1.0, 500.0])
    assert axis.log
    assert axis.label == "ms, log scale"
    assert not charts.magnitude_axis("ms", [0.0, 500.0]).log


def test_levels_are_the_ticks_themselves() -> None:
    axis = charts.level_axis("users", [10, 5, 10, 25])
    assert [text for _, text in axis.ticks] == ["5", "10", "25"]
    assert not axis.log
    assert charts.level_axis("users", [1, 100]).log
    assert charts.level_axis("users", [5]).low < 5


def test_the_percentile_axis_ends_where_one_sample_remains() -> None:
    assert [text for _, text in charts.percentile_axis("p", 1000).ticks][-3:] == ["95", "99", "99.9"]
    assert [text for _, text in charts.percentile_axis("p", 50).ticks][-1] == "95"
    assert charts.percentile_axis("p", 1).ticks[0] == (1.0, "0")


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
        x=charts.level_axis("users", levels),
        y=charts.linear_axis("ms", [1.0]),
        series=[charts.Series(label="a", points=[(level, 1.0) for level in levels])],
    )
    shown = [float(t) for t in _texts(svg) if re.fullmatch(r"1\d\d", t)]
    assert shown == sorted(shown)
    assert 5 < len(shown) < 20


def test_a_forest_row_shows_interval_estimate_and_margin_to_scale() -> None:
    svg = charts.forest_row(
        key="f",
        title="t",
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
    assert not _elements(svg, "path", "arrow")


@pytest.mark.parametrize("high", [0.5, math.inf])
def test_an_interval_that_leaves_the_scale_ends_in_an_arrow(high: float) -> None:
    svg = charts.forest_row(
        key="f", title="t", estimate=0.1, low=0.05, high=high, margin=None, limit=0.2, tone="v-pass"
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
