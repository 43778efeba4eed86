from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.report import blocks
from govbench.results.run import Distribution


def test_columns_are_blank_only_for_nothing() -> None:
    assert blocks.columns([0, 0.001, 4, None, 8]) == " ▁▄ █"
    assert blocks.columns([]) == ""
    assert blocks.columns([None, 0]) == "  "


@pytest.mark.parametrize(
    ("amount", "text"), [(0, ""), (10, "████"), (5, "██"), (1.25, "▌"), (30, "████"), (-1, "")]
)
def test_bar_is_as_long_as_its_share(amount: float, text: str) -> None:
    assert blocks.bar(amount, 10, 4) == text


def test_bar_of_nothing_at_all_is_empty() -> None:
    assert blocks.bar(0, 0, 4) == ""


@given(st.lists(st.tuples(st.integers(100, 400), st.integers(1, 1000)), min_size=1, max_size=20))
def test_spread_loses_no_request(buckets: list[tuple[int, int]]) -> None:
    distribution = Distribution(gamma=1.02, buckets=tuple(sorted(buckets)))
    counts = blocks.spread([distribution], 10.0, 300.0, 48)
    assert sum(counts) == pytest.approx(sum(n for _, n in buckets))


def test_spread_puts_a_bucket_where_it_belongs() -> None:
    counts = blocks.spread([Distribution(gamma=2.0, buckets=((1, 10), (4, 30)))], 1.0, 16.0, 4)
    assert counts == pytest.approx([10, 0, 0, 30])


def test_extent_leaves_out_the_last_of_a_long_tail() -> None:
    body = Distribution(gamma=2.0, buckets=((3, 999), (20, 1)))
    assert blocks.extent([body]) == (4.0, 8.0)
    assert blocks.extent([]) is None
    assert blocks.extent([Distribution(gamma=2.0, buckets=())]) is None


@pytest.mark.parametrize(
    ("low", "estimate", "high", "drawn"),
    [
        (-0.02, 0.0, 0.02, "     ░░━━●━━░░     "),
        (0.04, 0.06, 0.07, "     ░░░░│░░░━●━   "),
        (-0.5, 0.02, 0.5, "◀━━━━━━━━━━●━━━━━━▶"),
        (0.2, 0.3, 0.4, "     ░░░░│░░░░    ▶"),
    ],
)
def test_an_interval_lies_over_its_margin(low: float, estimate: float, high: float, drawn: str) -> None:
    assert blocks.interval(low, estimate, high, margin=(-0.045, 0.045), limit=0.1, width=19) == drawn
