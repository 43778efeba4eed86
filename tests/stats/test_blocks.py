"""Autocorrelation must cost samples, and never create them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.blocks import (
    block_ids,
    block_mean_variance,
    design_effect,
    time_design_effect,
)

# Hours of sleep gained on one drug over another (Student 1908): mean 1.58, t = 4.0621 with 9 df.
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_block_ids_are_whole_seconds() -> None:
    assert block_ids([0.0, 0.999, 1.0, 7.5]).tolist() == [0, 0, 1, 7]
    assert block_ids([0.0, 0.999, 1.0, 7.5], block_s=0.5).tolist() == [0, 1, 2, 15]
    with pytest.raises(ValueError, match="block"):
        block_ids([1.0], block_s=0.0)


def test_blocks_of_one_give_the_textbook_standard_error() -> None:
    variance, count = block_mean_variance(SLEEP, np.arange(10))
    assert count == 10
    assert 1.58 / variance**0.5 == pytest.approx(4.0621, abs=5e-5)


def test_ratio_of_unequal_blocks_by_hand() -> None:
    # Blocks of 2, 1 and 3 values; sums 2, 0, 1; mean 1/2, so d = 1, -1/2, -1/2 and the variance
    # is 3/2 · 3/2 / 36 = 1/16.
    values = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    variance, count = block_mean_variance(values, np.array([4, 4, 9, 2, 2, 2]))
    assert count == 3
    assert variance == pytest.approx(1 / 16)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 5)), min_size=2, max_size=40))
def test_ids_are_only_names(rows: list[tuple[float, int]]) -> None:
    values = [value for value, _ in rows]
    blocks = np.array([block for _, block in rows])
    if len(set(blocks.tolist())) < 2:
        with pytest.raises(TooFewSamples):
            block_mean_variance(values, blocks)
        return
    near, count = block_mean_variance(values, blocks)
    far, far_count = block_mean_variance(values, blocks * 1_000_000_007 - 3)
    assert far == pytest.approx(near, rel=1e-9, abs=1e-18)
    assert far_count == count


def test_design_effect_of_whole_blocks_is_their_size() -> None:
    hits = np.repeat([1.0, 0.0] * 500, 10)  # ten requests fail or succeed together
    assert design_effect(hits, np.repeat(np.arange(1000), 10)) == pytest.approx(10, rel=0.01)


def test_design_effect_never_promises_more_than_independence() -> None:
    alternating = np.tile([1.0, 0.0], 100)
    assert design_effect(alternating, np.repeat(np.arange(100), 2)) == 1.0
    assert design_effect(np.zeros(10), np.arange(10)) == 1.0


def test_refuses_ids_of_another_length() -> None:
    with pytest.raises(ValueError, match="block ids"):
        block_mean_variance([1.0, 2.0], np.array([1]))


def test_the_longest_of_bursts_is_found_by_blocks_that_are_long_enough() -> None:
    """A minute at 50 a second; the second failing second after second is one event, not four."""
    times_s = np.arange(3000) / 50.0
    burst = ((times_s >= 20.0) & (times_s < 24.0)).astype(float)
    by_second = design_effect(burst, block_ids(times_s))
    assert by_second == pytest.approx(50.0, rel=0.03)
    assert time_design_effect(burst, times_s) == pytest.approx(design_effect(burst, block_ids(times_s, 4.0)))
    assert time_design_effect(burst, times_s) > 3.5 * by_second


def test_blocks_stay_short_against_the_run() -> None:
    """Of ten seconds there are ten blocks of one and only five of two."""
    times_s = np.arange(500) / 50.0
    burst = (times_s < 2.0).astype(float)
    assert time_design_effect(burst, times_s) == design_effect(burst, block_ids(times_s))


@pytest.mark.parametrize("hits", [[], [1.0], [0.0, 1.0], [0.0] * 40, [1.0] * 40])
def test_where_nothing_shows_there_is_no_effect(hits: list[float]) -> None:
    assert time_design_effect(hits, [i / 50.0 for i in range(len(hits))]) == 1.0


def test_failures_one_by_one_have_hardly_any() -> None:
    rng = np.random.default_rng(5)
    times_s = np.sort(rng.uniform(0.0, 60.0, 3000))
    found = [time_design_effect((rng.random(3000) < 0.02).astype(float), times_s) for _ in range(200)]
    assert 1.0 <= np.mean(found) < 1.4
