"""From loads that have ended to a ``Recording``: the one builder, for a run and for rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from govbench import __version__
from govbench.config.settings import Settings
from govbench.load.launch import LoadEnd
from govbench.pipeline.folder import make_run_folder, new_run_id
from govbench.record.environment import describe_environment
from govbench.record.phases import dropped_by_phase, examples_by_phase, slice_windows
from govbench.record.reader import SampleTable
from govbench.record.series import Reading
from govbench.record.speed import machine_speed
from govbench.record.summarise import Recording
from govbench.results.plan import Plan
from govbench.results.rounds import Round
from govbench.results.run import Environment, Provenance, RunInfo, RunStatus, Target, Window
from govbench.results.versions import PlanVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When, where and under which name something is measured, and the machine as it was before any load."""

    run_id: str
    folder: Path
    environment: Environment
    started: datetime


def begin(settings: Settings, environ: Mapping[str, str], cwd: Path) -> Occasion:
    """A folder for what is to come, and how busy and how fast the machine is before it."""
    run_id = new_run_id(datetime.now(UTC))
    folder = make_run_folder(cwd / settings.output.folder, run_id)
    environment = replace(describe_environment(environ), speed=machine_speed())
    return Occasion(run_id=run_id, folder=folder, environment=environment, started=datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLoad:
    """A load from its plan to its end: when it had which phase, and what was read off the processes."""

    plan: Plan
    end: LoadEnd
    windows: Mapping[int, Window]
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a recording is of: the suite as asked, with its versions, the targets by side, the commit."""

    settings: Settings
    profile: str
    suite_version: str
    targets: tuple[Target, ...]
    provenance: Provenance
    versions: Mapping[str, PlanVersion] = field(default_factory=dict)


def recording_of(
    occasion: Occasion,
    subject: Subject,
    loads: Sequence[EndedLoad],
    samples: SampleTable,
    *,
    status: RunStatus,
    note: str | None,
    warnings: Sequence[str] = (),
    rounds: tuple[Round, ...] = (),
) -> Recording:
    """All that the loads left behind.

    Args:
        occasion: when and where.
        subject: of whom.
        loads: in order of time, of one plan; several where ``rounds`` are given, one for each.
        samples: of all of them.
        status: how it ended.
        note: why it ended early.
        warnings: what a reader should know.
        rounds: of a paired comparison.
    """
    settings, events = subject.settings, [event for load in loads for event in load.end.events]
    plan = loads[0].plan
    return Recording(
        info=RunInfo(
            id=occasion.run_id,
            suite=settings.suite,
            suite_version=subject.suite_version,
            profile=subject.profile,
            status=status,
            started_at=occasion.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            duration_s=round((datetime.now(UTC) - occasion.started).total_seconds(), 3),
            seed=settings.load.seed,
            govbench_version=__version__,
            region=settings.output.region,
            note=note,
            versions=dict(subject.versions),
        ),
        plan=plan,
        targets=subject.targets,
        environment=occasion.environment,
        provenance=subject.provenance,
        samples=samples,
        windows={
            index: _span([load.windows[index] for load in loads if index in load.windows])
            for index in sorted({index for load in loads for index in load.windows})
        },
        slices=tuple(s for load in loads for s in slice_windows(load.plan, load.end.events, load.windows)),
        readings=tuple(reading for load in loads for reading in load.readings),
        dropped=_dropped(loads),
        dropped_steady=_dropped(loads, steady=True),
        examples=examples_by_phase(events),
        worker_cores=tuple(cores for event in events for cores in event.get("worker_cores", ()) if cores),
        warnings=tuple(warnings),
        rounds=rounds,
        round_windows=tuple(load.windows for load in loads) if rounds else (),
    )


def _span(windows: Sequence[Window]) -> Window:
    """From the first to the last of the windows of a phase; what lies between two rounds is in it."""
    return Window(
        start_s=min(w.start_s for w in windows),
        steady_start_s=min(w.steady_start_s for w in windows),
        steady_end_s=max(w.steady_end_s for w in windows),
        end_s=max(w.end_s for w in windows),
    )


def _dropped(loads: Sequence[EndedLoad], *, steady: bool = False) -> dict[tuple[int, int], int]:
    found: Counter[tuple[int, int]] = Counter()
    for load in loads:
        found.update(dropped_by_phase(load.end.events, steady=steady))
    return dict(found)
