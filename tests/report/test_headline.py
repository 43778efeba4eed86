"""The first sentence of a report, and what stands behind it in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from govbench.report.headline import headline, is_first, ruled_out, shown_metrics, tallies
from govbench.report.phrases import from_to
from govbench.results.comparison import (
    Change,
    Comparison,
    Finding,
    Margin,
    Results,
    ThresholdState,
    Verdict,
)
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, RunStatus


def judged(results: Results, verdict: Verdict, *findings: Finding, **changes: Any) -> Results:
    """The results with these findings and that verdict, and no threshold."""
    assert results.comparison is not None
    kept: dict[str, Any] = {"thresholds": (), "reason": "so it is", "fault": None, **changes}
    return replace(
        results, comparison=replace(results.comparison, verdict=verdict, findings=findings, **kept)
    )


def finding(verdict: Verdict, change: Change | None = None, **others: Any) -> Finding:
    """A gated p50 of the concurrent test type."""
    fields: dict[str, Any] = {
        "test_type": TestType.CONCURRENT,
        "metric": MetricName.RESPONSE_TIME_P50,
        "gated": True,
        "reason": "because",
        "baseline": Metric(name=MetricName.RESPONSE_TIME_P50, value=25.2, n=200),
        "candidate": Metric(name=MetricName.RESPONSE_TIME_P50, value=50.4, n=200),
        "margin": Margin(relative=0.03),
        **others,
    }
    return Finding(verdict=verdict, change=change, **fields)


def change(estimate: float, low: float, high: float) -> Change:
    return Change(estimate=estimate, low=low, high=high, level=0.99)


DOUBLED = change(1.0, 0.64, 1.43)


def said(results: Results) -> str:
    """The headline without the suite."""
    suite, _, rest = headline(results).partition(": ")
    assert suite == "govstack | <chat>"
    return rest


def test_a_regression_says_from_what_to_what_and_by_how_much(results: Results) -> None:
    regressed = judged(results, Verdict.REGRESSION, finding(Verdict.REGRESSION, DOUBLED, level="50 users"))
    assert said(regressed) == "p50 of concurrent at 50 users 25.2 → 50.4 ms (+100 % [+64, +143])"


def test_values_of_unlike_units_keep_both() -> None:
    slow = Metric(name=MetricName.RESPONSE_TIME_P50, value=1500.0, n=200)
    assert from_to(finding(Verdict.REGRESSION, candidate=slow)) == "25.2 ms → 1.50 s"
    assert from_to(finding(Verdict.REGRESSION, baseline=None)) == "not measured → 50.4 ms"


def test_the_test_type_baseline_is_never_called_by_that_word_alone(results: Results) -> None:
    found = finding(Verdict.REGRESSION, DOUBLED, test_type=TestType.BASELINE)
    assert "p50 of test type baseline 25.2" in said(judged(results, Verdict.REGRESSION, found))


def test_an_improvement_reads_alike(results: Results) -> None:
    better = finding(Verdict.IMPROVEMENT, change(-0.5, -0.59, -0.39))
    assert said(judged(results, Verdict.IMPROVEMENT, better)).endswith("(-50.0 % [-59.0, -39.0])")


def test_a_pass_says_what_is_ruled_out(results: Results) -> None:
    same = finding(Verdict.PASS, change(0.004, -0.018, 0.029))
    passed = judged(results, Verdict.PASS, same)
    assert said(passed) == "no difference seen; larger than 2.90 % ruled out"
    assert passed.comparison is not None
    assert ruled_out(passed.comparison) == "2.90 %"


def test_a_pass_by_acceptance_says_who_accepted_what(results: Results) -> None:
    accepted = finding(Verdict.REGRESSION, DOUBLED, accepted="Jane in 1a2b: checked since")
    text = said(judged(results, Verdict.PASS, accepted))
    assert text.startswith("p50 of concurrent 25.2 → 50.4 ms (+100 %")
    assert text.endswith("accepted Jane in 1a2b: checked since")


def test_an_open_verdict_names_the_lean_and_the_whole_interval(results: Results) -> None:
    leaning = finding(Verdict.INCONCLUSIVE, change(0.125, -0.02, 0.29))
    assert said(judged(results, Verdict.INCONCLUSIVE, leaning)) == (
        "p50 of concurrent looks 12.5 % slower (-2.0 to +29.0 %), not certain"
    )


def test_a_suspect_says_in_short_why_it_is_open(results: Results) -> None:
    reason = "unconfirmed: a regression that was not measured again; the interval excludes 0"
    lean = finding(Verdict.INCONCLUSIVE, change(0.125, 0.02, 0.29), suspect=True, reason=reason)
    assert said(judged(results, Verdict.INCONCLUSIVE, lean)).endswith(
        "not certain; unconfirmed: a regression that was not measured again"
    )


def test_an_estimate_within_the_margin_is_no_lean(results: Results) -> None:
    wide = finding(Verdict.INCONCLUSIVE, change(-0.008, -0.105, 0.1))
    text = said(judged(results, Verdict.INCONCLUSIVE, wide))
    assert "looks" not in text
    assert "-10.5 to +10.0 % is possible; 3.00 % would count" in text


def test_of_several_open_metrics_the_one_beyond_its_margin_is_named(results: Results) -> None:
    wide = finding(Verdict.INCONCLUSIVE, change(0.02, -0.3, 0.5), test_type=TestType.BASELINE)
    leaning = finding(Verdict.INCONCLUSIVE, change(0.06, -0.01, 0.13))
    assert said(judged(results, Verdict.INCONCLUSIVE, wide, leaning)).startswith(
        "p50 of concurrent looks 6.00 %"
    )


def test_a_first_run_names_neither_base_nor_change(results: Results) -> None:
    first = judged(results, Verdict.NO_BASELINE, finding(Verdict.NO_BASELINE, baseline=None), baseline=None)
    text = said(first)
    assert text == "first measurement on linux-x86_64-epyc-7763-4c-16g, nothing to compare with yet"
    assert is_first(first)
    assert not any("gated" in tally for tally in tallies(first))


def test_a_fault_is_said_as_it_is(invalid: Results) -> None:
    assert said(invalid) == "the load generator was saturated: it used 0.998 cores of one"


def test_a_base_that_failed_is_told_before_the_verdict_on_head(results: Results) -> None:
    alone = judged(
        results, Verdict.REGRESSION, finding(Verdict.REGRESSION, DOUBLED), base_failure="it did not build"
    )
    assert said(alone).startswith("the base could not be measured; head alone: p50 of concurrent 25.2")


def test_a_missed_threshold_alone_is_the_claim(results: Results) -> None:
    assert results.comparison is not None
    missed = tuple(t for t in results.comparison.thresholds if t.state is ThresholdState.MISSED)
    text = said(judged(results, Verdict.REGRESSION, thresholds=missed))
    assert "above its bound of" in text or "beyond its bound of" in text


def test_a_missed_threshold_beside_a_regression_stays_in_the_tallies(results: Results) -> None:
    assert any("missed" in tally for tally in tallies(results))


def test_tallies_count_metrics_thresholds_requests_and_the_generator(results: Results) -> None:
    found = [
        finding(Verdict.REGRESSION, DOUBLED),
        finding(Verdict.REGRESSION, DOUBLED, accepted="meant"),
        finding(Verdict.INCONCLUSIVE, change(0.1, -0.1, 0.3)),
        finding(Verdict.PASS, change(0.0, -0.01, 0.01)),
        finding(Verdict.REGRESSION, DOUBLED, gated=False),
    ]
    assert tallies(judged(results, Verdict.REGRESSION, *found)) == (
        "1 of 4 gated metrics regressed, 1 inconclusive, 1 regressed and accepted",
        "35 of 12\u202f335 failed, 5 dropped",
        "generator fine",
    )


def test_tallies_of_what_passed(results: Results) -> None:
    same = finding(Verdict.PASS, change(0.0, -0.01, 0.01))
    assert tallies(judged(results, Verdict.PASS, same))[0] == "1 of 1 gated metric unchanged"


def test_a_saturated_generator_is_in_the_tallies(invalid: Results) -> None:
    assert "generator saturated" in tallies(invalid)


def test_a_run_that_broke_off_says_so(run_only: Results, failed_run: Results) -> None:
    assert said(run_only) == "1800 of 1800 requests succeeded in 75.2 s"
    assert said(failed_run) == "nothing was measured"
    assert RunStatus.FAILED.value in tallies(failed_run)


@pytest.mark.parametrize("gated", [True, False])
def test_changed_metrics_are_read_first(results: Results, gated: bool) -> None:
    assert results.comparison is not None
    comparison: Comparison = results.comparison
    found = shown_metrics(comparison, gated=gated)
    assert {id(f) for f in found} == {id(f) for f in comparison.findings if f.gated is gated}
    first_calm = next((at for at, f in enumerate(found) if f.verdict is Verdict.PASS), len(found))
    assert all(f.verdict is not Verdict.REGRESSION for f in found[first_calm:])


def test_a_risen_error_rate_leads(results: Results) -> None:
    failing = finding(
        Verdict.REGRESSION,
        Change(estimate=0.05, low=0.03, high=0.07, level=0.99, difference=True),
        metric=MetricName.ERROR_RATE,
        baseline=Metric(name=MetricName.ERROR_RATE, value=0.0, n=200),
        candidate=Metric(name=MetricName.ERROR_RATE, value=0.05, n=200),
    )
    both = judged(results, Verdict.REGRESSION, finding(Verdict.REGRESSION, DOUBLED), failing)
    assert said(both).startswith("error rate of concurrent 0 → 5.00 % (+5.00 pp [+3.00, +7.00])")


def test_a_run_without_a_single_answer_measured_nothing(run_only: Results) -> None:
    nothing = replace(run_only, summary=replace(run_only.summary, accounting=Accounting(sent=5, failed=5)))
    assert said(nothing) == "no request succeeded, so nothing was measured"
