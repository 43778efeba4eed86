"""What a run was and what it gave: the types of ``results.json``. Nothing here computes or decides."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from govbench.results.breakdown import Breakdown
from govbench.results.metrics import AdjustedPercentile, Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.rounds import Round
from govbench.results.versions import PlanVersion


class RunStatus(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a request ended: the closed set of error classes, ``ok`` and ``cancelled``."""

    OK = "ok"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    HTTP_4XX = "http_4xx"
    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"
    BAD_BODY = "bad_body"
    CHECK = "check"
    CANCELLED = "cancelled"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """Where every request went: offered = sent + dropped, sent = ok + failed + cancelled.

    ``lost`` counts requests that were sent but whose record is missing, as after a killed load process;
    it is 0 in every run that ended by itself. ``errors`` splits ``failed`` by class.
    """

    offered: int = 0
    dropped: int = 0
    sent: int = 0
    ok: int = 0
    failed: int = 0
    cancelled: int = 0
    lost: int = 0
    errors: dict[Outcome, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether both equations hold, nothing lost."""
        return (
            self.offered == self.sent + self.dropped
            and self.sent == self.ok + self.failed + self.cancelled
            and self.failed == sum(self.errors.values())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Requests of a steady segment that ended alike: in the same way, with the same HTTP status.

    ``status`` is None where there was no answer. ``example`` is what was wrong with the first of a phase that
    failed so, warm-up included: its beginning, redacted; None where it was not kept.
    """

    outcome: Outcome
    status: int | None
    count: int
    example: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a phase ran, in Unix seconds: only requests due in [steady_start_s, steady_end_s) count."""

    start_s: float
    steady_start_s: float
    steady_end_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not self.start_s <= self.steady_start_s <= self.steady_end_s <= self.end_s:
            raise ValueError("the instants of a window must be in order")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePoint:
    """A moment of a run, a second or longer: requests finished in it, failed, percentiles of their times.

    ``at_s`` counts from the start of the first phase; the moment ends where the next one begins, the last one
    with the last phase. ``users`` are those of the phase that runs, None in an open loop: there ``under_way``
    is how many requests are.
    """

    at_s: float
    users: int | None
    completed: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    under_way: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTimeline:
    """The timeline of the requests that one side answered, those to its control included."""

    side: int
    points: tuple[TimelinePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A latency distribution as counts in logarithmic buckets, for charts and for merging.

    ``buckets`` holds (index, count) in rising order; bucket i covers (gamma**(i-1), gamma**i] ms.
    """

    gamma: float
    buckets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceWindow:
    """A stretch of a phase in which one side was asked, in Unix seconds; ``pair`` numbers the pairs."""

    phase: int
    pair: int
    side: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """What one phase gave on one side: its window, its accounting, the metrics of its steady segment.

    ``accounting`` is of the whole phase, warm-up included; ``steady`` of the requests that count, those due
    in the steady segment or in the slices of the side, which together lasted ``steady_s`` (in all rounds).
    Older files do not tell these two. ``scheduling_delay_p99_ms`` is that of an open loop: how much later
    than due its requests went out, without the time to connect. ``adjusted`` are percentiles of all requests,
    failed ones included: what thresholds are held against. ``endings``, the most frequent first, and
    ``breakdown`` are of the steady segment as the metrics are.
    """

    phase: Phase
    side: int
    window: Window
    accounting: Accounting
    metrics: tuple[Metric, ...]
    distribution: Distribution | None = None
    scheduling_delay_p99_ms: float | None = None
    adjusted: tuple[AdjustedPercentile, ...] = ()
    endings: tuple[Ending, ...] = ()
    breakdown: Breakdown | None = None
    steady: Accounting | None = None
    steady_s: float | None = None

    @property
    def finished(self) -> int | None:
        """Requests of the steady segment that were answered or failed; None where they were not counted."""
        return None if self.steady is None else self.steady.ok + self.steady.failed

    def metric(self, name: MetricName) -> Metric | None:
        """The metric of that name, or None where it was not measured."""
        return next((metric for metric in self.metrics if metric.name is name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestTypeResult:
    """The metrics of a test type on one side, all its phases pooled: what is judged."""

    __test__ = False

    test_type: TestType
    side: int
    metrics: tuple[Metric, ...]

    def metric(self, name: MetricName) -> Metric | None:
        """The metric of that name, or None where it was not measured."""
        return next((metric for metric in self.metrics if metric.name is name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessUsage:
    """What a process and its children used over the steady segments; ``role``: target:SIDE or generator."""

    role: str
    cpu_s: float
    cpu_cores_mean: float
    rss_peak_bytes: int
    rss_last_bytes: int
    samples: int
    own_peak_bytes: int | None = None  # shared pages counted once; None where that could not be read
    own_last_bytes: int | None = None

    @property
    def memory_peak_bytes(self) -> int:
        """The peak of memory, shared pages counted once where that is known."""
        return self.rss_peak_bytes if self.own_peak_bytes is None else self.own_peak_bytes

    @property
    def memory_last_bytes(self) -> int:
        """The last reading of memory, likewise."""
        return self.rss_last_bytes if self.own_last_bytes is None else self.own_last_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorHealth:
    """What tells whether the generator was the bottleneck.

    ``lag`` is how much later the program saw an answer than the kernel did; ``scheduling_delay`` how much
    later than due a request went out, without the time to connect. ``cpu_cores_mean`` is the use of one core
    in the steady segments, ``kernel_clock_share`` the share of samples with kernel receive timestamps.
    ``saturated`` is a judgement of closed loops: an open loop shows in its delays whether it kept up.
    """

    lag_p50_ms: float | None
    lag_p99_ms: float | None
    cpu_cores_mean: float | None
    cpu_cores_peak: float | None
    kernel_clock_share: float | None
    saturated: bool
    scheduling_delay_p50_ms: float | None = None
    scheduling_delay_p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpeed:
    """How fast the machine was beside a run: fixed pieces of work a second, and its relative error."""

    per_s: float
    standard_error: float

    def __post_init__(self) -> None:
        if not (self.per_s > 0 and math.isfinite(self.per_s) and 0 <= self.standard_error < math.inf):
            raise ValueError(f"a speed of {self.per_s} a second, with an error of {self.standard_error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a run was measured. ``machine_class`` decides comparability; the rest is recorded.

    ``speed`` is that of the machine just before and just after the load.
    """

    machine_class: str
    os: str
    os_release: str
    architecture: str
    cpu_model: str
    cores: int
    memory_bytes: int
    python: str
    packages: dict[str, str]
    ci: str | None = None
    runner_image: str | None = None
    load_average: tuple[float, float, float] | None = None
    speed: MachineSpeed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Which code was measured: the commit of the repository that the run was started in.

    ``note`` says why it is not known, though there is a repository.
    """

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    committed_at: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One stack as the reader of a report knows it; the URL carries no credentials."""

    name: str
    form: str
    url: str
    api: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Identity and circumstances of a run.

    ``versions`` say for each planned test type, by its name, what decides its figures; ``suite_version`` is
    one for all of them, which runs without ``versions`` go by.
    """

    id: str
    suite: str
    suite_version: str
    profile: str
    status: RunStatus
    started_at: str
    duration_s: float
    seed: int
    govbench_version: str
    region: str | None = None
    note: str | None = None
    versions: dict[str, PlanVersion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Tokens that the answers of a stack reported, over its successful requests in steady segments.

    The two halves are counted apart, for an API may report one alone; what no answer reported is None.
    ``cached_tokens`` are part of ``input_tokens``.
    """

    side: int
    answers: int
    answers_with_usage: int  # of either half
    answers_with_input: int
    answers_with_output: int
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None = None

    @property
    def input_per_answer(self) -> float | None:
        """Tokens of a request, the mean over those whose answer reported them."""
        return None if self.input_tokens is None else self.input_tokens / self.answers_with_input

    @property
    def output_per_answer(self) -> float | None:
        """Tokens of an answer, the mean over those that reported them."""
        return None if self.output_tokens is None else self.output_tokens / self.answers_with_output

    @property
    def total_tokens(self) -> int | None:
        """Of both halves, where both were reported."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A whole run, summarised from its samples. ``planned`` are the test types that it was to have.

    ``timeline`` is of all sides together; ``side_timelines``, where there are two, tell them apart.
    """

    run: RunInfo
    targets: tuple[Target, ...]
    environment: Environment
    provenance: Provenance
    accounting: Accounting
    phases: tuple[PhaseResult, ...]
    test_types: tuple[TestTypeResult, ...]
    generator: GeneratorHealth
    resources: tuple[ProcessUsage, ...] = ()
    tokens: tuple[TokenUsage, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    warnings: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    planned: tuple[TestType, ...] = ()
    side_timelines: tuple[SideTimeline, ...] = ()
