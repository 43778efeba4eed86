"""Which explanations a finding gets, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govbench.compare.compare import compare_runs
from govbench.compare.explain import besides, explained
from govbench.compare.moved import Movement
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Change, Explanation, Finding, LevelFinding, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Aspect
from govbench.results.run import Accounting, Outcome, RunSummary

KIND = TestType.CONCURRENT
P50, TTFB, CPU = MetricName.RESPONSE_TIME_P50, MetricName.TTFB_P50, MetricName.CPU_PER_REQUEST
MEMORY, ERRORS, TOKENS = MetricName.MEMORY_PEAK, MetricName.ERROR_RATE, MetricName.OUTPUT_TOKENS


def finding(name: MetricName, change: float, verdict: Verdict = Verdict.REGRESSION, **more: Any) -> Finding:
    return Finding(
        test_type=more.pop("test_type", KIND),
        metric=name,
        verdict=verdict,
        gated=True,
        reason="",
        baseline=Metric(name=name, value=20.0, n=100),
        candidate=Metric(name=name, value=20.0 * (1 + change), n=100),
        change=Change(estimate=change, low=change - 0.01, high=change + 0.01, level=0.99),
        **more,
    )


def movement(aspect: Aspect, change: float, *which: str, strength: float = 5.0, **more: Any) -> Movement:
    explanation = Explanation(
        aspect=aspect,
        baseline=20.0,
        candidate=20.0 * (1 + change),
        baseline_n=100,
        candidate_n=100,
        change=Change(estimate=change, low=change - 0.01, high=change + 0.01, level=0.99),
        which=which,
    )
    return Movement(test_type=KIND, explanation=explanation, strength=strength, **more)


def told(finding: Finding) -> list[str]:
    return [e.metric or e.aspect for e in finding.explanations]


def test_a_slower_answer_is_explained_by_kind_then_size_then_tokens_then_cpu() -> None:
    findings = (finding(P50, 0.3), finding(CPU, 0.3), finding(TTFB, 0.3), finding(TOKENS, 0.4))
    moved = (
        movement(Aspect.ERROR_CLASS, 0.02, "http_5xx"),
        movement(Aspect.RESPONSE_BYTES, 0.4),
        movement(Aspect.CATEGORY, 0.5, "passports"),
    )
    first = explained(findings, moved)[0]
    assert told(first) == ["category", TTFB, "response_bytes", TOKENS, CPU, "error_class"]


def test_the_error_rate_is_explained_by_its_classes_first_the_clearest_before_others() -> None:
    moved = (
        movement(Aspect.ERROR_CLASS, 0.01, "timeout", strength=3.0),
        movement(Aspect.ERROR_CLASS, 0.05, "http_5xx", strength=9.0),
        movement(Aspect.CATEGORY, 0.2, "taxes", of_failures=True),
        movement(Aspect.CATEGORY, 0.2, "slow ones"),
    )
    first, _ = explained((finding(ERRORS, 0.06), finding(MEMORY, 0.5)), moved)
    assert [e.which for e in first.explanations] == [("http_5xx",), ("timeout",), ("taxes",), ()]
    assert first.explanations[-1].metric is MEMORY


def test_a_category_that_moved_the_other_way_explains_nothing() -> None:
    (found,) = explained((finding(P50, 0.3),), (movement(Aspect.CATEGORY, -0.3, "passports"),))
    assert found.explanations == ()


def test_latencies_do_not_explain_each_other_but_say_where_in_a_request() -> None:
    findings = (finding(P50, 0.3), finding(MetricName.SERVICE_TIME_P50, 0.3), finding(TTFB, 0.3))
    found = explained(findings)
    assert [told(f) for f in found] == [[TTFB], [TTFB], []]


def test_what_is_no_latency_is_explained_by_the_response_time() -> None:
    _, found = explained((finding(P50, 0.3), finding(CPU, 0.3)))
    assert told(found) == [P50]


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID])
def test_what_is_not_flagged_is_neither_explained_nor_explains(verdict: Verdict) -> None:
    found = explained(
        (finding(P50, 0.3, verdict), finding(CPU, 0.3)), (movement(Aspect.RESPONSE_BYTES, 0.4),)
    )
    assert told(found[0]) == []
    assert told(found[1]) == ["response_bytes"]


def test_another_test_type_explains_nothing() -> None:
    found = explained((finding(P50, 0.3), finding(CPU, 0.3, test_type=TestType.BASELINE)))
    assert [f.explanations for f in found] == [(), ()]


def test_two_runs_are_explained_by_their_metrics_and_error_classes(
    summary: Callable[..., RunSummary], usual: Callable[..., tuple[Metric, ...]]
) -> None:
    def run(errors: float, cpu_ms: float, classes: dict[Outcome, int]) -> RunSummary:
        cpu = Metric(name=CPU, value=cpu_ms, n=1000)
        made = summary({KIND: (*usual(errors=errors), cpu)})
        failed = sum(classes.values())
        counted = Accounting(offered=1000, sent=1000, ok=1000 - failed, failed=failed, errors=classes)
        return replace(made, phases=(replace(made.phases[0], accounting=counted),))

    base, head = run(0.0, 1.0, {}), run(0.08, 2.0, {Outcome.HTTP_5XX: 78, Outcome.TIMEOUT: 2})
    compared = compare_runs(base, head, CompareConfig())

    errors = next(f for f in compared.findings if f.metric is ERRORS)
    assert errors.verdict is Verdict.REGRESSION
    # Two timeouts of a thousand requests are chance.
    assert [(e.which, e.candidate) for e in errors.explanations] == [(("http_5xx",), 0.078), ((), 2.0)]
    assert errors.explanations[1].metric is CPU


def test_a_category_that_moved_no_median_is_kept_besides() -> None:
    slow, failing = movement(Aspect.CATEGORY, 0.6, "passports"), movement(Aspect.RESPONSE_BYTES, 0.1)
    assert besides(explained((finding(P50, 0.0, Verdict.PASS),), (slow, failing)), (slow, failing)) == (
        slow.explanation,
    )
    assert besides(explained((finding(P50, 0.3),), (slow,)), (slow,)) == ()


def at(level: str, change: float, verdict: Verdict) -> LevelFinding:
    bare = finding(P50, change, verdict)
    return LevelFinding(
        level=level,
        verdict=verdict,
        reason="",
        baseline=bare.baseline,
        candidate=bare.candidate,
        change=bare.change,
    )


def test_a_metric_explains_another_at_the_level_that_this_one_names() -> None:
    levels = (at("10 users", 0.1, Verdict.REGRESSION), at("50 users", 0.4, Verdict.REGRESSION))
    tokens = finding(MetricName.OUTPUT_TOKENS, 0.4, level="50 users", levels=levels)
    at_ten = finding(P50, 0.2, level="10 users", levels=levels)
    at_25 = finding(P50, 0.2, level="25 users", levels=levels)
    failures = finding(MetricName.ERROR_RATE, 0.2)

    def estimates(one: Finding) -> list[float]:
        first, _ = explained([one, tokens])
        return [round(e.change.estimate, 3) for e in first.explanations]

    assert estimates(at_ten) == [0.1]
    assert estimates(at_25) == []
    assert estimates(failures) == [0.4]
