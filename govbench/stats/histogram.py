"""A latency histogram small enough to commit: buckets of equal relative width; no file format.

Bucket i holds values in (γ^(i-1), γ^i] with γ = (1+a)/(1-a), and 2γ^i/(γ+1) stands for all of them, at most a
share ``a`` from any (DDSketch: Masson, Rim & Lee 2019, §2.1). Merging adds counts, so nothing is lost by it.
"""

from __future__ import annotations

import math

import numpy as np

from govbench.stats.arrays import FloatsLike, as_samples


def log_buckets(values: FloatsLike, *, relative_error: float) -> tuple[tuple[int, int], ...]:
    """(index, count >= 1) of every bucket that holds some of ``values``, by rising index; none of no values.

    Args:
        values: positive and finite, any order.
        relative_error: a, in (0, 0.5).
    """
    if not 0.0 < relative_error < 0.5:
        raise ValueError(f"relative error {relative_error} outside (0, 0.5)")
    samples = as_samples(values, least=0)
    if samples.size and not (samples.min() > 0.0 and np.isfinite(samples).all()):
        raise ValueError("only positive, finite values have a bucket")
    width = math.log1p(relative_error) - math.log1p(-relative_error)
    indices, counts = np.unique(np.ceil(np.log(samples) / width).astype(np.int64), return_counts=True)
    return tuple(zip(indices.tolist(), counts.tolist(), strict=True))
