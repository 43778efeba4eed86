"""``govbench run``: boot, load, record, compare with the baseline, write everything down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from govbench.config.profiles import build_phases
from govbench.config.requests import build_sides
from govbench.config.settings import LoadConfig, Settings
from govbench.config.targets import Target as ParsedTarget
from govbench.config.targets import describe, parse_target
from govbench.load.launch import MASTER_PORT
from govbench.pipeline.baselines import compare_with_baseline
from govbench.pipeline.documents import write_documents
from govbench.pipeline.folder import kept_unless_empty, make_run_folder, new_run_id, point_latest
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.measure import Measurement, measure
from govbench.pipeline.progress import Progress
from govbench.pipeline.quick_check import preflight
from govbench.pipeline.ready import measured_commit, ready_to_boot, settings_at
from govbench.pipeline.test_file import checked_test_file
from govbench.results.comparison import Results
from govbench.results.plan import Phase, Plan, Side, Workers
from govbench.results.run import Target
from govbench.stack.boot import boot
from govbench.stack.prepare import Prepared
from govbench.stack.running import RunningStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run came to, and the folder that holds it."""

    results: Results
    folder: Path


def run(settings: Settings, *, environ: Mapping[str, str], cwd: Path, progress: Progress) -> Finished:
    """Measure the configured target and judge it by the committed baselines.

    Raises:
        GovbenchError: the target did not come up, could not be measured, or results not be written.
        Interrupted: a signal ended the run; what was measured is written.
    """
    target = parse_target(settings.target.form)
    phases = build_phases(settings.load)
    checked_test_file(settings.load.test_file)  # before anything is booted
    run_id = new_run_id(datetime.now(UTC))
    folder = make_run_folder(cwd / settings.output.folder, run_id)
    with kept_unless_empty(folder), Stopper() as stopper:
        with _booted(settings, target, folder=folder, environ=environ, progress=progress) as (ready, stack):
            here = settings_at(settings, ready)
            sides = build_sides(here, [("candidate", address_of(ready.target, stack))])
            preflight(sides[0], here, ready.target, progress)
            work = Measurement(
                settings=here,
                plan=build_plan(here, phases, sides),
                profile=here.load.profile,
                stacks=[stack],
                targets=(described("candidate", target, sides[0]),),
                run_id=run_id,
                folder=folder,
                environ=environ,
                cwd=cwd,
                provenance=measured_commit(ready),
            )
            summary = measure(work, stopper, progress)
        progress.step("comparing and writing the reports")
        # What was measured is written down whole: from here on only the second signal cuts it short. It is
        # told only now, since a signal that came within the line above could not write another one.
        stopper.graceful = lambda: progress.step("interrupted: the reports are being written")
        results = Results(summary=summary, comparison=compare_with_baseline(summary, settings, cwd))
        write_documents(results, folder, fail_on=settings.compare.fail_on)
        point_latest(folder)
        if stopper.stopped:
            raise stopper.interrupted(f"interrupted; what was measured is in {folder}")
    return Finished(results=results, folder=folder)


@contextlib.contextmanager
def _booted(
    settings: Settings, target: ParsedTarget, *, folder: Path, environ: Mapping[str, str], progress: Progress
) -> Iterator[tuple[Prepared, RunningStack]]:
    with (
        ready_to_boot(
            settings, target, name="candidate", log_folder=folder, environ=environ, progress=progress
        ) as ready,
        boot(
            ready.target,
            ready.config,
            name="candidate",
            log_folder=folder,
            environ=environ,
            seed=settings.load.seed,
            folder=ready.folder,
        ) as stack,
    ):
        yield ready, stack


def build_plan(settings: Settings, phases: tuple[Phase, ...], sides: tuple[Side, ...]) -> Plan:
    """The plan of a run from its settings."""
    load = settings.load
    return Plan(
        phases=phases,
        scenarios=load.scenarios,
        sides=sides,
        deadlines=settings.target.deadlines,
        seed=load.seed,
        max_requests=load.max_requests,
        retries=load.retries,
        retry_delay_s=load.retry_delay_s,
        stop_timeout_s=load.stop_timeout_s,
        save_responses=settings.output.save_responses,
        test_file=checked_test_file(load.test_file),
        user_classes=tuple(name.strip() for name in (load.user_class or "").split(",") if name.strip()),
        workers=_workers(load),
    )


def _workers(load: LoadConfig) -> Workers:
    return Workers(
        local=load.workers,
        remote=load.remote_workers,
        bind=load.master_bind,
        port=load.master_port or (MASTER_PORT if load.remote_workers else 0),
        token=load.worker_token,
    )


def described(name: str, target: ParsedTarget, side: Side) -> Target:
    """A target as reports show it."""
    return Target(name=name, form=describe(target), url=side.url, api=side.api.value)


def address_of(target: ParsedTarget, stack: RunningStack) -> str:
    """Where a stack is asked: its address, and the path that a URL target names."""
    return stack.url + (target.request_path or "")
