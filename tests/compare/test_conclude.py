"""What a comparison comes to, row by row as docs/exit-codes.md lists it, and what no option changes."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from govbench.compare.conclude import DEFAULT_FAIL_ON, NOTHING_JUDGED, ORDER, conclude, settled, worst
from govbench.errors import ExitCode
from govbench.results.comparison import (
    Comparison,
    Finding,
    Method,
    Reference,
    ThresholdResult,
    ThresholdState,
    Verdict,
)
from govbench.results.conclusion import Weight
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType

P50 = MetricName.RESPONSE_TIME_P50
R, V, U, C, N, P, B = (
    Verdict.REGRESSION,
    Verdict.INVALID,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_COMPARABLE,
    Verdict.NO_BASELINE,
    Verdict.PASS,
    Verdict.IMPROVEMENT,
)
MET, MISSED, LACKING = ThresholdState.MET, ThresholdState.MISSED, ThresholdState.NOT_MEASURED
STORED = Reference(label="3 stored runs")
CROOKED = "the control is not flat"


def finding(verdict: Verdict, **changes: Any) -> Finding:
    made = Finding(test_type=TestType.BASELINE, metric=P50, verdict=verdict, gated=True, reason="r")
    return replace(made, **changes)


def bound(state: ThresholdState, **changes: Any) -> ThresholdResult:
    return replace(ThresholdResult(metric=P50, bound=1.0, state=state, demanded=True), **changes)


def case(*found: Verdict | Finding, bounds: tuple[ThresholdResult, ...] = (), **changes: Any) -> Comparison:
    findings = tuple(one if isinstance(one, Finding) else finding(one) for one in found)
    baseline = None if Verdict.NO_BASELINE in found else STORED
    made = Comparison(
        verdict=Verdict.PASS,
        reason="",
        method=Method.STORED_WINDOW,
        baseline=baseline,
        candidate=Reference(label="head"),
        findings=findings,
        thresholds=bounds,
    )
    return replace(made, **changes)


CASES = {
    "every gated metric passes": case(P, P),
    "every gated metric improved": case(B, B),
    "some improved, others pass": case(B, P),
    "a gated metric regressed": case(R, P),
    "an advisory metric regressed": case(P, finding(R, gated=False)),
    "a regression, accepted": case(finding(R, accepted="by a person"), P),
    "a regression, and another accepted": case(finding(R, accepted="by a person"), R),
    "a gated metric is inconclusive": case(U, P),
    "a gated metric is invalid": case(V, P),
    "invalid beside a regression": case(V, R),
    "inconclusive beside a regression": case(U, R),
    "measured with another plan or machine class": case(C, C),
    "no baseline": case(N, N),
    "no baseline, and no metric is gated": case(finding(N, gated=False), baseline=None),
    "a threshold is met": case(P, bounds=(bound(MET),)),
    "a threshold is missed": case(P, bounds=(bound(MET), bound(MISSED))),
    "a threshold is missed, without a baseline": case(N, bounds=(bound(MISSED),)),
    "the error rate nobody set a bound for is over 5 %": case(N, bounds=(bound(MISSED, default=True),)),
    "a regression is accepted, a threshold missed": case(
        finding(R, accepted="by a person"), bounds=(bound(MISSED),)
    ),
    "a threshold could not be measured": case(P, bounds=(bound(MET), bound(LACKING))),
    "the same, with on_not_measured = ignore or a bound of the suite's variables": case(
        P, bounds=(bound(LACKING, demanded=False),)
    ),
    "one threshold is missed, another could not be measured": case(P, bounds=(bound(MISSED), bound(LACKING))),
    "no metric is gated, a threshold is met": case(bounds=(bound(MET),)),
    "no metric is gated, and no threshold is set": case(bounds=(bound(MET, default=True),)),
    "crooked, and every gated metric passes": case(P, P, fault=CROOKED),
    "crooked, and a gated metric regressed": case(R, P, fault=CROOKED),
    "crooked, and the regression accepted": case(finding(R, accepted="by a person"), fault=CROOKED),
    "crooked, and a threshold missed": case(P, bounds=(bound(MISSED),), fault=CROOKED),
    "crooked, and no baseline": case(N, fault=CROOKED),
    "crooked, and nothing to show": case(fault=CROOKED),
    "base could not be measured, head passes by the stored runs": case(P, base_failure="no build"),
    "base could not be measured, and nothing is stored": case(N, base_failure="no build"),
    "base could not be measured, head regressed by the stored runs": case(R, base_failure="no build"),
}
DOCS = Path(__file__).parents[2] / "docs" / "exit-codes.md"
ROWS = re.findall(
    r"^\| ([^|`]+) \| (default|none|[\w, ]+) \| (\w+) \| (\d) \| ([\w, –]+) \|$",
    DOCS.read_text(encoding="utf-8").partition("## Every case")[2],
    re.MULTILINE,
)


def fail_on_of(text: str) -> frozenset[Verdict]:
    if text in {"default", "none"}:
        return DEFAULT_FAIL_ON if text == "default" else frozenset()
    return frozenset(Verdict(word) for word in text.split(", "))


def test_the_table_lists_every_case() -> None:
    assert {row[0] for row in ROWS} == set(CASES)


@pytest.mark.parametrize("row", ROWS, ids=" | ".join)
def test_a_row_of_the_table_is_what_comes_out(row: tuple[str, ...]) -> None:
    name, fail_on, verdict, code, shown = row
    conclusion = conclude(CASES[name], fail_on_of(fail_on))
    weights = {conclusion.run, *conclusion.findings, *conclusion.thresholds} - {Weight.OK}
    assert (conclusion.verdict.value, int(conclusion.exit_code)) == (verdict, int(code))
    assert (", ".join(sorted(weights)) or "–") == shown


EVERY_FAIL_ON = [
    frozenset(some) for count in range(6) for some in itertools.combinations([R, V, U, C, N], count)
]


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("crooked")])
def test_nothing_makes_a_crooked_comparison_exit_with_another_code(name: str) -> None:
    for fail_on in EVERY_FAIL_ON:
        conclusion = conclude(CASES[name], fail_on)
        assert conclusion.exit_code is ExitCode.NOT_MEASURED
        assert (conclusion.verdict, conclusion.reason) == (V, CROOKED)


@pytest.mark.parametrize("name", CASES)
def test_exit_1_is_what_junit_calls_a_failure_and_3_an_error(name: str) -> None:
    for conclusion in (conclude(CASES[name], fail_on) for fail_on in EVERY_FAIL_ON):
        weights = {conclusion.run, *conclusion.findings, *conclusion.thresholds}
        assert (conclusion.exit_code is ExitCode.REGRESSION) == (Weight.FAILURE in weights)
        if conclusion.exit_code is ExitCode.NOT_MEASURED:
            assert Weight.ERROR in weights
        assert (conclusion.exit_code is ExitCode.OK) == (not weights & {Weight.FAILURE, Weight.ERROR})


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_and_its_reason_do_not_depend_on_what_fails(name: str) -> None:
    found = {(c.verdict, c.reason) for c in (conclude(CASES[name], fail_on) for fail_on in EVERY_FAIL_ON)}
    assert len(found) == 1
    assert all(reason for _, reason in found)
    again = settled(CASES[name])
    assert (again.verdict, again.reason) in found


def test_the_order_is_that_of_the_product_and_holds_every_verdict() -> None:
    assert [v.value for v in ORDER] == [
        "regression", "invalid", "inconclusive", "not_comparable", "no_baseline", "pass", "improvement",
    ]  # fmt: skip
    assert set(ORDER) == set(Verdict)


@pytest.mark.parametrize("pair", list(itertools.combinations(ORDER, 2)))
def test_the_worst_gated_finding_is_the_verdict(pair: tuple[Verdict, Verdict]) -> None:
    worse, better = pair
    for findings in (pair, pair[::-1]):
        assert conclude(case(*findings, baseline=STORED)).verdict is worse
        assert worst(findings) is worse
    advisory = case(finding(worse, gated=False), better, baseline=STORED)
    assert conclude(advisory).verdict is better


def test_an_advisory_finding_never_fails() -> None:
    for verdict in Verdict:
        judged = case(P, finding(verdict, gated=False), baseline=STORED)
        assert conclude(judged, frozenset(Verdict)).exit_code is ExitCode.OK


def test_what_nobody_asked_for_is_no_judgement() -> None:
    assert conclude(CASES["no metric is gated, and no threshold is set"]).reason == NOTHING_JUDGED


def test_reasons_say_all_that_led_to_the_verdict() -> None:
    both = conclude(CASES["base could not be measured, head passes by the stored runs"])
    assert both.reason.startswith("the base could not be measured, so nothing was compared side by side: no")
    unlike = case(*(finding(C, reason="another machine class") for _ in range(2)), bounds=(bound(MISSED),))
    assert conclude(unlike).reason == "another machine class; threshold missed: response time p50"
    assert conclude(CASES["a threshold could not be measured"]).reason.endswith(
        "threshold not measured: response time p50"
    )
