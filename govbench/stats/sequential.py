"""Looking at a comparison before it is over, without more false alarms; knows times and levels, no data.

Fractions are shares of the information that the comparison has at its end: rounds so far over all rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from govbench.stats.arrays import check_share
from govbench.stats.distributions import normal_cdf, normal_quantile

# Critical values beyond are cut here: a level nearer to 1 is hard to write as a float, and what a look spends
# that far out (3e-15) counts for nothing.
_FARTHEST = 7.9
_NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # of one panel, two deviations of a step wide
_MOST_PANELS = 48

_Array = npt.NDArray[np.float64]


def spending(fraction: float, alpha: float) -> float:
    """How much of ``alpha`` may be spent by the time of ``fraction``, both sides together.

    O'Brien-Fleming type of Lan & DeMets 1983, for each side with half of alpha as in ldbounds and gsDesign:

        α(t) = 4 (1 - Φ(z_{1-α/4} / √t))

    that is twice 2(1 - Φ(z_{1-α'/2}/√t)) with α' = α/2. (The same form applied to both sides at once spends
    slightly more early: 3.92 instead of 4.33 at a first quarter and 5 %.)

    Args:
        fraction: of the information, in (0, 1].
        alpha: two-sided, in (0, 1).
    """
    check_share("alpha", alpha)
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"a fraction lies in (0, 1], got {fraction}")
    z = normal_quantile(alpha / 4.0)
    return 4.0 * normal_cdf(z / math.sqrt(fraction))


def boundaries(fractions: Sequence[float], alpha: float) -> tuple[float, ...]:
    """Two-sided critical z of each look, so that ``spending`` is the chance of crossing any.

    Recursive numerical integration (Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, §19.2): the
    density of S = z √t among what has not crossed is carried from look to look on Gauss-Legendre nodes.
    Critical values end at 7.9.

    Args:
        fractions: of the information at the looks, strictly increasing, in (0, 1].
        alpha: two-sided, spent in all when the last fraction is 1.
    """
    if not fractions or any(b <= a for a, b in pairwise(fractions)):
        raise ValueError(f"fractions must increase, got {tuple(fractions)}")
    spent = [0.0, *(spending(fraction, alpha) for fraction in fractions)]
    steps = [math.sqrt(after - before) for before, after in pairwise((0.0, *fractions))]
    nodes, mass = np.zeros(1), np.ones(1)  # all of it at S = 0, before the first look
    found: list[float] = []
    for i, fraction in enumerate(fractions):
        root = math.sqrt(fraction)
        critical = _critical(nodes, mass, step=steps[i], root=root, target=spent[i + 1] - spent[i])
        found.append(critical)
        if i + 1 < len(steps):
            finest = min(steps[i], steps[i + 1])
            nodes, mass = _carried(nodes, mass, step=steps[i], limit=critical * root, finest=finest)
    return tuple(found)


def nominal_levels(fractions: Sequence[float], alpha: float) -> tuple[float, ...]:
    """The level of the interval to show at each look: 1 minus the two-sided tail beyond its critical z."""
    return tuple(1.0 - 2.0 * normal_cdf(-critical) for critical in boundaries(fractions, alpha))


def _critical(nodes: _Array, mass: _Array, *, step: float, root: float, target: float) -> float:
    """The z whose crossing now, not before, has probability ``target``; both sides alike.

    Newton's method on the logarithm of that probability, which is concave in z (a normal density cut at the
    looks stays log-concave), so that it comes down from the z of a single look and never passes the root.
    """
    if target <= 2.0 * normal_cdf(-_FARTHEST):
        return _FARTHEST
    critical = -normal_quantile(target / 2.0)
    for _ in range(50):
        distances = (critical * root - nodes) / step
        tails = [normal_cdf(-distance) for distance in distances.tolist()]
        probability = 2.0 * float(np.dot(mass, tails))
        density = 2.0 * float(np.dot(mass, np.exp(-0.5 * distances**2))) * _NORMAL_PEAK * root / step
        move = math.log(target / probability) * probability / density
        critical -= move
        if abs(move) < 1e-10:
            break
    return critical


def _carried(
    nodes: _Array, mass: _Array, *, step: float, limit: float, finest: float
) -> tuple[_Array, _Array]:
    """Where S lies after this look among what stays within ±limit: new nodes, and the mass at each."""
    panels = min(_MOST_PANELS, math.ceil(limit / finest))
    half = limit / panels
    centres = half * (2.0 * np.arange(panels) + 1.0 - panels)
    following = (centres[:, None] + half * _PLACES).ravel()
    kernel = np.exp(-0.5 * ((following[:, None] - nodes[None, :]) / step) ** 2)
    density = kernel @ mass * _NORMAL_PEAK / step
    return following, density * np.tile(half * _WEIGHTS, panels)
