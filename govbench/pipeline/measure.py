"""Measures a plan: load on, resources polled, samples read back. The heart of ``run`` and of ``demo``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from govbench import __version__
from govbench.baselines.git import provenance
from govbench.config.profiles import suite_version
from govbench.config.settings import Settings
from govbench.errors import LoadError, ResultsError
from govbench.load.launch import Event, LoadEnd, LoadProcess
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.progress import Progress
from govbench.record.environment import describe_environment
from govbench.record.phases import dropped_by_phase, phase_windows, slice_windows
from govbench.record.reader import SampleTable, read_samples
from govbench.record.resources import ProcessTree, Reading, ResourcePoller
from govbench.record.summarise import GENERATOR, Recording, summarise, target_role
from govbench.results.meters import Together
from govbench.results.plan import Plan
from govbench.results.run import Provenance, RunInfo, RunStatus, RunSummary, Target
from govbench.stack.running import RunningStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is needed to measure, and who asks: settings, plan, stacks in the order of the plan's sides.

    ``provenance`` is the commit that is measured; None: the one that the work tree around ``cwd`` stands at.
    """

    settings: Settings
    plan: Plan
    profile: str
    stacks: Sequence[RunningStack]
    targets: tuple[Target, ...]
    run_id: str
    folder: Path
    environ: Mapping[str, str]
    cwd: Path
    provenance: Provenance | None = None


def measure(work: Measurement, stopper: Stopper, progress: Progress) -> RunSummary:
    """Put the load on and summarise it, whole or as far as it got.

    Raises:
        LoadError: the load process could not be started, or left nothing that can be read.
    """
    environment = describe_environment(work.environ)  # before the load: it notes how busy the machine was
    started = datetime.now(UTC)
    end, readings = _put_load_on(work, stopper, progress)
    samples = _samples(work.folder, end)
    last_s = float(samples.end_s.max()) if len(samples) else time.time()
    windows = phase_windows(end.events, end_s=last_s)
    status, note = _status(work, end, stopper)
    return summarise(
        Recording(
            info=RunInfo(
                id=work.run_id,
                suite=work.settings.suite,
                suite_version=suite_version(work.plan.phases, work.plan.scenarios),
                profile=work.profile,
                status=status,
                started_at=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
                duration_s=round((datetime.now(UTC) - started).total_seconds(), 3),
                seed=work.plan.seed,
                govbench_version=__version__,
                region=work.settings.output.region,
                note=note,
            ),
            plan=work.plan,
            targets=work.targets,
            environment=environment,
            provenance=work.provenance
            or provenance(work.cwd, baselines_folder=work.settings.baselines.folder),
            samples=samples,
            windows=windows,
            slices=slice_windows(work.plan, end.events, windows),
            readings=readings,
            dropped=dropped_by_phase(end.events),
            worker_cores=tuple(cores for e in end.events for cores in e.get("worker_cores", ()) if cores),
            warnings=_warnings(work, end, samples),
        )
    )


def _put_load_on(
    work: Measurement, stopper: Stopper, progress: Progress
) -> tuple[LoadEnd, tuple[Reading, ...]]:
    process = LoadProcess(work.plan, work.folder)
    progress.load_begins(work.plan)
    try:
        return follow_load(process, work.stacks, stopper, progress.load_event)
    finally:
        progress.load_ends()


def follow_load(
    process: LoadProcess,
    stacks: Sequence[RunningStack],
    stopper: Stopper,
    on_event: Callable[[Event], None],
) -> tuple[LoadEnd, tuple[Reading, ...]]:
    """Follow a load process to its end, polling it and the stacks; the first signal ends it in order."""
    parts = {target_role(i): stack.meters(ProcessTree) for i, stack in enumerate(stacks)}
    meters = {role: Together(found) for role, found in parts.items() if found}
    poller = ResourcePoller({GENERATOR: ProcessTree(process.pid), **meters})
    stopper.graceful = process.stop
    try:
        end = process.follow(on_event)
    except KeyboardInterrupt:
        process.kill()
        end = process.follow(on_event)
    finally:
        # What was measured is about to be summarised: from here on only the second signal cuts that short.
        stopper.graceful = _noted
        process.close()
        readings = poller.stop()
    return end, readings


def _noted() -> None:
    """Nothing needs stopping any more; that a signal came, the stopper knows."""


def _samples(folder: Path, end: LoadEnd) -> SampleTable:
    try:
        return read_samples(folder)
    except ResultsError as error:
        raise LoadError(end.failure or str(error)) from error


def _status(work: Measurement, end: LoadEnd, stopper: Stopper) -> tuple[RunStatus, str | None]:
    if stopper.stopped:
        return RunStatus.INTERRUPTED, "interrupted by a signal"
    gone = [stack for stack in work.stacks if stack.exit_code() is not None]
    if gone:
        return RunStatus.FAILED, f"the stack {gone[0].name} ended during the run"
    if end.completed:
        return RunStatus.COMPLETED, None
    return RunStatus.FAILED, end.failure or "the load ended early"


def _warnings(work: Measurement, end: LoadEnd, samples: SampleTable) -> tuple[str, ...]:
    texts = [_error_text(error) for error in end.errors]
    texts += [_user_error_text(error) for e in end.events for error in e.get("user_errors", ())]
    if any(e["event"] == "done" and e.get("limited") for e in end.events):
        texts.append(f"stopped at the limit of {work.plan.max_requests} requests")
    if len(samples) and not samples.column("clock").any():
        texts.append(
            "no kernel timestamps on this system: times are those at which the program saw an answer"
        )
    texts += [stack.health.note for stack in work.stacks if stack.health and stack.health.note]
    return (*texts, *work.settings.notes)


def _user_error_text(error: Event) -> str:
    return f"{error['count']}x raised by a user of the test file: {error['message']}"


def _error_text(error: Event) -> str:
    return f"{error['count']}x {error['outcome']}: {error['message']}"
