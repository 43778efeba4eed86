"""The first step of ``govbench run``: boot the target, put the load on, summarise. Judges nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from govbench.baselines.git import provenance
from govbench.config.profiles import build_phases, suite_version
from govbench.config.requests import build_sides
from govbench.config.settings import Settings
from govbench.config.targets import Target as ParsedTarget
from govbench.config.targets import parse_target
from govbench.config.versions import plan_versions
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.measure import Measurement, measure
from govbench.pipeline.plan import address_of, build_plan, described
from govbench.pipeline.progress import Progress
from govbench.pipeline.quick_check import preflight
from govbench.pipeline.ready import measured_commit, ready_to_boot, settings_at
from govbench.pipeline.recording import Occasion, Subject
from govbench.pipeline.test_file import content_of
from govbench.record.speed import machine_speed, together
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stack.boot import boot
from govbench.stack.prepare import Prepared

NAME = "candidate"
# Where a second measurement of what the first one flagged is kept, within the folder of the run.
AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A target that is built and can be booted, as often as it is to be measured."""

    settings: Settings
    target: ParsedTarget
    ready: Prepared
    occasion: Occasion
    environ: Mapping[str, str]
    cwd: Path
    stopper: Stopper
    progress: Progress

    def measure(self) -> RunSummary:
        """A fresh instance under the whole load of the configured profile.

        Raises:
            GovbenchError: it did not come up, or could not be measured.
        """
        return self._measured(self.settings, self.occasion)

    def measure_again(self, test_types: tuple[TestType, ...]) -> RunSummary:
        """Another instance of the same commit, as long as the first time, for some of the test types.

        Raises:
            GovbenchError: as ``measure``.
        """
        self.stopper.graceful = None  # a signal during the boot leaves it
        folder = self.occasion.folder / AGAIN
        folder.mkdir()
        only = replace(self.settings, load=replace(self.settings.load, test_types=test_types))
        now = replace(self.occasion.environment, speed=machine_speed())
        return self._measured(only, replace(self.occasion, folder=folder, environment=now))

    def _measured(self, settings: Settings, occasion: Occasion) -> RunSummary:
        ready = self.ready
        with boot(
            ready.target,
            ready.config,
            name=NAME,
            log_folder=occasion.folder,
            environ=self.environ,
            seed=settings.load.seed,
            folder=ready.folder,
            tell=self.progress.step,
        ) as stack:
            here = settings_at(settings, ready)
            sides = build_sides(here, [(NAME, address_of(ready.target, stack))])
            preflight(sides[0], here, ready.target, self.progress)
            plan = build_plan(here, build_phases(here.load), sides)
            subject = Subject(
                settings=here,
                profile=here.load.profile,
                suite_version=suite_version(plan.phases, plan.scenarios),
                versions=plan_versions(
                    here, plan.phases, target=ready.target, test_file=content_of(here.load.test_file)
                ),
                targets=(described(NAME, self.target, sides[0]),),
                provenance=measured_commit(ready)
                or provenance(self.cwd, baselines_folder=here.baselines.folder),
            )
            work = Measurement(occasion=occasion, subject=subject, plan=plan, stacks=[stack])
            summary = measure(work, self.stopper, self.progress)
        return _with_speed_after(summary)  # with nothing of the target left that could slow it


def _with_speed_after(summary: RunSummary) -> RunSummary:
    """The summary with the speed of the machine before its load and after it, together."""
    before = summary.environment.speed
    if before is None:
        return summary
    speed = together([before, machine_speed()])
    return replace(summary, environment=replace(summary.environment, speed=speed))


@contextlib.contextmanager
def prepared(
    settings: Settings,
    occasion: Occasion,
    stopper: Stopper,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    progress: Progress,
) -> Iterator[Candidate]:
    """The configured target, checked out and built where that is needed, until the block is left.

    Raises:
        GovbenchError: it cannot be built.
    """
    target = parse_target(settings.target.form)
    with ready_to_boot(
        settings, target, name=NAME, log_folder=occasion.folder, environ=environ, progress=progress
    ) as ready:
        yield Candidate(
            settings=settings,
            target=target,
            ready=ready,
            occasion=occasion,
            environ=environ,
            cwd=cwd,
            stopper=stopper,
            progress=progress,
        )
