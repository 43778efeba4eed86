"""Calibrations in the course of a command: which one applies here, and why another does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from govbench.baselines.calibration import calibration_path, read_calibration
from govbench.compare.calibration import InForce, Load, refusal
from govbench.config.rounds import RoundLoad
from govbench.config.settings import Settings
from govbench.config.targets import Target, TargetKind
from govbench.pipeline.progress import Progress
from govbench.pipeline.stored import StoredRuns
from govbench.results.calibration import Calibration, OtherVersion
from govbench.results.run import RunSummary

REMEDY = "make one with govbench calibrate"


def calibration_for(
    settings: Settings,
    machine_class: str,
    load: RoundLoad,
    targets: tuple[Target, ...],
    cwd: Path,
    progress: Progress,
) -> InForce:
    """The calibration that rounds are judged by: of this suite, machine class and load, and not too old.

    One that is there and does not count is noted, and so is what to do about it.

    Raises:
        ResultsError: the file is damaged.
    """
    here = Load(
        suite=settings.suite,
        machine_class=machine_class,
        kinds=tuple(target.kind.value for target in targets),
        suite_version=load.version,
        versions=load.versions(settings, targets[-1]),
        restarted=all(target.is_started for target in targets),
    )
    known = _in_force(here, settings, cwd, ref=settings.gate.commit)
    if known.refused:
        progress.note(known.refused)
    return known


def calibration_for_run(summary: RunSummary, settings: Settings, stored: StoredRuns) -> InForce:
    """The calibration for a run that was measured apart from its baseline.

    A run has another load than rounds, so metrics carry over and the suite version does not count: the noise
    of a metric of a test type in rounds stands for that of the same metric and test type in a run. One that
    is damaged does not count, and stops nothing.
    """
    here = Load(
        suite=summary.run.suite,
        machine_class=summary.environment.machine_class,
        kinds=(_kind_of(summary.targets[-1].form),),
    )
    if stored.unusable is not None:
        return InForce(refused=f"{stored.unusable}: it does not count; {REMEDY}")
    known = _fitting(stored.calibration, here, settings)
    test_types = tuple(result.test_type for result in summary.test_types)
    if known.calibration is None or known.covers(test_types):
        return known
    path = settings.baselines.folder / calibration_path(here.suite, here.machine_class)
    names = ", ".join(dict.fromkeys(test_types))
    return InForce(refused=f"{path} does not count: it has no metric of {names}; {REMEDY} --test-types")


def calibration_for_stored(
    suite: str, machine_class: str, settings: Settings, cwd: Path, *, ref: str | None = None
) -> InForce:
    """The calibration for the stored runs of a suite on a machine class, which name no target.

    Raises:
        ResultsError: the file is damaged, or ``ref`` is unknown.
    """
    return _in_force(Load(suite=suite, machine_class=machine_class, kinds=()), settings, cwd, ref=ref)


def _in_force(here: Load, settings: Settings, cwd: Path, *, ref: str | None) -> InForce:
    folder = settings.baselines.folder
    try:
        made = read_calibration(cwd, folder, here.suite, here.machine_class, ref=ref)
    except OtherVersion as error:
        return InForce(refused=f"{error}: it does not count; {REMEDY}")
    return _fitting(made, here, settings)


def _fitting(made: Calibration | None, here: Load, settings: Settings) -> InForce:
    path = settings.baselines.folder / calibration_path(here.suite, here.machine_class)
    if made is None:
        return InForce()
    reason = refusal(
        made,
        here,
        age_days=made.age_days(datetime.now(UTC)),
        max_age_days=settings.compare.calibration_max_age_days,
    )
    if reason is None:
        return InForce(calibration=made)
    return InForce(refused=f"{path} does not count: {reason}; {REMEDY}")


def _kind_of(form: str) -> str:
    """The kind of a target by its text in a report, in which credentials may have been left out."""
    kind = form.partition(":")[0]
    return kind if kind in set(TargetKind) else TargetKind.URL.value
