"""How fast this machine is just now: a fixed piece of work, again and again. Asks no target, judges nothing.

Runners of one name differ by tens of percent, and so does one runner from hour to hour. The speed beside a
run tells the two apart: whether the target became slower, or everything did.
"""

from __future__ import annotations

import time
import zlib

import numpy as np

from govbench.results.run import MachineSpeed

# Long enough for an error of about 1 % on a quiet machine, short enough to go unnoticed beside a load.
DURATION_S = 0.25
BLOCKS = 10
_SIZE = 4_000


def machine_speed(duration_s: float = DURATION_S) -> MachineSpeed:
    """Pieces of work a second on one core, by the wall clock, so that what else is running counts.

    A piece sorts numbers and compresses the bytes of them: arithmetic, memory and branches, none of it in
    Python, whose version is no part of the machine. The standard error is that of the mean of ten blocks of
    time, relative to it.

    Args:
        duration_s: how long, in seconds.
    """
    numbers = np.random.default_rng(1).random(_SIZE)
    _piece(numbers)  # what is done for the first time takes longer
    rates = np.array([_rate(numbers, duration_s / BLOCKS) for _ in range(BLOCKS)])
    per_s = float(rates.mean())
    return MachineSpeed(per_s=per_s, standard_error=float(rates.std(ddof=1)) / per_s / BLOCKS**0.5)


def together(speeds: list[MachineSpeed]) -> MachineSpeed:
    """The speed over several looks of one run: their mean, and as its error no less than they differ by.

    Args:
        speeds: at least one.
    """
    per_s = np.array([speed.per_s for speed in speeds])
    mean = float(per_s.mean())
    within = float(np.sqrt(np.mean([speed.standard_error**2 for speed in speeds]) / len(speeds)))
    between = float(per_s.std(ddof=1)) / mean / len(speeds) ** 0.5 if len(speeds) > 1 else 0.0
    return MachineSpeed(per_s=mean, standard_error=max(within, between))


def _rate(numbers: np.ndarray[tuple[int], np.dtype[np.float64]], duration_s: float) -> float:
    began = now = time.perf_counter()
    pieces = 0
    while now - began < duration_s:
        _piece(numbers)
        pieces += 1
        now = time.perf_counter()
    return pieces / (now - began)


def _piece(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    zlib.crc32(zlib.compress(np.sort(numbers)[:1_000].tobytes(), 1))
