"""The course of a metric over stored runs, with the places where its level changed. Computes none of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import TypeAdapter

from govbench.results.comparison import Change
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType

SCHEMA_NAME = "govbench/history"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """A metric as one stored commit had it; ``anchor`` and ``accepted`` are those of the stored run.

    ``suspect`` says that the metric was flagged there and not measured again, ``open`` that it regressed
    there and nobody accepted it (then it is a suspect as well), ``begins_level`` that a person did.
    """

    commit: str
    committed_at: str
    run_id: str
    metric: Metric
    anchor: str | None = None
    accepted: str | None = None
    suspect: bool = False
    open: bool = False
    begins_level: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """A change point: the level that begins at ``index`` of the points, against the one before it.

    It came with one of the commits after ``after_commit``, up to ``commit``.
    """

    index: int
    after_commit: str
    commit: str
    change: Change
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricHistory:
    """One metric of one test type over the stored runs of one machine class and plan, oldest first."""

    suite: str
    suite_version: str
    profile: str
    machine_class: str
    test_type: TestType
    metric: MetricName
    points: tuple[HistoryPoint, ...]
    changes: tuple[LevelChange, ...] = ()

    def __post_init__(self) -> None:
        edges = [0, *(change.index for change in self.changes), len(self.points)]
        if any(start >= stop for start, stop in pairwise(edges)):
            raise ValueError("a history has points, and its changes lie between them in their order")

    @property
    def levels(self) -> tuple[tuple[HistoryPoint, ...], ...]:
        """The points cut at the change points, oldest level first."""
        edges = [0, *(change.index for change in self.changes), len(self.points)]
        return tuple(self.points[start:stop] for start, stop in pairwise(edges))


_ADAPTER = TypeAdapter(tuple[MetricHistory, ...])


def to_json(histories: Sequence[MetricHistory]) -> str:
    """The document of ``govbench baseline history --json``."""
    body = {
        "schema": SCHEMA_NAME,
        "schema_version": SCHEMA_VERSION,
        "histories": _ADAPTER.dump_python(tuple(histories), mode="json"),
    }
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
