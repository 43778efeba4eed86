"""A committed baseline: what a run leaves in git for later ones to be compared with, and its JSON form.

Reads and writes no files and decides nothing: where entries lie, and which may be stored, is
``baselines/entries.py``; what follows from them is ``compare/``.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NoReturn

import orjson
from pydantic import TypeAdapter, ValidationError

from govbench.errors import ResultsError
from govbench.results.comparison import Verdict
from govbench.results.later import is_metric, is_test_type
from govbench.results.metrics import Metric, MetricName
from govbench.results.plain import fault_in, fault_of
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Distribution, Environment
from govbench.results.versions import PlanVersion

SCHEMA_NAME = "govbench/baseline"
SCHEMA_VERSION = 1

# An entry stays below 20 KB: a finer distribution is coarsened until it has at most this many buckets.
MAX_BUCKETS = 200
MAX_LEVEL_BUCKETS = 50
SIGNIFICANT_DIGITS = 6

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# A folder name on every system, and one path component: no separator, no leading dot, no "..".
_FOLDER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineLevel:
    """What a stored run gave at one load level of a test type: its metrics in the order of their names.

    Intervals follow from the standard errors, and are not stored again. The distribution is a coarse one, for
    charts.
    """

    level: str
    metrics: tuple[Metric, ...]
    distribution: Distribution | None = None

    def __post_init__(self) -> None:
        _check_metrics(self.metrics)
        if self.distribution is not None:
            _check_distribution(self.distribution)

    def metric(self, name: MetricName) -> Metric | None:
        """The metric of that name, or None where it was not measured."""
        return next((metric for metric in self.metrics if metric.name is name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTestType:
    """One test type of a stored run: its metrics in the order of their names, its latencies as buckets.

    ``levels`` are those of a test type that has several, in the order of their names.
    """

    test_type: TestType
    metrics: tuple[Metric, ...]
    distribution: Distribution | None = None
    levels: tuple[BaselineLevel, ...] = ()

    def __post_init__(self) -> None:
        _check_metrics(self.metrics)
        if self.distribution is not None:
            _check_distribution(self.distribution)
        labels = [level.level for level in self.levels]
        if labels != sorted(set(labels)):
            raise ValueError("levels must be in the order of their names, each once")

    def metric(self, name: MetricName) -> Metric | None:
        """The metric of that name, or None where it was not measured."""
        return next((metric for metric in self.metrics if metric.name is name), None)

    def at_level(self, level: str) -> BaselineLevel | None:
        """What was measured at that level, or None."""
        return next((each for each in self.levels if each.level == level), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineEntry:
    """One measured commit. Holds nothing that names a person, a host, a path or a target's address.

    ``verdict`` is what the run itself was judged when it was stored, None where there was nothing to judge
    it by. ``accepted`` is the note of the person who accepted a run in spite of its verdict. ``anchor``
    names an entry that outlives the window, such as a release. Times are UTC, ``2026-01-31T09:30:00Z``.
    ``accepted_metrics`` are the metrics that regressed (``metric_key``, with the load level where they have
    several), all of them accepted where ``accepted`` is there; empty stands for any. ``suspects`` are those
    that were flagged and not measured again, or regressed and were not accepted.
    ``versions`` say for each test type, by its name, what decides its figures.
    """

    run_id: str
    suite: str
    suite_version: str
    profile: str
    commit: str
    committed_at: str
    measured_at: str
    govbench_version: str
    environment: Environment
    accounting: Accounting
    test_types: tuple[BaselineTestType, ...]
    verdict: Verdict | None = None
    accepted: str | None = None
    accepted_metrics: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    anchor: str | None = None
    dirty: bool = False
    saturated: bool = False
    versions: dict[str, PlanVersion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError("commit must be the full hexadecimal id of a commit")
        for key, name in (("suite", self.suite), ("machine_class", self.machine_class)):
            if not _FOLDER_NAME.fullmatch(name):
                raise ValueError(f"{key} {name!r} must be letters, digits, dots, dashes and underscores")
        for key, text in (("run_id", self.run_id), ("accepted", self.accepted), ("anchor", self.anchor)):
            if text is not None and not (text.strip() and text.isprintable() and fault_of(text) is None):
                raise ValueError(f"{key} must be a line of text")
        for time in (self.committed_at, self.measured_at):
            if utc_text(time) != time:
                raise ValueError(f"{time!r} must be a UTC time like 2026-01-31T09:30:00Z")
        kinds = [result.test_type for result in self.test_types]
        if not kinds or kinds != sorted(set(kinds)):
            raise ValueError("test_types must be in the order of their names, each once, and at least one")

    @property
    def machine_class(self) -> str:
        """The kind of machine that the run was measured on."""
        return self.environment.machine_class

    def test_type(self, test_type: TestType) -> BaselineTestType | None:
        """What was measured of that test type, or None."""
        return next((result for result in self.test_types if result.test_type is test_type), None)

    def is_suspect(self, test_type: TestType, name: MetricName, level: str | None = None) -> bool:
        """Whether a metric is no part of a window, at a load level (None: at any of them)."""
        return _names(self.suspects, test_type, name, level)

    def is_open(self, test_type: TestType, name: MetricName, level: str | None = None) -> bool:
        """Whether a metric regressed here, and nobody accepted it."""
        regressed = self.accepted is None and self.verdict is Verdict.REGRESSION
        return regressed and _names(self.accepted_metrics, test_type, name, level)

    def begins_level(self, test_type: TestType, name: MetricName, level: str | None = None) -> bool:
        """Whether a person accepted a regression of that metric here, at that load level (None: at any)."""
        if self.accepted is None or self.verdict is not Verdict.REGRESSION:
            return False
        return not self.accepted_metrics or _names(self.accepted_metrics, test_type, name, level)


def metric_key(test_type: TestType, name: MetricName, level: str | None = None) -> str:
    """A metric of a test type in a word, ``concurrent/response_time_p50_ms``, with a level ``…/50 users``."""
    return "/".join([test_type.value, name.value, *([] if level is None else [level])])


def _names(keys: Sequence[str], test_type: TestType, name: MetricName, level: str | None) -> bool:
    """Whether one of the keys is that metric, at that level or at all of them; any level of it where None."""
    whole = metric_key(test_type, name)
    if level is None:
        return any(key == whole or key.startswith(f"{whole}/") for key in keys)
    return whole in keys or f"{whole}/{level}" in keys


def to_json(entry: BaselineEntry) -> str:
    """The entry as it stands in git: keys sorted, one metric a line, floats at six significant digits."""
    body = _rounded(_ADAPTER.dump_python(entry, mode="json", exclude_none=True))
    body = {key: value for key, value in body.items() if value != []}
    body["test_types"] = {
        result.test_type.value: _test_type_body(result, fields)
        for result, fields in zip(entry.test_types, body["test_types"], strict=True)
    }
    if not entry.versions:
        del body["versions"]
    body |= {"schema": SCHEMA_NAME, "schema_version": SCHEMA_VERSION}
    return _text(body, indent=0) + "\n"


def from_json(text: str, *, source: str) -> BaselineEntry:
    """Read an entry back, without metrics and test types of a later govbench; ``source`` names it in errors.

    Raises:
        ResultsError: empty, truncated or damaged text, another kind or version of document, a wrong value.
    """
    body = _object(text, source)
    if body.pop("schema", None) != SCHEMA_NAME:
        raise ResultsError(f'{source}: not a govbench baseline (no "schema": "{SCHEMA_NAME}")')
    version = body.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise ResultsError(
            f"{source}: schema_version {version}, and this govbench reads version {SCHEMA_VERSION}",
            hint="record the baseline anew, or use the govbench that wrote it (govbench_version says which)",
        )
    unfit = fault_in(body)
    if unfit is not None:
        raise ResultsError(f"{source}: {unfit}", hint=_EDITED)
    try:
        body["test_types"] = _test_type_list(body.get("test_types"))
        return _ADAPTER.validate_json(orjson.dumps(body), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ResultsError(f"{source}: {_where(first['loc'], body)}{first['msg']}", hint=_EDITED) from error
    except ValueError as error:
        raise ResultsError(f"{source}: {error}", hint=_EDITED) from error


def utc_text(time: str) -> str:
    """An ISO 8601 time as UTC to the second, ``2026-01-31T09:30:00Z``.

    Raises:
        ValueError: it is no time, or does not say its offset.
    """
    instant = datetime.fromisoformat(time)
    if instant.tzinfo is None:
        raise ValueError(f"{time!r} does not say its offset from UTC")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_ADAPTER = TypeAdapter(BaselineEntry)
_EDITED = "the file was edited or is damaged: restore it with git, or record the baseline anew"


def _check_metrics(metrics: Sequence[Metric]) -> None:
    names = [metric.name for metric in metrics]
    if names != sorted(set(names)):
        raise ValueError("metrics must be in the order of their names, each once")


def _check_distribution(distribution: Distribution) -> None:
    if not 1 < distribution.gamma < math.inf:
        raise ValueError("gamma must be above 1")
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(distribution.buckets)):
        raise ValueError("buckets must be in rising order")
    if any(count < 1 for _, count in distribution.buckets):
        raise ValueError("a bucket must count at least 1")


def _test_type_body(result: BaselineTestType, fields: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"metrics": _by_name(fields["metrics"])}
    if result.levels:
        body["levels"] = {
            level["level"]: _by_name(level["metrics"]) | _distribution_body(at.distribution)
            for at, level in zip(result.levels, fields["levels"], strict=True)
        }
    return body | _distribution_body(result.distribution)


def _distribution_body(distribution: Distribution | None) -> dict[str, Any]:
    """Bucket boundaries are powers of gamma: its digits are never rounded."""
    if distribution is None:
        return {}
    return {"distribution": {"gamma": distribution.gamma, "buckets": _buckets_text(distribution.buckets)}}


def _by_name(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {metric.pop("name"): metric for metric in metrics}


def _test_type_list(body: Any) -> list[dict[str, Any]]:
    found = []
    for name, fields in sorted(_mapping(body, "test_types").items()):
        if not is_test_type(name):
            continue
        where = f"test_types.{name}"
        _mapping(fields, where)
        levels = [
            {
                "level": label,
                "metrics": _metric_list(metrics, f"{where}.levels.{label}"),
                "distribution": _distribution(metrics, f"{where}.levels.{label}"),
            }
            for label, metrics in sorted(_mapping(fields.get("levels", {}), f"{where}.levels").items())
        ]
        distribution = _distribution(fields, where)
        rows = _metric_list(fields.get("metrics"), f"{where}.metrics")
        found.append({"test_type": name, "metrics": rows, "levels": levels, "distribution": distribution})
    return found


def _distribution(fields: Any, where: str) -> dict[str, Any] | None:
    distribution = fields.get("distribution")
    if distribution is None:
        return None
    buckets = _mapping(distribution, f"{where}.distribution").get("buckets")
    return {**distribution, "buckets": _buckets(buckets, f"{where}.distribution.buckets")}


def _metric_list(body: Any, where: str) -> list[dict[str, Any]]:
    metrics = _mapping(body, where)
    return [
        {**_mapping(values, f"{where}.{key}"), "name": key}
        for key, values in sorted(metrics.items())
        if is_metric(key)
    ]


def _buckets_text(buckets: tuple[tuple[int, int], ...]) -> str:
    """Runs of adjacent buckets as ``FIRST:COUNT,COUNT,…``, separated by spaces."""
    runs: list[str] = []
    previous: int | None = None
    for index, count in buckets:
        if previous is not None and index == previous + 1:
            runs[-1] += f",{count}"
        else:
            runs.append(f"{index}:{count}")
        previous = index
    return " ".join(runs)


def _buckets(text: Any, where: str) -> list[tuple[int, int]]:
    if not isinstance(text, str):
        raise ValueError(f"{where}: must be text like 412:1,5,17 431:2")
    buckets = []
    for run in text.split():
        try:
            first, counts = run.split(":")
            buckets += [(int(first) + step, int(count)) for step, count in enumerate(counts.split(","))]
        except ValueError as error:
            raise ValueError(f"{where}: {run!r} is not of the form 412:1,5,17") from error
    return buckets


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value


def _text(value: Any, *, indent: int) -> str:
    """JSON with sorted keys in which an object of plain values is one line: a diff shows whole metrics."""
    if not isinstance(value, dict) or (indent and not any(isinstance(v, dict) for v in value.values())):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    inner = " " * (indent + 1)
    lines = [f"{inner}{json.dumps(key)}: {_text(value[key], indent=indent + 1)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


def _object(text: str, source: str) -> dict[str, Any]:
    if not text.strip():
        raise ResultsError(f"{source}: the file is empty", hint=_EDITED)
    try:
        body = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise ResultsError(
            f"{source}: not valid JSON at line {error.lineno}: {error.msg}", hint=_EDITED
        ) from error
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{source}: {error}", hint=_EDITED) from error
    if not isinstance(body, dict):
        raise ResultsError(f"{source}: not a govbench baseline (the document is not an object)")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key comes twice, as a badly resolved merge conflict leaves it."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key, count = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"{key}: the key stands there {count} times")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large: every number must be finite")
    return number


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be an object")
    return value


def _where(location: tuple[int | str, ...], body: dict[str, Any]) -> str:
    """The key that an error is about, as the file has it: list positions are put back into names."""
    parts: list[str] = []
    node: Any = body
    for part in location:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = None
        named = node if isinstance(part, int) and isinstance(node, dict) else {}
        parts.append(str(named.get("test_type") or named.get("name") or named.get("level") or part))
    return ".".join(parts) + ": " if parts else ""
