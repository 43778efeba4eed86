"""When users ask: draws of think time, and the schedules of open-loop arrivals. Waits for nothing itself."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from govbench.results.plan import (
    BASE,
    CONTROL_EVERY,
    CONTROL_OF,
    HEAD,
    ArrivalProcess,
    Arrivals,
    Pause,
    RatePoint,
    ThinkTime,
)

_EXPONENTIAL = Pause.EXPONENTIAL  # to reach into an enumeration costs as much as a call


def pause_s(think: ThinkTime, rng: random.Random) -> float:
    """One draw of the time that ``think`` speaks of, in seconds; for pacing, from one begin to the next."""
    if think.pause is _EXPONENTIAL:
        return min(rng.expovariate(1.0 / think.low_s), _longest_s(think))
    if think.low_s == think.high_s:
        return think.low_s
    return rng.uniform(think.low_s, think.high_s)


def _longest_s(think: ThinkTime) -> float:
    """Where an exponential pause is cut; equal bounds mean that nobody asked for a cut."""
    return think.high_s if think.high_s > think.low_s else math.inf


class Pacer:
    """The instants at which a paced user is due: each counts from the one before, never from "now".

    A user whose answers take longer than its pace is late for good, until it has caught up.
    """

    __slots__ = ("_due_ns", "_think")

    def __init__(self) -> None:
        self._due_ns = 0
        self._think: ThinkTime | None = None

    def next_ns(self, think: ThinkTime, now_ns: int, rng: random.Random) -> int:
        """The next instant, on the clock of ``now_ns``; another think time begins anew."""
        if think != self._think:
            self._think, self._due_ns = think, now_ns
        self._due_ns += int(pause_s(think, rng) * 1e9)
        return self._due_ns


class Controls:
    """Which pairs of a load process are controls, and of which side; all its users draw from one.

    Of every ``CONTROL_EVERY`` pairs one is a control, its place drawn by lot; of every two controls one is of
    base and one of head, in an order drawn by lot. So at every instant the process has asked both sides for
    the same number of controls, give or take one, and neither carries more load than the other. Were users to
    draw each for themselves, chance would give one side more for a while, and where a stack queues a while
    is enough to make it look slower.
    """

    __slots__ = ("_ahead", "_rng")

    def __init__(self, seed: int, part: int = 0) -> None:
        self._rng = random.Random(f"{seed}/{part}/controls")
        self._ahead: list[int | None] = []

    def next_side(self) -> int | None:
        """The side that the next pair asks twice, or None where it asks both."""
        if not self._ahead:
            self._ahead = self._drawn()
        return self._ahead.pop()

    def _drawn(self) -> list[int | None]:
        drawn: list[int | None] = []
        for side in self._rng.sample((BASE, HEAD), 2):
            block: list[int | None] = [None] * CONTROL_EVERY
            block[self._rng.randrange(CONTROL_EVERY)] = side
            drawn += block
        return drawn


class Pairing:
    """Which two sides one user asks next, in which order."""

    __slots__ = ("_controls", "_rng")

    def __init__(self, seed: int, user: int, controls: Controls) -> None:
        self._rng = random.Random(f"{seed}/{user}/pairing")
        self._controls = controls

    def next_sides(self) -> tuple[int, int]:
        """Base and head, or a side and its control; which of them first is drawn by lot."""
        side = self._controls.next_side()
        one, other = (BASE, HEAD) if side is None else (side, CONTROL_OF[side])
        return (one, other) if self._rng.random() < 0.5 else (other, one)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of linear rate: from ``at_s``, where ``before`` arrivals are expected to have come."""

    at_s: float
    length_s: float
    rate_rps: float
    slope: float
    before: float

    @property
    def expected(self) -> float:
        """Arrivals expected within the stretch."""
        if math.isinf(self.length_s):
            return math.inf if self.rate_rps > 0 else 0.0
        return (self.rate_rps + 0.5 * self.slope * self.length_s) * self.length_s

    def offset_s(self, count: float) -> float:
        """When the expected number of arrivals reaches ``count``: the root of r x + s x²/2 = count - before.

        In the form that does not cancel for small slopes.
        """
        missing = count - self.before
        if missing <= 0:
            return self.at_s
        root = math.sqrt(max(self.rate_rps**2 + 2 * self.slope * missing, 0.0))
        return self.at_s + 2 * missing / (self.rate_rps + root)


def _stretches(points: tuple[RatePoint, ...]) -> Iterator[_Stretch]:
    """The rate in stretches: constant before the first point and after the last, linear between them."""
    before = 0.0
    first, last = points[0], points[-1]
    lead = [(RatePoint(at_s=0.0, rate_rps=first.rate_rps), first)] if first.at_s > 0 else []
    for left, right in (*lead, *pairwise(points)):
        length = right.at_s - left.at_s
        slope = (right.rate_rps - left.rate_rps) / length
        stretch = _Stretch(left.at_s, length, left.rate_rps, slope, before)
        yield stretch
        before += stretch.expected
    yield _Stretch(last.at_s, math.inf, last.rate_rps, 0.0, before)


def due_offsets(
    arrivals: Arrivals, *, until_s: float, seed: str, part: int = 0, parts: int = 1
) -> Iterator[float]:
    """The instants in [0, until_s) at which requests are due, rising, in seconds from the phase's start.

    Made by inversion: a process of rate 1 is read off on the integral of the rate (Çinlar 1975, ch. 4.7).
    Of ``parts`` load processes each asks for its own ``part``: independent Poisson processes of a part of
    the rate, or every ``parts``-th instant of a constant one; together they are the whole schedule.
    """
    counts = _unit_process(arrivals.process, random.Random(f"{seed}/{part}"), part, parts)
    count = next(counts)
    for stretch in _stretches(arrivals.points):
        end = stretch.before + stretch.expected
        while count < end:
            offset = stretch.offset_s(count)
            if offset >= until_s:
                return
            yield offset
            count = next(counts)


def _unit_process(process: ArrivalProcess, rng: random.Random, part: int, parts: int) -> Iterator[float]:
    """Instants of one part of a process of rate 1."""
    if process is ArrivalProcess.CONSTANT:
        number = part
        while True:
            yield float(number)
            number += parts
    at = 0.0
    while True:
        at += rng.expovariate(1.0) * parts
        yield at
