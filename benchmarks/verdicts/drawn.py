"""Years of commits whose truth is known: what happens to the code, and what a machine makes of it.

Judges nothing. The same kind and number give the same year, whatever is said of it. Where the figures come
from is in ``README.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.verdicts.recorded import SAMPLES

Array = npt.NDArray[np.float64]

COMMITS = 365
STEPS = (0.05, 0.10, 0.20, 0.50)
# Of each size a year; improvements undo one of these sizes each.
TIMES, IMPROVEMENTS, OUTAGES = 2, (0.10, 0.20, 0.20, 0.50), 3
# The first change comes no sooner; changes are so far apart; each is followed for so many commits.
FIRST, APART, AFTER = 25, 20, 12
RELEASED = 20
DRIFT, DRIFT_STEPS = 0.30, 30

# Of one run: its deviation; the share of its variance that is the runner's, which both measurements share.
SD, SHARED = 0.035, 0.25
# A machine quieter than three in four; and noises between, of which that one is quiet enough to pass.
QUIET_SD, BETWEEN_SD, PASSING_SD = 0.014, 0.03, 0.025
# So many runs lie beyond four deviations, by so many more in the mean; a third of these are the runner's.
TAILS, BEYOND, FURTHER, RUNNERS_TAILS = 0.03, 4.0, 4.0, 1 / 3
# Two kinds of machine under one name: how much slower the one is, and how often it is had.
SLOWER, SLOWER_SHARE = 0.15, 0.35
WITHIN = (0.01, 0.02)
# How much of the runner's part a look at its speed sees, and the error of the look.
SEEN, LOOK_ERROR = 2 / 3, 0.015
FAILS = 0.001
BURSTS = (0.02, 0.40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of year: whether the code changes or drifts, and what runners there are.

    ``bounded`` is what the bounds are held against: neither a drift nor a machine quieter than most. Without
    ``remembers`` nothing is stored of a regression, and the next commit is judged as if it had not been.
    """

    name: str
    years: int
    sd: float = SD
    changes: bool = False
    drifts: bool = False
    two_machines: bool = False
    remembers: bool = True

    @property
    def bounded(self) -> bool:
        """Whether the bounds are of such years."""
        return not self.drifts and self.sd == SD and self.remembers

    @property
    def may_pass(self) -> bool:
        """Whether the noise leaves room for the passes that are asked for (``bounds.most_passes``)."""
        return not self.drifts and self.sd == PASSING_SD


