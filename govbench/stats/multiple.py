"""p-values, and their adjustment when several metrics are judged at once; decides nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from govbench.stats.arrays import as_samples
from govbench.stats.distributions import normal_cdf, student_cdf
from govbench.stats.intervals import half_width

_SMALLEST_P = 1e-15  # a level of 1 - p closer to 1 than this cannot be written as a float


def two_sided_p_value(effect: float, se: float, df: float | None, *, known_se: float = 0.0) -> float:
    """Probability of an effect at least this far from 0, either way, if there were no change.

    Student's t with ``df`` (normal when None). With a known part as well it is the p at which the
    interval of level 1 - p (``intervals.half_width``) just reaches 0, so the two always agree.
    """
    if se == 0.0 and known_se == 0.0:
        return 1.0 if effect == 0.0 else 0.0
    if known_se == 0.0 or df is None or se == 0.0:
        statistic = -abs(effect) / math.hypot(se, known_se)
        tail = normal_cdf(statistic) if df is None or se == 0.0 else student_cdf(statistic, df)
        return min(1.0, 2.0 * tail)
    return p_value_by_inversion(
        lambda level: half_width(se=se, df=df, known_se=known_se, level=level) < abs(effect)
    )


def p_value_by_inversion(excludes_zero: Callable[[float], bool]) -> float:
    """The p at which an interval of level 1 - p stops excluding 0, to 1e-9 relative; not below 1e-15.

    Args:
        excludes_zero: whether the interval of a level excludes 0; true up to some level, false beyond.
    """
    low, high = math.log(_SMALLEST_P), math.log1p(-_SMALLEST_P)
    if excludes_zero(-math.expm1(low)):
        return _SMALLEST_P
    if not excludes_zero(-math.expm1(high)):
        return 1.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if excludes_zero(-math.expm1(middle)):
            high = middle
        else:
            low = middle
    return math.exp(high)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted for their number, in the order given; reject those at or below α.

    Holm 1979: the i-th smallest of m is multiplied by m-i+1, then raised to the largest before it and cut
    at 1. Holds the chance of any false rejection at α, whatever the dependence between the tests.

    Raises:
        ValueError: a p-value is outside [0, 1].
    """
    if not p_values:
        return ()
    p = as_samples(p_values)
    if p.min() < 0.0 or p.max() > 1.0:
        raise ValueError("p-values lie in [0, 1]")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return tuple(float(value) for value in adjusted)
