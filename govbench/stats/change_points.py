"""Where a short noisy series changed its level: change points of the mean; knows no commits or metrics.

As in Hunter (Fleming et al. 2023, ICPE), which put a t test in the place of the permutations of E-divisive
(Matteson & James 2014): cut generously first, then join again what a strict test does not tell apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from govbench.stats.arrays import FloatsLike, as_samples, check_share
from govbench.stats.distributions import normal_quantile, student_cdf, student_quantile, two_sided
from govbench.stats.intervals import Interval

MIN_SEGMENT = 3

# Chance that a series of which nothing changed is given any change point, by Bonferroni over the places.
FALSE_ALARM = 0.01

# Values farther than this many standard deviations from the median around them are drawn in to it.
SPIKE = 4.0
_REACH = 2  # to both sides: a level of three values or more is the majority around each of its own

# Relative to the largest value: a shift below it is the rounding of means of equal values.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A step between two neighbouring levels of a series.

    Attributes:
        index: of the first value of the new level, counted from 0.
        before: mean of the level that ends.
        after: mean of the level that begins.
        se: standard error of ``after - before``.
        df: its degrees of freedom.
    """

    index: int
    before: float
    after: float
    se: float
    df: float

    @property
    def shift(self) -> float:
        """How far the level moved: after minus before, of logarithms a log ratio."""
        return self.after - self.before

    @property
    def t(self) -> float:
        """The shift in standard errors; of a shift without an error, infinite."""
        if self.shift == 0.0 or self.se == 0.0:
            return math.copysign(math.inf, self.shift) if self.shift else 0.0
        return self.shift / self.se

    @property
    def p_value(self) -> float:
        """Two-sided, of this one place: not corrected for the places that were looked at."""
        return 2.0 * student_cdf(-abs(self.t), self.df)

    def interval(self, level: float) -> Interval:
        """Student's interval of the shift."""
        reach = student_quantile(two_sided(level), self.df) * self.se
        return Interval(low=self.shift - reach, high=self.shift + reach, level=level)


def change_points(
    series: FloatsLike,
    *,
    noise_sd: float = 0.0,
    noise_df: float = math.inf,
    min_shift: float = 0.0,
    min_segment: int = MIN_SEGMENT,
    false_alarm: float = FALSE_ALARM,
) -> tuple[ChangePoint, ...]:
    """The places where a series moved from one level to another, in order.

    1. Draw spikes in: a value stays within 4 σ of the median of the five around it (Hampel identifier, as in
       Pearson 2002), which leaves levels of three values untouched; σ from the differences of neighbours.
    2. Cut into the segments that minimise Σ (x - mean of its segment)² + 2 σ² log n for every cut (optimal
       partitioning, Jackson et al. 2005; the penalty of Yao 1988).
    3. While a cut fails the test below, remove the weakest (smallest |t|) and look at its neighbours anew.

    The test of a cut between n1 and n2 values is t = shift/se with n1 + n2 - 2 degrees of freedom, and

        se² = the larger of  s²(1/n1 + 1/n2)  and  s1²/n1 + s2²/n2

    with s pooled and all of n-1. The pooled one knows the noise where a segment is short; the other (Welch
    1947) charges a spike to the segment that it lies in: alone it reaches |t| = 1 at most, two alike reach 2.
    So that values that happened to lie close do not alarm, no s² is taken below what it is with ``noise_sd``
    for its prior, (ν₀ σ₀² + Σ (x - mean)²) / (ν₀ + n - 1) (Smyth 2004): it makes values that lie far apart
    no quieter. A noise that is known, of infinite ν₀, is a floor. p must not
    exceed ``false_alarm`` over the number of places (Bonferroni).

    Negation changes the signs only; reversal of time mirrors the places, but for exact ties.

    Args:
        series: finite values, oldest first, with level changes that add up (logarithms of times).
        noise_sd: standard deviation of one value while nothing changes, as far as known.
        noise_df: degrees of freedom that it is worth; infinite where no value can vary less.
        min_shift: smaller shifts are not reported, on the scale of the series.
        min_segment: fewest values of a level, at least 2; with fewer than twice as many there is no answer.
        false_alarm: chance of any change point in a series that has none.
    """
    values = as_samples(series, least=0)
    if not np.isfinite(values).all():
        raise ValueError("change points need finite values")
    if min_segment < 2:
        raise ValueError(f"a level has at least 2 values, got min_segment {min_segment}")
    check_share("false_alarm", false_alarm)
    places = values.size - 2 * min_segment + 1
    if places < 1:
        return ()
    least_shift = max(min_shift, _ROUNDING * float(np.abs(values).max()))
    sd = max(noise_sd, _noise_of(values))
    values = _without_spikes(values, SPIKE * sd)
    cuts = _cuts(values, sd, min_segment)
    while cuts:
        found = [_step(values, part, noise_sd, noise_df) for part in _neighbours(cuts, values.size)]
        failing = [p for p in found if p.p_value > false_alarm / places or abs(p.shift) < least_shift]
        if not failing:
            return tuple(found)
        cuts.remove(min(failing, key=lambda point: abs(point.t)).index)
    return ()


