"""The array type of this package and the one check every statistic makes of its input; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
FloatsLike: TypeAlias = FloatArray | Sequence[float]


def as_samples(values: FloatsLike, *, least: int = 1) -> npt.NDArray[np.float64]:
    """``values`` as a one-dimensional float array, not copied when it is one already.

    Raises:
        TooFewSamples: there are fewer than ``least``.
        ValueError: a value is NaN, or the array is not one-dimensional.
    """
    samples = np.asarray(values, dtype=np.float64)
    if samples.ndim != 1:
        raise ValueError(f"one-dimensional values expected, got shape {samples.shape}")
    if samples.size < least:
        raise TooFewSamples(f"{samples.size} samples where at least {least} are needed")
    if np.isnan(samples).any():
        raise ValueError("NaN among the values: what was not measured must be left out")
    return samples


def check_share(name: str, value: float) -> None:
    """Refuse a level or probability outside the open interval (0, 1).

    Raises:
        ValueError: ``value`` is not strictly between 0 and 1.
    """
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value}")
