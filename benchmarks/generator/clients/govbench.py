"""govbench itself: its real load process, with everything that a run of the product has switched on."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generator.clients.base import QUESTION, TAIL_S, Load, Reported
from govbench import __version__
from govbench.load.launch import LoadEnd, LoadProcess
from govbench.record.reader import SampleTable, read_samples
from govbench.results.plan import Api, Phase, Plan, Query, Scenario, Side, TestType, ThinkTime, Workers
from govbench.stats import quantile


class Govbench:
    """The product's own load process."""

    name = "govbench"
    figures = frozenset({"capacity", "accuracy", "stream", "memory"})

    def missing(self) -> str | None:
        """Never missing."""
        return None

    def version(self) -> str:
        """Version of the package."""
        return __version__

    def start(self, load: Load, folder: Path) -> RunningGovbench:
        """Start the load process with a plan of one phase."""
        return RunningGovbench(load, folder)


def offers_workers() -> bool:
    """Whether a plan can ask for several load processes."""
    return any(field.name == "workers" for field in dataclasses.fields(Plan))


def plan_of(load: Load) -> Plan:
    """The plan that makes this load."""
    # No part of the phase is marked as its warm-up: the window is cut out of the samples by time.
    steady_s = load.end_unix_s - time.time() + TAIL_S
    low_s, high_s = load.think_s
    more: dict[str, Any] = {"workers": Workers(local=load.workers)} if load.workers > 1 else {}
    return Plan(
        phases=(
            Phase(
                name="load",
                test_type=TestType.CONCURRENT,
                users=load.users,
                steady_s=steady_s,
                spawn_rate=load.spawn_rate,
            ),
        ),
        scenarios=(
            Scenario(
                name="user",
                queries=(Query(text=QUESTION),),
                think_time=ThinkTime(low_s=low_s, high_s=high_s),
            ),
        ),
        sides=(
            Side(
                name="candidate",
                url=load.url,
                api=Api.OPENAI_CHAT if load.stream else Api.GOVSTACK,
                stream=load.stream,
            ),
        ),
        stop_timeout_s=0.5,
        **more,
    )


class RunningGovbench:
    """A load process at work; its events are read, as the product reads them."""

    def __init__(self, load: Load, folder: Path) -> None:
        self._load, self._folder = load, folder
        self._process = LoadProcess(plan_of(load), folder)
        self._end: LoadEnd | None = None
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        self._end = self._process.follow(lambda _: None)

    @property
    def pid(self) -> int:
        """The load process."""
        return self._process.pid

    def report(self) -> Reported:
        """Stop the load and read the samples whose requests were due within the window."""
        self._process.stop()
        self._reader.join(timeout=20)
        if self._end is None or self._end.failure:
            raise RuntimeError(f"govbench: {self._end.failure if self._end else 'does not end'}")
        table = read_samples(self._folder)
        due_s = table.due_s
        window = table.where((due_s >= self._load.start_unix_s) & (due_s < self._load.end_unix_s))
        failures = int(table.failed.sum())
        if not window.ok.any():
            return Reported(requests=len(window), failures=failures)
        return dataclasses.replace(self._times(window.where(window.ok)), failures=failures)

    def _times(self, served: SampleTable) -> Reported:
        times_ms = served.since_due_ms("first_token_ms") if self._load.stream else served.response_time_ms
        lag_ms = served.column("lag_ms").astype(np.float64)
        lag_ms = lag_ms[~np.isnan(lag_ms)]
        return Reported(
            requests=len(served),
            median_ms=quantile(times_ms, 0.5),
            p95_ms=quantile(times_ms, 0.95),
            p99_ms=quantile(times_ms, 0.99),
            generator_lag_p99_ms=quantile(lag_ms, 0.99) if len(lag_ms) else None,
        )

    def close(self) -> None:
        """Kill it if it still runs."""
        self._process.close()
        self._reader.join(timeout=5)
