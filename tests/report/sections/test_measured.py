"""What was measured at each level: the heart of a first run's report."""

from __future__ import annotations

from dataclasses import replace

from govbench.report.document import Section, Table, Tone
from govbench.report.sections.measured import measured, next_time
from govbench.results.comparison import Results
from govbench.results.metrics import MetricName
from govbench.results.plan import Arrivals, LoadModel, RatePoint
from govbench.results.run import Accounting, PhaseResult


def figures(results: Results) -> Table:
    section = measured(results)
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    return table


def column(table: Table, head: str) -> list[str]:
    at = [each.head for each in table.columns].index(head)
    return [row[at].text for row in table.rows]


def with_phase(results: Results, phase: PhaseResult) -> Results:
    return replace(results, summary=replace(results.summary, phases=(phase,)))


def test_a_row_for_each_level_with_users_and_figures(run_only: Results) -> None:
    table = figures(run_only)
    assert column(table, "load") == ["1 user", "5 users", "10 users"]
    assert "side" not in [each.head for each in table.columns]
    assert all(text.endswith(" ms") for text in column(table, "p50"))
    assert column(table, "errors")[0].startswith("0 of ")


def test_both_sides_have_rows_of_their_own(results: Results) -> None:
    assert column(figures(results), "side") == ["base", "head"] * 3


def test_a_percentile_of_too_few_answers_says_how_many_it_takes(run_only: Results) -> None:
    first = run_only.summary.phases[0]
    lacking = replace(
        first,
        metrics=tuple(m for m in first.metrics if m.name is not MetricName.RESPONSE_TIME_P99),
        accounting=replace(first.accounting, ok=1601),
        steady=Accounting(sent=601, ok=601),
    )
    row = figures(with_phase(run_only, lacking)).rows[0]
    heads = [each.head for each in figures(run_only).columns]
    cell = row[heads.index("p99")]
    assert (cell.text, cell.note, cell.tone) == ("needs 1000", "had 601", Tone.QUIET)


def test_an_open_loop_has_a_rate_and_no_users(run_only: Results) -> None:
    first = run_only.summary.phases[0]
    open_loop = replace(
        first.phase,
        users=None,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=(RatePoint(at_s=0.0, rate_rps=20.0),)),
    )
    table = figures(with_phase(run_only, replace(first, phase=open_loop)))
    (load,) = column(table, "load")
    assert load == "rate 20/s"


def test_failures_are_counted_and_shared(run_only: Results) -> None:
    failing = run_only.summary.phases[-1]
    table = figures(with_phase(run_only, failing))
    heads = [each.head for each in table.columns]
    cell = table.rows[0][heads.index("errors")]
    failed, _, of = cell.text.partition(" of ")
    assert int(failed) > 0
    assert int(of.replace("\u202f", "")) >= int(failed)
    assert cell.note.endswith(" %")
    assert cell.tone is Tone.BAD


def test_nothing_measured_has_no_section(failed_run: Results) -> None:
    assert measured(failed_run) is None
    assert next_time(failed_run) is None


def test_it_is_folded_where_something_was_compared(results: Results, run_only: Results) -> None:
    compared, alone = measured(results), measured(run_only)
    assert isinstance(compared, Section)
    assert compared.folded
    assert isinstance(alone, Section)
    assert not alone.folded
    assert alone.rank == 0
