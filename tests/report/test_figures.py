from __future__ import annotations

import re
from dataclasses import replace

import pytest

from govbench.report import figures
from govbench.report.figures import ChartTable
from govbench.results.comparison import Change, Margin, Results
from govbench.results.metrics import MetricName


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


def test_a_forest_has_a_row_per_finding_and_a_scale_of_its_own_for_differences(results: Results) -> None:
    assert results.comparison is not None
    findings = results.comparison.findings
    forest = figures.forest(findings)
    assert len(forest.rows) == len(findings)
    for finding, row, scale in zip(findings, forest.rows, forest.scales, strict=True):
        assert bool(row) is (finding.change is not None)
        assert bool(scale) is (finding.metric is MetricName.ERROR_RATE)
    assert "+40 %" in forest.axis


def test_a_row_says_its_numbers_and_its_margin(results: Results) -> None:
    assert results.comparison is not None
    row = figures.forest(results.comparison.findings).rows[0]
    assert re.search(r"<title[^>]*>response time p50: \+29\.9 % \[\+28\.1, \+31\.8\] at 99 %</title>", row)
    said = r"Base and head: 84\.0 ms, 109 ms\. Margin: 2\.00 % and 0\.300 ms\."
    assert re.search(rf"<desc[^>]*>{said}</desc>", row)


def test_an_unbounded_interval_does_not_stretch_the_scale(results: Results) -> None:
    assert results.comparison is not None
    first = results.comparison.findings[0]
    wide = replace(first, change=Change(estimate=0.1, low=0.0, high=float("inf"), level=0.99))
    forest = figures.forest((wide,))
    assert re.search(r"\+(15|20|30) %", forest.axis)
    assert 'class="arrow"' in forest.rows[0]


def test_no_finding_makes_no_forest() -> None:
    assert figures.forest(()) == figures.Forest(rows=(), axis="", scales=())


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one cell per header"):
        ChartTable(head=("a", "b"), rows=(("1",),))
