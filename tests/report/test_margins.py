"""The band of the margin and the scale of a drawn interval."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.report.margins import ROUND_LIMITS, margin_band, scale_of
from govbench.results.comparison import Change, Margin, Results
from govbench.results.metrics import MetricName


def test_the_margin_is_drawn_as_it_is_applied(results: Results) -> None:
    """+25 % stands opposite -20 %, for ratios mirror in the logarithm."""
    assert results.comparison is not None
    wide = replace(results.comparison.findings[0], margin=Margin(relative=0.25, absolute=0.3))
    assert margin_band(wide) == pytest.approx((-0.2, 0.25))
    assert margin_band(replace(wide, margin=None)) is None


def test_an_absolute_margin_counts_where_it_is_the_larger(results: Results) -> None:
    assert results.comparison is not None
    first = results.comparison.findings[0]
    assert first.baseline is not None
    assert first.candidate is not None
    middle = (first.baseline.value * first.candidate.value) ** 0.5
    band = margin_band(replace(first, margin=Margin(relative=0.001, absolute=middle / 10)))
    assert band is not None
    assert band[1] == pytest.approx(0.1)


def test_shares_have_their_margin_in_points(results: Results) -> None:
    assert results.comparison is not None
    share = next(f for f in results.comparison.findings if f.metric is MetricName.ERROR_RATE)
    assert margin_band(replace(share, margin=Margin(relative=0.5, absolute=0.01))) == (-0.01, 0.01)


def test_the_scale_is_round_and_holds_every_estimate(results: Results) -> None:
    assert results.comparison is not None
    found = [f for f in results.comparison.findings if f.change and not f.change.difference]
    scale = scale_of(found)
    assert scale in ROUND_LIMITS
    assert all(f.change is None or abs(f.change.estimate) <= scale for f in found)


def test_an_unbounded_interval_does_not_stretch_the_scale(results: Results) -> None:
    assert results.comparison is not None
    wide = replace(
        results.comparison.findings[0], change=Change(estimate=0.1, low=0.0, high=float("inf"), level=0.99)
    )
    assert 0.1 < scale_of([wide]) <= 0.3
