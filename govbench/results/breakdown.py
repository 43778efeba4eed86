"""A phase taken apart: by request, category and scenario, by where its time went, by tokens and attempts.

Everything counts the steady segment of one phase on one side alone. Nothing here computes or decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# The percentiles of a ``Spread``: its field, and the share of values that do not exceed it.
PERCENTILES: Final = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How ``n`` times are spread; a percentile is None where fewer than ten of them lie above it.

    Of no times at all everything is None.
    """

    n: int
    min_ms: float | None = None
    mean_ms: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    max_ms: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.min_ms, self.mean_ms, *self.percentiles.values(), self.max_ms)
        known = [number for number in numbers if number is not None]
        if self.n < 0 or not all(math.isfinite(number) for number in known):
            raise ValueError(f"a spread of {self.n} times: {numbers}")
        if known and not self.n:
            raise ValueError(f"a spread of no times: {numbers}")

    @property
    def percentiles(self) -> dict[float, float | None]:
        """The percentiles in rising order, by their shares."""
        return {q: getattr(self, name) for name, q in PERCENTILES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The requests of a phase that have a name, a category or a scenario in common.

    ``times`` are the response times of those that succeeded; cancelled ones are in neither count.
    """

    name: str
    failed: int
    times: Spread

    @property
    def finished(self) -> int:
        """The requests that succeeded or failed."""
        return self.times.n + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The largest groups, the one of most requests first, and how many more there were."""

    largest: tuple[Group, ...] = ()
    left_out: int = 0


class Part(StrEnum):
    """A stretch in the life of a request; one after the other they make up its response time.

    ``delay`` is from when it was due until its turn at the generator, ``upload`` until the system had taken
    all of it, ``wait`` until the first byte of the answer, ``transfer`` until the last.
    """

    DELAY = "delay"
    LOOK_UP = "look_up"
    CONNECT = "connect"
    TLS = "tls"
    UPLOAD = "upload"
    WAIT = "wait"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfTime:
    """How long a part took, over the successful requests that have it.

    Look-up, connect and TLS are of those that opened a connection; most reuse one.
    """

    part: Part
    times: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of the ``n`` successful answers that reported them; percentiles are per answer."""

    n: int
    total: int
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What trying again was good for, where it was on.

    ``asked`` first attempts finished, ``ok_at_first`` of them well; of ``retries`` ``ok_after`` ended well.
    """

    asked: int
    ok_at_first: int
    retries: int
    ok_after: int

    def __post_init__(self) -> None:
        if not (0 <= self.ok_at_first <= self.asked and 0 <= self.ok_after <= self.retries):
            raise ValueError(f"more successes than attempts: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """All figures of a phase on one side beside its metrics.

    ``response_time`` is of all its successful requests, from when they were due; ``parts`` are those that
    were measured, in their order. ``attempts`` is None where nothing was to be tried again.
    """

    response_time: Spread
    names: Groups = Groups()
    categories: Groups = Groups()
    scenarios: Groups = Groups()
    parts: tuple[PartOfTime, ...] = ()
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    attempts: Attempts | None = None
