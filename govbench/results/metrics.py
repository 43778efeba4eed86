"""The metrics that govbench measures and judges: their names, units and directions. Computes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """The unit that a metric's value is kept in."""

    MS = "ms"
    RPS = "rps"
    RATIO = "ratio"
    BYTES = "bytes"
    TOKENS = "tokens"


class Direction(StrEnum):
    """Which way is better; ``neither`` is for what ought to stay as it is, and is nobody's default."""

    LOWER = "lower_is_better"
    HIGHER = "higher_is_better"
    NEITHER = "neither_is_better"


class MetricName(StrEnum):
    """One word per thing measured, the same in code, JSON, reports and docs."""

    RESPONSE_TIME_P50 = "response_time_p50_ms"
    RESPONSE_TIME_P95 = "response_time_p95_ms"
    RESPONSE_TIME_P99 = "response_time_p99_ms"
    SERVICE_TIME_P50 = "service_time_p50_ms"
    TTFB_P50 = "time_to_first_byte_p50_ms"
    TTFT_P50 = "time_to_first_token_p50_ms"
    TPOT_P50 = "time_per_output_token_p50_ms"
    CHUNK_GAP_P50 = "chunk_gap_p50_ms"
    CHUNK_GAP_P99 = "chunk_gap_p99_ms"
    THROUGHPUT = "throughput_rps"
    ERROR_RATE = "error_rate"
    OUTPUT_TOKENS = "output_tokens_per_answer"
    CPU_PER_REQUEST = "cpu_per_request_ms"
    MEMORY_PEAK = "memory_peak_bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """What is fixed about a metric: how it is called in print, its unit, and whether it gates by default.

    ``short`` is its name where there is little room; ``more`` and ``less`` say of a changed one which way.
    """

    label: str
    short: str
    unit: Unit
    direction: Direction
    gate: bool
    compared_as_difference: bool = False
    more: str = "higher"
    less: str = "lower"


METRICS: dict[MetricName, MetricSpec] = {
    MetricName.RESPONSE_TIME_P50: MetricSpec(
        label="response time p50",
        short="p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=True,
        more="slower",
        less="faster",
    ),
    MetricName.RESPONSE_TIME_P95: MetricSpec(
        label="response time p95",
        short="p95",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.RESPONSE_TIME_P99: MetricSpec(
        label="response time p99",
        short="p99",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.SERVICE_TIME_P50: MetricSpec(
        label="service time p50",
        short="service time p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.TTFB_P50: MetricSpec(
        label="time to first byte p50",
        short="first byte p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.TTFT_P50: MetricSpec(
        label="time to first token p50",
        short="first token p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=True,
        more="slower",
        less="faster",
    ),
    MetricName.TPOT_P50: MetricSpec(
        label="time per output token p50",
        short="time per token p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.CHUNK_GAP_P50: MetricSpec(
        label="chunk gap p50",
        short="chunk gap p50",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.CHUNK_GAP_P99: MetricSpec(
        label="chunk gap p99",
        short="chunk gap p99",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="slower",
        less="faster",
    ),
    MetricName.THROUGHPUT: MetricSpec(
        label="throughput", short="throughput", unit=Unit.RPS, direction=Direction.HIGHER, gate=True
    ),
    MetricName.ERROR_RATE: MetricSpec(
        label="error rate",
        short="error rate",
        unit=Unit.RATIO,
        direction=Direction.LOWER,
        gate=True,
        compared_as_difference=True,
    ),
    MetricName.OUTPUT_TOKENS: MetricSpec(
        label="output tokens per answer",
        short="output tokens",
        unit=Unit.TOKENS,
        direction=Direction.LOWER,
        gate=False,
        more="more",
        less="fewer",
    ),
    MetricName.CPU_PER_REQUEST: MetricSpec(
        label="target CPU per request",
        short="CPU per request",
        unit=Unit.MS,
        direction=Direction.LOWER,
        gate=False,
        more="more",
        less="less",
    ),
    MetricName.MEMORY_PEAK: MetricSpec(
        label="target memory peak",
        short="memory peak",
        unit=Unit.BYTES,
        direction=Direction.LOWER,
        gate=False,
        more="more",
        less="less",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measured value with its interval.

    ``n`` counts the observations behind it (requests, for a latency). ``standard_error`` is on the scale
    on which the metric is compared: of the logarithm for ratios, of the value itself for differences
    (``MetricSpec.compared_as_difference``). It covers what varies within the run, not from run to run.
    """

    name: MetricName
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    level: float | None = None
    standard_error: float | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"{self.name}: n must be at least 1")
        numbers = (self.value, self.low, self.high, self.level, self.standard_error)
        if not all(math.isfinite(number) for number in numbers if number is not None):
            raise ValueError(f"{self.name}: every number must be finite")
        if self.standard_error is not None and self.standard_error < 0:
            raise ValueError(f"{self.name}: a standard error is at least 0")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: interval is upside down")

    @property
    def spec(self) -> MetricSpec:
        """Label, unit and direction of this metric."""
        return METRICS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedPercentile:
    """A percentile of all ``n`` finished requests, the ``failed`` ones counted as slower than any answer.

    ``value`` is None where the percentile falls on a failure: it lies beyond every bound.
    """

    name: MetricName
    value: float | None
    n: int
    failed: int

    def __post_init__(self) -> None:
        if not 0 <= self.failed <= self.n or self.n < 1:
            raise ValueError(f"{self.name}: {self.failed} failed of {self.n}")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.name}: every number must be finite")
