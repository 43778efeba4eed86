"""Normal, Student, chi-square and binomial probabilities without scipy; no statistics of data.

The tests hold these against scipy: relative error below 1e-8 for Student quantiles, df 1 to 1e6.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from govbench.stats.arrays import check_share

_STANDARD_NORMAL = NormalDist()
_LARGE_DF = 1e7  # beyond it the expansions around the normal are exact to 1e-13
_FRACTION_TERMS = 20_000
_TINY = 1e-300


def normal_quantile(p: float) -> float:
    """Standard normal quantile of ``p`` in (0, 1) (Wichura 1988, AS 241, as in the standard library)."""
    check_share("p", p)
    return _STANDARD_NORMAL.inv_cdf(p)


def normal_cdf(x: float) -> float:
    """P(Z <= x) for a standard normal Z; the complement form keeps the lower tail precise."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def two_sided(level: float) -> float:
    """The probability below the upper end of a central interval of ``level``: 0.99 becomes 0.995."""
    check_share("level", level)
    return (1.0 + level) / 2.0


def student_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t with ``df`` > 0 degrees of freedom, not necessarily whole.

    Through the regularised incomplete beta function (Abramowitz & Stegun 1964, 26.7.1).
    """
    _check_df(df)
    if math.isinf(t):
        return 0.0 if t < 0 else 1.0
    if df > _LARGE_DF:  # Abramowitz & Stegun 26.7.8
        return normal_cdf(t * (1.0 - 0.25 / df) / math.sqrt(1.0 + t * t / (2.0 * df)))
    tail, central = _tail_and_central(abs(t), df)
    if t < 0:
        return tail
    return 0.5 + 0.5 * central if central < 0.5 else 1.0 - tail


@lru_cache(maxsize=256)  # one comparison asks for the same few again and again
def student_quantile(p: float, df: float) -> float:
    """The ``p``-quantile of Student's t with ``df`` > 0 degrees of freedom, not necessarily whole.

    Inverts the distribution function by Newton steps on log t, kept inside a shrinking bracket. Works on the
    tail probability far out and on the central one near 0, so that neither is a difference of near equals.
    """
    check_share("p", p)
    _check_df(df)
    if p == 0.5:
        return 0.0
    if df > _LARGE_DF:  # Abramowitz & Stegun 26.7.5, first term
        z = normal_quantile(p)
        return z + (z**3 + z) / (4.0 * df)
    upper = p if p < 0.5 else 1.0 - p
    size = _invert_tail(upper, abs(2.0 * p - 1.0), df)
    return size if p > 0.5 else -size


def chi_square_quantile(p: float, df: float) -> float:
    """The ``p``-quantile of chi-square with ``df`` > 0 degrees of freedom, by the cube of a normal one.

    Wilson & Hilferty 1931: χ² ≈ df (1 - 2/(9 df) + z √(2/(9 df)))³. At p = 0.2 it is within 1 % from 5
    degrees of freedom on.
    """
    check_share("p", p)
    _check_df(df)
    ninth = 2.0 / (9.0 * df)
    return df * max(0.0, 1.0 - ninth + normal_quantile(p) * math.sqrt(ninth)) ** 3


def binomial_window(n: int, q: float) -> tuple[int, npt.NDArray[np.float64]]:
    """Where Bin(n, q) has its mass: the first count k, then P(X <= k), P(X <= k+1) and so on.

    Ratios of neighbouring terms, P(k+1)/P(k) = (n-k)/(k+1) · q/(1-q), from the mode outwards, normalised to
    1 in the end. Twelve standard deviations and fifty counts to each side leave out less than 1e-20.
    """
    check_share("q", q)
    reach = math.ceil(12.0 * math.sqrt(n * q * (1.0 - q))) + 50
    mode = min(n, math.floor((n + 1) * q))
    first, last = max(0, mode - reach), min(n, mode + reach)
    counts = np.arange(first, last, dtype=np.float64)
    steps = np.log((n - counts) / (counts + 1.0)) + math.log(q) - math.log1p(-q)
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    mass = np.exp(logs - logs.max())
    return first, np.cumsum(mass) / mass.sum()


def _check_df(df: float) -> None:
    if not df > 0.0:
        raise ValueError(f"degrees of freedom must be positive, got {df}")


def _invert_tail(tail_p: float, central_p: float, df: float) -> float:
    by_tail = tail_p < 0.25
    target = math.log(tail_p if by_tail else central_p)
    low, high = math.log(_TINY), math.log(1e150)
    log_t = math.log(abs(normal_quantile(tail_p)))
    for _ in range(400):
        t = math.exp(log_t)
        tail, central = _tail_and_central(t, df)
        probability = tail if by_tail else central
        # Both are followed as rising functions: the central probability, and minus the tail.
        gap = math.log(max(probability, _TINY)) - target
        if (gap > 0) == by_tail:
            low = log_t
        else:
            high = log_t
        slope = (-1.0 if by_tail else 2.0) * math.exp(_log_density(t, df)) * t / max(probability, _TINY)
        step = log_t - gap / slope if slope else math.inf
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - log_t) <= 1e-13 * max(1.0, abs(log_t)):
            return math.exp(following)
        log_t = following
    return math.exp(log_t)


def _log_density(t: float, df: float) -> float:
    log_scale = _log_gamma_step(df / 2.0) - 0.5 * math.log(df * math.pi)
    return log_scale - 0.5 * (df + 1.0) * _log1p_square(t, df)


def _log1p_square(t: float, df: float) -> float:
    """log(1 + t²/df), also where t² would overflow or vanish."""
    return math.log1p(t * t / df) if t < 1e140 else 2.0 * math.log(t) - math.log(df)


def _log_gamma_step(a: float) -> float:
    """Logarithm of Γ(a + ½)/Γ(a); for large ``a`` by its series, as the two terms would cancel.

    Series: Tricomi & Erdélyi 1951 (DLMF 5.11.13).
    """
    if a < 100.0:
        return math.lgamma(a + 0.5) - math.lgamma(a)
    return 0.5 * math.log(a) - 1.0 / (8.0 * a) + 1.0 / (192.0 * a**3) - 1.0 / (640.0 * a**5)


def _tail_and_central(t: float, df: float) -> tuple[float, float]:
    """P(T > t) and P(-t < T < t) for t >= 0, the smaller one computed directly."""
    if t == 0.0:
        return 0.5, 0.0
    a, b = df / 2.0, 0.5
    log_tail_share = -_log1p_square(t, df)  # log of x = df/(df+t²)
    x = math.exp(log_tail_share)
    y = -math.expm1(log_tail_share)
    log_beta = math.lgamma(b) - _log_gamma_step(a)
    log_front = a * log_tail_share + b * math.log(y) - log_beta if y > 0.0 else -math.inf
    if x < (a + 1.0) / (a + b + 2.0):
        both = math.exp(log_front) * _beta_fraction(a, b, x) / a
        return 0.5 * both, 1.0 - both
    central = math.exp(log_front) * _beta_fraction(b, a, y) / b
    return 0.5 * (1.0 - central), central


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.

    It converges in about sqrt(max(a, b)) steps for x < (a+1)/(a+b+2); the caller swaps otherwise.
    """
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _FRACTION_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + numerator * d)
            c = _away_from_zero(1.0 + numerator / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            return value
    raise ArithmeticError(f"incomplete beta function did not converge at a={a}, b={b}, x={x}")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
