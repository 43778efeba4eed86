"""How the interval of a change is drawn: the band of the margin, and how far the scale reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable

from govbench.results.comparison import Finding
from govbench.results.metrics import METRICS

ROUND_LIMITS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)


def margin_band(finding: Finding) -> tuple[float, float] | None:
    """The band of the margin on the scale of the change, as ``compare/verdict.py`` applies it.

    The absolute margin is relative to the geometric mean of both sides; ratios mirror in the logarithm,
    so +25 % stands opposite -20 %.
    """
    if finding.margin is None:
        return None
    relative, absolute = finding.margin.relative, finding.margin.absolute
    if METRICS[finding.metric].compared_as_difference:
        return -absolute, absolute
    values = [side.value for side in (finding.baseline, finding.candidate) if side and side.value > 0]
    if values:
        relative = max(relative, absolute / math.prod(values) ** (1 / len(values)))
    return -relative / (1 + relative), relative


def scale_of(findings: Iterable[Finding]) -> float:
    """A round end of the scale that holds every estimate; wide intervals may leave it, and get an arrow."""
    estimates, ends, margins = [0.0], [0.0], [0.0]
    for finding in findings:
        if finding.change is not None:
            estimates.append(abs(finding.change.estimate))
            ends += (abs(finding.change.low), abs(finding.change.high))
            margins.append((margin_band(finding) or (0.0, 0.0))[1])
    finite = [[v for v in values if math.isfinite(v)] for values in (estimates, ends, margins)]
    largest_estimate, largest_end, largest_margin = (max(values) for values in finite)
    wanted = max(min(largest_end * 1.1, 3 * largest_estimate), largest_estimate * 1.1, 1.6 * largest_margin)
    return next((limit for limit in ROUND_LIMITS if limit >= wanted), ROUND_LIMITS[-1])
