"""From samples, windows and readings to a ``RunSummary``: what was measured, nothing judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from govbench.record.adjusted import adjusted_percentiles
from govbench.record.breakdown import breakdown, endings
from govbench.record.measure import (
    distribution,
    inside,
    measure,
    pooled,
    scheduling_delay_ms,
    slice_span,
    steady_span,
)
from govbench.record.phases import Examples
from govbench.record.reader import BoolArray, SampleTable
from govbench.record.resources import peak_cores, unread_notes, usage_by_role
from govbench.record.series import Reading
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import CONTROL, LoadModel, Pause, Phase, Plan, TestType, served_by
from govbench.results.rounds import Round
from govbench.results.run import (
    Accounting,
    Environment,
    GeneratorHealth,
    Outcome,
    PhaseResult,
    ProcessUsage,
    Provenance,
    RunInfo,
    RunSummary,
    SideTimeline,
    SliceWindow,
    Target,
    TestTypeResult,
    TimelinePoint,
    TokenUsage,
    Window,
)
from govbench.results.samples import CODE_OF
from govbench.stats import FloatArray, quantile

GENERATOR = "generator"
# Above this share of its core a process of the generator is what is being measured: Locust runs on one.
SATURATED_CORES = 0.9
# A chart draws no more, and what it draws is what was recorded.
TIMELINE_POINTS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All that a run left behind: the plan, the samples, and when and on what it ran.

    ``dropped`` counts the arrivals that were never sent by (phase, side), ``dropped_steady`` those of them
    that were due in the steady segment; ``examples`` say what was wrong with the first request of a kind of
    failure. ``worker_cores`` is what each worker, here or on another machine, used of its core in the steady
    segments of closed loops. Of a paired comparison, ``round_windows`` says when each round had which phase,
    and ``windows`` spans all rounds.
    """

    info: RunInfo
    plan: Plan
    targets: tuple[Target, ...]
    environment: Environment
    provenance: Provenance
    samples: SampleTable
    windows: Mapping[int, Window]
    slices: tuple[SliceWindow, ...] = ()
    readings: tuple[Reading, ...] = ()
    dropped: Mapping[tuple[int, int], int] = field(default_factory=dict)
    dropped_steady: Mapping[tuple[int, int], int] = field(default_factory=dict)
    examples: Examples = field(default_factory=dict)
    worker_cores: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    round_windows: tuple[Mapping[int, Window], ...] = ()

    def windows_of(self, phase: int) -> list[Window]:
        """When a phase ran: once, or in each round."""
        if not self.round_windows:
            return [self.windows[phase]]
        return [each[phase] for each in self.round_windows if phase in each]

    @property
    def sides(self) -> int:
        """How many sides the plan has; the controls of a paired one are base and head again."""
        return CONTROL if self.plan.is_paired else len(self.plan.sides)

    @property
    def all_windows(self) -> list[Window]:
        """When anything ran."""
        return [window for phase in self.windows for window in self.windows_of(phase)]


def target_role(side: int) -> str:
    """The role under which the process of a side is polled."""
    return f"target:{side}"


def summarise(recording: Recording) -> RunSummary:
    """Everything that a report or a comparison needs to know of a run."""
    usages = usage_by_role(recording.readings, recording.all_windows)
    phases = _phase_results(recording)
    return RunSummary(
        run=recording.info,
        targets=recording.targets,
        environment=recording.environment,
        provenance=recording.provenance,
        accounting=accounting(recording.samples),
        phases=phases,
        test_types=_test_types(recording, phases),
        generator=_generator_health(recording, usages),
        resources=usages,
        tokens=_tokens(recording),
        timeline=_timeline(recording, recording.samples),
        side_timelines=_side_timelines(recording),
        warnings=(*recording.warnings, *unread_notes(recording.readings)),
        rounds=recording.rounds,
        planned=tuple(dict.fromkeys(phase.test_type for phase in recording.plan.phases)),
    )


def accounting(samples: SampleTable, *, part_dropped: int | None = None) -> Accounting:
    """Where the requests went.

    For a part of a run, of which ``part_dropped`` were dropped, those were sent that have a record: the
    counters in the samples' header are of the whole run.
    """
    codes, counts = np.unique(samples.column("outcome"), return_counts=True)
    by_code = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    by_outcome = {outcome: by_code.get(code, 0) for outcome, code in CODE_OF.items()}
    ok, cancelled = by_outcome.pop(Outcome.OK), by_outcome.pop(Outcome.CANCELLED)
    errors = {outcome: count for outcome, count in by_outcome.items() if count}
    if part_dropped is None:
        offered, dropped, sent = samples.header.offered, samples.header.dropped, samples.header.sent
    else:
        offered, dropped, sent = len(samples) + part_dropped, part_dropped, len(samples)
    return Accounting(
        offered=offered,
        dropped=dropped,
        sent=sent,
        ok=ok,
        failed=sum(errors.values()),
        cancelled=cancelled,
        lost=sent - len(samples),
        errors=errors,
    )


