"""How often are equals told apart by rounds that are judged with a calibration of their own?

Simulates a calibration and then a comparison of the same code, and counts the 99 % intervals that exclude no
change; margin and confirmation, which come on top, are left out. Prints the table of docs/verdicts.md: as
stored, with the plain estimate of the noise between instances, and with the least that is believed alone.

    python benchmarks/calibration_alarms.py             # 4000 comparisons a cell, half a minute
    python benchmarks/calibration_alarms.py --short     # 400 a cell; exits 1 when more than 3 % are
"""

from __future__ import annotations

import argparse
import math
import sys
from itertools import product

import numpy as np
import numpy.typing as npt

from govbench.stats import combine_rounds, instance_deviation
from govbench.stats.calibration import LEAST_INSTANCE_SD

Array = npt.NDArray[np.float64]

LEVEL = 0.99
WITHIN = 0.01
TRUE_SDS = (0.003, 0.01, 0.03)
CALIBRATED_ROUNDS = (6, 20)
ROUNDS = (6, 9, 20)


def rounds_of(rng: np.random.Generator, count: int, sd: float) -> Array:
    """Effects of rounds of equal code."""
    return np.asarray(sd * rng.standard_normal(count) + WITHIN * rng.standard_normal(count))


def alarms(rng: np.random.Generator, calibrated: int, sd: float, rounds: int, runs: int) -> tuple[float, ...]:
    """The share told apart: as stored, with the plain estimate, with the least alone."""
    found = [0, 0, 0]
    for _ in range(runs):
        before, effects = rounds_of(rng, calibrated, sd), rounds_of(rng, rounds, sd)
        stored = instance_deviation(before, np.full(calibrated, WITHIN))
        plain = math.sqrt(max(0.0, float(before.var(ddof=1)) - WITHIN**2))
        for at, known in enumerate((stored, plain, LEAST_INSTANCE_SD)):
            effect = combine_rounds(effects, np.full(rounds, WITHIN), instance_sd=known, level=LEVEL)
            found[at] += not effect.interval.contains(0.0)
    return tuple(count / runs for count in found)


def main() -> int:
    """Print the table; 1 when a short run tells far too many apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    rng = np.random.default_rng(1)
    worst = 0.0
    print("| true noise | rounds of the calibration | as stored | plain estimate | least alone |")
    print("|---|---|---|---|---|")
    for sd, calibrated in product(TRUE_SDS, CALIBRATED_ROUNDS):
        cells = [alarms(rng, calibrated, sd, rounds, 400 if short else 4000) for rounds in ROUNDS]
        columns = [f"{100 * min(c):.2f} to {100 * max(c):.2f} %" for c in zip(*cells, strict=True)]
        print(f"| {100 * sd:g} % | {calibrated} |", " | ".join(columns), "|", flush=True)
        worst = max(worst, *(stored for stored, _, _ in cells))
    return int(short and worst > 0.03)


if __name__ == "__main__":
    sys.exit(main())
