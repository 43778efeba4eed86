"""Measures a plan: load on, resources polled, samples read back. The heart of ``run`` and of ``demo``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from govbench.errors import LoadError, ResultsError
from govbench.load.launch import Event, LoadEnd, LoadProcess
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.progress import Progress
from govbench.pipeline.recording import EndedLoad, Occasion, Subject, recording_of
from govbench.record.phases import phase_windows
from govbench.record.processes import ProcessTree
from govbench.record.reader import SampleTable, read_samples
from govbench.record.resources import ResourcePoller
from govbench.record.series import Reading
from govbench.record.summarise import GENERATOR, summarise, target_role
from govbench.results.meters import Together
from govbench.results.plan import Plan
from govbench.results.run import RunStatus, RunSummary
from govbench.stack.running import RunningStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is needed to measure: of whom, by which plan, and the stacks in the order of the plan's sides."""

    occasion: Occasion
    subject: Subject
    plan: Plan
    stacks: Sequence[RunningStack]


def measure(work: Measurement, stopper: Stopper, progress: Progress) -> RunSummary:
    """Put the load on and summarise it, whole or as far as it got.

    Raises:
        LoadError: the load process could not be started, or left nothing that can be read.
    """
    end, readings = _put_load_on(work, stopper, progress)
    try:
        samples = read_samples(work.occasion.folder)
    except ResultsError as error:
        raise LoadError(end.failure or str(error)) from error
    last_s = float(samples.end_s.max()) if len(samples) else time.time()
    windows = phase_windows(end.events, end_s=last_s)
    status, note = _status(work, end, stopper)
    return summarise(
        recording_of(
            work.occasion,
            work.subject,
            [EndedLoad(plan=work.plan, end=end, windows=windows, readings=readings)],
            samples,
            status=status,
            note=note,
            warnings=_warnings(work, end, samples),
        )
    )


def _put_load_on(
    work: Measurement, stopper: Stopper, progress: Progress
) -> tuple[LoadEnd, tuple[Reading, ...]]:
    process = LoadProcess(work.plan, work.occasion.folder)
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
    poller = ResourcePoller({GENERATOR: ProcessTree(process.pid), **meters}, process.folder)
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


def _status(work: Measurement, end: LoadEnd, stopper: Stopper) -> tuple[RunStatus, str | None]:
    if stopper.stopped:
        return RunStatus.INTERRUPTED, "interrupted by a signal"
    for stack in work.stacks:
        if (ending := stack.ending("during the run")) is not None:
            return RunStatus.FAILED, ending
    if end.completed:
        return RunStatus.COMPLETED, None
    return RunStatus.FAILED, end.failure or "the load ended early"


def _warnings(work: Measurement, end: LoadEnd, samples: SampleTable) -> tuple[str, ...]:
    texts = [_error_text(error) for error in end.errors]
    texts += [_user_error_text(error) for e in end.events for error in e.get("user_errors", ())]
    is_asked = work.subject.settings.load.users is not None  # one level of so many requests, and no more
    if not is_asked and any(e["event"] == "done" and e.get("limited") for e in end.events):
        texts.append(f"stopped at the limit of {work.plan.max_requests} requests")
    if len(samples) and not samples.kernel_clock.any():
        texts.append(
            "no kernel timestamps on this system: times are those at which the program saw an answer"
        )
    texts += [stack.health.note for stack in work.stacks if stack.health and stack.health.note]
    return (*texts, *work.subject.settings.notes)


def _user_error_text(error: Event) -> str:
    return f"{error['count']}x raised by a user of the test file: {error['message']}"


def _error_text(error: Event) -> str:
    return f"{error['count']}x {error['outcome']}: {error['message']}"
