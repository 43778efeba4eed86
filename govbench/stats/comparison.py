"""How far a candidate lies from its baseline, with what error; decides nothing (``compare/verdict.py`` does).

Ratios are compared as logarithms, so that swapping the sides changes the sign and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, as_samples, check_share
from govbench.stats.distributions import chi_square_quantile
from govbench.stats.exact import exact_p_value
from govbench.stats.intervals import Interval, half_width, wilson_interval
from govbench.stats.multiple import p_value_by_inversion, two_sided_p_value

# One-sided: an error is believed as stated until the runs leave it that little room.
_ROOM_LEFT = 0.05


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
class RunNoise:
    """How much one run differs from another of the same code: what was known beforehand, and what was seen.

    Attributes:
        sd: standard deviation of one run on log scale (that of the log ratio of two, over sqrt 2).
        df: degrees of freedom that it is worth.
        prior_share: how much of it was known beforehand; 1 where no run was seen. What was seen holds the
            errors within the runs, what was known does not.
    """

    sd: float
    df: float
    prior_share: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.sd < math.inf and self.df > 0.0 and 0.0 <= self.prior_share <= 1.0):
            raise ValueError(f"deviation {self.sd} of {self.df} degrees of freedom")

    def learned(self, groups: Sequence[FloatsLike]) -> RunNoise:
        """What is believed after runs were seen: s² = (ν₀ σ₀² + Σ (x - its mean)²) / (ν₀ + Σ (n - 1)).

        The posterior scale of a normal variance with an inverse χ² prior (Gelman et al. 2013, §2.6; Smyth
        2004, the moderated t). Plain variances: robust ones were tried on real histories and did harm.

        Args:
            groups: logarithms of runs of the same code, each group about a mean of its own; of an empty one
                nothing is learned.
        """
        more, squares = _within(groups)
        return self._joined(more, squares)

    def hinted(self, groups: Sequence[FloatsLike], *, at_most: float) -> RunNoise:
        """What is believed when runs were seen under another load: as ``learned``, but worth less.

        Their pooled variance counts for ``at_most`` degrees of freedom, never for more than one group has:
        what disturbs a run disturbs all of its loads, so more of these say little. And under another load
        runs may be less noisy: docs/statistics.md has the false alarms of a full count.
        """
        more, squares = _within(groups)
        if not more:
            return self
        counted = min(at_most, max(len(group) for group in groups) - 1.0)
        return self._joined(counted, counted * squares / more)

    def _joined(self, more: float, squares: float) -> RunNoise:
        df = self.df + more
        return RunNoise(
            sd=math.sqrt((self.df * self.sd**2 + squares) / df),
            df=df,
            prior_share=self.prior_share * self.df / df,
        )


def _within(groups: Sequence[FloatsLike]) -> tuple[float, float]:
    """Degrees of freedom and sum of squares of groups, each about its own mean."""
    seen = [as_samples(group) for group in groups if len(group)]
    more = float(sum(group.size - 1 for group in seen))
    return more, sum(float(((group - group.mean()) ** 2).sum()) for group in seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionDifference:
    """Difference of two independent proportions, candidate minus baseline.

    Newcombe 1998, method 10: distances from each proportion to its Wilson limits, added in squares; holds
    its level where both are near 0, as error rates are. ``known_se`` adds noise between runs in the same way
    and the ends stay in [-1, 1].

    Counts may be fractions, divided by a design effect (``blocks.design_effect``). With ``exact`` the p-value
    is that of the counts alone where this is the larger one: of a few failures in thousands the interval is
    too narrow on the side of none, and says that five against the usual one are no chance.
    """

    baseline_hits: float
    baseline_n: float
    candidate_hits: float
    candidate_n: float
    known_se: float
    level: float
    exact: bool = False

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
        """Two-sided p-value of no difference: the interval's; with ``exact`` no less than the counts'."""
        return max(self.p_by_interval, self.p_by_counts) if self.exact else self.p_by_interval

    @property
    def p_by_interval(self) -> float:
        """By inverting the interval: below 1 - level exactly when it excludes 0."""
        return p_value_by_inversion(lambda level: not self._interval_at(level).contains(0.0))

    @property
    def p_by_counts(self) -> float:
        """By the counts alone, whatever the noise between runs."""
        return exact_p_value(
            baseline_hits=self.baseline_hits,
            baseline_n=self.baseline_n,
            candidate_hits=self.candidate_hits,
            candidate_n=self.candidate_n,
        )

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


def proportion_difference(
    *,
    baseline_hits: float,
    baseline_n: float,
    candidate_hits: float,
    candidate_n: float,
    between_run_sd: float,
    level: float,
    exact: bool = False,
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
        exact=exact,
    )


def believed_error(stated: float, logs: FloatsLike, *, least: float) -> float:
    """A stated error within runs, but no more than the runs of one level leave room for.

    What they differ by contains the error within each, so the upper 95 % confidence bound of their standard
    deviation, sqrt((n-1) s² / χ²_{0.05, n-1}) (Hahn & Meeker 1991, §4.4), bounds it as well. Whoever states
    more states something else than the error of the figure, often the spread of what it was made of.

    Args:
        stated: on log scale.
        logs: of runs of the same code; fewer than three bound nothing.
        least: a deviation of runs that is believed anyway: that these lay close may be luck.
    """
    values = as_samples(logs, least=0)
    if values.size < 3:
        return stated
    df = values.size - 1.0
    room = math.sqrt(df * float(values.var(ddof=1)) / chi_square_quantile(_ROOM_LEFT, df))
    return min(stated, max(room, least))


def prediction_log_ratio(
    *,
    window: FloatsLike,
    window_se: float,
    candidate_log: float,
    candidate_se: float,
    noise: RunNoise,
    level: float,
) -> LogRatio:
    """A candidate run against n earlier runs: does it differ from what the next run would have been?

    ``runs_log_ratio`` of one run.

    A prediction interval around the mean of the window (Hahn & Meeker 1991, §4.7) whose scale has a prior:

        t of noise.df  times  noise.sd sqrt(1 + 1/n)      with the known errors within the runs joined to it

    The errors within are part of what was seen of earlier runs, and no part of what was known beforehand;
    with p the share of the latter, w the error of the window's runs and c that of the candidate,

        known² = p (c² + w²/n) + (1 - p) max(0, c² - w²)

    Where the window contradicts w (``believed_error``), both are scaled down to what it leaves room for.

    So a window of one is judged by the prior and both errors, and a long one by its own spread, and no run
    makes the interval jump: with the configured prior of 4 degrees of freedom and no errors within, 99 % has
    half widths of 26, 19, 16, 15, 14, 12 and 10 % at 1, 2, 3, 4, 5, 10 and 30 runs that vary as assumed.

    Args:
        window: log metric of each earlier run, n >= 1.
        window_se: standard error within one of these runs, on log scale.
        candidate_log: log metric of the candidate.
        candidate_se: its standard error within the run.
        noise: of one run, with what the window (or a longer history) taught (``RunNoise.learned``).
        level: such as 0.99.

    Raises:
        TooFewSamples: the window is empty.
    """
    return runs_log_ratio(
        window=window,
        window_se=window_se,
        runs=[candidate_log],
        runs_se=candidate_se,
        noise=noise,
        level=level,
    )


def runs_log_ratio(
    *,
    window: FloatsLike,
    window_se: float,
    runs: FloatsLike,
    runs_se: float,
    noise: RunNoise,
    level: float,
) -> LogRatio:
    """The mean of m runs against that of n earlier ones, as ``prediction_log_ratio`` has it for one.

        t of noise.df  times  noise.sd sqrt(1/m + 1/n)
        known² = p (c²/m + w²/n) + (1 - p) max(0, c² - w²)/m

    Args:
        window: log metric of each earlier run, n >= 1.
        window_se: standard error within one of these, on log scale.
        runs: log metric of each run that is judged, m >= 1.
        runs_se: standard error within one of these.
        noise: of one run.
        level: such as 0.99.

    Raises:
        TooFewSamples: one of them is empty.
    """
    logs, judged = as_samples(window), as_samples(runs)
    n, m = logs.size, judged.size
    share = noise.prior_share
    if window_se:  # what stated the candidate's error stated theirs
        scale = believed_error(window_se, logs, least=noise.sd) / window_se
        runs_se, window_se = scale * runs_se, scale * window_se
    within = share * (runs_se**2 / m + window_se**2 / n)
    longer = (1.0 - share) * max(0.0, runs_se**2 - window_se**2) / m
    return LogRatio(
        effect=float(judged.mean()) - float(logs.mean()),
        se=noise.sd * math.sqrt(1.0 / m + 1.0 / n),
        df=noise.df,
        known_se=math.sqrt(within + longer),
        level=level,
    )
