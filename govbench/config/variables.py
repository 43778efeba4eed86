"""The variables of the GovStack suite: what each sets, what uses it, which of two overlapping wins.

A table and its rules; ``sources.py`` reads the environment and ``load.py`` merges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from govbench.config import values as v
from govbench.config.targets import Target
from govbench.config.values import Kind, WrongValue
from govbench.results.plan import Api


def _always(_target: Target, _api: Api) -> bool:
    return True


def _never(_target: Target, _api: Api) -> bool:
    return False


def _booted(target: Target, _api: Api) -> bool:
    return target.takes_variables


def _govstack(_target: Target, api: Api) -> bool:
    return api is Api.GOVSTACK


def _keyed(_target: Target, api: Api) -> bool:
    return api is not Api.HTTP


def _openai(target: Target, api: Api) -> bool:
    return api is Api.OPENAI_CHAT or _booted(target, api)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of the suite.

    ``name`` may end in ``*`` for all that begin so. ``key`` is the configuration key that it sets, written
    as ``kind`` (None: as the key itself). ``used_by`` says whether a target and API make use of it;
    ``unused`` is what a note says when they do not. With ``to_stack`` it is also handed to a booted stack.
    A ``shared`` variable is set by other programs too: a foreign value outside .env.test is no error.
    """

    name: str
    example: str
    effect: str
    key: str | None = None
    kind: Kind | None = None
    used_by: Callable[[Target, Api], bool] = _always
    unused: str = ""
    to_stack: bool = False
    shared: bool = False
    optional_file: bool = False

    def matches(self, name: str) -> bool:
        """Whether the environment variable ``name`` is this one."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Which of several variables for one key wins: the least ``rank``, and on a tie the first."""

    rule: str
    rank: Callable[[Any], float]


def _ratio(raw: str) -> float:
    value = float(v.number(0, 100).parse(raw))
    return value / 100 if value > 1 else value


def _log_level_if(level: str) -> Kind:
    return Kind(expected=v.SWITCH.expected, parse=lambda raw: level if v.SWITCH.parse(raw) else None)


def _megabytes(raw: str) -> int:
    return int(float(v.number(above=True).parse(raw)) * 2**20)


def _error_rate(raw: str) -> float:
    # rounded, for 1 - 0.95 is 0.050000000000000044
    return round(1 - _ratio(raw), 12)


def _milliseconds(raw: str) -> float:
    if not raw.strip():
        raise WrongValue
    return float(v.number(above=True).parse(raw))


_RATE = "a share from 0 to 1, or a percentage above 1 and up to 100"
_BOOTED = "handed only to a stack that a command: target boots"
_SERVICE = "belongs to the test service, not to a load run"
_COMPOSE = "belongs to the monitoring of the compose stack, not to a load run"

VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="API_BASE_URL", example="http://localhost:8000", key="target.form", effect="the stack under test"
    ),
    Variable(
        name="API_TIMEOUT", example="30", key="target.timeout_s", effect="seconds from send to the last byte"
    ),
    Variable(name="REQUEST_TIMEOUT", example="30", key="target.timeout_s", effect="the same"),
    Variable(
        name="CONNECTION_TIMEOUT", example="10", key="target.connect_timeout_s", effect="seconds to connect"
    ),
    Variable(
        name="API_COLLECTION_ID",
        example="govstack-docs",
        key="target.collection_id",
        effect="collection that a request names",
        used_by=_govstack,
        unused="only api govstack sends a collection",
    ),
    Variable(
        name="API_KEY",
        example="change-me",
        key="target.api_key",
        effect="X-API-Key header; Bearer token of openai-chat when OPENAI_API_KEY is unset",
        used_by=_keyed,
        unused="api http sends no key by itself; set GOVBENCH_TARGET_HEADERS",
    ),
    Variable(
        name="MAX_USERS", example="1000", key="load.max_users", effect="highest level of concurrent users"
    ),
    Variable(
        name="DAILY_USERS",
        example="40000",
        effect="users of the test type daily_load",
        used_by=_never,
        unused="sets the test type daily_load, which this version does not offer",
    ),
    Variable(name="SPAWN_RATE", example="10", key="load.spawn_rate", effect="users started per second"),
    Variable(name="RAMP_UP_TIME", example="60", key="load.ramp_up_s", effect="seconds to reach MAX_USERS"),
    Variable(
        name="TEST_DURATION", example="300", key="load.test_duration_s", effect="steady seconds of each level"
    ),
    Variable(
        name="MAX_MEMORY_MB",
        example="2048",
        key="thresholds.memory_peak_bytes",
        kind=Kind(expected="a number > 0 (MiB)", parse=_megabytes),
        effect="threshold, in MiB",
    ),
    Variable(
        name="MAX_RESPONSE_TIME_MS",
        example="2000",
        key="thresholds.response_time_p95_ms",
        kind=Kind(expected="a number > 0 (ms)", parse=_milliseconds),
        effect="threshold",
    ),
    Variable(
        name="MAX_ERROR_RATE",
        example="0.05",
        key="thresholds.error_rate",
        kind=Kind(expected=_RATE, parse=_ratio),
        effect="threshold; a value above 1 is a percentage",
    ),
    Variable(
        name="MIN_SUCCESS_RATE",
        example="0.95",
        key="thresholds.error_rate",
        kind=Kind(expected=_RATE, parse=_error_rate),
        effect="threshold of one minus this; a value above 1 is a percentage",
    ),
    Variable(name="MAX_RETRIES", example="3", key="load.retries", effect="attempts after a failed one"),
    Variable(
        name="RETRY_DELAY", example="1", key="load.retry_delay_s", effect="seconds before such an attempt"
    ),
    Variable(
        name="SAMPLE_QUERIES_FILE",
        example="config/sample_queries.json",
        key="load.queries_file",
        effect="JSON or text file with the queries of scenarios that name none",
        optional_file=True,
    ),
    Variable(
        name="USER_SCENARIOS_FILE",
        example="config/user_scenarios.json",
        key="load.scenarios_file",
        effect="JSON file with the kinds of users",
        optional_file=True,
    ),
    Variable(
        name="TRACK_TOKEN_USAGE",
        example="true",
        key="output.track_tokens",
        effect="record the tokens that answers report",
    ),
    Variable(
        name="SAVE_RESPONSES",
        example="false",
        key="output.save_responses",
        effect="answers kept: true is 100, false none, or a number",
    ),
    Variable(
        name="LOG_LEVEL",
        example="INFO",
        key="output.log_level",
        effect="how much is logged",
        shared=True,
    ),
    Variable(
        name="ENABLE_DETAILED_LOGS",
        example="true",
        key="output.log_level",
        kind=_log_level_if("INFO"),
        effect="true: log level INFO",
    ),
    Variable(
        name="DEBUG",
        example="false",
        key="output.log_level",
        kind=_log_level_if("DEBUG"),
        effect="true: log level DEBUG",
        shared=True,
    ),
    Variable(
        name="OPENAI_API_KEY",
        example="change-me",
        key="target.openai_api_key",
        effect="Bearer token of openai-chat; also handed to a booted stack",
        used_by=_openai,
        unused="only api openai-chat or a booted stack uses it",
        to_stack=True,
    ),
    Variable(
        name="OPENAI_ORG_ID",
        example="change-me",
        key="target.openai_org_id",
        effect="OpenAI-Organization header of openai-chat; also handed to a booted stack",
        used_by=_openai,
        unused="only api openai-chat or a booted stack uses it",
        to_stack=True,
    ),
    *(
        Variable(
            name=name,
            example=example,
            effect="handed to a booted stack",
            used_by=_booted,
            unused=_BOOTED,
            to_stack=True,
        )
        for name, example in (
            ("DATABASE_URL", "postgresql+asyncpg://postgres:change-me@postgres-test:5432/govstackdb"),
            ("POSTGRES_*", "govstackdb"),
            ("MINIO_*", "minio-test"),
            ("CHROMA_*", "chroma-test"),
        )
    ),
    *(
        Variable(name=name, example=example, effect=f"none: {reason}", used_by=_never, unused=reason)
        for name, example, reason in (
            ("ENABLE_PROMETHEUS", "true", _COMPOSE),
            ("PROMETHEUS_PORT", "8000", _COMPOSE),
            ("ENABLE_GRAFANA", "true", _COMPOSE),
            ("GRAFANA_ADMIN_PASSWORD", "change-me", _COMPOSE),
            ("TEST_SERVICE_HOST", "0.0.0.0", _SERVICE),  # noqa: S104 - an example, nothing listens
            ("TEST_SERVICE_PORT", "8084", _SERVICE),
            ("ENABLE_CORS", "true", _SERVICE),
        )
    ),
)

OVERLAPS: dict[str, Overlap] = {
    "target.timeout_s": Overlap(rule="API_TIMEOUT goes first", rank=lambda _: 0),
    "thresholds.error_rate": Overlap(rule="the stricter wins", rank=float),
    "output.log_level": Overlap(rule="the more detailed wins", rank=v.LOG_LEVELS.index),
}


def find_variable(name: str) -> Variable | None:
    """The suite's variable of that name, or None."""
    return next((variable for variable in VARIABLES if variable.matches(name)), None)