def _phase_results(recording: Recording) -> tuple[PhaseResult, ...]:
    results = []
    samples_of = recording.samples.by_phase()
    for index, window in recording.windows.items():
        in_phase = samples_of(index)
        for side in range(recording.sides):
            samples = samples_of(index, side)
            spans = _spans(recording, index, side)
            counted = samples.where(inside(samples, spans))
            dropped, dropped_steady = (
                counts.get((index, side), 0) for counts in (recording.dropped, recording.dropped_steady)
            )
            results.append(
                PhaseResult(
                    phase=recording.plan.phases[index],
                    side=side,
                    window=window,
                    accounting=accounting(samples, part_dropped=dropped),
                    steady=accounting(counted, part_dropped=dropped_steady),
                    steady_s=math.fsum(stop - start for start, stop in spans),
                    metrics=(
                        *_told_by(recording.plan.phases[index], measure(samples, spans)),
                        *process_metrics(recording.readings, in_phase, side, recording.windows_of(index)),
                    ),
                    distribution=distribution(samples, spans),
                    adjusted=adjusted_percentiles(samples, spans),
                    scheduling_delay_p99_ms=_open_loop_delay(recording, index, samples, spans),
                    endings=endings(counted, recording.examples.get((index, side), {})),
                    breakdown=breakdown(counted, retries=recording.plan.retries),
                )
            )
    return tuple(results)


