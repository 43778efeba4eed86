"""What a run shall do: sides, scenarios and phases, fixed before the first request is sent.

A plan is a value; it neither sends requests (``load/``) nor decides defaults (``config/``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

DEFAULT_MAX_IN_FLIGHT = 1000
# What the record of a sample can name: a phase and a side in one byte each, a user in two.
MOST_PHASES = MOST_SIDES = 256
MOST_USERS = 65_535

# The sides of a paired phase. A control is a side once more: its ratio to that side must be flat.
BASE, HEAD, CONTROL, HEAD_CONTROL = 0, 1, 2, 3
CONTROL_OF = {BASE: CONTROL, HEAD: HEAD_CONTROL}
# One pair in so many is a control, of base and of head equally often.
CONTROL_EVERY = 10


def served_by(side: int) -> tuple[int, ...]:
    """The sides whose requests the stack of ``side`` answers: its own, and those of its control.

    Runs of older versions have a control of base alone, which this reads as well.
    """
    control = CONTROL_OF.get(side)
    return (side,) if control is None else (side, control)


class TestType(StrEnum):
    """What a group of phases is for; the metrics of a test type are judged together."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    BASELINE = "baseline"
    CONCURRENT = "concurrent"
    CUSTOM = "custom"


# By name, whether or not this version measures them: these go on until the target gives way.
_BREAKING = frozenset({"stress", "capacity"})


def breaks_on_purpose(test_type: str) -> bool:
    """Whether a test type is there to break the target: then only bounds of its own hold in it."""
    return test_type in _BREAKING


# Methods whose requests have no body.
BODILESS = frozenset({"GET", "HEAD"})


class LoadModel(StrEnum):
    """How the next request is started: after the last answer (closed), or by schedule (open)."""

    CLOSED = "closed"
    OPEN = "open"


class Api(StrEnum):
    """The request and answer format that a target speaks."""

    GOVSTACK = "govstack"
    GOVSTACK_MESSAGE = "govstack-message"
    OPENAI_CHAT = "openai-chat"
    HTTP = "http"


class Pause(StrEnum):
    """What a user's think time follows."""

    UNIFORM = "uniform"
    EXPONENTIAL = "exponential"
    PACING = "pacing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkTime:
    """Pause of a closed-loop user between an answer and its next request.

    ``uniform`` in [low_s, high_s], constant where both are equal; ``exponential`` with mean ``low_s``, cut at
    ``high_s`` where that is larger; ``pacing``: requests begin every ``low_s`` seconds (drawn up to
    ``high_s``), whatever the answers take, at once where an answer took longer.
    """

    low_s: float = 0.0
    high_s: float = 0.0
    pause: Pause = Pause.UNIFORM

    def __post_init__(self) -> None:
        if not (0 <= self.low_s <= self.high_s < math.inf):
            raise ValueError("think time must be 0 <= low_s <= high_s")
        if self.pause is not Pause.UNIFORM and not self.low_s > 0:
            raise ValueError(f"{self.pause} think time needs low_s > 0")


