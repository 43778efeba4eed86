"""What verdicts, states and ends are called, and what a command says that it ends with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.compare.conclude import DEFAULT_FAIL_ON, conclude_results
from govbench.errors import ExitCode
from govbench.report.advice import advice
from govbench.report.words import ERROR_CLASSES, EXITS, STATUSES, THRESHOLDS, VERDICTS, exit_of, mark_of
from govbench.results.comparison import Results, ThresholdState, Verdict
from govbench.results.run import Outcome, RunStatus


def test_every_word_has_a_mark_of_its_own() -> None:
    for words, marks in ((Verdict, VERDICTS), (ThresholdState, THRESHOLDS), (RunStatus, STATUSES)):
        assert set(marks) == set(words)
        assert len({mark.label for mark in marks.values()}) == len(marks)
        assert all(len(mark.symbol) == 1 for mark in marks.values())
    assert len({mark.symbol for mark in VERDICTS.values()}) == len(Verdict)
    assert len({mark.emoji for mark in VERDICTS.values()}) == len(Verdict)


def test_every_class_of_error_is_explained() -> None:
    assert set(ERROR_CLASSES) == set(Outcome) - {Outcome.OK, Outcome.CANCELLED}


@pytest.mark.parametrize(
    ("verdict", "fail_on", "code", "said"),
    [
        (Verdict.PASS, DEFAULT_FAIL_ON, ExitCode.OK, "success"),
        (Verdict.REGRESSION, DEFAULT_FAIL_ON, ExitCode.REGRESSION, EXITS[ExitCode.REGRESSION]),
        (Verdict.REGRESSION, frozenset(), ExitCode.OK, 'fail-on does not name "regression"'),
        (Verdict.INCONCLUSIVE, DEFAULT_FAIL_ON, ExitCode.OK, 'fail-on does not name "inconclusive"'),
        (Verdict.INCONCLUSIVE, frozenset({Verdict.INCONCLUSIVE}), ExitCode.REGRESSION, "regression"),
    ],
)
def test_the_exit_code_is_said_with_its_reason(
    results: Results, verdict: Verdict, fail_on: frozenset[Verdict], code: ExitCode, said: str
) -> None:
    assert results.comparison is not None
    gated = next(f for f in results.comparison.findings if f.gated)
    alone = replace(
        results,
        comparison=replace(
            results.comparison, verdict=verdict, findings=(replace(gated, verdict=verdict),), thresholds=()
        ),
    )
    conclusion = conclude_results(alone, fail_on)
    assert mark_of(alone, conclusion) == VERDICTS[verdict]
    found, why = exit_of(alone, conclusion)
    assert found is code
    assert said in why


def test_a_run_that_was_not_judged_is_marked_by_how_it_ended(run_only: Results, failed_run: Results) -> None:
    assert mark_of(run_only, conclude_results(run_only)) == STATUSES[RunStatus.COMPLETED]
    assert mark_of(failed_run, conclude_results(failed_run)) == STATUSES[RunStatus.FAILED]


def test_a_run_that_was_cut_short_links_to_what_is_said_of_such_runs(results: Results) -> None:
    run = replace(results.summary.run, status=RunStatus.INTERRUPTED)
    cut = replace(results, summary=replace(results.summary, run=run))
    assert "#interrupted" in str(advice(cut, Verdict.INVALID)[-1])
