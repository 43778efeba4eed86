"""What was judged, row by row."""

from __future__ import annotations

from dataclasses import replace

from govbench.report.document import Findings, Items, Table
from govbench.report.sections import judged
from govbench.results.comparison import Change, LevelFinding, Results, ThresholdState, Verdict


def rows(results: Results) -> Findings:
    section = judged.gated(results)
    assert section is not None
    (block,) = section.blocks
    assert isinstance(block, Findings)
    return block


def test_a_row_has_values_change_interval_and_margin(results: Results) -> None:
    first = rows(results).rows[0]
    assert first.mark.label == "regression"
    assert first.change.text.startswith("+")
    assert first.change.note.startswith("[")
    assert first.change.note.endswith("]")
    assert " at " not in first.change.note
    assert first.interval is not None
    assert first.interval.margin is not None
    assert first.interval.low <= first.interval.estimate <= first.interval.high


def test_the_level_is_stated_once(results: Results) -> None:
    assert rows(results).level == "99 %"


def test_shares_have_a_scale_of_their_own(results: Results) -> None:
    found = [row.interval for row in rows(results).rows if row.interval is not None]
    scales = {each.difference: each.scale for each in found}
    assert len({each.scale for each in found if not each.difference}) == 1
    assert scales.get(True) != scales.get(False)


def test_an_accepted_regression_says_so_and_is_not_red(results: Results) -> None:
    assert results.comparison is not None
    accepted = tuple(
        replace(f, accepted="by Jane: meant") if f.verdict is Verdict.REGRESSION else f
        for f in results.comparison.findings
    )
    found = rows(replace(results, comparison=replace(results.comparison, findings=accepted)))
    labels = {row.mark.label for row in found.rows}
    assert "regression (accepted)" in labels
    assert "regression" not in labels


def test_missed_thresholds_come_first(results: Results) -> None:
    section = judged.thresholds(results)
    assert section is not None
    assert results.comparison is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    states = [row[4].text.partition(" ")[2] for row in table.rows]
    assert states == sorted(states, key=["missed", "not measured", "met"].index)
    assert len(states) == len(results.comparison.thresholds)


def test_no_thresholds_no_section(results: Results) -> None:
    assert results.comparison is not None
    assert judged.thresholds(replace(results, comparison=replace(results.comparison, thresholds=()))) is None


def test_a_bound_that_nobody_demands_and_was_not_measured_keeps_the_table_folded(results: Results) -> None:
    assert results.comparison is not None
    bounds = tuple(
        replace(t, state=ThresholdState.NOT_MEASURED, value=None, demanded=False)
        for t in results.comparison.thresholds[:1]
    )
    section = judged.thresholds(replace(results, comparison=replace(results.comparison, thresholds=bounds)))
    assert section is not None
    assert section.folded


def test_what_moved_is_numbered_likeliest_first(results: Results) -> None:
    section = judged.moved(results)
    assert section is not None
    lists = [block for block in section.blocks if isinstance(block, Items)]
    assert lists
    assert all(each.numbered for each in lists)


def test_each_level_has_its_row(results: Results) -> None:
    assert results.comparison is not None
    at = tuple(
        LevelFinding(
            level=f"{users} users",
            verdict=Verdict.PASS,
            reason="",
            change=Change(estimate=0.0, low=-0.01, high=0.01, level=0.99),
        )
        for users in (10, 50)
    )
    first = next(f for f in results.comparison.findings if f.gated)
    found = replace(results, comparison=replace(results.comparison, findings=(replace(first, levels=at),)))
    section = judged.levels(found)
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert [row[1].text.partition(" at ")[2] for row in table.rows] == ["10 users", "50 users"]
    assert judged.levels(results) is None or section.folded