class ArrivalProcess(StrEnum):
    """How open-loop requests follow each other: evenly, or at random and independent of each other."""

    CONSTANT = "constant"
    POISSON = "poisson"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """The arrival rate at an instant, in seconds from the start of the phase."""

    at_s: float
    rate_rps: float

    def __post_init__(self) -> None:
        if not (0 <= self.at_s < math.inf and 0 <= self.rate_rps < math.inf):
            raise ValueError("a rate point needs at_s >= 0 and rate_rps >= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """The schedule of an open-loop phase: requests are due by it, whatever the answers do.

    The rate is linear between the ``points`` and constant before the first and after the last. At most
    ``max_in_flight`` requests are under way at a time; those that wait for a place keep the instant at which
    they were due, and those that find ``max_in_flight`` others waiting are dropped, and counted.
    """

    points: tuple[RatePoint, ...]
    process: ArrivalProcess = ArrivalProcess.POISSON
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT

    def __post_init__(self) -> None:
        if not self.points or any(a.at_s >= b.at_s for a, b in pairwise(self.points)):
            raise ValueError("arrivals need at least one rate point, rising in time")
        if not any(point.rate_rps > 0 for point in self.points):
            raise ValueError("arrivals need a rate above 0")
        if self.max_in_flight < 1:
            raise ValueError("arrivals need max_in_flight >= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question that a user may ask, and the kind of question it is."""

    text: str
    category: str = "general"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A kind of user: what it asks, how long it thinks, how many turns a session has, its share."""

    name: str
    queries: tuple[Query, ...]
    think_time: ThinkTime = field(default_factory=ThinkTime)
    turns: int = 1
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.queries:
            raise ValueError(f"scenario {self.name!r} has no queries")
        if self.turns < 1 or not self.weight > 0:
            raise ValueError(f"scenario {self.name!r} needs turns >= 1 and weight > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch of a phase during which all users talk to one side; times from the start of the phase."""

    side: int
    start_s: float
    duration_s: float
    pair: int

    def __post_init__(self) -> None:
        if self.side < 0 or self.pair < 0 or self.start_s < 0 or not self.duration_s > 0:
            raise ValueError("a slice needs side, pair, start_s >= 0 and duration_s > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One load step: ``users`` at a time, for warm-up (ramp included), steady and cool-down seconds.

    An open-loop phase has ``arrivals`` and no users: how many requests are under way the answers decide.

    Without ``slices`` all requests go to side 0. With them, the slices lie within the steady segment's
    stretch of the phase and say which side is asked when. In a ``paired`` phase every question goes to two
    sides, one right after the other in random order: to ``BASE`` and ``HEAD``, or one time in
    ``CONTROL_EVERY`` to a side and its control, which is the same stack.
    """

    name: str
    test_type: TestType
    users: int | None
    steady_s: float
    warmup_s: float = 0.0
    cooldown_s: float = 0.0
    spawn_rate: float = 10.0
    model: LoadModel = LoadModel.CLOSED
    think_time: ThinkTime | None = None
    arrivals: Arrivals | None = None
    slices: tuple[Slice, ...] = ()
    paired: bool = False

    def __post_init__(self) -> None:
        if (self.users is not None and self.users < 1) or not self.spawn_rate > 0:
            raise ValueError(f"phase {self.name!r} needs users >= 1 and spawn_rate > 0")
        if not self.steady_s > 0 or self.warmup_s < 0 or self.cooldown_s < 0:
            raise ValueError(f"phase {self.name!r} needs steady_s > 0 and no negative segment")
        if (self.model is LoadModel.OPEN) != (self.arrivals is not None):
            raise ValueError(f"phase {self.name!r}: an open loop has arrivals, a closed loop has none")
        if (self.users is None) != (self.arrivals is not None):
            raise ValueError(f"phase {self.name!r}: a closed loop has users, an open loop has none")
        if self.paired and self.model is LoadModel.OPEN:
            raise ValueError(f"phase {self.name!r}: pairs are asked in a closed loop")

    @property
    def duration_s(self) -> float:
        """Length of the whole phase in seconds."""
        return self.warmup_s + self.steady_s + self.cooldown_s


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTemplate:
    """The request of api ``http`` and where its answer keeps what is measured (dotted JSON paths).

    Of a streamed answer the paths lead into each event. ``end`` is the data or the name of the event that
    ends the stream; None: the end of the answer does.
    """

    method: str = "GET"
    path: str = field(default="/", repr=False)  # path and body may hold secrets
    body: str | None = field(default=None, repr=False)
    answer_path: str | None = None
    session_path: str | None = None
    input_tokens_path: str | None = None
    output_tokens_path: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One stack under test as the load generator sees it.

    ``secret_headers`` travel to the load process over a pipe and are left out of every file.
    """

    name: str
    url: str = field(repr=False)
    api: Api
    stream: bool = False
    model: str | None = None
    collection_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    http: HttpTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a request may take, in seconds: to connect, and from send to the last byte."""

    connect_s: float = 10.0
    total_s: float = 60.0

    def __post_init__(self) -> None:
        if not (0 < self.connect_s < math.inf and 0 < self.total_s < math.inf):
            raise ValueError("deadlines must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The processes that put the load on: ``local`` ones on this machine, and ``remote`` ones to wait for.

    One local worker alone is no distribution at all: the load process sends by itself. Otherwise it listens
    on ``bind`` (``port`` 0: a free one) for workers that know ``token``.
    """

    local: int = 1
    remote: int = 0
    bind: str = "127.0.0.1"
    port: int = 0
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.local < 0 or self.remote < 0 or not self.count:
            raise ValueError("workers need local >= 0 and remote >= 0, and at least one of them")
        if self.remote and not self.token:
            raise ValueError("remote workers need a token")

    @property
    def count(self) -> int:
        """How many workers share the load."""
        return self.local + self.remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the load process needs to know; what it does follows from this value alone.

    ``order`` holds the places of the phases in the order in which they happen; empty: as they stand.
    """

    phases: tuple[Phase, ...]
    scenarios: tuple[Scenario, ...]
    sides: tuple[Side, ...]
    deadlines: Deadlines = field(default_factory=Deadlines)
    seed: int = 1
    max_requests: int | None = None
    retries: int = 0
    retry_delay_s: float = 0.0
    stop_timeout_s: float = 5.0
    save_responses: int = 0
    test_file: str | None = None
    user_classes: tuple[str, ...] = ()
    workers: Workers = field(default_factory=Workers)
    order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.order and sorted(self.order) != list(range(len(self.phases))):
            raise ValueError("the order of a plan holds each of its phases once")
        if not self.phases or not self.scenarios or not self.sides:
            raise ValueError("a plan needs at least one phase, one scenario and one side")
        if len(self.phases) > MOST_PHASES or len(self.sides) > MOST_SIDES:
            raise ValueError(f"a plan has at most {MOST_PHASES} phases and {MOST_SIDES} sides")
        if any(s.side >= len(self.sides) for p in self.phases for s in p.slices):
            raise ValueError("a slice names a side that the plan does not have")
        if self.is_paired and len(self.sides) <= HEAD_CONTROL:
            raise ValueError("a paired phase needs four sides: base, head and a control of each")

    @property
    def is_paired(self) -> bool:
        """Whether any question is asked of two sides, one right after the other."""
        return any(phase.paired for phase in self.phases)

    @property
    def duration_s(self) -> float:
        """Planned length of the load in seconds."""
        return sum(phase.duration_s for phase in self.phases)
