import pytest

from govbench.compare.scope import Scope, parse_scope
from govbench.errors import UsageError
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType

P50, RATE = MetricName.RESPONSE_TIME_P50, MetricName.THROUGHPUT


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("throughput_rps", Scope(metric=RATE)),
        ("concurrent/throughput_rps", Scope(metric=RATE, test_type=TestType.CONCURRENT)),
        ("all", Scope()),
        ("concurrent/all", Scope(test_type=TestType.CONCURRENT)),
    ],
)
def test_what_a_word_names(text: str, scope: Scope) -> None:
    assert parse_scope(text) == scope


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("throughput", "'throughput' is no metric", "throughput_rps"),
        ("", "'' is no metric", "there are: response_time_p50_ms"),
        ("concurent/all", "'concurent' is no test type", "concurrent"),
        ("/all", "'' is no test type", "baseline"),
        ("a/b/all", "'a/b' is no test type", "baseline"),
        ("concurrent/ALL", "'ALL' is no metric", "there are"),
    ],
)
def test_a_word_that_names_nothing(text: str, words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        parse_scope(text)
    assert hint in (error.value.hint or "")


def test_what_a_scope_covers() -> None:
    assert Scope().covers(TestType.BASELINE, P50)
    assert Scope(metric=P50).covers(TestType.CONCURRENT, P50)
    assert not Scope(metric=P50).covers(TestType.CONCURRENT, RATE)
    assert not Scope(test_type=TestType.BASELINE).covers(TestType.CONCURRENT, P50)
