from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.report import axes


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
    assert axes.nice_ticks(low, high) == pytest.approx(ticks)


@given(
    start=st.floats(min_value=-1e6, max_value=1e6),
    scale=st.floats(min_value=1e-3, max_value=1e6),
)
def test_ticks_hold_any_range_between_few_steps(start: float, scale: float) -> None:
    low, high = start * scale, start * scale + scale
    ticks = axes.nice_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert 3 <= len(ticks) <= 9
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= high - step * 1e-6


def test_ticks_of_counts_are_whole() -> None:
    assert axes.nice_ticks(0, 2, whole=True) == (0, 1, 2)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_ticks_need_a_range(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="finite low < high"):
        axes.nice_ticks(low, high)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 120.0, (1, 2, 5, 10, 20, 50, 100)),
        (0.5, 60000.0, (1, 10, 100, 1000, 10000)),
        (60.0, 280.0, (100, 150, 200, 250)),
    ],
)
def test_log_ticks_suit_the_width_of_the_range(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert axes.log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (20.0, "20"), (2000.0, "2000"), (20_000.0, "20k"), (1.5e6, "1.5M")]
)
def test_tick_texts_are_short(value: float, text: str) -> None:
    assert axes.tick_text(value) == text


def test_a_log_axis_gives_each_decade_the_same_room() -> None:
    axis = axes.Axis(label="ms", low=1.0, high=1000.0, ticks=(), log=True)
    assert [axis.share(v) for v in (1, 10, 100, 1000)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert axis.share(0.01) == 0
    assert axis.share(1e9) == 1


@pytest.mark.parametrize(("low", "high", "log"), [(1.0, 1.0, False), (0.0, 1.0, True)])
def test_an_axis_needs_a_range_that_its_scale_can_show(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="low must be below high"):
        axes.Axis(label="ms", low=low, high=high, ticks=(), log=log)


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [math.inf, 3.0], [-2.0, -2.0]])
def test_axes_exist_for_any_values(values: list[float]) -> None:
    for axis in (axes.linear_axis("a", values), axes.log_axis("a", values)):
        assert axis.low < axis.high
        assert axis.ticks


def test_wide_magnitudes_are_drawn_on_a_log_scale_that_says_so() -> None:
    axis = axes.magnitude_axis("ms", [1.0, 500.0])
    assert axis.log
    assert axis.label == "ms, log scale"
    assert not axes.magnitude_axis("ms", [0.0, 500.0]).log


def test_levels_are_the_ticks_themselves() -> None:
    axis = axes.level_axis("users", [10, 5, 10, 25])
    assert [text for _, text in axis.ticks] == ["5", "10", "25"]
    assert not axis.log
    assert axes.level_axis("users", [1, 100]).log
    assert axes.level_axis("users", [5]).low < 5


def test_the_percentile_axis_gives_each_nine_the_same_room() -> None:
    axis = axes.percentile_axis("p", 0.5, 0.999)
    assert [text for _, text in axis.ticks] == ["50", "75", "90", "95", "99", "99.5", "99.9"]
    at = {text: axis.share(value) for value, text in axis.ticks}
    assert at["50"] == 0
    assert at["99.9"] == pytest.approx(1)
    assert at["99"] - at["90"] == pytest.approx(at["99.9"] - at["99"])
    assert [text for _, text in axes.percentile_axis("p", 0.5, 0.96).ticks] == ["50", "75", "90", "95"]
