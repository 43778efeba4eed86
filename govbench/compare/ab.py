"""The answer of a paired comparison in rounds: findings, what they rest on, and the overall verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from govbench.compare.calibration import said_of
from govbench.compare.compare import concluded
from govbench.compare.course import courses_of
from govbench.compare.explain import besides, explained
from govbench.compare.moved import moved_in_rounds
from govbench.compare.rounds import (
    CONTROL_LEVEL,
    Judging,
    control_effect,
    control_fault,
    control_said,
    is_flat,
    waiting_of,
    waits,
)
from govbench.compare.soundness import run_fault
from govbench.compare.trial import Trial
from govbench.config.settings import Threshold
from govbench.results.comparison import Comparison, Method, Reference
from govbench.results.metrics import MetricName
from govbench.results.rounds import Round
from govbench.results.run import RunSummary

_P50 = MetricName.RESPONSE_TIME_P50


def compare_rounds(
    summary: RunSummary,
    trial: Trial | None,
    judging: Judging,
    thresholds: Sequence[Threshold] = (),
    *,
    baseline: Reference,
) -> Comparison:
    """The verdict on a paired comparison; thresholds are held against head alone.

    Args:
        summary: of all rounds together.
        trial: the rounds and the looks that were taken; None where no round was whole.
        judging: by what they are judged.
        thresholds: absolute bounds.
        baseline: what base is called.
    """
    rounds = trial.rounds if trial else []
    fault = run_fault(summary) or ("not one round was whole" if trial is None else None)
    moved = moved_in_rounds(rounds, judging) if not fault else ()
    findings = explained(trial.findings(), moved) if trial and not fault else ()
    compared = concluded(
        Method.PAIRED_ROUNDS,
        baseline,
        summary,
        findings=findings,
        thresholds=thresholds,
        fault=fault or control_fault(rounds, judging.config),
        notes=_notes(rounds, trial, judging),
    )
    head = summary.targets[-1]
    return replace(
        compared,
        candidate=replace(compared.candidate, label=f"{head.name} ({head.form})"),
        courses=courses_of(findings, rounds, judging),
        besides=besides(findings, moved),
        looks=trial.plan.looks[: trial.looks_taken] if trial else (),
        look_levels=trial.plan.levels[: trial.looks_taken] if trial else (),
        confirmed=trial.confirmed if trial else (),
    )


def _notes(rounds: Sequence[Round], trial: Trial | None, judging: Judging) -> tuple[str, ...]:
    if trial is None or not rounds:
        return ()
    load_s = sum(each.load_s for each in rounds)
    confirming = sum(each.confirms for each in rounds)
    fresh = "fresh instances in each" if judging.restarted else "the same instances in all"
    number = f"{len(rounds)} round{'s' if len(rounds) > 1 else ''}"
    said = f"{number} with {fresh}, {load_s:.0f} s of load in pairs; {_looks(trial.looks_taken)}"
    if confirming:
        said += f"; {confirming} of the rounds {'was' if confirming == 1 else 'were'} run to confirm"
    notes = (f"{said}.", _noise(judging), _control(rounds, judging), _waited(rounds), _own_clocks(rounds))
    return tuple(note for note in notes if note)


def _waited(rounds: Sequence[Round]) -> str | None:
    """What is said where a queue had a part in the response times."""
    keys = dict.fromkeys(
        (o.test_type, o.level) for each in rounds for o in each.observations if o.waiting is not None
    )
    longest = max(
        (waiting_of(rounds, test_type, _P50, level) or 0.0 for test_type, level in keys), default=0.0
    )
    if not waits(longest):
        return None
    return (
        f"Requests waited for each other at a side: with more of them under way an answer took"
        f" {math.expm1(longest):.0%} longer. Differences look larger there than the service's own, which"
        " fewer --users show."
    )


def _control(rounds: Sequence[Round], judging: Judging) -> str | None:
    control = control_effect(rounds)
    if control is None:
        return None
    flat = "flat" if is_flat(control, judging.config) else "not flat"
    return f"Control: each side against itself {control_said(control)} at {CONTROL_LEVEL:.1%}, {flat}."


def _own_clocks(rounds: Sequence[Round]) -> str | None:
    """What the instances themselves took down, where all of them do."""
    own = [each.own_effect for each in rounds if each.own_effect is not None]
    if len(own) < len(rounds):
        return None
    factor = math.exp(statistics.fmean(own))
    return f"By their own clocks the instances' median service times differ by a factor of {factor:.3f}."


def _looks(count: int) -> str:
    return "no look was taken" if not count else f"{count} look{'s' if count > 1 else ''} at the verdict"


def _noise(judging: Judging) -> str:
    what = "The noise between two instances of the same code"
    kept = "" if judging.restarted else " Nothing was started anew, so it enters every interval undiminished."
    default = f"{judging.instance_sd_default:.1%}"
    if judging.calibration is not None:
        return f"{what}: {said_of(judging.calibration)}; metrics that it lacks: {default}.{kept}"
    refused = f": {judging.refused}" if judging.refused else ""
    return f"{what} is taken to be {default}, not calibrated here{refused}.{kept}"