def _told_by(phase: Phase, metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics of a phase. Pairs give both sides as many requests: their throughput estimates nothing."""
    return [
        Metric(name=metric.name, value=metric.value, n=metric.n)
        if phase.paired and metric.name is MetricName.THROUGHPUT
        else metric
        for metric in metrics
    ]


def _open_loop_delay(
    recording: Recording, phase: int, samples: SampleTable, spans: Sequence[tuple[float, float]]
) -> float | None:
    if recording.plan.phases[phase].model is not LoadModel.OPEN:
        return None
    delay = scheduling_delay_ms(samples.where(inside(samples, spans)))
    return quantile(delay, 0.99) if len(delay) else None


def _spans(recording: Recording, phase: int, side: int) -> list[tuple[float, float]]:
    if not recording.plan.phases[phase].slices:
        windows = recording.windows_of(phase)
        return [steady_span(w) for w in windows if w.steady_end_s > w.steady_start_s]
    return [slice_span(s) for s in recording.slices if s.phase == phase and s.side == side]


def process_metrics(
    readings: Sequence[Reading], samples: SampleTable, side: int, windows: Sequence[Window]
) -> tuple[Metric, ...]:
    """CPU per request and peak memory of a target that runs here; a URL's process is not ours to see.

    ``samples`` are those of all sides: what a target spent went into everything that it served, its controls
    included.
    """
    served = samples.where(np.isin(samples.column("side"), served_by(side)))
    usage = next((u for u in usage_by_role(readings, windows) if u.role == target_role(side)), None)
    spans = [steady_span(window) for window in windows]
    ok = int((inside(served, spans) & served.ok).sum())
    if usage is None or not ok:
        return ()
    cpu_ms = usage.cpu_cores_mean * sum(stop - start for start, stop in spans) * 1e3 / ok
    memory = Metric(name=MetricName.MEMORY_PEAK, value=usage.memory_peak_bytes, n=usage.samples)
    if cpu_ms <= 0:
        return (memory,)
    return (Metric(name=MetricName.CPU_PER_REQUEST, value=cpu_ms, n=ok), memory)


def _test_types(recording: Recording, phases: Sequence[PhaseResult]) -> tuple[TestTypeResult, ...]:
    found = []
    for test_type in TestType:
        planned = [phase for phase in recording.plan.phases if phase.test_type is test_type]
        for side in range(recording.sides):
            done = [p for p in phases if p.phase.test_type is test_type and p.side == side]
            if planned and len(done) == len(planned):
                metrics = pooled([phase.metrics for phase in done])
                found.append(TestTypeResult(test_type=test_type, side=side, metrics=metrics))
    return tuple(found)


def _generator_health(recording: Recording, usages: Sequence[ProcessUsage]) -> GeneratorHealth:
    steady = recording.samples.where(
        inside(recording.samples, [steady_span(w) for w in recording.all_windows])
    )
    kernel = steady.kernel_clock
    lag: FloatArray = steady.column("lag_ms")[kernel].astype(np.float64)
    lag = lag[~np.isnan(lag)]
    delay = scheduling_delay_ms(steady.where(~_is_paced(recording, steady)))
    usage = next((u for u in usages if u.role == GENERATOR), None)
    return GeneratorHealth(
        lag_p50_ms=quantile(lag, 0.5) if len(lag) else None,
        lag_p99_ms=quantile(lag, 0.99) if len(lag) else None,
        cpu_cores_mean=usage.cpu_cores_mean if usage else None,
        cpu_cores_peak=peak_cores(recording.readings, GENERATOR, recording.all_windows),
        kernel_clock_share=float(kernel.mean()) if len(steady) else None,
        saturated=_is_saturated(recording),
        scheduling_delay_p50_ms=quantile(delay, 0.5) if len(delay) else None,
        scheduling_delay_p99_ms=quantile(delay, 0.99) if len(delay) else None,
    )


def _is_paced(recording: Recording, samples: SampleTable) -> BoolArray:
    """Which requests are of phases with paced users: these are late when the answer before was slow."""
    scenarios = [scenario.think_time for scenario in recording.plan.scenarios]
    paced = [
        phase.model is LoadModel.CLOSED
        and any(t.pause is Pause.PACING for t in ([phase.think_time] if phase.think_time else scenarios))
        for phase in recording.plan.phases
    ]
    chosen: BoolArray = np.array(paced, dtype=np.bool_)[samples.column("phase")]
    return chosen


def _is_saturated(recording: Recording) -> bool:
    """Whether the generator had no room left in the closed loops; an open loop shows it in its delays."""
    closed = [
        window
        for index in recording.windows
        for window in recording.windows_of(index)
        if recording.plan.phases[index].model is LoadModel.CLOSED
    ]
    usage = next((u for u in usage_by_role(recording.readings, closed) if u.role == GENERATOR), None)
    processes = max(1, recording.plan.workers.local)
    busiest = max(recording.worker_cores, default=0.0)
    mean = usage.cpu_cores_mean / processes if usage is not None else 0.0
    return max(mean, busiest) > SATURATED_CORES


def _tokens(recording: Recording) -> tuple[TokenUsage, ...]:
    """Of every stack, what its answers in the steady segments reported: those to controls are its as well."""
    samples = recording.samples
    good = samples.where(samples.ok & inside(samples, [steady_span(w) for w in recording.all_windows]))
    side_of = good.column("side")
    found = []
    for side in range(recording.sides):
        mine = good.where(np.isin(side_of, served_by(side)))
        counts = {name: mine.tokens(name) for name in ("input_tokens", "output_tokens", "cached_tokens")}
        known = {name: ~np.isnan(values) for name, values in counts.items()}
        totals = {
            name: int(values[known[name]].sum()) for name, values in counts.items() if known[name].any()
        }
        if len(mine):
            found.append(
                TokenUsage(
                    side=side,
                    answers=len(mine),
                    answers_with_usage=int((known["input_tokens"] | known["output_tokens"]).sum()),
                    answers_with_input=int(known["input_tokens"].sum()),
                    answers_with_output=int(known["output_tokens"].sum()),
                    input_tokens=totals.get("input_tokens"),
                    output_tokens=totals.get("output_tokens"),
                    cached_tokens=totals.get("cached_tokens"),
                )
            )
    return tuple(found)


def _side_timelines(recording: Recording) -> tuple[SideTimeline, ...]:
    """A timeline for each of several sides, with the requests to its control, which is the same stack."""
    if recording.sides < 2:
        return ()
    samples = recording.samples
    side_of = samples.column("side")
    found = (
        SideTimeline(
            side=side,
            points=_timeline(recording, samples.where(np.isin(side_of, served_by(side)))),
        )
        for side in range(recording.sides)
    )
    return tuple(each for each in found if each.points)


def _timeline(recording: Recording, samples: SampleTable) -> tuple[TimelinePoint, ...]:
    """A point per second of the run (of several, in a run of more than ten minutes)."""
    windows = recording.windows
    if not windows or not len(samples):
        return ()
    start = min(window.start_s for window in windows.values())
    end = max(window.end_s for window in windows.values())
    step = max(1.0, np.ceil((end - start) / TIMELINE_POINTS))
    bins = np.floor((samples.end_s - start) / step).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(int((end - start) / step) + 2))
    ok, failed, times = samples.ok[order], samples.failed[order], samples.response_time_ms[order]
    sent_s = np.sort(samples.due_s + samples.column("send_delay_ms") / 1e3)
    end_s = np.sort(samples.end_s)
    points = []
    for second, (low, high) in enumerate(pairwise(edges.tolist())):
        answered = times[low:high][ok[low:high]]
        middle = start + (second + 0.5) * step
        users = _users_at(recording, middle)
        points.append(
            TimelinePoint(
                at_s=round(float(second * step), 3),
                users=users,
                under_way=_under_way(sent_s, end_s, middle) if users is None else None,
                completed=len(answered),
                failed=int(failed[low:high].sum()),
                p50_ms=round(quantile(answered, 0.5), 4) if len(answered) else None,
                p95_ms=round(quantile(answered, 0.95), 4) if len(answered) else None,
            )
        )
    return tuple(points)


def _users_at(recording: Recording, at_s: float) -> int | None:
    """The users of the phase that runs at an instant: none between phases, None in an open loop."""
    for index in recording.windows:
        if any(window.start_s <= at_s < window.end_s for window in recording.windows_of(index)):
            return recording.plan.phases[index].users
    return 0


def _under_way(sent_s: FloatArray, end_s: FloatArray, at_s: float) -> int:
    """How many requests are under way at an instant; those of all requests are given, each sorted."""
    return int(np.searchsorted(sent_s, at_s, "right") - np.searchsorted(end_s, at_s, "right"))
