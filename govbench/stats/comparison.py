"""How far a candidate lies from its baseline, with what error; decides nothing (``compare/verdict.py`` does).

Ratios are compared as logarithms, so that swapping the sides changes the sign and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, as_samples, check_share
from govbench.stats.intervals import Interval, half_width, wilson_interval
from govbench.stats.multiple import p_value_by_inversion, two_sided_p_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change with its error: an estimated part with degrees of freedom, and a part known beforehand.

    ``effect`` is candidate minus baseline on the scale of the subclass.
    """

    effect: float
    se: float
    df: float | None
    known_se: float
    level: float

    def __post_init__(self) -> None:
        check_share("level", self.level)
        if not math.isfinite(self.effect):
            raise ValueError(f"an effect is finite, got {self.effect}")
        if not (0.0 <= self.se < math.inf and 0.0 <= self.known_se < math.inf):
            raise ValueError(f"standard errors {self.se} and {self.known_se}")
        if self.df is not None and not self.df > 0.0:
            raise ValueError(f"{self.df} degrees of freedom")

    @property
    def total_se(self) -> float:
        """Standard error of the effect, both parts together."""
        return math.hypot(self.se, self.known_se)

    @property
    def half_width(self) -> float:
        """Half the width of the interval; see ``intervals.half_width``."""
        return half_width(se=self.se, df=self.df, known_se=self.known_se, level=self.level)

    @property
    def interval(self) -> Interval:
        """Interval of the effect at ``level``."""
        return Interval(
            low=self.effect - self.half_width, high=self.effect + self.half_width, level=self.level
        )

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no change: below 1 - level exactly when the interval excludes 0."""
        return two_sided_p_value(self.effect, self.se, self.df, known_se=self.known_se)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRatio(Effect):
    """An effect on log scale, log(candidate / baseline)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(LogRatio):
    """A log ratio to earlier runs: its own fields hold the calibrated noise, ``by_window`` what they showed.

    The wider of the two intervals holds, and so the larger p-value.
    """

    by_window: LogRatio | None

    @property
    def total_se(self) -> float:
        """Standard error of the effect, the larger of the two."""
        by_floor = math.hypot(self.se, self.known_se)
        return by_floor if self.by_window is None else max(by_floor, self.by_window.total_se)

    @property
    def half_width(self) -> float:
        """Half the width of the wider interval."""
        by_floor = half_width(se=self.se, df=self.df, known_se=self.known_se, level=self.level)
        return by_floor if self.by_window is None else max(by_floor, self.by_window.half_width)

    @property
    def p_value(self) -> float:
        """The larger p-value: below 1 - level exactly when the wider interval excludes 0."""
        by_floor = two_sided_p_value(self.effect, self.se, self.df, known_se=self.known_se)
        return by_floor if self.by_window is None else max(by_floor, self.by_window.p_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionDifference:
    """Difference of two independent proportions, candidate minus baseline.

    Newcombe 1998, method 10: distances from each proportion to its Wilson limits, added in squares; holds
    its level where both are near 0, as error rates are. ``known_se`` adds noise between runs in the same way
    and the ends stay in [-1, 1].

    Counts may be fractions, divided by a design effect (``blocks.design_effect``).
    """

    baseline_hits: float
    baseline_n: float
    candidate_hits: float
    candidate_n: float
    known_se: float
    level: float

    def __post_init__(self) -> None:
        check_share("level", self.level)
        if not (self.baseline_n > 0 and self.candidate_n > 0):
            raise TooFewSamples("a proportion of no samples")
        if not (0 <= self.baseline_hits <= self.baseline_n and 0 <= self.candidate_hits <= self.candidate_n):
            raise ValueError("more hits than samples, or fewer than none")
        if not 0.0 <= self.known_se < math.inf:
            raise ValueError(f"standard error {self.known_se}")

    @property
    def effect(self) -> float:
        """Candidate proportion minus baseline proportion."""
        return self.candidate_hits / self.candidate_n - self.baseline_hits / self.baseline_n

    @property
    def interval(self) -> Interval:
        """Interval of the difference at ``level``."""
        return self._interval_at(self.level)

    @property
    def total_se(self) -> float:
        """Standard error read back from the interval (its width over twice z): positive even at 0 of n."""
        unit = half_width(se=1.0, df=None, known_se=0.0, level=self.level)
        return (self.interval.high - self.interval.low) / (2.0 * unit)

    @property
    def half_width(self) -> float:
        """Half the width of the interval, which need not be symmetric."""
        return (self.interval.high - self.interval.low) / 2.0

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference, by inverting the interval."""
        return p_value_by_inversion(lambda level: not self._interval_at(level).contains(0.0))

    def _interval_at(self, level: float) -> Interval:
        base = wilson_interval(self.baseline_hits, self.baseline_n, level)
        candidate = wilson_interval(self.candidate_hits, self.candidate_n, level)
        p_base = self.baseline_hits / self.baseline_n
        p_candidate = self.candidate_hits / self.candidate_n
        known = half_width(se=0.0, df=None, known_se=self.known_se, level=level)
        down = math.hypot(p_candidate - candidate.low, base.high - p_base, known)
        up = math.hypot(candidate.high - p_candidate, p_base - base.low, known)
        return Interval(low=max(-1.0, self.effect - down), high=min(1.0, self.effect + up), level=level)


def log_ratio(candidate: float, baseline: float) -> float:
    """log(candidate / baseline), as a difference of logarithms: exactly opposite when the sides are swapped.

    Raises:
        ValueError: a side is not positive and finite (a failure-adjusted percentile can be +inf).
    """
    for value in (candidate, baseline):
        if not (value > 0.0 and math.isfinite(value)):
            raise ValueError(f"a ratio needs positive, finite values, got {candidate} and {baseline}")
    return math.log(candidate) - math.log(baseline)


def unpaired_log_ratio(
    *,
    base_value: float,
    base_se: float,
    cand_value: float,
    cand_se: float,
    between_run_sd: float,
    level: float,
) -> LogRatio:
    """One run against another: log ratio of two numbers measured apart.

    The two errors within the runs and the noise between runs add in squares (delta method on log scale;
    within-run errors come from large samples, so z serves).

    Args:
        base_value: the metric of the baseline, positive.
        base_se: its standard error on log scale (``QuantileEstimate.log_se``).
        cand_value: the metric of the candidate.
        cand_se: its standard error on log scale.
        between_run_sd: calibrated standard deviation of the *log ratio* of two runs of the same code.
        level: such as 0.99.
    """
    return LogRatio(
        effect=log_ratio(cand_value, base_value),
        se=math.hypot(base_se, cand_se),
        df=None,
        known_se=between_run_sd,
        level=level,
    )


def proportion_difference(
    *,
    baseline_hits: float,
    baseline_n: float,
    candidate_hits: float,
    candidate_n: float,
    between_run_sd: float,
    level: float,
) -> ProportionDifference:
    """Difference of two proportions from runs measured apart; see ``ProportionDifference``.

    Raises:
        TooFewSamples: a side has no samples.
    """
    return ProportionDifference(
        baseline_hits=baseline_hits,
        baseline_n=baseline_n,
        candidate_hits=candidate_hits,
        candidate_n=candidate_n,
        known_se=between_run_sd,
        level=level,
    )


def prediction_log_ratio(
    *,
    window: FloatsLike,
    window_se: float,
    candidate_log: float,
    candidate_se: float,
    floor_sd: float,
    level: float,
) -> Prediction:
    """A candidate run against m earlier runs: does it differ from what the next run would have been?

    The wider of two prediction intervals around the mean of the window, with s its standard deviation (m-1):

        window  t of m-1 df times  sqrt(s² (1 + 1/m) + max(0, candidate_se² - window_se²))
        floor   z times            sqrt(floor_sd² (1 + 1/m) + candidate_se² + window_se²/m)

    The first is the textbook one (Hahn & Meeker 1991, §4.7; s holds the error within the runs already) and
    keeps its level whether or not the calibration was right; the second keeps a window that happened to be
    quiet from alarming, and serves alone for m = 1. Not chosen: z where s <= floor_sd and t above it, or
    t for the excess of s over the floor only. With runs twice as noisy as the floor, those raise 4 to
    5 % false alarms at 99 % and m = 3. The price is a wide interval for short windows (t is 9.9 at m = 3).

    Args:
        window: log metric of each earlier run, m >= 1.
        window_se: standard error within one of these runs, on log scale.
        candidate_log: log metric of the candidate.
        candidate_se: its standard error within the run.
        floor_sd: calibrated standard deviation of *one* run (that of the log ratio of two, over sqrt 2).
        level: such as 0.99.

    Raises:
        TooFewSamples: the window is empty.
    """
    logs = as_samples(window)
    m = logs.size
    effect = candidate_log - float(logs.mean())
    inflation = 1.0 + 1.0 / m
    by_window = None
    if m >= 2:
        longer_error = max(0.0, candidate_se**2 - window_se**2)
        se = math.sqrt(float(logs.var(ddof=1)) * inflation + longer_error)
        by_window = LogRatio(effect=effect, se=se, df=m - 1.0, known_se=0.0, level=level)
    floor = math.sqrt(floor_sd**2 * inflation + candidate_se**2 + window_se**2 / m)
    return Prediction(effect=effect, se=0.0, df=None, known_se=floor, level=level, by_window=by_window)
