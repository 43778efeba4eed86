from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.demo.latency import LOWEST_SHARE, LatencyModel, query_factor


def test_median_over_the_sample_queries_is_the_configured_latency(
    sample_queries: list[dict[str, str]],
) -> None:
    factors = [query_factor(sample["query"]) for sample in sample_queries]
    assert statistics.median(factors) == pytest.approx(1.0, abs=0.002)
    model = LatencyModel(latency_ms=20, jitter=0.15, seed=1)
    draws = [model.draw_ms(sample["query"]) for _ in range(100) for sample in sample_queries]
    assert statistics.median(draws) == pytest.approx(20, rel=0.03)


@given(st.text())
def test_factor_is_within_its_bounds(text: str) -> None:
    assert 0.6 <= query_factor(text) < 1.6


def test_half_of_all_texts_are_below_one() -> None:
    below = sum(query_factor(f"question {i}") < 1 for i in range(4000))
    assert below == pytest.approx(2000, abs=130)  # four standard deviations


def test_same_seed_same_times() -> None:
    one, same, other = (LatencyModel(latency_ms=20, jitter=0.15, seed=seed) for seed in (7, 7, 8))
    times = [one.draw_ms("q") for _ in range(20)]
    assert [same.draw_ms("q") for _ in range(20)] == times
    assert [other.draw_ms("q") for _ in range(20)] != times


def test_without_jitter_the_text_alone_decides() -> None:
    model = LatencyModel(latency_ms=50, jitter=0, seed=1)
    assert model.draw_ms("q") == model.draw_ms("q") == 50 * query_factor("q")


def test_never_below_a_fifth_of_the_latency() -> None:
    model = LatencyModel(latency_ms=20, jitter=1, seed=1)
    assert min(model.draw_ms("q") for _ in range(1000)) == LOWEST_SHARE * 20