def _noise_of(values: npt.NDArray[np.float64]) -> float:
    """Standard deviation from the differences of neighbours, which a few steps and spikes leave alone.

    Their median magnitude over √2 times the normal distribution's (Rousseeuw & Croux 1993).
    """
    return float(np.median(np.abs(np.diff(values)))) / (math.sqrt(2.0) * normal_quantile(0.75))


def _without_spikes(values: npt.NDArray[np.float64], limit: float) -> npt.NDArray[np.float64]:
    plain = values.tolist()  # of five values a plain median is faster than one of an array
    medians = np.array([median(plain[max(0, i - _REACH) : i + _REACH + 1]) for i in range(values.size)])
    return np.clip(values, medians - limit, medians + limit)


def _cuts(values: npt.NDArray[np.float64], sd: float, least: int) -> list[int]:
    """First indices of all segments but the first, of the cheapest partition."""
    n = values.size
    penalty = 2.0 * sd * sd * math.log(n)
    centred = values - values.mean()
    sums = np.concatenate(([0.0], np.cumsum(centred)))
    squares = np.concatenate(([0.0], np.cumsum(centred**2)))
    cost, origin = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=np.int64)
    cost[0] = -penalty
    for end in range(least, n + 1):
        start = np.arange(0, end - least + 1)
        within = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        total = cost[start] + np.maximum(within, 0.0) + penalty
        origin[end] = int(np.argmin(total))
        cost[end] = total[origin[end]]
    cuts: list[int] = []
    end = n
    while (end := int(origin[end])) > 0:
        cuts.append(end)
    return cuts[::-1]


def _neighbours(cuts: list[int], n: int) -> list[tuple[int, int, int]]:
    """For every cut: where the segment before it begins, the cut, where the segment after it ends."""
    edges = [0, *cuts, n]
    return list(zip(edges, cuts, edges[2:], strict=False))


def _step(
    values: npt.NDArray[np.float64], part: tuple[int, int, int], noise_sd: float, noise_df: float
) -> ChangePoint:
    start, cut, end = part
    before, after = values[start:cut], values[cut:end]
    n1, n2 = before.size, after.size
    squares = [float(((segment - segment.mean()) ** 2).sum()) for segment in (before, after)]

    def variance(squares: float, df: int) -> float:
        known = noise_sd * noise_sd
        joined = known if math.isinf(noise_df) else (noise_df * known + squares) / (noise_df + df)
        return max(joined, squares / df)

    pooled = variance(sum(squares), n1 + n2 - 2) * (1 / n1 + 1 / n2)
    apart = variance(squares[0], n1 - 1) / n1 + variance(squares[1], n2 - 1) / n2
    return ChangePoint(
        index=cut,
        before=float(before.mean()),
        after=float(after.mean()),
        se=math.sqrt(max(pooled, apart)),
        df=n1 + n2 - 2.0,
    )
