"""Builders of runs and stored runs with metrics of one's choice; everything else about them is sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from govbench.results.baseline import BaselineEntry, BaselineTestType
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.run import (
    Accounting,
    Environment,
    GeneratorHealth,
    PhaseResult,
    Provenance,
    RunInfo,
    RunStatus,
    RunSummary,
    Target,
    TestTypeResult,
    Window,
)

Metrics = Sequence[Metric]
P50, ERRORS, THROUGHPUT = MetricName.RESPONSE_TIME_P50, MetricName.ERROR_RATE, MetricName.THROUGHPUT


def _metric(name: MetricName, value: float, n: int = 1000, se: float | None = 0.005) -> Metric:
    """A share has the error of failures that come one by one, unless another is given."""
    if name is ERRORS and se == 0.005:
        se = math.sqrt(value * (1 - value) / n)
    return Metric(name=name, value=value, n=n, standard_error=se)


def _usual(p50: float = 100.0, errors: float = 0.0, rate: float = 50.0, n: int = 1000) -> tuple[Metric, ...]:
    return (_metric(P50, p50, n), _metric(THROUGHPUT, rate, n), _metric(ERRORS, errors, n))


def _summary(*sides: Mapping[TestType, Metrics], **changes: Any) -> RunSummary:
    """A completed run; ``changes`` replaces fields of the run, its environment or its accounting by name."""
    sides = sides or ({TestType.BASELINE: _usual()},)
    test_types = sorted({t for side in sides for t in side}, key=list(TestType).index)
    phase = {t: Phase(name=t.value, test_type=t, users=1, steady_s=10) for t in test_types}
    window = Window(start_s=0, steady_start_s=0, steady_end_s=10, end_s=10)
    summary = RunSummary(
        run=RunInfo(
            id="20260131T093000Z-1a2b3c",
            suite="default",
            suite_version="1",
            profile="quick",
            status=RunStatus.COMPLETED,
            started_at="2026-01-31T09:30:00Z",
            duration_s=60,
            seed=1,
            govbench_version="0.1.0",
        ),
        targets=tuple(
            Target(name=f"side{i}", form="embedded", url="http://127.0.0.1:1", api="govstack")
            for i in range(len(sides))
        ),
        environment=_environment(),
        provenance=Provenance(commit="c" * 40, committed_at="2026-01-31T09:00:00Z"),
        accounting=Accounting(offered=1000, sent=1000, ok=1000),
        phases=tuple(
            PhaseResult(
                phase=phase[t], side=i, window=window, accounting=Accounting(), metrics=tuple(side.get(t, ()))
            )
            for t in test_types
            for i, side in enumerate(sides)
        ),
        test_types=tuple(
            TestTypeResult(test_type=t, side=i, metrics=tuple(metrics))
            for i, side in enumerate(sides)
            for t, metrics in side.items()
        ),
        generator=GeneratorHealth(
            lag_p50_ms=0.01,
            lag_p99_ms=0.1,
            cpu_cores_mean=0.1,
            cpu_cores_peak=0.2,
            kernel_clock_share=1.0,
            saturated=False,
        ),
    )
    return _changed(summary, changes)


def _changed(summary: RunSummary, changes: Mapping[str, Any]) -> RunSummary:
    for key, value in changes.items():
        for part in ("run", "environment", "generator", "accounting"):
            if hasattr(getattr(summary, part), key):
                summary = replace(summary, **{part: replace(getattr(summary, part), **{key: value})})
                break
        else:
            summary = replace(summary, **{key: value})
    return summary


def _environment(machine_class: str = "linux-x86_64-cpu-2c-4g") -> Environment:
    return Environment(
        machine_class=machine_class,
        os="Linux",
        os_release="6.1",
        architecture="x86_64",
        cpu_model="CPU",
        cores=2,
        memory_bytes=4 << 30,
        python="3.12.0",
        packages={},
    )


def _entry(
    metrics: Metrics, *, test_type: TestType = TestType.BASELINE, number: int = 0, **changes: Any
) -> BaselineEntry:
    machine_class = changes.pop("machine_class", "linux-x86_64-cpu-2c-4g")
    entry = BaselineEntry(
        run_id=f"run-{number}",
        suite="default",
        suite_version="1",
        profile="quick",
        commit=f"{number:040x}",
        committed_at="2026-01-30T09:00:00Z",
        measured_at="2026-01-30T09:30:00Z",
        govbench_version="0.1.0",
        environment=_environment(machine_class),
        accounting=Accounting(offered=1000, sent=1000, ok=1000),
        test_types=(
            BaselineTestType(test_type=test_type, metrics=tuple(sorted(metrics, key=lambda m: m.name))),
        ),
    )
    return replace(entry, **changes)


@pytest.fixture(scope="session")
def metric() -> Callable[..., Metric]:
    """``metric(name, value, n=1000, se=0.005)``."""
    return _metric


@pytest.fixture(scope="session")
def usual() -> Callable[..., tuple[Metric, ...]]:
    """The metrics that every run has: ``usual(p50=100, errors=0, rate=50, n=1000)``."""
    return _usual


@pytest.fixture(scope="session")
def summary() -> Callable[..., RunSummary]:
    """``summary({test type: metrics} for each side, **changes)``."""
    return _summary


@pytest.fixture(scope="session")
def entry() -> Callable[..., BaselineEntry]:
    """A stored run: ``entry(metrics, number=0, **changes)``."""
    return _entry
