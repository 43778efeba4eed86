from __future__ import annotations

import math
from typing import Any

import pytest

from govbench.results.breakdown import Attempts, Group, Spread
from govbench.stats import needed


def test_the_percentiles_of_a_spread_rise() -> None:
    times = Spread(n=150, min_ms=1, mean_ms=3, p50_ms=2.5, p90_ms=4, max_ms=9)
    assert list(times.percentiles.items()) == [
        (0.5, 2.5),
        (0.9, 4),
        (0.95, None),
        (0.99, None),
        (0.999, None),
    ]
    assert [q for q in times.percentiles if needed(q) <= times.n] == [0.5, 0.9]


@pytest.mark.parametrize("wrong", [{"n": -1}, {"n": 0, "min_ms": 1.0}, {"n": 3, "p99_ms": math.inf}])
def test_no_spread_of_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a spread of"):
        Spread(**wrong)


def test_a_group_counts_what_finished() -> None:
    assert Group(name="GET /", failed=3, times=Spread(n=4)).finished == 7


@pytest.mark.parametrize("wrong", [(3, 4, 1, 1), (3, 2, 1, 2), (3, -1, 0, 0)])
def test_no_more_successes_than_attempts(wrong: tuple[int, int, int, int]) -> None:
    asked, ok_at_first, retries, ok_after = wrong
    with pytest.raises(ValueError, match="more successes"):
        Attempts(asked=asked, ok_at_first=ok_at_first, retries=retries, ok_after=ok_after)
