"""p-values, and their adjustment when several metrics are judged at once; decides nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from govbench.stats.arrays import as_samples
from govbench.stats.distributions import normal_cdf, normal_quantile, student_cdf

_SMALLEST_P = 1e-15  # a level of 1 - p closer to 1 than this cannot be written as a float
_MOST_STEPS = 200


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
    if effect == 0.0:
        return 1.0
    return max(_SMALLEST_P, 2.0 * student_cdf(-_student_part(abs(effect), se, df, known_se), df))


def _student_part(effect: float, se: float, df: float, known_se: float) -> float:
    """The t for which hypot(t se, z known_se) is the effect, z the normal quantile of the same probability.

    By false position (Illinois), on the distribution function, of which a step costs a tenth of a quantile.
    """

    def over(t: float) -> float:
        z = -normal_quantile(max(student_cdf(-t, df), _SMALLEST_P / 2.0))
        return math.hypot(t * se, z * known_se) - effect

    # t is no less than z; and alone it reaches the effect.
    low, high = effect / math.hypot(se, known_se), effect / se
    under, above = over(low), over(high)
    for _ in range(_MOST_STEPS):
        if under >= 0.0 or above <= 0.0 or high - low <= 1e-11 * high:
            break
        t = high - above * (high - low) / (above - under)
        if (found := over(t)) > 0.0:
            high, above, under = t, found, under / 2.0
        else:
            low, under, above = t, found, above / 2.0
    return low if under >= 0.0 or -under < above else high


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
