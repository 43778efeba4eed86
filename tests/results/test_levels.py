from __future__ import annotations

import pytest

from govbench.results.levels import is_levelled, level_labels, most_loaded
from govbench.results.metrics import MetricName
from govbench.results.plan import Arrivals, LoadModel, Phase, RatePoint, TestType


def users(count: int, *, name: str = "", test_type: TestType = TestType.CONCURRENT) -> Phase:
    return Phase(name=name or f"of_{count}", test_type=test_type, users=count, steady_s=1)


def rates(*rates_rps: float, name: str = "open") -> Phase:
    points = tuple(RatePoint(at_s=at, rate_rps=rate) for at, rate in enumerate(rates_rps))
    return Phase(
        name=name,
        test_type=TestType.CUSTOM,
        users=None,
        steady_s=1,
        model=LoadModel.OPEN,
        arrivals=Arrivals(points=points),
    )


def test_a_level_is_named_by_its_load_in_every_run_alike() -> None:
    alone = users(1, test_type=TestType.BASELINE)
    assert level_labels([alone, users(10), users(50)]) == ("1 user", "10 users", "50 users")
    assert level_labels([rates(20.0), rates(5.0, 12.5)]) == ("20 rps", "5 to 12.5 rps")


def test_where_the_load_does_not_tell_two_phases_apart_their_names_do() -> None:
    plan = [users(10, name="morning"), users(10, name="evening"), users(10, test_type=TestType.CUSTOM)]
    assert level_labels(plan) == ("10 users (morning)", "10 users (evening)", "10 users")


def test_the_highest_level_is_that_of_the_most_load_not_of_the_alphabet() -> None:
    assert most_loaded(["250 users", "50 users", "1000 users (evening)"]) == "1000 users (evening)"
    assert most_loaded(["5 to 12.5 rps", "4.5 rps"]) == "5 to 12.5 rps"
    assert most_loaded([]) is None


@pytest.mark.parametrize(
    ("name", "levelled"),
    [
        (MetricName.RESPONSE_TIME_P50, True),
        (MetricName.THROUGHPUT, True),
        (MetricName.CPU_PER_REQUEST, True),
        (MetricName.ERROR_RATE, False),
        (MetricName.MEMORY_PEAK, False),
    ],
)
def test_failures_and_memory_are_of_all_levels(name: MetricName, levelled: bool) -> None:
    assert is_levelled(name) is levelled