KINDS = (
    Kind(name="nothing happens", years=20),
    Kind(name="nothing happens, two kinds of machine", years=5, two_machines=True),
    Kind(name="nothing happens, noise of 3 %", years=4, sd=BETWEEN_SD),
    Kind(name="nothing happens, noise of 2.5 %", years=4, sd=PASSING_SD),
    Kind(name="nothing happens, a quiet machine", years=4, sd=QUIET_SD),
    Kind(name="changes", years=24, changes=True),
    Kind(name="changes, two kinds of machine", years=6, changes=True, two_machines=True),
    Kind(name="changes, nothing remembered", years=12, changes=True, remembers=False),
    Kind(name="slow drift", years=16, drifts=True),
    Kind(name="slow drift, two kinds of machine", years=4, drifts=True, two_machines=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one measurement of a commit says.

    Attributes:
        log: of the response time, against the typical one.
        rate_log: of the throughput.
        error: within the run, of both.
        failed: requests of the run that failed one by one.
        failing: the share of the time in which every request fails.
        speed_log: of the machine, as the look at it has it.
    """

    log: float
    rate_log: float
    error: float
    failed: int
    failing: float
    speed_log: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What happens, and both measurements of each commit: ``first[i]``, and ``second[i]`` if it is asked for.

    Attributes:
        kind: what was drawn.
        truth: the logarithm of the code's own response time, commit by commit.
        changes: where the level changes, and by which log ratio, in their order.
        outages: the share of the first run in which requests failed, by commit.
    """

    kind: Kind
    truth: Array
    first: tuple[Measured, ...]
    second: tuple[Measured, ...]
    changes: Mapping[int, float] = field(default_factory=dict)
    outages: Mapping[int, float] = field(default_factory=dict)


def draw(kind: Kind, number: int) -> Year:
    """The year of that number."""
    rng = np.random.default_rng([*kind.name.encode(), number])
    changes = _changes(rng) if kind.changes else {}
    outages = _outages(rng, changes) if kind.changes else {}
    truth = np.zeros(COMMITS)
    for place, size in changes.items():
        truth[place:] += size
    if kind.drifts:
        truth += math.log1p(DRIFT) * np.floor(np.arange(COMMITS) * DRIFT_STEPS / COMMITS) / (DRIFT_STEPS - 1)
    first, second = _measurements(kind, truth, outages, rng)
    return Year(kind=kind, truth=truth, first=first, second=second, changes=changes, outages=outages)


def _changes(rng: np.random.Generator) -> dict[int, float]:
    """Steps for the worse and for the better at random places, so far apart that each can be told."""
    sizes = [math.log1p(step) for step in STEPS for _ in range(TIMES)]
    sizes += [-math.log1p(step) for step in IMPROVEMENTS]
    rng.shuffle(sizes)
    slack = COMMITS - AFTER - FIRST - APART * (len(sizes) - 1)
    offsets = np.sort(rng.integers(0, slack + 1, size=len(sizes)))
    return {
        FIRST + APART * i + int(at): size for i, (at, size) in enumerate(zip(offsets, sizes, strict=True))
    }


def _outages(rng: np.random.Generator, changes: Mapping[int, float]) -> dict[int, float]:
    """Bursts of failures, in commits after which no change is waited for."""
    waited_for = {place + after for place in changes for after in range(AFTER)}
    free = [commit for commit in range(FIRST, COMMITS) if commit not in waited_for]
    low, high = np.log(BURSTS)
    return {
        int(commit): float(np.exp(rng.uniform(low, high)))
        for commit in rng.choice(free, size=OUTAGES, replace=False)
    }


def _measurements(
    kind: Kind, truth: Array, outages: Mapping[int, float], rng: np.random.Generator
) -> tuple[tuple[Measured, ...], tuple[Measured, ...]]:
    """Two of each commit: on one runner, whose speed they share, each with noise of its own."""
    error = float(rng.uniform(*WITHIN))
    runner = kind.sd * math.sqrt(SHARED) * rng.standard_normal(COMMITS) + _tails(
        kind.sd, TAILS * RUNNERS_TAILS, rng
    )
    if kind.two_machines:
        runner += math.log1p(SLOWER) * (rng.random(COMMITS) < SLOWER_SHARE)
    lasts = rng.random(COMMITS) < 0.5  # the burst, until the commit is measured again

    def measured(failing: Mapping[int, float]) -> tuple[Measured, ...]:
        own = kind.sd * math.sqrt(1 - SHARED) * rng.standard_normal(COMMITS)
        logs = truth + runner + own + _tails(kind.sd, TAILS * (1 - RUNNERS_TAILS), rng)
        rates = -logs + 0.01 * rng.standard_normal(COMMITS)
        failed = rng.binomial(SAMPLES, FAILS, size=COMMITS)
        speeds = -SEEN * runner + LOOK_ERROR * rng.standard_normal(COMMITS)
        return tuple(
            Measured(
                log=float(logs[i]),
                rate_log=float(rates[i]),
                error=error,
                failed=int(failed[i]),
                failing=failing.get(i, 0.0),
                speed_log=float(speeds[i]),
            )
            for i in range(COMMITS)
        )

    return measured(outages), measured({i: share for i, share in outages.items() if lasts[i]})


def _tails(sd: float, share: float, rng: np.random.Generator) -> Array:
    """Runs far out, as many to either side."""
    size = sd * (BEYOND + FURTHER * rng.standard_exponential(COMMITS))
    tails: Array = size * rng.choice((-1.0, 1.0), size=COMMITS) * (rng.random(COMMITS) < share)
    return tails
