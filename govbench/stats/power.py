"""What a run could have found: the smallest change its verdict would have flagged; decides nothing."""

from __future__ import annotations

from govbench.stats.arrays import check_share
from govbench.stats.distributions import chi_square_quantile, normal_cdf, normal_quantile
from govbench.stats.intervals import half_width
from govbench.stats.rounds import planned_rounds


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


def rounds_detectable_effect(
    *,
    rounds: int,
    within_se: float,
    instance_sd: float,
    margin: float,
    level: float,
    power: float = 0.8,
) -> float:
    """Smallest true log ratio that a comparison in ``rounds`` flags with probability ``power``.

    It is flagged where the estimate exceeds max(half width, margin). The half width of ``combine_rounds``
    depends on the variance that the rounds will happen to show, so the probability is averaged over it:
    mean of Φ((δ - max(half width, margin)) / se), solved for δ.

    Args:
        rounds: R >= 1, each with fresh instances.
        within_se: standard error of one round.
        instance_sd: standard deviation of the log ratio of two fresh instances.
        margin: smallest effect worth acting on, >= 0.
        level: of the interval; with looks before the end, the nominal one of the last (``nominal_levels``).
        power: probability of being flagged, at least 0.5.

    Raises:
        ValueError: rounds without any error, a negative margin, or a power below 0.5.
    """
    check_share("power", power)
    if power < 0.5 or margin < 0.0:
        raise ValueError(f"power {power} below 0.5, or a negative margin")
    plans = [
        planned_rounds(
            rounds=rounds, within_se=within_se, instance_sd=instance_sd, level=level, variance_ratio=ratio
        )
        for ratio in _variance_ratios(rounds - 1)
    ]
    se, hurdles = plans[0].floor_se, [max(plan.half_width, margin) for plan in plans]
    if not se > 0.0:
        raise ValueError("rounds without any error")
    low, high = min(hurdles), max(hurdles) + normal_quantile(power) * se
    while high - low > 1e-6 * high:
        middle = 0.5 * (low + high)
        flagged = sum(normal_cdf((middle - hurdle) / se) for hurdle in hurdles) / len(hurdles)
        low, high = (low, middle) if flagged > power else (middle, high)
    return high


def rounds_needed(
    effect: float,
    *,
    within_se: float,
    instance_sd: float,
    margin: float,
    level: float,
    power: float = 0.8,
    at_most: int = 100,
) -> int | None:
    """Fewest rounds, 3 or more, that flag a true log ratio of ``effect`` with probability ``power``.

    Returns:
        None where ``at_most`` rounds do not suffice, as for any effect too near the margin.
    """
    for rounds in range(3, at_most + 1):
        found = rounds_detectable_effect(
            rounds=rounds,
            within_se=within_se,
            instance_sd=instance_sd,
            margin=margin,
            level=level,
            power=power,
        )
        if found <= abs(effect):
            return rounds
    return None


def _variance_ratios(df: int) -> list[float]:
    """Fifty equally likely values of χ²/df.

    Fewer than two degrees of freedom are not used by ``combine_rounds``, which has the floor alone then.
    """
    if df < 2:
        return [1.0]
    return [chi_square_quantile((i + 0.5) / 50, df) / df for i in range(50)]
