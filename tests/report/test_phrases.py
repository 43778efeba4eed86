"""Metrics, changes and bounds as parts of sentences."""

from __future__ import annotations

from typing import Any

import pytest

from govbench.report import format as fmt
from govbench.report import phrases
from govbench.results.comparison import Change, Finding, Margin, ThresholdResult, ThresholdState, Verdict
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType


def bound(state: ThresholdState, **others: Any) -> ThresholdResult:
    fields: dict[str, Any] = {
        "metric": MetricName.RESPONSE_TIME_P95,
        "bound": 800.0,
        "test_type": TestType.CONCURRENT,
        "value": 912.0,
        **others,
    }
    return ThresholdResult(state=state, **fields)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (bound(ThresholdState.MISSED), "p95 of concurrent is 912 ms, above its bound of 800 ms"),
        (
            bound(ThresholdState.MET, value=700.0, phase="concurrent_10"),
            "p95 of concurrent in concurrent_10 is 700 ms, within its bound of 800 ms",
        ),
        (
            bound(ThresholdState.NOT_MEASURED, value=None),
            "p95 of concurrent was not measured, so nothing is known of its bound of 800 ms",
        ),
        (
            bound(ThresholdState.MISSED, value=None, n=480, failed=430),
            "p95 of concurrent falls on a failure, as 430 of 480 requests failed: beyond its bound of 800 ms",
        ),
        (
            bound(ThresholdState.MISSED, metric=MetricName.THROUGHPUT, bound=20.0, value=12.0),
            "throughput of concurrent is 12.0 req/s, below its bound of 20.0 req/s",
        ),
        (
            bound(ThresholdState.MISSED, test_type=TestType.BASELINE, default=True, source="the default"),
            "p95 of test type baseline is 912 ms, above its bound of 800 ms (the default)",
        ),
    ],
)
def test_thresholds_in_words(given: ThresholdResult, said: str) -> None:
    assert phrases.threshold_in_words(given) == said


def test_every_metric_has_a_short_name_and_words_for_both_ways() -> None:
    shorts = [spec.short for spec in METRICS.values()]
    assert len(set(shorts)) == len(shorts)
    assert all(spec.more != spec.less for spec in METRICS.values())
    assert phrases.direction(MetricName.OUTPUT_TOKENS, -0.1) == "fewer"
    assert phrases.direction(MetricName.RESPONSE_TIME_P50, 0.1) == "slower"
    assert phrases.direction(MetricName.THROUGHPUT, 0.1) == "higher"


def test_an_open_share_is_said_in_points() -> None:
    found = Finding(
        test_type=TestType.CONCURRENT,
        metric=MetricName.ERROR_RATE,
        verdict=Verdict.INCONCLUSIVE,
        gated=True,
        reason="",
        change=Change(estimate=0.02, low=-0.004, high=0.044, level=0.99, difference=True),
        margin=Margin(relative=0.0, absolute=0.01),
    )
    assert phrases.looks(found).startswith("error rate of concurrent looks 2.00 pp higher (")
    assert phrases.looks(found).endswith("), not certain")


def test_an_interval_shares_the_unit_of_its_value() -> None:
    close = Metric(name=MetricName.RESPONSE_TIME_P50, value=104.0, n=50, low=102.0, high=107.0, level=0.99)
    apart = Metric(name=MetricName.RESPONSE_TIME_P50, value=1010.0, n=50, low=993.0, high=1020.0, level=0.99)
    assert phrases.value_and_interval(close) == ("104 ms", "[102, 107]")
    assert phrases.value_and_interval(apart) == ("1.01 s", "[993 ms, 1.02 s]")
    assert phrases.value_and_interval(None) == ("not measured", "")


@pytest.mark.parametrize(("number", "said"), [(0, "0 metrics"), (1, "1 metric"), (2, "2 metrics")])
def test_plurals(number: int, said: str) -> None:
    assert phrases.plural(number, "metric") == said


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("50 users", "custom at 50 users"),
        ("20 rps", "custom at rate 20/s"),
        ("5 to 12.5 rps (evening)", "custom at rate 5/s to 12.5/s (evening)"),
    ],
)
def test_a_level_reads_the_same_wherever_it_is_named(level: str, said: str) -> None:
    assert phrases.of_scope(TestType.CUSTOM, level) == said
    assert fmt.scope_label(TestType.CUSTOM, level) == said
