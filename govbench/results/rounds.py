"""What the rounds of a paired comparison gave, an observation per metric and test type. Judges nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from govbench.results.metrics import METRICS, MetricName
from govbench.results.plan import TestType


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One metric of one test type in one round, on both sides.

    ``effect`` is log(head / base) as the round estimates it: of a latency the median over pairs, which is
    not the ratio of ``base`` and ``head``, the values of each side on their own. It is None for shares, which
    are compared as differences, and where a side is 0 or lacks the metric. ``standard_error`` is that within
    the round, None for readings, of which there is only one. ``base_n`` and ``head_n`` count the requests
    behind each side. A side whose value is None was not measured, and its count is 0. ``level`` names the
    load level where the test type has several in a round, and is None for what is over all of them.
    ``waiting`` tells of latencies how far requests waited for each other at a side, as a log ratio: how much
    longer answers take of those sent while much was under way there.
    """

    test_type: TestType
    metric: MetricName
    base: float | None
    head: float | None
    base_n: int
    head_n: int
    effect: float | None = None
    standard_error: float | None = None
    level: str | None = None
    waiting: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.base, self.head, self.effect, self.standard_error, self.waiting)
        if not all(math.isfinite(number) for number in numbers if number is not None):
            raise ValueError(f"{self.metric}: every number must be finite")
        if (self.base is None) != (self.base_n < 1) or (self.head is None) != (self.head_n < 1):
            raise ValueError(f"{self.metric}: a side has a value exactly when it has a request")
        if self.base is None and self.head is None:
            raise ValueError(f"{self.metric}: at least one side was measured")
        if self.effect is not None and METRICS[self.metric].compared_as_difference:
            raise ValueError(f"{self.metric} is compared as a difference of shares")


class Aspect(StrEnum):
    """What can have moved together with a metric: another metric, or what the load was made of."""

    METRIC = "metric"
    CATEGORY = "category"
    SCENARIO = "scenario"
    AFTER_FIRST_BYTE = "time_after_first_byte_ms"
    RESPONSE_BYTES = "response_bytes"
    INPUT_TOKENS = "input_tokens"
    ERROR_CLASS = "error_class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstance:
    """What one round tells of an aspect besides its metrics, on both sides; explains, and is not judged.

    ``base`` and ``head`` are values of the requests that went well on both sides: the median response time of
    a ``category`` or ``scenario`` and the median from the first byte to the last in ms, mean bytes or tokens.
    ``effect`` is log(head / base), paired. They are None where there were too few pairs, and for an error
    class. ``base_n`` and ``head_n`` count all finished requests of that kind, ``base_failed`` and
    ``head_failed`` those of them that failed, or that ended in the error class.
    """

    test_type: TestType
    aspect: Aspect
    base_n: int
    head_n: int
    which: str = ""
    base: float | None = None
    head: float | None = None
    effect: float | None = None
    standard_error: float | None = None
    base_failed: int = 0
    head_failed: int = 0

    def __post_init__(self) -> None:
        numbers = (self.base, self.head, self.effect, self.standard_error)
        if len({number is None for number in numbers}) > 1:
            raise ValueError(f"{self.aspect}: an effect needs both values and its error")
        if not all(math.isfinite(number) for number in numbers if number is not None):
            raise ValueError(f"{self.aspect}: every number must be finite")
        if not (0 <= self.base_failed <= self.base_n and 0 <= self.head_failed <= self.head_n):
            raise ValueError(f"{self.aspect}: more failed than finished")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Both sides against themselves within a round: log ratio of the control pairs over all phases."""

    effect: float
    standard_error: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One repetition with fresh instances, the unit of replication.

    ``start_s`` and ``end_s`` are Unix seconds of its load, ``boot_s`` is how long the instances took before
    that. ``swapped`` tells that head was started first. ``confirms`` marks a fresh round that was run to
    confirm what earlier ones had flagged. ``own_effect`` is log(head / base) of the median service times that
    the instances themselves took down, where both do: what the measurement can be held against.
    """

    number: int
    start_s: float
    end_s: float
    boot_s: float
    swapped: bool
    confirms: bool = False
    observations: tuple[Observation, ...] = ()
    control: Control | None = None
    circumstances: tuple[Circumstance, ...] = ()
    own_effect: float | None = None

    def __post_init__(self) -> None:
        if self.number < 0 or not self.start_s <= self.end_s or self.boot_s < 0:
            raise ValueError("a round has a number, and its instants are in order")
        if self.own_effect is not None and not math.isfinite(self.own_effect):
            raise ValueError(f"round {self.number}: the effect by the instances' own clocks must be finite")

    @property
    def load_s(self) -> float:
        """How long the load lasted, in seconds."""
        return self.end_s - self.start_s

    def find(self, test_type: TestType, metric: MetricName, level: str | None = None) -> Observation | None:
        """The observation of a metric, at a level or over all of them; None where this round has none."""
        key = test_type, metric, level
        return next((o for o in self.observations if (o.test_type, o.metric, o.level) == key), None)
