"""What requests of the same second cost, which are not independent; draws no interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, IntArray, as_samples

BLOCKS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
FEWEST_BLOCKS = 10


def block_ids(times_s: FloatsLike, block_s: float = 1.0) -> npt.NDArray[np.int64]:
    """The block each time falls into, floor(time / block); blocks without a time are simply absent.

    Args:
        times_s: finite times in seconds of the run, any order.
        block_s: length of a block; long against the correlation, short against the run.
    """
    if not block_s > 0.0:
        raise ValueError(f"a block must last longer than nothing, got {block_s} s")
    times = np.asarray(times_s, dtype=np.float64)
    return np.floor(times / block_s).astype(np.int64)


def block_mean_variance(values: FloatsLike, blocks: IntArray) -> tuple[float, int]:
    """Variance of the mean of ``values`` when only blocks are independent, and the number of blocks B.

    The mean is a ratio, Σ(block sums)/Σ(block sizes), so with d = block sum - mean · block size the
    variance is B/(B-1) · Σd²/n² (Cochran 1977, §3.12, whole clusters of unequal size). For 0/1 values
    it is the variance of a proportion.

    Raises:
        TooFewSamples: fewer than 2 blocks.
    """
    samples = as_samples(values)
    if len(blocks) != samples.size:
        raise ValueError(f"{samples.size} values but {len(blocks)} block ids")
    index = _dense(np.asarray(blocks))
    sizes = np.bincount(index)
    sums = np.bincount(index, weights=samples)[sizes > 0]
    sizes = sizes[sizes > 0]
    if sizes.size < 2:
        raise TooFewSamples("variance between blocks needs at least 2 of them")
    residuals = sums - samples.mean() * sizes
    scale = sizes.size / (sizes.size - 1.0) / samples.size**2
    return float(scale * np.dot(residuals, residuals)), int(sizes.size)


def design_effect(hits: FloatsLike, blocks: IntArray) -> float:
    """How many times larger blocks make the variance of a proportion than p(1-p)/n; at least 1 (Kish 1965).

    n divided by it is the sample size to give ``wilson_interval`` or ``ProportionDifference``.

    Args:
        hits: 0 or 1 per request.
        blocks: block id per request.

    Raises:
        TooFewSamples: fewer than 2 blocks.
    """
    variance, _ = block_mean_variance(hits, blocks)
    p = float(np.mean(hits))
    independent = p * (1.0 - p) / len(hits)
    return max(1.0, variance / independent) if independent > 0.0 else 1.0


def count_design_effect(hits: Sequence[float], sizes: Sequence[float]) -> float:
    """As ``design_effect`` where only counts are known: hits among the requests of each round or block.

    Raises:
        TooFewSamples: nothing was counted.
        ValueError: the two differ in length.
    """
    found, n = as_samples(hits), as_samples(sizes)
    if found.size != n.size:
        raise ValueError(f"hits of {found.size} blocks, sizes of {n.size}")
    total = float(n.sum())
    if not total > 0.0:
        raise TooFewSamples("a proportion of no samples")
    p = float(found.sum()) / total
    independent = p * (1.0 - p) / total
    if found.size < 2 or independent <= 0.0:
        return 1.0
    residuals = found - p * n
    variance = found.size / (found.size - 1.0) * float(np.dot(residuals, residuals)) / total**2
    return max(1.0, variance / independent)


def time_design_effect(hits: FloatsLike, times_s: FloatsLike) -> float:
    """``design_effect`` over blocks of time, the largest of blocks of 1, 2, 4, 8 and 16 s.

    A burst that lasts longer than a block counts as several. Longer blocks are taken while there are ten of
    them; with fewer than two of a second, nothing shows and it is 1. The largest of several estimates is too
    large by chance (by a third, where failures are independent), which only widens an interval.
    """
    found = np.asarray(hits, dtype=np.float64)
    largest = 1.0
    for length in BLOCKS_S:
        blocks = block_ids(times_s, length)
        count = np.unique(blocks).size
        if count < (2 if length == BLOCKS_S[0] else FEWEST_BLOCKS):
            break
        largest = max(largest, design_effect(found, blocks))
    return largest


def _dense(blocks: IntArray) -> IntArray:
    """Ids from 0 up; counted directly when they span little, renumbered by a sort when they do not."""
    first, last = int(blocks.min()), int(blocks.max())
    if last - first <= 10 * blocks.size + 1000:
        return blocks - first
    return np.unique(blocks, return_inverse=True)[1]
