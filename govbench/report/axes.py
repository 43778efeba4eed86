"""The axes of charts: scales, and ticks at round numbers. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A scale from ``low`` to ``high`` with its ticks as (value, text)."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"axis {self.label!r}: low must be below high, and above 0 on a log scale")

    def share(self, value: float) -> float:
        """Where ``value`` lies on the axis, 0 at its start and 1 at its end; values outside are clamped."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def nice_ticks(low: float, high: float, count: int = 5, *, whole: bool = False) -> tuple[float, ...]:
    """About ``count`` multiples of 1, 2, 2.5 or 5 times a power of ten, from below ``low`` to above ``high``.

    With ``whole`` they are whole numbers. The range is not narrower than a millionth of its ends: beyond
    that, floating point has no round numbers left between them.

    Raises:
        ValueError: ``low`` is not below ``high``, or one of them is not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("ticks need finite low < high")
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    step = max(1.0, math.ceil(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12) for index in range(first, last + 1))


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """The 1-2-5 steps within [low, high]; powers of ten over wide ranges, plain ticks over narrow ones."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 3000 else (1,)
    ticks = tuple(s * 10.0**e for e in exponents for s in steps if low <= s * 10.0**e <= high)
    if len(ticks) >= 4:
        return ticks
    plain = tuple(tick for tick in nice_ticks(low, high, 6) if low <= tick <= high)
    return max(ticks, plain, key=len)


def tick_text(value: float) -> str:
    """A tick as short as it can be: 0.5, 20, 2k, 1.5M."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * (1 if suffix == "M" else 10):
            return f"{value / size:.4g}{suffix}"
    return f"{value:.5g}"


def linear_axis(
    label: str, values: Iterable[float], *, from_zero: bool = True, snug: bool = False, whole: bool = False
) -> Axis:
    """An axis over ``values``; it ends at a tick, or with ``snug`` at the outermost value."""
    low, high = _span(values)
    low = min(low, 0.0) if from_zero else low
    if not low < high:
        high = low + (abs(low) or 1.0)
    ticks = nice_ticks(low, high, whole=whole)
    if snug:
        ticks = tuple(tick for tick in ticks if low <= tick <= high)
    else:
        low, high = ticks[0], ticks[-1]
    return Axis(label=label, low=low, high=high, ticks=tuple((tick, tick_text(tick)) for tick in ticks))


def log_axis(label: str, values: Iterable[float]) -> Axis:
    """A logarithmic axis over the positive ``values``, with a little room at both ends."""
    low, high = _span(value for value in values if value > 0)
    if low <= 0:
        low, high = 0.1, 10.0
    if high / low < 1.2:
        low, high = low / 1.1, high * 1.1
    room = (high / low) ** 0.03
    low, high = low / room, high * room
    ticks = tuple((tick, tick_text(tick)) for tick in log_ticks(low, high))
    return Axis(label=label, low=low, high=high, ticks=ticks, log=True)


def magnitude_axis(label: str, values: Sequence[float]) -> Axis:
    """Linear from zero, or logarithmic where the values span a factor of more than 20."""
    positive = [value for value in values if value > 0]
    if positive and max(positive) / min(positive) > 20 and len(positive) == len(values):
        return log_axis(f"{label}, log scale", positive)
    return linear_axis(label, values)


def level_axis(label: str, levels: Iterable[float]) -> Axis:
    """An axis whose ticks are the levels themselves; logarithmic where they span more than a factor of 8."""
    ordered = sorted(set(levels))
    low, high = ordered[0], ordered[-1]
    ticks = tuple((level, tick_text(level)) for level in ordered)
    if low > 0 and high / low > 8:
        room = (high / low) ** 0.06
        return Axis(label=f"{label}, log scale", low=low / room, high=high * room, ticks=ticks, log=True)
    room = (high - low or 1.0) * 0.06
    return Axis(label=label, low=low - room, high=high + room, ticks=ticks)


def percentile_axis(label: str, low_q: float, high_q: float) -> Axis:
    """Percentiles from ``low_q`` to ``high_q``, spread by their tail: each further nine takes the same room.

    The axis value of share q is 1/(1-q), as in the HdrHistogram percentile plots.
    """
    shares = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 99.999)
    low, high = 1 / (1 - low_q), 1 / (1 - high_q)
    values = ((1 / (1 - share / 100), tick_text(share)) for share in shares)
    ticks = tuple((value, text) for value, text in values if low * 0.9999 <= value <= high * 1.0001)
    return Axis(label=label, low=low, high=high, ticks=ticks, log=True)


def _span(values: Iterable[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)
