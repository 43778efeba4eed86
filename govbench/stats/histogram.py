"""A latency histogram small enough to commit, which can be merged and asked for quantiles; no file format.

Bucket i holds values in (γ^(i-1), γ^i] with γ = (1+a)/(1-a), and 2γ^i/(γ+1) stands for all of them, at most a
share ``a`` from any (DDSketch: Masson, Rim & Lee 2019, §2.1). Merging adds counts, so nothing is lost by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, as_samples
from govbench.stats.quantiles import nearest_rank


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHistogram:
    """Counts in buckets of equal relative width; zeros and +inf (failures) are counted apart.

    ``minimum``, ``maximum`` and ``total`` (the sum) are exact and of the finite values, zeros included; the
    extremes are None when there are none.
    """

    relative_error: float
    buckets: tuple[tuple[int, int], ...] = ()  # (index, count >= 1), ascending index
    zeros: int = 0
    infinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    total: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.relative_error < 0.5:
            raise ValueError(f"relative error {self.relative_error} outside (0, 0.5)")
        indices = [index for index, _ in self.buckets]
        if any(later <= earlier for earlier, later in pairwise(indices)):
            raise ValueError("bucket indices must rise")
        if any(count < 1 for _, count in self.buckets) or self.zeros < 0 or self.infinite < 0:
            raise ValueError("bucket counts must be positive")
        self._check_extremes()

    @classmethod
    def from_values(cls, values: FloatsLike, *, relative_error: float = 0.01) -> LogHistogram:
        """Histogram of ``values`` >= 0, +inf allowed, any order, possibly none."""
        samples = as_samples(values, least=0)
        if samples.size and samples.min() < 0.0:
            raise ValueError("a latency histogram holds no negative values")
        finite = samples[np.isfinite(samples)]
        positive = finite[finite > 0.0]
        indices, counts = np.unique(_bucket_index(positive, relative_error), return_counts=True)
        return cls(
            relative_error=relative_error,
            buckets=tuple(zip(indices.tolist(), counts.tolist(), strict=True)),
            zeros=int(finite.size - positive.size),
            infinite=int(samples.size - finite.size),
            minimum=float(finite.min()) if finite.size else None,
            maximum=float(finite.max()) if finite.size else None,
            total=math.fsum(finite.tolist()),
        )

    @classmethod
    def from_pairs(
        cls,
        pairs: Iterable[Iterable[int]],
        *,
        relative_error: float,
        minimum: float | None,
        maximum: float | None,
        total: float,
        zeros: int = 0,
        infinite: int = 0,
    ) -> LogHistogram:
        """The histogram that ``to_pairs`` and its exact fields came from.

        Raises:
            ValueError: the pairs are not what ``to_pairs`` writes.
        """
        buckets = tuple((int(index), int(count)) for index, count in pairs)
        return cls(
            relative_error=relative_error,
            buckets=buckets,
            zeros=zeros,
            infinite=infinite,
            minimum=minimum,
            maximum=maximum,
            total=total,
        )

    @property
    def count(self) -> int:
        """All values, zeros and +inf included."""
        return self.zeros + self.infinite + sum(count for _, count in self.buckets)

    def to_pairs(self) -> list[list[int]]:
        """``[index, count]`` by rising index, for JSON.

        Indices are not coded as differences: a new bucket then changes one line of a diff, not two.
        """
        return [[index, count] for index, count in self.buckets]

    def merge(self, other: LogHistogram) -> LogHistogram:
        """Histogram of both sets of values.

        Raises:
            ValueError: the buckets differ in width.
        """
        if self.relative_error != other.relative_error:
            raise ValueError(f"buckets of {self.relative_error} and {other.relative_error} do not merge")
        counts = dict(self.buckets)
        for index, count in other.buckets:
            counts[index] = counts.get(index, 0) + count
        return LogHistogram(
            relative_error=self.relative_error,
            buckets=tuple(sorted(counts.items())),
            zeros=self.zeros + other.zeros,
            infinite=self.infinite + other.infinite,
            minimum=min((m for m in (self.minimum, other.minimum) if m is not None), default=None),
            maximum=max((m for m in (self.maximum, other.maximum) if m is not None), default=None),
            total=self.total + other.total,
        )

    def quantile(self, q: float) -> float:
        """Nearest-rank quantile, within ``relative_error`` of the exact one; 0 and +inf are exact.

        Raises:
            TooFewSamples: the histogram is empty.
        """
        return self.value_at_rank(nearest_rank(self.count, q))

    def value_at_rank(self, rank: int) -> float:
        """The value at ``rank`` (1 = smallest), within ``relative_error``; ranks of intervals can be read so.

        Raises:
            TooFewSamples: there are fewer values than ``rank``.
        """
        if not 1 <= rank <= self.count:
            raise TooFewSamples(f"rank {rank} of {self.count} values")
        seen = self.zeros
        if rank <= seen:
            return 0.0
        for index, count in self.buckets:
            seen += count
            if rank <= seen:
                return self._representative(index)
        return math.inf

    def _representative(self, index: int) -> float:
        log_gamma = _log_gamma(self.relative_error)
        # 2γ^i/(γ+1) = γ^i (1-a): and never outside what was observed.
        value = math.exp(index * log_gamma + math.log1p(-self.relative_error))
        if self.minimum is not None and self.maximum is not None:
            value = min(max(value, self.minimum), self.maximum)
        return value

    def _check_extremes(self) -> None:
        empty = not self.buckets and self.zeros == 0
        if empty != (self.minimum is None) or empty != (self.maximum is None):
            raise ValueError("minimum and maximum belong to a histogram with finite values, and only to one")
        if self.minimum is not None and self.maximum is not None and not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"minimum {self.minimum} and maximum {self.maximum}")


def _log_gamma(relative_error: float) -> float:
    return math.log1p(relative_error) - math.log1p(-relative_error)


def _bucket_index(positive: npt.NDArray[np.float64], relative_error: float) -> npt.NDArray[np.int64]:
    return np.ceil(np.log(positive) / _log_gamma(relative_error)).astype(np.int64)
