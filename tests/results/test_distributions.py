from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.results.distributions import coarsen_distribution, merge_distributions
from govbench.results.run import Distribution

counts = st.dictionaries(st.integers(-500, 2000), st.integers(1, 10_000), min_size=1)


@given(counts)
def test_coarsening_moves_no_observation_over_a_boundary(observed: dict[int, int]) -> None:
    fine = Distribution(gamma=1.02, buckets=tuple(sorted(observed.items())))
    coarse = coarsen_distribution(fine)
    for boundary, _ in coarse.buckets:
        upper_ms = coarse.gamma**boundary
        assert sum(n for i, n in coarse.buckets if i <= boundary) == sum(
            n for i, n in fine.buckets if 1.02**i <= upper_ms * (1 + 1e-9)
        )


@given(counts, counts)
def test_merging_adds_and_does_not_care_for_order(left: dict[int, int], right: dict[int, int]) -> None:
    one = Distribution(gamma=1.02, buckets=tuple(sorted(left.items())))
    two = coarsen_distribution(Distribution(gamma=1.02, buckets=tuple(sorted(right.items()))))
    merged = merge_distributions([one, two])
    assert merged == merge_distributions([two, one])
    assert merged is not None
    assert math.isclose(merged.gamma, 1.02**2)
    assert sum(n for _, n in merged.buckets) == sum(left.values()) + sum(right.values())


def test_distributions_without_common_boundaries_are_refused() -> None:
    with pytest.raises(ValueError, match="boundaries"):
        merge_distributions([Distribution(gamma=1.02, buckets=()), Distribution(gamma=1.03, buckets=())])
    assert merge_distributions([]) is None
