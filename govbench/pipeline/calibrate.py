"""``govbench calibrate``: one stack against itself, in rounds of fresh instances; what differs is noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from govbench import __version__
from govbench.baselines.calibration import StoredCalibration, check_committable, store_calibration
from govbench.compare.calibration import detectable_changes, noises_of, nothing_gated
from govbench.compare.rounds import Judging, control_fault
from govbench.compare.soundness import run_fault
from govbench.compare.trial import MIN_ROUNDS
from govbench.config.rounds import round_load
from govbench.config.targets import Target, parse_target
from govbench.errors import MeasurementError
from govbench.pipeline.ab.command import Call, Rounds, at_bench, written
from govbench.pipeline.ab.results import Measured
from govbench.pipeline.ab.rounds import SideFailed
from govbench.pipeline.folder import kept_unless_empty
from govbench.pipeline.recording import begin
from govbench.results.calibration import Calibration
from govbench.results.comparison import Finding, Results
from govbench.results.rounds import Round

DEFAULT_ROUNDS = 20
NOT_RESTARTED = (
    "nothing is started anew behind a URL: this calibrates the noise from round to round and from run to run,"
    " not that between two instances, and so tells no detectable change"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The calibration, where it is stored, and the folder of the rounds that it rests on."""

    calibration: Calibration
    stored: StoredCalibration
    folder: Path


def calibrate(call: Call, *, rounds: int, max_time_s: float | None, commit: bool) -> Calibrated:
    """Measure ``call.base``, which is ``call.head`` as well, against itself, and store what that says.

    Args:
        call: both sides of it alike.
        rounds: how many, at least 6.
        max_time_s: where given, as many of them as fit.
        commit: whether to commit the stored file.

    Raises:
        GovbenchError: the stack did not come up, the rounds were too few or not sound, or results or the
            calibration not be written. No calibration is stored then.
        Interrupted: a signal ended it; what was measured is written, and no calibration.
    """
    if commit:
        check_committable(call.cwd, call.settings.baselines.folder)
    target = parse_target(call.base)
    try:
        measured, results, spent_s = _measured(call, target, rounds=rounds, max_time_s=max_time_s)
    except SideFailed as failure:
        raise failure.cause from failure
    made = _calibration(measured, results, target, round_time_s=spent_s)
    stored = store_calibration(
        made,
        folder=call.cwd,
        baselines_folder=call.settings.baselines.folder,
        run_id=measured.occasion.run_id,
        commit=commit,
    )
    return Calibrated(calibration=made, stored=stored, folder=measured.bench.folder)


def _measured(
    call: Call, target: Target, *, rounds: int, max_time_s: float | None
) -> tuple[Measured, Results, float]:
    """The rounds, written down as those of ``govbench ab`` are, and the time that one takes.

    Raises:
        SideFailed: the stack could not be built, or did not come up in the first round.
    """
    load = round_load(call.settings.load, call.settings.ab)
    occasion = begin(call.settings, call.environ, call.cwd)
    folder = occasion.folder
    with kept_unless_empty(folder), at_bench(call, (target, target), load, folder) as bench:
        if not bench.restarts:
            call.progress.note(NOT_RESTARTED)
        judging = Judging(config=call.settings.compare, restarted=bench.restarts)
        course = Rounds(
            bench, judging, exactly=rounds, max_time_s=math.inf if max_time_s is None else max_time_s
        )
        measured, finished = written(call, occasion, course, lost="nothing is calibrated, and ")
        if finished.interrupted is not None:
            raise finished.interrupted
    return measured, finished.results, course.round_time_s


def _calibration(measured: Measured, results: Results, target: Target, *, round_time_s: float) -> Calibration:
    """What the rounds say.

    Raises:
        MeasurementError: they are too few, or no verdict could rest on them.
    """
    rounds = measured.trial.rounds if measured.trial else []
    _refuse_unsound(measured, results, rounds)
    config, bench = measured.bench.settings.compare, measured.bench
    findings: tuple[Finding, ...] = results.comparison.findings if results.comparison else ()
    noises = noises_of(rounds, restarted=bench.restarts)
    if not noises:
        raise MeasurementError("no metric was measured in every round", hint="raise --round for more pairs")
    if (unjudged := nothing_gated(findings)) is not None:
        raise MeasurementError(
            f"nothing is calibrated: no gated metric could be judged ({unjudged})",
            hint=f"what was measured is in {bench.folder}",
        )
    return Calibration(
        machine_class=measured.occasion.environment.machine_class,
        suite=bench.settings.suite,
        suite_version=bench.load.version,
        versions=bench.load.versions(bench.settings, target),
        target=target.anonymous,
        target_kind=target.kind.value,
        restarted=bench.restarts,
        calibrated_at=measured.occasion.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        govbench_version=__version__,
        rounds=len(rounds),
        round_load_s=sum(each.load_s for each in rounds) / len(rounds),
        round_time_s=round_time_s,
        noises=noises,
        detectable=detectable_changes(noises, findings, round_time_s=round_time_s, config=config),
    )


def _refuse_unsound(measured: Measured, results: Results, rounds: Sequence[Round]) -> None:
    fault = run_fault(results.summary) or control_fault(rounds, measured.judging.config)
    folder = measured.bench.folder
    if fault:
        raise MeasurementError(f"nothing is calibrated: {fault}", hint=f"what was measured is in {folder}")
    if len(rounds) < MIN_ROUNDS:
        raise MeasurementError(
            f"nothing is calibrated: only {len(rounds)} rounds; at least {MIN_ROUNDS} are needed",
            hint=f"raise --max-time, or shorten --round; what was measured is in {folder}",
        )
