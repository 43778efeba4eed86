"""Whether the machine itself was faster or slower than when the stored runs were made. Decides no verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from govbench.results.run import Environment, MachineSpeed
from govbench.stats import normal_quantile

# A smaller change of the machine itself explains no regression beyond a margin of 10 %.
SMALLEST = 0.05
LEVEL = 0.99


def speed_change(here: Environment, stored: Sequence[Environment]) -> float | None:
    """The log ratio of the machine's speed to the mean of the stored ones, where it lies beyond their noise.

    The noise is that of a look at the speed, within it and, from three stored runs on, from run to run. Runs
    that did not look at it are left out.

    Returns:
        Negative where the machine was slower; None where it was as fast as ever, or nobody looked.
    """
    looked = [each.speed for each in stored if each.speed is not None]
    if here.speed is None or not looked:
        return None
    logs = [math.log(speed.per_s) for speed in looked]
    change = math.log(here.speed.per_s) - statistics.fmean(logs)
    beyond = abs(change) > max(SMALLEST, normal_quantile((1 + LEVEL) / 2) * _error(here.speed, looked, logs))
    return change if beyond else None


def _error(here: MachineSpeed, looked: Sequence[MachineSpeed], logs: Sequence[float]) -> float:
    within = here.standard_error**2 + statistics.fmean(s.standard_error**2 for s in looked) / len(looked)
    between = statistics.variance(logs) * (1 + 1 / len(logs)) if len(logs) >= 3 else 0.0
    return math.sqrt(max(within, between))


def machine_reason(change: float) -> str:
    """What ``speed_change`` says, for a finding that it may explain."""
    word = "slower" if change < 0 else "faster"
    return f"the machine itself was {abs(math.expm1(change)):.0%} {word} than beside the stored runs"
