"""From rounds of the same code to their noise; and whether a calibration applies, and what it then says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from govbench.compare.rounds import levels_of, observations
from govbench.compare.trial import design
from govbench.config.settings import CompareConfig
from govbench.results.calibration import Calibration, DetectableChange, Noise
from govbench.results.comparison import Finding, Margin, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Observation, Round
from govbench.results.versions import PlanVersions, difference
from govbench.stats import (
    RunNoise,
    instance_deviation,
    rounds_detectable_effect,
    run_deviation,
)

BUDGETS_S = (30.0, 60.0, 120.0, 300.0)
# Rounds of a calibration lie minutes apart and stored runs days: it cannot lower the noise further than that.
LEAST_SHARE_OF_RUN_SD = 0.5
# How many runs' worth of evidence the noise of one run is: where it is assumed, and at most where calibrated.
ASSUMED_DF, MOST_CALIBRATED_DF = 4.0, 10.0
# In rounds it is that of open loops at one rate, which says nothing of the closed loops of a run.
_OF_ROUNDS_ONLY = frozenset({MetricName.THROUGHPUT})


def noises_of(rounds: Sequence[Round], *, restarted: bool) -> tuple[Noise, ...]:
    """The noise of every metric that all rounds have as a ratio, from rounds of the same code on both sides.

    Of several load levels it is the largest: it has to hold at each of them.

    Args:
        rounds: at least two.
        restarted: whether each had fresh instances; if not, nothing can be said of instances.
    """
    found = []
    for test_type in TestType:
        for name in MetricName:
            levels = [observations(rounds, test_type, name, at) for at in levels_of(rounds, test_type, name)]
            if all(len(seen) == len(rounds) and all(o.effect is not None for o in seen) for seen in levels):
                found.append(_largest([_noise(seen, restarted=restarted) for seen in levels]))
    return tuple(found)


def _largest(noises: Sequence[Noise]) -> Noise:
    of_instances = [noise.instance_sd for noise in noises if noise.instance_sd is not None]
    return replace(
        noises[0],
        instance_sd=max(of_instances, default=None),
        between_run_sd=max(noise.between_run_sd for noise in noises),
        round_se=max(noise.round_se for noise in noises),
    )


def _noise(seen: Sequence[Observation], *, restarted: bool) -> Noise:
    effects = [o.effect or 0.0 for o in seen]
    errors = [o.standard_error or 0.0 for o in seen]
    return Noise(
        test_type=seen[0].test_type,
        metric=seen[0].metric,
        instance_sd=instance_deviation(effects, errors) if restarted else None,
        between_run_sd=run_deviation(
            [math.log(o.base) for o in seen if o.base is not None],
            [math.log(o.head) for o in seen if o.head is not None],
        ),
        round_se=math.sqrt(sum(error**2 for error in errors) / len(errors)),
    )


def detectable_changes(
    noises: Sequence[Noise], findings: Sequence[Finding], *, round_time_s: float, config: CompareConfig
) -> tuple[DetectableChange, ...]:
    """What ``govbench ab`` would find within each of ``BUDGETS_S``, with 80 % probability, at its last look.

    A budget that is too short for a look has no entry, and so has a metric without noise between instances.

    Args:
        noises: of the rounds.
        findings: of the same rounds; they hold margins, values, and how many metrics share the level.
        round_time_s: what a round takes, boots included.
        config: with the level.
    """
    by_key = {(f.test_type, f.metric): f for f in findings}
    judged = [level for f in findings if f.gated for level in f.levels or (f,)]
    gated = sum(each.verdict is not Verdict.INVALID for each in judged)
    found = []
    for budget_s in BUDGETS_S:
        plan = design(int(budget_s / round_time_s), level=config.level)
        if not plan.looks:
            continue
        for noise in noises:
            finding = by_key[noise.test_type, noise.metric]
            if noise.instance_sd is None:
                continue
            effect = rounds_detectable_effect(
                rounds=plan.looks[-1],
                within_se=noise.round_se,
                instance_sd=noise.instance_sd,
                margin=_log_margin(finding),
                level=1 - (1 - plan.levels[-1]) / (gated if finding.gated else 1),
            )
            found.append(
                DetectableChange(
                    test_type=noise.test_type,
                    metric=noise.metric,
                    max_time_s=budget_s,
                    rounds=plan.rounds,
                    mde=math.expm1(effect),
                )
            )
    return tuple(found)


def nothing_gated(findings: Sequence[Finding]) -> str | None:
    """Why no gated metric could be judged, or None: one could, or none is gated."""
    gated = [finding for finding in findings if finding.gated]
    if not gated or any(finding.verdict is not Verdict.INVALID for finding in gated):
        return None
    return "; ".join(f"{finding.metric}: {finding.reason}" for finding in gated)


def _log_margin(finding: Finding) -> float:
    margin = finding.margin or Margin(relative=0.0)
    values = [side.value for side in (finding.baseline, finding.candidate) if side is not None]
    middle = math.exp(sum(math.log(value) for value in values) / len(values))
    return math.log1p(max(margin.relative, margin.absolute / middle))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a calibration has to fit: suite and machine class, what is measured, and under which load.

    ``kinds`` are the forms of the targets, ``versions`` those of the test types, by their names.
    ``suite_version`` and ``restarted``, whether every round has fresh instances, are None where only metrics
    carry over, as from rounds to a run.
    """

    suite: str
    machine_class: str
    kinds: tuple[str, ...]
    suite_version: str | None = None
    versions: PlanVersions = field(default_factory=dict)
    restarted: bool | None = None


