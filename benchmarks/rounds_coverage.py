"""How often does the interval of ``stats.combine_rounds`` cover, and how wide is it?

Simulates comparisons in rounds whose instances vary 0 to 3 times as much as the calibration says, with errors
within the rounds of 0.5 to 2 times the calibrated deviation, known by estimates of 8 degrees of freedom.
Prints the table of docs/statistics.md: for each kind of instance effect and number of rounds the lowest
coverage, that where the calibration is right, and there the mean half width over that of an interval with
everything known.

    python benchmarks/rounds_coverage.py                # 20000 runs a cell, eight minutes
    python benchmarks/rounds_coverage.py --short        # 400 runs a cell; exits 1 when far too few cover
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from itertools import product
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from govbench.stats import combine_rounds

Array = npt.NDArray[np.float64]

FLOOR = 0.01
LEVEL = 0.99
ROUNDS = (3, 6, 9, 12, 18, 40)
TRUE_OVER_FLOOR = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
WITHIN_OVER_FLOOR = (0.5, 1.0, 2.0)
SE_DF = 8


def normal(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Instance effects of variance 1."""
    return rng.normal(size=size)


def heavy(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Student's t with 3 degrees of freedom, at variance 1."""
    return rng.standard_t(3, size=size) / math.sqrt(3)


def drifting(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Normal, and a drift from -1 to 1 standard deviation over the rounds; their mean is the truth."""
    return rng.normal(size=size) + np.linspace(-1.0, 1.0, size[1])


def resembling(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Normal, each correlated by 0.3 with the one of the round before."""
    drawn = rng.normal(size=size)
    for place in range(1, size[1]):
        drawn[:, place] = 0.3 * drawn[:, place - 1] + math.sqrt(1.0 - 0.3**2) * drawn[:, place]
    return drawn


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Array]] = {
    "normal": normal,
    "heavy tails (t3)": heavy,
    "drift": drifting,
    "correlated (0.3)": resembling,
}
# What --short has to find at least, with 400 runs a cell.
LEAST = {"correlated (0.3)": 0.93}


def cell(
    kind: str, rounds: int, true_sd: float, within: float, runs: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Share of runs whose interval covers the truth, and the mean half width."""
    size = (runs, rounds)
    effects = true_sd * KINDS[kind](rng, size) + within * rng.normal(size=size)
    errors = within * np.sqrt(rng.chisquare(SE_DF, size=size) / SE_DF)
    covered, width = 0, 0.0
    for row, ses in zip(effects, errors, strict=True):
        effect = combine_rounds(row, ses, instance_sd=FLOOR, level=LEVEL)
        covered += abs(effect.effect) <= effect.half_width
        width += effect.half_width
    return covered / runs, width / runs


def line(kind: str, rounds: int, runs: int, rng: np.random.Generator) -> tuple[str, float]:
    """A row of the table, and the lowest coverage in it."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    lowest, right, widths = (1.0, 0.0, 0.0), [], []
    for true, within in product(TRUE_OVER_FLOOR, WITHIN_OVER_FLOOR):
        covered, width = cell(kind, rounds, true * FLOOR, within * FLOOR, runs, rng)
        lowest = min(lowest, (covered, true, within))
        if true == 1.0:
            right.append(covered)
            widths.append(width / (z * FLOOR * math.sqrt((1 + within**2) / rounds)))
    text = (
        f"| {kind} | {rounds} | {lowest[0]:.2%} ({lowest[1]:g}, {lowest[2]:g}) "
        f"| {min(right):.2%} to {max(right):.2%} | {sum(widths) / len(widths):.2f} |"
    )
    return text, lowest[0]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    print("| instance effects | rounds | lowest (true/floor, within/floor) | floor is right | width |")
    print("|---|---|---|---|---|")
    far_too_few = False
    for kind, rounds in product(KINDS, ROUNDS):
        text, lowest = line(kind, rounds, 400 if asked.short else asked.runs, rng)
        far_too_few |= lowest < LEAST.get(kind, 0.96)
        print(text, flush=True)
    return 1 if far_too_few else 0


if __name__ == "__main__":
    raise SystemExit(main())
