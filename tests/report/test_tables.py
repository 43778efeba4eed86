from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.report import tables
from govbench.report.tables import Table
from govbench.results.comparison import Results, ThresholdState, Verdict


def test_changed_rows_come_first_then_gated_then_advisory(results: Results) -> None:
    assert results.comparison is not None
    found = [(f.verdict in tables.CHANGED, f.gated) for f in tables.ordered(results.comparison)]
    assert found == sorted(found, key=lambda row: (not row[0], not row[1]))
    assert [row[0] for row in found] == [True] * 5 + [False] * 10


def test_order_keeps_every_finding(results: Results) -> None:
    assert results.comparison is not None
    assert set(tables.ordered(results.comparison)) == set(results.comparison.findings)
    assert {f.verdict for f in results.comparison.findings} == set(Verdict)


def test_thresholds_missed_come_first(results: Results) -> None:
    assert results.comparison is not None
    states = [t.state for t in tables.ordered_thresholds(results.comparison)]
    assert states == [ThresholdState.MISSED, ThresholdState.NOT_MEASURED, ThresholdState.MET]


def test_findings_say_when_they_are_advisory(results: Results) -> None:
    assert results.comparison is not None
    rows = tables.findings_table(results.comparison.findings).rows
    assert rows[0][6] == "✗ regression"
    assert rows[1][6] == "✓ pass (advisory)"


def test_a_lone_side_needs_no_column(results: Results, run_only: Results) -> None:
    assert "side" in tables.phases_table(results.summary).headers
    alone = tables.phases_table(run_only.summary)
    assert "side" not in alone.headers
    assert {len(row) for row in alone.rows} == {len(alone.headers)}
    assert alone.headers[1] == "users"
    assert 1 in alone.right


def test_accounting_leaves_out_error_classes_that_did_not_occur(run_only: Results) -> None:
    labels = [row[0] for row in tables.accounting_table(run_only.summary.accounting).rows]
    assert labels == ["offered", "dropped", "sent", "ok", "failed", "cancelled", "lost"]


def test_the_requests_of_a_phase_are_those_of_its_steady_segment(results: Results) -> None:
    result = results.summary.phases[-1]
    assert result.steady is not None
    at = tables.phases_table(results.summary).headers.index("n")
    assert tables.phases_table(results.summary).rows[-1][at] == "1000"
    assert result.accounting.sent == 1250
    older = replace(results.summary, phases=(replace(result, steady=None),))
    assert tables.phases_table(older).rows[0][at] == "not measured"


def test_levels_of_two_test_types_are_never_one_line(results: Results, failed_run: Results) -> None:
    """One user of test type baseline thinks otherwise than five of test type concurrent."""
    levels = tables.p50_by_users(results.summary)
    assert [users for users, _ in levels] == [5, 10]
    assert levels[0][1] == pytest.approx((100.0, 100.0 * 1.301))
    assert tables.p50_by_users(failed_run.summary) == ()


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one cell per header"):
        Table(headers=("a", "b"), rows=(("1",),))


def test_pipe_table_escapes_every_cell_and_pads_none() -> None:
    table = Table(headers=("name", "n"), rows=(("a|b", "007"), ("日本", "1")), right=frozenset({1}))
    text = tables.pipe_table(table, escape=lambda cell: cell.replace("|", "&#124;"))
    assert text.splitlines() == ["| name | n |", "|:--|--:|", "| a&#124;b | 007 |", "| 日本 | 1 |"]