def refusal(made: Calibration, here: Load, *, age_days: float, max_age_days: int) -> str | None:
    """Why a calibration does not count here, or None."""
    load = _other_load(made, here)
    reasons = (
        (
            made.machine_class != here.machine_class,
            f"it is of another machine class, {made.machine_class}",
        ),
        (made.suite != here.suite, f"it is of another suite, {made.suite}"),
        (
            age_days > max_age_days,
            f"it is {age_days:.0f} days old, and compare.calibration_max_age_days is {max_age_days}",
        ),
        (age_days < -1, "it is dated in the future"),
        *_otherwise_made(made, here),
        (load is not None, f"it was made under another load, {load}"),
    )
    return next((reason for found, reason in reasons if found), None)


def _other_load(made: Calibration, here: Load) -> str | None:
    """What is asked otherwise than when the calibration was made, of the test types that are asked here."""
    if here.suite_version is None:
        return None
    if not made.versions or not here.versions:
        other = made.suite_version != here.suite_version
        return f"{made.suite_version} and not {here.suite_version}" if other else None
    for name, version in here.versions.items():
        if name not in made.versions:
            return f"it has no {name}"
        if said := difference(made.versions[name], version):
            return said
    return None


# A commit of the configured stack is started by its command, as the command itself is.
_STARTED_ALIKE = {"git": "command"}


def _otherwise_made(made: Calibration, here: Load) -> tuple[tuple[bool, str], ...]:
    """Noise is that of what was measured: of fresh instances or of lasting ones, of one kind of target."""
    if made.target_kind is None or made.restarted is None:
        told = "it does not say of what kind of target it is and whether that was started anew"
        return ((True, f"{told}: an older version made it"),)
    kinds = {_STARTED_ALIKE.get(kind, kind) for kind in (made.target_kind, *here.kinds)}
    return (
        (
            here.restarted is not None and not made.restarted,
            "nothing was started anew in it, so it knows nothing of the noise between two instances",
        ),
        (
            here.restarted is False,
            "it was made with fresh instances in every round, and here the same ones stay for all",
        ),
        (len(kinds) > 1, f"it was made with another kind of target, {made.target_kind}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The calibration in force, if any; ``refused`` says why one that is there does not count."""

    calibration: Calibration | None = None
    refused: str | None = None

    def between_run_sd(self, config: CompareConfig, test_type: TestType, name: MetricName) -> float:
        """Standard deviation of the log ratio of two runs of the same code, measured apart."""
        noise = self._noise(test_type, name)
        if noise is None:
            return config.between_run_sd
        return max(noise.between_run_sd, LEAST_SHARE_OF_RUN_SD * config.between_run_sd)

    def run_noise(self, config: CompareConfig, test_type: TestType, name: MetricName) -> RunNoise:
        """What is known of one run before any stored one was seen, and how much evidence that is."""
        df = ASSUMED_DF
        if self.calibration is not None and self._noise(test_type, name) is not None:
            df = min(MOST_CALIBRATED_DF, self.calibration.rounds - 1.0)
        return RunNoise(sd=self.between_run_sd(config, test_type, name) / math.sqrt(2), df=df)

    def _noise(self, test_type: TestType, name: MetricName) -> Noise | None:
        if self.calibration is None or name in _OF_ROUNDS_ONLY:
            return None
        return self.calibration.noise(test_type, name)

    def covers(self, test_types: Sequence[TestType]) -> bool:
        """Whether it says anything of runs of these test types."""
        return self.calibration is not None and any(
            noise.test_type in test_types and noise.metric not in _OF_ROUNDS_ONLY
            for noise in self.calibration.noises
        )


def said_of(made: Calibration) -> str:
    """When and how a calibration was made, in the words of a note."""
    return f"calibrated on {made.calibrated_at[:10]} with {made.rounds} rounds of {made.target}"
