"""Whether two shares differ, by their counts alone: exact however few these are. Decides nothing."""

from __future__ import annotations

import math

_NEGLIGIBLE = 1e-17


def exact_p_value(
    *, baseline_hits: float, baseline_n: float, candidate_hits: float, candidate_n: float
) -> float:
    """Two-sided p-value of no difference between two shares, given how many hits there are in all.

    Fisher 1935: of K hits among n1 + n2, how many fall on the candidate is hypergeometric if the share is the
    same. Twice the tail of as many hits or more on the side that has the larger share. Counts that were
    divided by a design effect are no whole numbers: the terms are continued by the gamma function.

    Swapping the sides changes nothing.
    """
    if baseline_hits * candidate_n > candidate_hits * baseline_n:
        return exact_p_value(
            baseline_hits=candidate_hits,
            baseline_n=candidate_n,
            candidate_hits=baseline_hits,
            candidate_n=baseline_n,
        )
    hits = baseline_hits + candidate_hits
    term = math.exp(
        _log_choose(candidate_n, candidate_hits)
        + _log_choose(baseline_n, baseline_hits)
        - _log_choose(baseline_n + candidate_n, hits)
    )
    tail, here = term, candidate_hits
    # P(k + 1) / P(k); beyond the mean the terms fall faster than a geometric series.
    while here + 1.0 <= min(candidate_n, hits) and term > _NEGLIGIBLE * tail:
        term *= (candidate_n - here) * (hits - here) / ((here + 1.0) * (baseline_n - hits + here + 1.0))
        tail, here = tail + term, here + 1.0
    return min(1.0, 2.0 * tail)


def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
