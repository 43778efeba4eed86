"""Statistics: arrays in, floats out; knows no benchmarks, files or clocks (docs/statistics.md)."""

from govbench.stats.arrays import FloatArray, IntArray
from govbench.stats.blocks import block_ids, design_effect, effective_sample_size
from govbench.stats.change_points import ChangePoint, change_points
from govbench.stats.comparison import (
    Difference,
    Effect,
    LogRatio,
    Prediction,
    ProportionDifference,
    log_ratio,
    paired_difference,
    paired_log_ratio,
    prediction_log_ratio,
    proportion_difference,
    unpaired_log_ratio,
)
from govbench.stats.distributions import normal_quantile, student_cdf, student_quantile
from govbench.stats.histogram import LogHistogram
from govbench.stats.intervals import (
    Interval,
    QuantileEstimate,
    block_quantile_interval,
    order_statistic_interval,
    order_statistic_ranks,
    wilson_interval,
)
from govbench.stats.multiple import holm, two_sided_p_value
from govbench.stats.power import detectable_effect, minimum_detectable_effect
from govbench.stats.quantiles import is_estimable, nearest_rank, quantile, quantiles

__all__ = [
    "ChangePoint",
    "Difference",
    "Effect",
    "FloatArray",
    "IntArray",
    "Interval",
    "LogHistogram",
    "LogRatio",
    "Prediction",
    "ProportionDifference",
    "QuantileEstimate",
    "block_ids",
    "block_quantile_interval",
    "change_points",
    "design_effect",
    "detectable_effect",
    "effective_sample_size",
    "holm",
    "is_estimable",
    "log_ratio",
    "minimum_detectable_effect",
    "nearest_rank",
    "normal_quantile",
    "order_statistic_interval",
    "order_statistic_ranks",
    "paired_difference",
    "paired_log_ratio",
    "prediction_log_ratio",
    "proportion_difference",
    "quantile",
    "quantiles",
    "student_cdf",
    "student_quantile",
    "two_sided_p_value",
    "unpaired_log_ratio",
    "wilson_interval",
]
