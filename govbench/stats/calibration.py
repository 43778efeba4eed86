"""How much rounds of the same code differ, estimated so that a lucky calibration is not believed."""

from __future__ import annotations

import math

import numpy as np

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, as_samples
from govbench.stats.distributions import chi_square_quantile

# One-sided confidence of the bound that stands for a variance: four calibrations of five err upwards.
CONFIDENCE = 0.8
# No two instances are believed to be more alike than that, on log scale: 0.2 %.
LEAST_INSTANCE_SD = 0.002


def upper_variance(values: FloatsLike) -> float:
    """Upper 80 % confidence bound of the variance of normal values, (n-1) s² / χ²_{0.2, n-1}.

    (Hahn & Meeker 1991, §4.4.) Of 20 values it is 1.38 s², of 6 it is 2.12 s².

    Raises:
        TooFewSamples: fewer than 2 values.
    """
    found = as_samples(values)
    if found.size < 2:
        raise TooFewSamples("a variance needs two values")
    df = found.size - 1
    return df * float(found.var(ddof=1)) / chi_square_quantile(1.0 - CONFIDENCE, df)


def instance_deviation(effects: FloatsLike, within_ses: FloatsLike) -> float:
    """Standard deviation of the log ratio of two fresh instances of the same code, from above.

        sqrt(max(0.002², U - w²))

    with U the ``upper_variance`` of the effects and w² the mean of their variances within the rounds: the
    moment estimator of one-way random effects (Searle, Casella & McCulloch 1992, §3.6) with the bound of the
    total in place of the total.

    Args:
        effects: log ratio of each of R >= 2 rounds with fresh instances.
        within_ses: its standard error within the round; 0 where there is none, as of readings.

    Raises:
        TooFewSamples: fewer than 2 rounds.
        ValueError: the two differ in length.
    """
    errors = as_samples(within_ses)
    if errors.size != as_samples(effects).size:
        raise ValueError(f"{as_samples(effects).size} rounds but {errors.size} standard errors")
    between = upper_variance(effects) - float(np.dot(errors, errors)) / errors.size
    return math.sqrt(max(LEAST_INSTANCE_SD**2, between))


def run_deviation(base_logs: FloatsLike, head_logs: FloatsLike) -> float:
    """Standard deviation of the log ratio of two runs one after the other, from above: √2 that of one run.

    The variance of one run is the mean over both sides of ``upper_variance``. What moves both sides alike,
    the machine, is in it: that is what sets two runs apart and what pairs are free of. The two sides are not
    independent, so pooling adds no degrees of freedom.

    Args:
        base_logs: logarithm of the metric on one side, round by round.
        head_logs: the same on the other side.
    """
    return math.sqrt(upper_variance(base_logs) + upper_variance(head_logs))
