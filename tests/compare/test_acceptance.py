"""Accepted regressions: what a person may say, what it covers, and what is left of the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from govbench.compare.acceptance import Acceptance, accept, parse_acceptance
from govbench.compare.compare import compare_runs
from govbench.compare.conclude import conclude, settled
from govbench.compare.scope import Scope
from govbench.config.settings import CompareConfig, Threshold
from govbench.errors import ExitCode, UsageError
from govbench.results.comparison import Comparison, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunStatus, RunSummary

BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]

P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT
BASELINE, CONCURRENT = TestType.BASELINE, TestType.CONCURRENT
QUIET = CompareConfig(between_run_sd=0.01)
FAIL_ON = frozenset({Verdict.REGRESSION, Verdict.INVALID, Verdict.INCONCLUSIVE})
SLOWER = parse_acceptance("response_time_p50_ms a better model", source="commit 0123abcde")


@pytest.fixture
def slower(summary: BuildRun, usual: BuildUsual) -> Comparison:
    """The p50 of both test types regressed, everything else passed."""
    base = {BASELINE: usual(), CONCURRENT: usual()}
    head = {BASELINE: usual(150.0), CONCURRENT: usual(150.0)}
    return compare_runs(summary(base), summary(head), QUIET)


def code_of(comparison: Comparison) -> ExitCode:
    return conclude(comparison, FAIL_ON).exit_code


def accepted_of(comparison: Comparison) -> dict[tuple[TestType, MetricName], str]:
    return {(f.test_type, f.metric): f.accepted for f in comparison.findings if f.accepted}


def test_what_a_person_says() -> None:
    assert Acceptance(scope=Scope(metric=P50), reason="a better model", source="commit 0123abcde") == SLOWER
    assert SLOWER.text == "by commit 0123abcde: a better model"
    one = parse_acceptance("concurrent/error_rate  strict\tchecks,\n see #12\x1b[31m", source="--accept")
    assert one.scope == Scope(metric=ERRORS, test_type=CONCURRENT)
    assert one.reason == "strict checks, see #12[31m"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "--accept accepts '' without a reason"),
        ("response_time_p50_ms", "without a reason"),
        ("p50 it is fine", "--accept accepts what is not there: 'p50' is no metric"),
        ("nightly/all it is fine", "'nightly' is no test type"),
    ],
)
def test_what_cannot_be_understood(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_acceptance(text, source="--accept")


def test_an_accepted_regression_is_seen_and_does_not_fail(slower: Comparison) -> None:
    assert (slower.verdict, code_of(slower)) == (Verdict.REGRESSION, ExitCode.REGRESSION)
    compared = accept(slower, [SLOWER])
    assert (compared.verdict, code_of(compared)) == (Verdict.PASS, ExitCode.OK)
    assert accepted_of(compared) == {(t, P50): SLOWER.text for t in (BASELINE, CONCURRENT)}
    assert {f.verdict for f in compared.findings if f.metric is P50} == {Verdict.REGRESSION}
    assert compared.accepted == (SLOWER.text,)
    assert (
        "response time p50 (concurrent): regression accepted by commit 0123abcde: a better model"
        in compared.reason
    )
    assert compared.notes[-1] == (
        "Accepted by commit 0123abcde: a better model. "
        "This covers response time p50 (baseline), response time p50 (concurrent)."
    )


def test_one_test_type_alone(slower: Comparison) -> None:
    compared = accept(slower, [parse_acceptance("concurrent/response_time_p50_ms why", source="x")])
    assert accepted_of(compared) == {(CONCURRENT, P50): "by x: why"}
    assert (compared.verdict, code_of(compared)) == (Verdict.REGRESSION, ExitCode.REGRESSION)
    assert "; response time p50 (baseline): the interval excludes 0" in compared.reason


def test_all_and_the_first_that_covers(slower: Comparison) -> None:
    everything = parse_acceptance("all a rewrite", source="b")
    compared = accept(slower, [SLOWER, everything])
    assert set(accepted_of(compared).values()) == {SLOWER.text}
    assert "by b: a rewrite. This covers nothing" in compared.notes[-1]
    assert accept(slower, [everything]).verdict is Verdict.PASS


def test_nothing_that_regressed_is_covered(slower: Comparison) -> None:
    other = parse_acceptance("throughput_rps fewer workers", source="commit 0123abcde")
    compared = accept(slower, [other])
    assert (compared.verdict, compared.reason, compared.findings) == (
        slower.verdict,
        slower.reason,
        slower.findings,
    )
    assert compared.notes[:-1] == slower.notes
    assert "covers nothing" in compared.notes[-1]
    assert accept(slower, []) == slower


def test_improvements_are_no_regressions(summary: BuildRun, usual: BuildUsual) -> None:
    better = compare_runs(summary(), summary({BASELINE: usual(60.0)}), QUIET)
    assert accepted_of(accept(better, [SLOWER])) == {}


def test_every_gated_metric_accepted_is_a_pass_and_no_missing_one(
    summary: BuildRun, usual: BuildUsual
) -> None:
    worse = compare_runs(summary(), summary({BASELINE: usual(150.0, errors=0.5)}), QUIET)
    named = [parse_acceptance(f"{word} the reason", source="x") for word in ("all", "error_rate")]
    compared = accept(worse, named)
    assert compared.verdict is Verdict.PASS
    assert compared.reason == (
        "response time p50 (baseline): regression accepted by x: the reason; "
        "error rate (baseline): regression accepted by x: the reason"
    )


@pytest.mark.parametrize("words", ["all", "baseline/all"])
def test_all_never_covers_the_error_rate(summary: BuildRun, usual: BuildUsual, words: str) -> None:
    worse = compare_runs(summary(), summary({BASELINE: usual(150.0, errors=0.5)}), QUIET)
    compared = accept(worse, [parse_acceptance(f"{words} the reason", source="x")])
    assert set(accepted_of(compared)) == {(BASELINE, P50)}
    assert (compared.verdict, code_of(compared)) == (Verdict.REGRESSION, ExitCode.REGRESSION)
    assert compared.notes[-1].endswith("The error rate regressed and has to be named.")


def test_a_missed_threshold_is_not_accepted(summary: BuildRun, usual: BuildUsual) -> None:
    bound = Threshold(metric=P50, bound=120.0, source="govbench.toml")
    missed = compare_runs(summary(), summary({BASELINE: usual(150.0)}), QUIET, [bound])
    compared = accept(missed, [SLOWER])
    assert (compared.verdict, code_of(compared)) == (Verdict.REGRESSION, ExitCode.REGRESSION)
    assert "threshold missed: response time p50" in compared.reason


def test_an_invalid_metric_is_not_accepted(summary: BuildRun, usual: BuildUsual) -> None:
    lost = compare_runs(summary(), summary({BASELINE: usual()[1:]}), QUIET)
    compared = accept(lost, [parse_acceptance("all why", source="x")])
    assert (compared.verdict, code_of(compared)) == (Verdict.INVALID, ExitCode.NOT_MEASURED)


def test_a_run_that_says_nothing_stays_invalid(summary: BuildRun) -> None:
    failed = compare_runs(summary(), summary(status=RunStatus.FAILED), QUIET)
    compared = accept(failed, [parse_acceptance("all why", source="x")])
    assert (compared.verdict, compared.reason) == (Verdict.INVALID, failed.reason)


def test_a_crooked_measurement_stays_one_whatever_is_accepted(slower: Comparison) -> None:
    """The regression that the control spoils is accepted; that leaves nothing of the findings to fail."""
    crooked = settled(replace(slower, fault="the control is not flat"))
    compared = accept(crooked, [SLOWER])
    assert len(accepted_of(compared)) == 2
    assert (compared.verdict, compared.reason) == (Verdict.INVALID, "the control is not flat")
    assert {conclude(compared, fail_on).exit_code for fail_on in (FAIL_ON, frozenset[Verdict]())} == {
        ExitCode.NOT_MEASURED
    }


def test_an_advisory_regression_may_be_accepted_and_changes_nothing(slower: Comparison) -> None:
    advisory = replace(
        slower,
        verdict=Verdict.PASS,
        reason="fine",
        findings=tuple(replace(f, gated=f.metric is not P50) for f in slower.findings),
    )
    compared = accept(advisory, [SLOWER])
    assert (compared.verdict, compared.reason, compared.accepted) == (Verdict.PASS, "fine", ())
    assert len(accepted_of(compared)) == 2
