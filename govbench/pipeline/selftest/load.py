"""Drives the self-test: a short load on a reference server, and what both sides noted. Judges nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from govbench.errors import LoadError, ResultsError
from govbench.load.launch import Event, LoadProcess
from govbench.pipeline.selftest.checks import Times
from govbench.record.phases import phase_windows
from govbench.record.processes import ProcessTree
from govbench.record.reader import SampleTable, read_samples
from govbench.record.resources import ResourcePoller, usage_by_role
from govbench.reference import truth
from govbench.results.plan import (
    Api,
    Arrivals,
    HttpTemplate,
    LoadModel,
    Phase,
    Plan,
    Query,
    Scenario,
    Side,
    TestType,
    ThinkTime,
    Workers,
)
from govbench.results.run import ProcessUsage, Window
from govbench.stack.reference import RunningReference
from govbench.stats import FloatArray

_LOAD_ROLE = "load"

# Called with every event of the load process, and with the process itself: what a check does to it.
Meddle = Callable[[LoadProcess, Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load on one path of the reference server; without ``path`` it asks for streams in OpenAI's way."""

    path: str | None
    users: int
    steady_s: float
    warmup_s: float = 0.0
    think_s: tuple[float, float] = (0.0, 0.0)
    spawn_rate: float = 1000.0
    arrivals: Arrivals | None = None
    workers: int = 1
    stop_timeout_s: float = 10.0

    def plan(self, url: str) -> Plan:
        """The plan that makes it."""
        return Plan(
            phases=(
                Phase(
                    name="selftest",
                    test_type=TestType.CONCURRENT,
                    users=self.users if self.arrivals is None else None,
                    warmup_s=self.warmup_s,
                    steady_s=self.steady_s,
                    spawn_rate=self.spawn_rate,
                    model=LoadModel.CLOSED if self.arrivals is None else LoadModel.OPEN,
                    arrivals=self.arrivals,
                ),
            ),
            scenarios=(
                Scenario(
                    name="user",
                    queries=(Query(text="Where do I renew my passport?"),),
                    think_time=ThinkTime(low_s=self.think_s[0], high_s=self.think_s[1]),
                ),
            ),
            sides=(self._side(url),),
            stop_timeout_s=self.stop_timeout_s,
            workers=Workers(local=self.workers),
        )

    def _side(self, url: str) -> Side:
        if self.path is None:
            return Side(name="reference", url=url, api=Api.OPENAI_CHAT, stream=True)
        return Side(name="reference", url=url, api=Api.HTTP, http=HttpTemplate(path=self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The same requests as the load process recorded them, and as the server did.

    ``event_count`` are the times of streamed events that were kept; ``usage`` is what the load process used
    in the steady segment.
    """

    samples: SampleTable
    records: truth.Records
    window: Window
    event_count: int = 0
    usage: ProcessUsage | None = field(default=None)

    def steady(self) -> Trial:
        """The requests that were sent, or arrived, in the steady segment."""
        start_s, end_s = self.window.steady_start_s, self.window.steady_end_s
        sent_s = self.samples.due_s + self.samples.column("send_delay_ms") / 1e3
        arrival_s = self.records["arrival_ns"] / 1e9
        return Trial(
            samples=self.samples.where((sent_s >= start_s) & (sent_s < end_s)),
            records=self.records[(arrival_s >= start_s) & (arrival_s < end_s)],
            window=self.window,
            usage=self.usage,
        )

    def ok(self) -> Trial:
        """The requests that were answered as they should be."""
        return Trial(
            samples=self.samples.where(self.samples.ok),
            records=self.records[(self.records["status"] == 200) & (self.records["flags"] & truth.GONE == 0)],
            window=self.window,
            usage=self.usage,
        )

    @property
    def service_ms(self) -> FloatArray:
        """From sending to the last byte, as the load process recorded it."""
        service: FloatArray = self.samples.column("last_byte_ms").astype(float)
        return service

    @property
    def true_service_ms(self) -> FloatArray:
        """From the arrival of a request to the hand-over of its last byte, as the server noted it."""
        service: FloatArray = (self.records["last_byte_ns"] - self.records["arrival_ns"]) / 1e6
        return service

    @property
    def late_ms(self) -> FloatArray:
        """By how much the server was behind its own script."""
        late: FloatArray = self.true_service_ms - self.records["planned_ns"] / 1e6
        return late

    @property
    def times(self) -> Times:
        """The service times of both sides."""
        return Times(measured=self.service_ms, true=self.true_service_ms, late=self.late_ms)

    @property
    def has_kernel_clock(self) -> bool:
        """Whether all arrivals were stamped by the kernel."""
        return bool(len(self.samples)) and bool(self.samples.kernel_clock.all())


class Bench:
    """Puts loads on reference servers, one after the other; each has a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_load(
        self,
        server: RunningReference,
        load: Load,
        *,
        meddle: Meddle | None = None,
        killed: bool = False,
        apart: bool = False,
    ) -> Trial:
        """Run a load to its end, or to the end that ``meddle`` makes of it.

        Args:
            server: where it goes.
            load: what it is.
            meddle: what is done to the load process at its events.
            killed: whether ``meddle`` kills it; otherwise an end before its time is an error.
            apart: give the server and the load process a core of their own each.

        Raises:
            LoadError: the load process failed, or left nothing that can be read.
            StackError: the server does not answer.
        """
        (trial,) = self.put_loads(server, (load,), meddle=meddle, killed=killed, apart=apart)
        return trial

    def put_loads(
        self,
        server: RunningReference,
        loads: tuple[Load, ...],
        *,
        meddle: Meddle | None = None,
        killed: bool = False,
        apart: bool = False,
    ) -> tuple[Trial, ...]:
        """Several loads at the same time, a process each; the server's records are told by their paths."""
        before = len(truth.load(server.dump())[0])
        folders = [Path(tempfile.mkdtemp(dir=self._folder)) for _ in loads]
        running: list[LoadProcess] = []
        try:
            for load, folder in zip(loads, folders, strict=True):
                running.append(LoadProcess(load.plan(server.url), folder))
            if apart:
                _keep_apart(server.pid, running[0].pid)
            poller = ResourcePoller({_LOAD_ROLE: ProcessTree(running[0].pid)}, folders[0])
            try:
                windows = [_follow(process, meddle, killed=killed) for process in running]
            finally:
                readings = poller.stop()
        finally:
            for process in running:
                process.close()
        records, paths = truth.load(server.dump())
        records = records[before:]
        usage = next(iter(usage_by_role(readings, windows[:1])), None)
        return tuple(
            Trial(
                samples=_samples(folder),
                records=records[records["path"] == _path_number(load, paths)],
                window=window,
                event_count=_event_count(folder),
                usage=usage,
            )
            for load, folder, window in zip(loads, folders, windows, strict=True)
        )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_apart(server_pid: int, load_pid: int) -> None:
    """Otherwise the scheduler tends to put two processes that wake each other on the same core."""
    if hasattr(os, "sched_setaffinity") and cores() > 1:
        *_, first, last = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server_pid, {first})
        os.sched_setaffinity(load_pid, {last})


def _follow(process: LoadProcess, meddle: Meddle | None, *, killed: bool) -> Window:
    end = process.follow(lambda event: meddle(process, event) if meddle else None)
    if end.failure and not killed:
        raise LoadError(f"the load process failed: {end.failure}")
    windows = phase_windows(end.events, end_s=max((e["at_s"] for e in end.events if "at_s" in e), default=0))
    if not windows:
        raise LoadError("the load process ended before its load began")
    return windows[0]


def _samples(folder: Path) -> SampleTable:
    try:
        return read_samples(folder)
    except ResultsError as error:
        raise LoadError(str(error)) from error


def _path_number(load: Load, paths: tuple[str, ...]) -> int:
    path = "/v1/chat/completions" if load.path is None else load.path.partition("?")[0]
    return paths.index(path) if path in paths else -1


def _event_count(folder: Path) -> int:
    """How many event times were kept: 8 bytes each (docs/results.md)."""
    path = folder / "events"
    return path.stat().st_size // 8 if path.exists() else 0
