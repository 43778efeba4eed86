from __future__ import annotations

import dataclasses

from govbench.report.explanations import NOTHING, explained, sentence
from govbench.results.comparison import Finding, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from tests.report.rendering import in_markdown, in_terminal, page

KIND = TestType.CONCURRENT


def flagged(results: Results, name: MetricName = MetricName.RESPONSE_TIME_P50) -> Finding:
    assert results.comparison is not None
    return next(f for f in results.comparison.findings if f.metric is name and f.test_type is KIND)


def test_each_explanation_is_a_sentence_with_its_figures(results: Results) -> None:
    change, points = "+24.8 % [+22.3, +27.2]", "+1.50 pp [+1.35, +1.65]"
    assert [sentence(e) for e in flagged(results).explanations] == [
        f"only queries of category passport | <b>: 101 ms → 126 ms, {change}; others -0.300 %",
        f"above all queries of scenarios citizen, @clerk: 101 ms → 126 ms, {change}; others -0.300 %",
        f"only queries of category taxes: 0 of 790 failed → 12 of 800, {points}; others -0.300 %",
        "from the first byte to the last: 4.00 ms → 8.50 ms, +112 % [+101, +124]",
        "up to the first byte: 30.0 ms → 41.0 ms, +36.7 % [+33.0, +40.3]",
        "size of an answer: 1.18 KiB → 1.67 KiB, +42.1 % [+37.9, +46.3]",
        "output tokens per answer: 84.0 tokens → 120 tokens, +42.9 % [+38.6, +47.1]",
        "input tokens per request: 12.0 tokens → 24.0 tokens, +100 % [+90, +110]",
        "target CPU per request: 1.08 ms → 1.41 ms, +30.6 % [+27.5, +33.6]",
        f"error class http_5xx: 0 of 790 failed → 12 of 800, {points}",
    ]


def test_a_change_that_nothing_moved_with_says_so(results: Results) -> None:
    (found,) = explained([dataclasses.replace(flagged(results), explanations=())])
    assert found.sentences == (NOTHING,)
    assert found.metrics == "response time p50 of concurrent"


def test_what_is_not_flagged_is_not_explained(results: Results) -> None:
    assert explained([dataclasses.replace(flagged(results), verdict=Verdict.INCONCLUSIVE)]) == ()


def test_metrics_with_the_same_explanations_share_them(results: Results) -> None:
    first = flagged(results)
    alike = dataclasses.replace(first, metric=MetricName.SERVICE_TIME_P50)
    other = dataclasses.replace(first, test_type=TestType.BASELINE)
    found = explained([first, other, alike])
    assert [one.metrics for one in found] == [
        "response time p50, service time p50 of concurrent",
        "response time p50 of baseline",
    ]


def test_advisory_ones_are_left_out_only_where_a_gated_one_is_flagged(results: Results) -> None:
    gated = flagged(results)
    advisory = dataclasses.replace(gated, metric=MetricName.MEMORY_PEAK, gated=False)
    both = explained([gated, advisory], gated_only=True)
    assert [one.metrics for one in both] == ["response time p50 of concurrent"]
    assert [one.metrics for one in explained([advisory], gated_only=True)] == [
        "target memory peak of concurrent"
    ]


def test_what_no_flagged_metric_shows_is_noted_in_every_report(results: Results) -> None:
    comparison = results.comparison
    assert comparison is not None
    slow = flagged(results).explanations[0]
    found = dataclasses.replace(results, comparison=dataclasses.replace(comparison, besides=(slow,)))
    said = "No flagged metric shows it: only queries of category passport"
    assert said in in_terminal(found)
    assert said in in_markdown(found)
    assert said in page(found)
