"""The settings of one call, merged once and then frozen. Where values come from is ``load.py``'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from govbench.results.comparison import Verdict
from govbench.results.metrics import Direction, MetricName
from govbench.results.plan import (
    DEFAULT_MAX_IN_FLIGHT,
    Api,
    ArrivalProcess,
    Arrivals,
    Deadlines,
    HttpTemplate,
    Scenario,
    TestType,
    ThinkTime,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """Which stack is measured and how it is spoken to (section ``[target]``)."""

    form: str = field(default="embedded", repr=False)  # a part of an address or a command may be a secret
    api: Api | None = None  # None: govstack, or http for a URL with a path
    stream: bool = False
    model: str | None = None
    collection_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    http: HttpTemplate = field(default_factory=HttpTemplate)
    deadlines: Deadlines = field(default_factory=Deadlines)
    api_key: str | None = field(default=None, repr=False)  # environment only, never a file
    openai_api_key: str | None = field(default=None, repr=False)
    openai_org_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackConfig:
    """How a stack that govbench boots comes up (section ``[stack]``).

    ``build`` is run once before the first boot, without a shell. ``environment`` is handed to the booted
    process: DATABASE_URL and the like.
    """

    build: str | None = field(default=None, repr=False)
    build_timeout_s: float = 600.0
    health_path: str = "/health"
    boot_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    port: int | None = None  # None: a free one
    environment: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfig:
    """One phase of ``[[phases]]``: with ``users`` a closed loop, with ``arrivals`` an open one.

    None means: what the profile says.
    """

    name: str
    users: int | None = None
    arrivals: Arrivals | None = None
    spawn_rate: float | None = None
    think_time_s: ThinkTime | None = None
    warmup_s: float | None = None
    steady_s: float | None = None
    cooldown_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    """The load (section ``[load]``). None means: what the profile says."""

    profile: str = "quick"
    test_types: tuple[TestType, ...] | None = None
    users: int | None = None  # one fixed load, instead of levels up to max_users
    max_users: int | None = None
    spawn_rate: float | None = None
    ramp_up_s: float | None = None
    test_duration_s: float | None = None
    arrival_rate_rps: float | None = None
    arrivals: ArrivalProcess = ArrivalProcess.POISSON
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    phases: tuple[PhaseConfig, ...] = ()
    seed: int = 1
    max_requests: int | None = None
    retries: int = 0
    retry_delay_s: float = 1.0
    stop_timeout_s: float = 5.0
    workers: int = 1
    remote_workers: int = 0
    master_bind: str = "127.0.0.1"
    master_port: int | None = None  # None: MASTER_PORT with remote workers, else a free one
    worker_token: str | None = field(default=None, repr=False)  # environment only, never a file
    scenarios: tuple[Scenario, ...] = ()  # never empty once loaded: the built-in one stands in
    test_file: Path | None = None
    user_class: str | None = None
    assume_yes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AbConfig:
    """A paired comparison (section ``[ab]``): how long, and under which load.

    ``max_time_s`` counts load and boots together. ``round_s`` is the load of one round; None: as long as the
    boot takes, within bounds. ``levels`` are the numbers of users of test type ``concurrent``, rising; where
    there are none, it is ``users`` alone. ``throughput_rps`` adds open-loop phases at that rate.
    """

    max_time_s: float = 120.0
    round_s: float | None = None
    users: int = 10
    levels: tuple[int, ...] = ()
    throughput_rps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """How one metric is judged (section ``[compare.metrics.NAME]``). None means: the general rule."""

    gate: bool | None = None
    direction: Direction | None = None
    margin: float | None = None
    absolute_margin: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareConfig:
    """How a verdict is reached (section ``[compare]``); relative margins and deviations are ratios.

    ``between_run_sd`` and ``instance_sd`` are standard deviations of the log-ratio of two runs, and of two
    instances of the same code, in force until a calibration has measured them, and again when that is older
    than ``calibration_max_age_days``. ``confirm``: what stored runs make suspect is measured once more.
    """

    level: float = 0.99
    paired_margin: float = 0.02
    unpaired_margin: float = 0.10
    absolute_margin_ms: float = 0.3
    between_run_sd: float = 0.05
    instance_sd: float = 0.01
    calibration_max_age_days: int = 90
    min_samples: int = 30
    confirm: bool = True
    fail_on: frozenset[Verdict] = frozenset({Verdict.REGRESSION, Verdict.INVALID})
    metrics: dict[MetricName, MetricRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """An absolute bound (section ``[thresholds]``); ``source`` says which key or variable set it.

    ``demanded``: where it cannot be measured, that is no pass. ``default`` holds where nobody set one, and
    ``fewest`` is of how many failures at least a share is held against it.
    """

    metric: MetricName
    bound: float
    source: str
    test_type: TestType | None = None
    demanded: bool = True
    default: bool = False
    fewest: int = 0


# Errors are loud: a stack that fails one request in twenty is no pass, whoever forgot to say so.
DEFAULT_ERROR_RATE = Threshold(
    metric=MetricName.ERROR_RATE,
    bound=0.05,
    source="the default of thresholds.error_rate",
    default=True,
    fewest=3,
)


class OnNotMeasured(StrEnum):
    """What a bound comes to that could not be measured."""

    FAIL = "fail"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineConfig:
    """Where committed baselines lie and how many a machine class keeps (section ``[baselines]``).

    ``deepen`` allows to fetch the history that a shallow clone lacks, where the reference is not in it.
    """

    folder: Path = Path("baselines")
    window: int = 30
    deepen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """Where results go and what is kept (section ``[output]``)."""

    folder: Path = Path("results")
    region: str | None = None
    track_tokens: bool = True
    save_responses: int = 0  # at most that many answers, redacted and size-capped
    log_level: str = "WARNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one call was given beside the environment: with it another commit's file is read alike.

    ``flags`` are by dotted key; ``config_file`` is the named one, from ``cwd``.
    """

    flags: Mapping[str, object] = field(default_factory=dict)
    config_file: Path | None = None
    cwd: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The commit that the gate was read from (``--gate-from``); None: from the work tree.

    The gate is the suite's name and the sections ``[compare]``, ``[thresholds]`` and ``[baselines]``; stored
    runs and the calibration are read from that commit, too. ``notes`` say what differs in the work tree.
    """

    ref: str | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that one call of govbench was told, by defaults, file, environment and flags.

    ``notes`` tell what a reader should know of the merge: a variable that this target does not use, which
    of two overlapping values won.
    """

    suite: str = "default"
    target: TargetConfig = field(default_factory=TargetConfig)
    stack: StackConfig = field(default_factory=StackConfig)
    load: LoadConfig = field(default_factory=LoadConfig)
    ab: AbConfig = field(default_factory=AbConfig)
    compare: CompareConfig = field(default_factory=CompareConfig)
    thresholds: tuple[Threshold, ...] = ()
    baselines: BaselineConfig = field(default_factory=BaselineConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    notes: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    call: Call = field(default_factory=Call, repr=False, compare=False)
