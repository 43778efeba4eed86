"""What a run could have found: the smallest change its verdict would have flagged; decides nothing."""

from __future__ import annotations

from govbench.stats.arrays import check_share
from govbench.stats.distributions import normal_quantile
from govbench.stats.intervals import half_width


def minimum_detectable_effect(
    se: float,
    margin: float,
    level: float,
    power: float = 0.8,
    *,
    df: float | None = None,
    known_se: float = 0.0,
) -> float:
    """Smallest true effect that the decision rule flags with probability ``power``.

    The rule calls a regression when the interval excludes 0 *and* the estimate lies beyond the margin, that
    is when the estimate exceeds c = max(half width, margin). An estimate around a true effect δ does so
    with probability ``power`` when δ = c + z_power · se. Without margin and df this is Bloom's (1995) 2.80 se
    at 95 % and 80 %; as there, t takes the place of z where the error was estimated.

    Args:
        se: estimated standard error of the effect.
        margin: smallest effect worth acting on, same scale as ``se``, >= 0.
        level: of the interval, two-sided.
        power: probability of being flagged, at least 0.5.
        df: degrees of freedom of ``se``; None for a known one.
        known_se: known part of the error (``comparison.Effect.known_se``).

    Returns:
        The effect on the scale of ``se``; on log scale exp() of it gives the ratio.
    """
    check_share("power", power)
    if power < 0.5 or margin < 0.0 or se < 0.0 or known_se < 0.0:
        raise ValueError(f"power {power} below 0.5, or a negative margin or standard error")
    critical = max(half_width(se=se, df=df, known_se=known_se, level=level), margin)
    if power == 0.5:
        return critical
    return critical + half_width(se=se, df=df, known_se=known_se, level=2.0 * power - 1.0)


def detectable_effect(
    half_width_of_interval: float, total_se: float, margin: float, power: float = 0.8
) -> float:
    """As ``minimum_detectable_effect``, for an interval of any origin given by its half width."""
    check_share("power", power)
    return max(half_width_of_interval, margin) + normal_quantile(power) * total_se
