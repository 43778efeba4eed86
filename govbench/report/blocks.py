"""Small charts of Unicode block characters, for terminals and logs. Knows nothing of runs or verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from govbench.results.run import Distribution

_RISING = " ▁▂▃▄▅▆▇█"
_GROWING = " ▏▎▍▌▋▊▉█"


def columns(heights: Sequence[float | None]) -> str:
    """One character per height, scaled to the largest; blank only for nothing (0 or None)."""
    largest = max((height for height in heights if height is not None), default=0.0)
    return "".join(_column(height, largest) for height in heights)


def bar(amount: float, largest: float, width: int) -> str:
    """A horizontal bar: ``width`` characters long at ``largest``, to an eighth of a character."""
    eighths = round(width * 8 * amount / largest) if largest > 0 else 0
    full, rest = divmod(max(0, min(eighths, width * 8)), 8)
    return "█" * full + (_GROWING[rest] if rest else "")


def interval(
    low: float, estimate: float, high: float, *, margin: tuple[float, float], limit: float, width: int
) -> str:
    """An interval around its estimate on a scale of ±``limit``, over the dotted band of the margin.

    ``width`` characters; what leaves the scale ends in an arrow.
    """

    def at(value: float) -> int:
        return round((min(max(value / limit, -1.0), 1.0) + 1.0) / 2.0 * (width - 1))

    cells = [" "] * width
    cells[at(margin[0]) : at(margin[1]) + 1] = "░" * (at(margin[1]) - at(margin[0]) + 1)
    cells[at(0.0)] = "│"
    cells[at(low) : at(high) + 1] = "━" * (at(high) - at(low) + 1)
    cells[at(estimate)] = "●"
    if low < -limit:
        cells[0] = "◀"
    if high > limit:
        cells[-1] = "▶"
    return "".join(cells)


def spread(distributions: Sequence[Distribution], low_ms: float, high_ms: float, width: int) -> list[float]:
    """Counts of the distributions together, in ``width`` bins of equal width on a logarithmic scale."""
    per_bin = math.log(high_ms / low_ms) / width
    counts = [0.0] * width
    for distribution in distributions:
        bins = math.log(distribution.gamma) / per_bin
        offset = math.log(low_ms) / per_bin
        for index, n in distribution.buckets:
            _pour(counts, n, (index - 1) * bins - offset, index * bins - offset)
    return counts


def extent(distributions: Sequence[Distribution], share: float = 0.995) -> tuple[float, float] | None:
    """From the fastest sample to the one that ``share`` of them do not exceed, in ms; None where empty."""
    edges = sorted(
        (d.gamma ** (index - 1), d.gamma**index, n) for d in distributions for index, n in d.buckets
    )
    wanted = share * sum(n for _, _, n in edges)
    seen = 0
    for _, high_ms, n in edges:
        seen += n
        if seen >= wanted:
            return edges[0][0], high_ms
    return None


def _pour(counts: list[float], n: int, start: float, stop: float) -> None:
    """Share ``n`` out over the bins that [start, stop) covers; what lies outside goes to the end bins."""
    last = len(counts) - 1
    for at in range(math.floor(start), math.ceil(stop)):
        share = (min(stop, at + 1) - max(start, at)) / (stop - start)
        counts[max(0, min(last, at))] += n * share


def _column(height: float | None, largest: float) -> str:
    if height is None or height <= 0 or largest <= 0:
        return _RISING[0]
    return _RISING[max(1, round(8 * height / largest))]


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None
