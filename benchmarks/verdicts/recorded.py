"""Recorded histories as runs of govbench: one metric of one test type, a commit at a time."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.verdicts.truth import Level, levels, residuals
from govbench.config.settings import CompareConfig, MetricRule
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

Array = npt.NDArray[np.float64]

TYPE, METRIC = TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50
# One metric decides: the absolute margin, which is of times in milliseconds, has no say.
CONFIG = CompareConfig(
    absolute_margin_ms=0.0,
    metrics={name: MetricRule(gate=False) for name in (MetricName.THROUGHPUT, MetricName.ERROR_RATE)},
)
TYPICAL_MS, SAMPLES = 100.0, 1000
_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The runs of one benchmark in their order, as logarithms of which more is worse.

    Attributes:
        name: of repository and series.
        logs: around 0, rates turned round.
        errors: within each run, 0 where it was not recorded.
        commits: ordinal of the commit of each run.
        common: what was common to all that each run measured: the median residual of its other series.
        levels: what happened, found offline.
    """

    name: str
    logs: Array
    errors: Array
    commits: tuple[int, ...]
    common: Array
    levels: tuple[Level, ...]

    @property
    def noise(self) -> Array:
        """Each run's distance from its level."""
        return residuals(self.logs, self.levels)


def read(path: Path) -> list[Series]:
    """Every series of a file: repositories with lists of ``v``, ``r``, ``run``, ``c`` and ``kind``."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        repositories = json.load(file)
    return [series for name, kept in repositories.items() for series in _repository(name, kept)]


def _repository(name: str, kept: list[dict[str, Any]]) -> list[Series]:
    logs = [_logs(each) for each in kept]
    found = [tuple(levels(each)) for each in logs]
    left = [residuals(each, at) for each, at in zip(logs, found, strict=True)]
    by_run: dict[float, list[tuple[int, float]]] = {}
    for place, (each, noise) in enumerate(zip(kept, left, strict=True)):
        for run, value in zip(each["run"], noise, strict=True):
            by_run.setdefault(run, []).append((place, float(value)))
    return [
        Series(
            name=f"{name}/{each['series']}",
            logs=logs[place],
            errors=np.array([r or 0.0 for r in each["r"]], dtype=np.float64),
            commits=tuple(int(commit) for commit in each["c"]),
            common=np.array([_median_of_others(by_run[run], place) for run in each["run"]]),
            levels=found[place],
        )
        for place, each in enumerate(kept)
    ]


def _logs(kept: dict[str, Any]) -> Array:
    logs: Array = np.log(np.array(kept["v"], dtype=np.float64))
    logs -= np.median(logs)
    return -logs if kept["kind"] == "rate" else logs


def _median_of_others(run: list[tuple[int, float]], place: int) -> float:
    others = [value for other, value in run if other != place]
    return float(np.median(others)) if len(others) > 1 else 0.0


def summary_of(number: int, commit: int, log: float, error: float) -> RunSummary:
    """A completed run of govbench that measured this."""
    metric = Metric(name=METRIC, value=TYPICAL_MS * float(np.exp(log)), n=SAMPLES, standard_error=error)
    window = Window(start_s=0.0, steady_start_s=0.0, steady_end_s=1.0, end_s=1.0)
    counts = Accounting(offered=SAMPLES, sent=SAMPLES, ok=SAMPLES)
    phase = Phase(name="concurrent", test_type=TYPE, users=10, steady_s=1.0)
    time = np.datetime_as_string(np.datetime64(commit * _HOUR_S, "s")) + "Z"
    return RunSummary(
        run=RunInfo(
            id=f"run-{number}",
            suite="recorded",
            suite_version="1",
            profile="quick",
            status=RunStatus.COMPLETED,
            started_at=time,
            duration_s=1.0,
            seed=1,
            govbench_version="0",
        ),
        targets=(Target(name="candidate", form="embedded", url="http://127.0.0.1:1", api="govstack"),),
        environment=_MACHINE,
        provenance=Provenance(commit=f"{commit:040x}", committed_at=time),
        accounting=counts,
        phases=(PhaseResult(phase=phase, side=0, window=window, accounting=counts, metrics=(metric,)),),
        test_types=(TestTypeResult(test_type=TYPE, side=0, metrics=(metric,)),),
        generator=_IDLE,
    )


_MACHINE = Environment(
    machine_class="recorded",
    os="Linux",
    os_release="6",
    architecture="x86_64",
    cpu_model="CPU",
    cores=2,
    memory_bytes=4 << 30,
    python="3.12.0",
    packages={},
)
_IDLE = GeneratorHealth(
    lag_p50_ms=0.01,
    lag_p99_ms=0.1,
    cpu_cores_mean=0.1,
    cpu_cores_peak=0.2,
    kernel_clock_share=1.0,
    saturated=False,
)
