"""Several rounds of fresh instances, made one effect with its error; measures and decides nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from govbench.stats.arrays import FloatsLike, as_samples
from govbench.stats.comparison import LogRatio
from govbench.stats.intervals import half_width
from govbench.stats.multiple import two_sided_p_value

# What the calibrated variance counts for, in rounds (the d₀ of Smyth 2004). More would narrow the intervals,
# and cover too little where instances vary three times as much (docs/statistics.md).
PRIOR_ROUNDS = 0.5
# How wide the floor of R rounds is beside what the calibration alone would say: 1.1 - 2/R. With few rounds
# the t is wide by itself; with many, the tenth is for rounds that resemble the ones before. Intervals of 99 %
# then cover 99.5 % where the calibration is right and 98.8 % where instances correlate by 0.3 from round to
# round, however many there are (docs/statistics.md).
FLOOR_SHARE, FLOOR_SHARE_OFF = 1.1, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsEffect(LogRatio):
    """A log ratio over rounds: its own fields hold what the rounds showed, ``floor_se`` the calibrated error.

    The wider of the two intervals holds at every level, and so the larger p-value.
    """

    floor_se: float
    rounds: int

    def __post_init__(self) -> None:
        LogRatio.__post_init__(self)
        if not (0.0 <= self.floor_se < math.inf and self.rounds >= 1):
            raise ValueError(f"standard error {self.floor_se} of {self.rounds} rounds")

    @property
    def total_se(self) -> float:
        """Standard error of the effect, the larger of the two."""
        return math.hypot(max(self.se, self.floor_se), self.known_se)

    @property
    def half_width(self) -> float:
        """Half the width of the wider interval."""
        return max(
            half_width(se=self.se, df=self.df, known_se=self.known_se, level=self.level),
            half_width(se=0.0, df=None, known_se=self._least_se, level=self.level),
        )

    @property
    def p_value(self) -> float:
        """The larger p-value: below 1 - level exactly when the wider interval excludes 0."""
        return max(
            two_sided_p_value(self.effect, self.se, self.df, known_se=self.known_se),
            two_sided_p_value(self.effect, 0.0, None, known_se=self._least_se),
        )

    @property
    def _least_se(self) -> float:
        """The error that rounds which happen to agree are held to; the whole of it where they say nothing."""
        return math.hypot(self._floor_share * self.floor_se, self.known_se)

    @property
    def _floor_share(self) -> float:
        """By the rounds behind ``df``, which may be more than those of the effect."""
        return 1.0 if self.df is None else FLOOR_SHARE - FLOOR_SHARE_OFF / (self.df - PRIOR_ROUNDS + 1.0)


def combine_rounds(
    effects: FloatsLike,
    within_ses: FloatsLike,
    *,
    instance_sd: float,
    level: float,
    restarted: bool = True,
) -> RoundsEffect:
    """The mean over rounds, with an error that takes the round as the unit of replication.

    With s² the variance of the R effects (R-1), σ² the mean square of their errors within and τ the
    calibrated ``instance_sd``, rounds are expected to vary by v = σ² + τ². The wider of two intervals holds:

        rounds  t of d₀+R-1 df times  sqrt((d₀ v + (R-1) s²) / (d₀+R-1) / R),   d₀ = 0.5
        floor   z times               (1.1 - 2/R) sqrt(v / R)

    The first is the moderated t of Smyth 2004 with the calibration as its prior: it keeps its level,
    at any level, where instances vary up to three times as much as calibrated. The second keeps rounds that
    happened to agree from narrowing the interval, and serves alone and whole for R = 1 and 2, which show
    no variance worth the name. The mean is not weighted: its variance is s²/R whatever the errors
    within are, and weights from estimated errors cost more than they bring among equal rounds.

    Args:
        effects: log ratio of each of R >= 1 rounds.
        within_ses: its standard error within the round (``pairs.PairedEstimate.se``).
        instance_sd: calibrated standard deviation of the log ratio of two fresh instances of the same code.
        level: such as 0.99.
        restarted: whether every round had fresh instances. If not, the effect of the one pair of instances
            is in all rounds alike and enters undiminished, as known error.

    Raises:
        TooFewSamples: there is no round.
        ValueError: the two differ in length, or an error is negative.
    """
    values, errors = as_samples(effects), as_samples(within_ses)
    if errors.size != values.size:
        raise ValueError(f"{values.size} rounds but {errors.size} standard errors")
    if errors.min() < 0.0 or instance_sd < 0.0:
        raise ValueError("a negative standard error")
    n = values.size
    floor = float(np.dot(errors, errors)) / n + (instance_sd**2 if restarted else 0.0)
    return _effect(
        float(values.mean()),
        float(values.var(ddof=1)) if n > 1 else floor,
        floor,
        n,
        known_se=0.0 if restarted else instance_sd,
        level=level,
    )


def planned_rounds(
    *, rounds: int, within_se: float, instance_sd: float, level: float, variance_ratio: float = 1.0
) -> RoundsEffect:
    """An effect of 0 from rounds that are still to come: how wide will their interval be?

    Args:
        rounds: R >= 1, each with fresh instances.
        within_se: standard error of one round.
        instance_sd: standard deviation of the log ratio of two fresh instances.
        level: such as 0.99.
        variance_ratio: s² over what is expected of it; chance makes it χ²/(R-1).
    """
    expected = within_se**2 + instance_sd**2
    return _effect(0.0, variance_ratio * expected, expected, rounds, known_se=0.0, level=level)


def _effect(
    mean: float, observed: float, expected: float, rounds: int, *, known_se: float, level: float
) -> RoundsEffect:
    """The effect of rounds whose variance was ``observed`` where the calibration ``expected`` another."""
    se, df = 0.0, None
    if rounds >= 3:
        df = PRIOR_ROUNDS + rounds - 1.0
        se = math.sqrt((PRIOR_ROUNDS * expected + (rounds - 1.0) * observed) / df / rounds)
    return RoundsEffect(
        effect=mean,
        se=se,
        df=df,
        known_se=known_se,
        level=level,
        floor_se=math.sqrt(expected / rounds),
        rounds=rounds,
    )
