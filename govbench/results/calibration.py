"""What a calibration found out about the noise of a machine class, and its JSON form. Reads no file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from govbench.errors import ResultsError
from govbench.results.later import without_unknown
from govbench.results.metrics import MetricName
from govbench.results.plain import fault_in
from govbench.results.plan import TestType
from govbench.results.versions import PlanVersion

SCHEMA_NAME = "govbench/calibration"
SCHEMA_VERSION = 1


_DAY_S = 86_400.0


class OtherVersion(ResultsError):
    """A calibration of another schema version: sound, but not for this govbench."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How one metric of a test type varies though nothing has changed; deviations are of log ratios.

    ``instance_sd`` is that of two fresh instances, without the error within a round; None where nothing was
    started anew, so that it could not be seen. ``between_run_sd`` is that of two runs measured one after the
    other. ``round_se`` is the typical error within a round.
    """

    test_type: TestType
    metric: MetricName
    instance_sd: float | None
    between_run_sd: float
    round_se: float

    def __post_init__(self) -> None:
        numbers = (self.instance_sd, self.between_run_sd, self.round_se)
        if not all(0 <= number < math.inf for number in numbers if number is not None):
            raise ValueError(f"{self.metric}: deviations are finite and at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableChange:
    """The smallest change of a metric that a comparison finds within a time, load and boots together.

    ``rounds`` is how many fit in; ``mde`` is relative, 0.03 for 3 %.
    """

    test_type: TestType
    metric: MetricName
    max_time_s: float
    rounds: int
    mde: float

    def __post_init__(self) -> None:
        if not (0 < self.max_time_s < math.inf and self.rounds >= 1 and 0 <= self.mde < math.inf):
            raise ValueError(f"{self.metric}: time, rounds and change are finite and positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The noise of one machine class and stack, from ``rounds`` rounds of the same code on both sides.

    ``versions`` say for each test type, by its name, under which load, and ``suite_version`` for all of them.
    ``target`` is what was measured, without an address or a command, ``target_kind`` its form, ``restarted``
    whether every round had fresh instances of it: both None in a file of a version that did not note them.
    ``calibrated_at`` is UTC, ``2026-01-31T09:30:00Z``. ``round_load_s`` is the load of a round,
    ``round_time_s`` all of it, the boots included.
    """

    machine_class: str
    suite: str
    suite_version: str
    target: str
    calibrated_at: str
    govbench_version: str
    rounds: int
    round_load_s: float
    round_time_s: float
    noises: tuple[Noise, ...]
    detectable: tuple[DetectableChange, ...] = ()
    versions: dict[str, PlanVersion] = field(default_factory=dict)
    target_kind: str | None = None
    restarted: bool | None = None

    def __post_init__(self) -> None:
        _instant(self.calibrated_at)
        if self.rounds < 2 or not (0 < self.round_load_s < math.inf and 0 < self.round_time_s < math.inf):
            raise ValueError("rounds: a calibration has several, each of a finite time above 0")
        if len({(noise.test_type, noise.metric) for noise in self.noises}) < len(self.noises):
            raise ValueError("noises: a metric of a test type is there twice")

    def age_days(self, now: datetime) -> float:
        """How many days ago it was made; below 0 when it is dated after ``now``, which has a time zone."""
        return (now - _instant(self.calibrated_at)).total_seconds() / _DAY_S

    def noise(self, test_type: TestType, metric: MetricName) -> Noise | None:
        """The noise of a metric, or None where it was not measured."""
        return next((n for n in self.noises if n.test_type is test_type and n.metric is metric), None)


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"calibrated_at: {text!r} is no time such as 2026-01-31T09:30:00Z") from error


_ADAPTER = TypeAdapter(Calibration)


def to_json(calibration: Calibration) -> str:
    """The calibration as it stands in git, floats at six significant digits."""
    body = {
        "schema": SCHEMA_NAME,
        "schema_version": SCHEMA_VERSION,
        **_ADAPTER.dump_python(calibration, mode="json"),
    }
    return json.dumps(_rounded(body), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str, *, source: str) -> Calibration:
    """Read a calibration back; ``source`` names it in errors.

    Raises:
        OtherVersion: it is of another schema version.
        ResultsError: it is none, or a field is wrong.
    """
    hint = "restore it with git, or write a new one with govbench calibrate"
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{source}: not valid JSON at line {error.lineno}: {error.msg}", hint=hint
        ) from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA_NAME:
        raise ResultsError(f'{source}: not a calibration (no "schema": "{SCHEMA_NAME}")', hint=hint)
    if body.get("schema_version") != SCHEMA_VERSION:
        raise OtherVersion(
            f"{source}: schema version {body.get('schema_version')}; this govbench reads {SCHEMA_VERSION}",
            hint=hint,
        )
    unfit = fault_in(body)
    if unfit is not None:
        raise ResultsError(f"{source}: {unfit}", hint=hint)
    try:
        return _ADAPTER.validate_json(json.dumps(without_unknown(body)), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = [".".join(str(part) for part in first["loc"])] if first["loc"] else []
        said = first["msg"].removeprefix("Value error, ")
        raise ResultsError(": ".join((source, *where, said)), hint=hint) from error


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
