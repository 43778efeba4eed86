"""Statistics: arrays in, floats out; knows no benchmarks, files or clocks (docs/statistics.md)."""

from govbench.stats.arrays import FloatArray, IntArray
from govbench.stats.blocks import (
    block_ids,
    count_design_effect,
    design_effect,
    time_design_effect,
)
from govbench.stats.calibration import instance_deviation, run_deviation, upper_variance
from govbench.stats.change_points import FALSE_ALARM, ChangePoint, change_points
from govbench.stats.comparison import (
    Effect,
    LogRatio,
    ProportionDifference,
    RunNoise,
    believed_error,
    log_ratio,
    prediction_log_ratio,
    proportion_difference,
    runs_log_ratio,
)
from govbench.stats.distributions import normal_cdf, normal_quantile, student_cdf, student_quantile
from govbench.stats.exact import exact_p_value
from govbench.stats.histogram import log_buckets
from govbench.stats.intervals import (
    Interval,
    QuantileEstimate,
    block_quantile_interval,
    order_statistic_interval,
    order_statistic_ranks,
    wilson_interval,
)
from govbench.stats.multiple import holm, two_sided_p_value
from govbench.stats.pairs import PairedEstimate, paired_median, quantile_log_ratio, ratio_of_means
from govbench.stats.power import (
    detectable_effect,
    rounds_detectable_effect,
)
from govbench.stats.quantiles import is_estimable, nearest_rank, needed, quantile, quantiles
from govbench.stats.rounds import RoundsEffect, combine_rounds
from govbench.stats.sequential import boundaries, nominal_levels, spending

__all__ = [
    "FALSE_ALARM",
    "ChangePoint",
    "Effect",
    "FloatArray",
    "IntArray",
    "Interval",
    "LogRatio",
    "PairedEstimate",
    "ProportionDifference",
    "QuantileEstimate",
    "RoundsEffect",
    "RunNoise",
    "believed_error",
    "block_ids",
    "block_quantile_interval",
    "boundaries",
    "change_points",
    "combine_rounds",
    "count_design_effect",
    "design_effect",
    "detectable_effect",
    "exact_p_value",
    "holm",
    "instance_deviation",
    "is_estimable",
    "log_buckets",
    "log_ratio",
    "nearest_rank",
    "needed",
    "nominal_levels",
    "normal_cdf",
    "normal_quantile",
    "order_statistic_interval",
    "order_statistic_ranks",
    "paired_median",
    "prediction_log_ratio",
    "proportion_difference",
    "quantile",
    "quantile_log_ratio",
    "quantiles",
    "ratio_of_means",
    "rounds_detectable_effect",
    "run_deviation",
    "runs_log_ratio",
    "spending",
    "student_cdf",
    "student_quantile",
    "time_design_effect",
    "two_sided_p_value",
    "upper_variance",
    "wilson_interval",
]
