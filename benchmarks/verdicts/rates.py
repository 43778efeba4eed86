"""Counts as rates with exact intervals, and the median and p90 of small integers. Simulates nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``hits`` of ``n``, n >= 1."""

    hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n or self.n < 1:
            raise ValueError(f"{self.hits} of {self.n}")

    @property
    def value(self) -> float:
        """The share of hits."""
        return self.hits / self.n

    @property
    def low(self) -> float:
        """Lower end of the exact interval (Clopper & Pearson 1934), two-sided, 95 %."""
        return _exact_end(self.hits, self.n, upper=False)

    @property
    def high(self) -> float:
        """Upper end of the same interval."""
        return _exact_end(self.hits, self.n, upper=True)

    @property
    def bound(self) -> float:
        """The one-sided 95 % upper bound, which for 0 of n is 1 - 0.05^(1/n): about 3/n."""
        return _exact_end(self.hits, self.n, upper=True, tail=1.0 - LEVEL)

    def __str__(self) -> str:
        low, value, high = (f"{share * 100:.{self._digits}f}" for share in (self.low, self.value, self.high))
        return f"{value} % [{low}, {high}]"

    @property
    def _digits(self) -> int:
        return 1 if 0.1 <= self.value <= 0.9 else 2


def _exact_end(hits: int, n: int, *, upper: bool, tail: float = (1.0 - LEVEL) / 2) -> float:
    """The p at which the tail of Bin(n, p) up to (or from) ``hits`` has the probability ``tail``."""
    if upper:
        return 1.0 if hits == n else _root(lambda p: _binomial_cdf(hits, n, p) - tail)
    return 0.0 if hits == 0 else _root(lambda p: tail - 1.0 + _binomial_cdf(hits - 1, n, p))


def _root(falling: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if falling(middle) > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _binomial_cdf(k: int, n: int, p: float) -> float:
    if not 0.0 < p < 1.0:
        return 1.0 if p <= 0.0 else float(k >= n)
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(p)
        + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    )
    return min(1.0, math.fsum(math.exp(each) for each in logs))


def at_share(values: Sequence[float], q: float) -> float:
    """The nearest rank quantile of n >= 1 values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]
