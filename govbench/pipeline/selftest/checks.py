"""What the self-test decides: a figure against the truth, its bound, and what a check came to. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from govbench.stats import FloatArray, order_statistic_interval, quantile

# Times are kept as 32-bit floats; what was not a microsecond early was not early.
ROUNDING_MS = 0.001
INTERVAL_LEVEL = 0.99
STALL_ROOM_MS = 60.0
# From this share of its core on, the load process was the limit of what was offered, and nothing else.
BUSY_SHARE = 0.9


class State(StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"  # the server, not the load process, was too late for the bound
    SKIPPED = "skipped"


class Unit(StrEnum):
    """What a figure counts."""

    MS = "ms"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number beside its truth; it holds when their difference lies in [low, high].

    ``measured`` is None where there was nothing to measure: such a figure never holds. ``late_ms`` is by how
    much the server was behind its own script, at the same quantile; None where it says nothing.
    """

    name: str
    measured: float | None
    truth: float | None
    low: float
    high: float
    unit: Unit = Unit.MS
    late_ms: float | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"figure {self.name!r}: bound from {self.low} to {self.high}")

    @property
    def difference(self) -> float | None:
        """Measured less truth."""
        if self.measured is None or self.truth is None:
            return None
        return self.measured - self.truth

    @property
    def holds(self) -> bool:
        """Whether the measured value is close enough to the truth."""
        return self.difference is not None and self.low <= self.difference <= self.high

    @property
    def is_excused(self) -> bool:
        """Whether the server was later than the bound allows: then this shows nothing of the load process."""
        return self.late_ms is not None and self.late_ms > max(abs(self.low), abs(self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check with all its figures; ``reason`` says why it was skipped, repeated or not decided."""

    name: str
    state: State
    figures: tuple[Figure, ...] = ()
    reason: str | None = None
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What the load process could do against a server that answers at once."""

    requests_rps: float
    cpu_us_per_request: float
    connections: int

    @property
    def cpu_share(self) -> float:
        """Share of one core that the load process used."""
        return self.requests_rps * self.cpu_us_per_request / 1e6

    @property
    def sentence(self) -> str:
        """What it means."""
        rate, cost = _rounded(self.requests_rps), f"{self.cpu_us_per_request:.0f} µs CPU per request"
        if self.cpu_share >= BUSY_SHARE:
            return f"this machine can offer {rate} requests/s from one core, with {cost}"
        held = f"held back at {self.cpu_share:.0%} of it by the server or by other work"
        return f"this machine can offer {rate} requests/s or more from one core, with {cost}; {held}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """All checks of one self-test, in order, and the capacity where it could be measured."""

    checks: tuple[Check, ...]
    capacity: Capacity | None
    duration_s: float

    @property
    def passed(self) -> bool:
        """Whether every check that could be made on this machine came out well."""
        made = [check for check in self.checks if check.state is not State.SKIPPED]
        return bool(made) and all(check.state is State.OK for check in made)


def decide(name: str, figures: Sequence[Figure]) -> Check:
    """The check that these figures make: failed with one that does not hold and is not excused."""
    wrong = [figure for figure in figures if not figure.holds]
    if not wrong:
        return Check(name=name, state=State.OK, figures=tuple(figures))
    if all(figure.is_excused for figure in wrong):
        late_ms = max(figure.late_ms or 0.0 for figure in wrong)
        return Check(
            name=name,
            state=State.INCONCLUSIVE,
            figures=tuple(figures),
            reason=f"the reference server itself was late by {late_ms:.1f} ms",
        )
    return Check(
        name=name,
        state=State.FAILED,
        figures=tuple(figures),
        reason=", ".join(figure.name for figure in wrong) + " beyond the bound",
    )


# --- figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The same requests' times on both sides, and the server's lateness against its script, in ms."""

    measured: FloatArray
    true: FloatArray
    late: FloatArray


def known_time(name: str, times: Times, q: float, *, script_ms: float, high_ms: float) -> Figure:
    """A quantile of equal delays against the script: never early, and late by no more than ``high_ms``."""
    return Figure(
        name=name,
        measured=_quantile(times.measured, q),
        truth=script_ms,
        low=-ROUNDING_MS,
        high=high_ms,
        late_ms=_quantile(times.late, q),
    )


def near(name: str, times: Times, q: float, *, within: Tolerance) -> Figure:
    """A quantile of measured times against that of the server's own times of the same requests."""
    truth = _quantile(times.true, q)
    room = within.of(truth)
    return Figure(
        name=name,
        measured=_quantile(times.measured, q),
        truth=truth,
        low=-room,
        high=room,
        late_ms=_quantile(times.late, q),
    )


def near_and_in_interval(name: str, times: Times, q: float, *, within: Tolerance) -> Figure:
    """As ``near``, and the truth must lie in the order-statistic interval of the measured quantile too.

    The interval, [L, U] around the measured m, holds the truth t when m - U <= m - t <= m - L.
    """
    figure = near(name, times, q, within=within)
    if figure.measured is None:
        return figure
    ordered = times.measured.copy()
    ordered.sort()
    interval = order_statistic_interval(ordered, q, INTERVAL_LEVEL)
    if interval is None:
        return figure
    return replace(
        figure,
        low=max(figure.low, figure.measured - interval.high),
        high=min(figure.high, figure.measured - interval.low),
    )


def equal(name: str, measured: int, truth: int) -> Figure:
    """A count that must be exactly right."""
    return Figure(name=name, measured=measured, truth=truth, low=0, high=0, unit=Unit.COUNT)


def at_most(name: str, measured: int, truth: int) -> Figure:
    """A count that must not exceed another."""
    return Figure(name=name, measured=measured, truth=truth, low=-math.inf, high=0, unit=Unit.COUNT)


def at_least(name: str, measured: int, truth: int) -> Figure:
    """A count that must reach another."""
    return Figure(name=name, measured=measured, truth=truth, low=0, high=math.inf, unit=Unit.COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A share of the truth and a time: their sum, or the larger of the two, is the room on both sides."""

    share: float
    ms: float
    larger: bool = False

    def of(self, truth_ms: float | None) -> float:
        """The room around a truth, in ms."""
        parts = (self.share * (truth_ms or 0.0), self.ms)
        return max(parts) if self.larger else sum(parts)


def frozen_quantile(
    name: str, times_ms: FloatArray, q: float, *, freeze_s: float, duration_s: float, rate_rps: float
) -> Figure:
    """A quantile of response times when a schedule of T = ``duration_s`` meets a freeze of F = ``freeze_s``.

    A share F/T of the requests falls due in the freeze, evenly, and waits for its end: for q > 1 - F/T the
    quantile is F - (1 - q) T, to one distance between requests. A client that asks only after the last answer
    reports far less: the coordinated omission.

    Raises:
        ValueError: ``q`` is not among the requests that meet the freeze.
    """
    if not 1 - freeze_s / duration_s < q <= 1:
        raise ValueError("the freeze does not reach this quantile")
    truth_ms = 1000 * (freeze_s - (1 - q) * duration_s)
    room = 0.05 * truth_ms + 1000 / rate_rps
    return Figure(name=name, measured=_quantile(times_ms, q), truth=truth_ms, low=-room, high=room)


def stalled(name: str, delays_ms: FloatArray, stall_ms: float) -> Figure:
    """The longest delay within the load process, which was stopped for so long.

    What was due or came in first after it had stopped waited all that time, but for the distance to the next
    request.
    """
    longest = float(delays_ms.max()) if len(delays_ms) else None
    return Figure(name=name, measured=longest, truth=stall_ms, low=-STALL_ROOM_MS, high=STALL_ROOM_MS)


def _quantile(times_ms: FloatArray, q: float) -> float | None:
    return quantile(times_ms, q) if len(times_ms) else None


def _rounded(rate: float) -> str:
    step = 1000 if rate >= 10_000 else 100
    return f"{math.floor(rate / step) * step:,}"
