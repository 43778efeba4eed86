"""Digits of a number as text: how many are shown, rounding, signs. ``format.py`` adds what they mean."""

from __future__ import annotations

import math

NOT_MEASURED = "not measured"
UNBOUNDED = "unbounded"


MOST_DECIMALS = 2


def same_decimals(ratios: tuple[float, ...]) -> tuple[str, ...]:
    """Changes in percent, all with as many decimals as the largest of them has.

    The first is the estimate, the others are the ends of its interval: a far end takes no digit from it that
    it needs in order not to read 0, up to two decimals.
    """
    finite = [ratio * 100 for ratio in ratios if math.isfinite(ratio)]
    largest = max((abs(percents) for percents in finite), default=0.0)
    decimals = decimals_of(largest) if largest else 0
    estimate, *ends = ratios
    own = next((more for more in range(decimals, MOST_DECIMALS + 1) if round(estimate * 100, more)), decimals)
    return (signed(estimate * 100, own), *(signed(end * 100, decimals) for end in ends))


def signed(percents: float, decimals: int) -> str:
    """A number of percent with its sign."""
    if math.isnan(percents):
        return NOT_MEASURED
    if math.isinf(percents):
        return f"{'+' if percents > 0 else '-'}{UNBOUNDED}"
    text = f"{percents:+.{decimals}f}"
    return "+" + text[1:] if not float(text) else text


def rounded(amount: float) -> float:
    """Three significant digits."""
    return float(f"{amount:.2e}")


def decimals_of(amount: float) -> int:
    """How many decimals three significant digits of a number have."""
    exponent = int(f"{amount:.2e}".partition("e")[2])
    return max(0, 2 - exponent)
