"""What a run could have found: the smallest change its verdict would have flagged; decides nothing."""

from __future__ import annotations

from govbench.stats.arrays import check_share
from govbench.stats.distributions import chi_square_quantile, normal_cdf, normal_quantile
from govbench.stats.rounds import planned_rounds


def detectable_effect(
    half_width_of_interval: float, total_se: float, margin: float, power: float = 0.8
) -> float:
    """Smallest true effect that the decision rule flags with probability ``power``, from the interval.

    The rule calls a regression when the interval excludes 0 *and* the estimate lies beyond the margin, that
    is when the estimate exceeds c = max(half width, margin). An estimate around a true effect δ does so
    with probability ``power`` when δ = c + z_power · se. Without margin this is Bloom's (1995) 2.80 se at
    95 % and 80 %.

    Args:
        half_width_of_interval: of the effect, at the level in use.
        total_se: standard error of the effect, on the same scale.
        margin: smallest effect worth acting on, same scale, >= 0.
        power: probability of being flagged.
    """
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


def _variance_ratios(df: int) -> list[float]:
    """Fifty equally likely values of χ²/df.

    Fewer than two degrees of freedom are not used by ``combine_rounds``, which has the floor alone then.
    """
    if df < 2:
        return [1.0]
    return [chi_square_quantile((i + 0.5) / 50, df) / df for i in range(50)]
