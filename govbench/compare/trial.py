"""The course of a paired comparison: after which rounds to look, what to confirm, when to stop. Pure.

A look is a verdict that may end the course, so looks are few, fixed beforehand, and each asks for more than
the configured level (O'Brien-Fleming spending): looking early does not raise the false-alarm rate. What a
look flags has to be seen again in fresh rounds before it is reported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from govbench.compare.effects import Effect, at_level
from govbench.compare.levels import by_metric
from govbench.compare.rounds import Judging, effect_over, judge_rounds, observations
from govbench.compare.verdict import change_of
from govbench.results.comparison import Confirmed, Finding, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Round
from govbench.stats import RoundsEffect, nominal_levels

MIN_ROUNDS = 6
MOST_LOOKS = 4
# Fresh rounds that confirm: half as many as flagged, so that a small effect gets a longer second look.
MIN_CONFIRMING, FEWEST_CONFIRMING = 3, 2
CONFIRMING_SHARE = 0.5
# Simulated (benchmarks/verdicts): less finds small changes more often but large ones later, as the first look
# then is a smaller share of all.
KEPT_BACK_SHARE = 0.4
# Of the fresh rounds alone: one-sided 10 %, which after a look at 1 % leaves one false alarm in a thousand.
CONFIRMING_LEVEL = 0.80

_FLAGGED = frozenset({Verdict.REGRESSION, Verdict.IMPROVEMENT})

# A metric of a test type at one of its levels: each is judged, and confirmed, for itself.
Key = tuple[TestType, MetricName, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How many rounds there may be, after how many of them a look is taken, and at which level each.

    ``to_the_end`` runs all of them, whatever is decided before.
    """

    rounds: int
    looks: tuple[int, ...]
    levels: tuple[float, ...]
    to_the_end: bool = False


def design(rounds: int, *, level: float) -> Design:
    """The looks of a comparison of at most ``rounds`` rounds: up to four, the first after six.

    Of the rounds beyond these a part, and at least two, is kept back to confirm what the last look may flag.
    """
    kept_back = max(FEWEST_CONFIRMING, math.ceil(KEPT_BACK_SHARE * (rounds - MIN_ROUNDS)))
    last = min(rounds, max(MIN_ROUNDS, rounds - kept_back))
    if last < MIN_ROUNDS:
        return Design(rounds=rounds, looks=(), levels=())
    steps = MOST_LOOKS - 1
    looks = sorted({MIN_ROUNDS + round((last - MIN_ROUNDS) * k / steps) for k in range(MOST_LOOKS)})
    levels = nominal_levels([look / last for look in looks], 1.0 - level)
    return Design(rounds=rounds, looks=tuple(looks), levels=levels)


def without_looks(rounds: int) -> Design:
    """Exactly ``rounds`` rounds: what a calibration takes."""
    return Design(rounds=rounds, looks=(), levels=(), to_the_end=True)


class Step(StrEnum):
    """What the next round is for."""

    MEASURE = "measure"
    CONFIRM = "confirm"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What fresh rounds said of a change that a look had flagged."""

    verdict: Verdict
    flagged_after: int
    fresh: int
    effect: Effect | None
    agrees: bool


class Trial:
    """Takes one round after the other and says what comes next; the findings can be asked for at any time."""

    def __init__(self, judging: Judging, plan: Design) -> None:
        self.plan = plan
        self.rounds: list[Round] = []
        self.looks_taken = 0
        self.step = Step.MEASURE if plan.rounds else Step.END
        self._judging = judging
        self._flagged: dict[Key, Finding] = {}
        self._confirmations: dict[Key, Confirmation] = {}
        self._flagged_after = 0
        self._fresh_wanted = 0

    @property
    def flagged(self) -> tuple[Key, ...]:
        """What the rounds under way are to confirm."""
        return tuple(self._flagged)

    @property
    def lacks_one_round(self) -> bool:
        """Whether a single round more would let a confirmation that has begun be judged."""
        return bool(self._flagged) and len(self.rounds) - self._flagged_after == FEWEST_CONFIRMING - 1

    @property
    def level(self) -> float:
        """The level of the last look that was taken, the configured one before the first."""
        return self.plan.levels[self.looks_taken - 1] if self.looks_taken else self._judging.config.level

    def add(self, found: Round) -> Step:
        """Take a round that is over; what the next one is for."""
        self.rounds.append(found)
        self.step = self._next()
        return self.step

    def _next(self) -> Step:
        if self._flagged:
            if len(self.rounds) - self._flagged_after < self._fresh_wanted:
                return Step.CONFIRM
            self._confirmations, self._flagged = self._confirmed(), {}
            if self._is_decided():
                return Step.END
        elif len(self.rounds) in self.plan.looks:
            if self._look():
                return Step.CONFIRM
            # A pass is looked for with the rest: after every round it would be found by chance four times as
            # often as its interval says (docs/statistics.md).
            if self._is_decided():
                return Step.END
        return Step.MEASURE if len(self.rounds) < self.plan.rounds else Step.END

    def _look(self) -> bool:
        """Take a look; whether it flagged something that fresh rounds can still confirm."""
        self.looks_taken = self.plan.looks.index(len(self.rounds)) + 1
        judged = judge_rounds(self.rounds, self._judging, level=self.level)
        fresh = [
            f for f in judged if f.gated and f.verdict in _FLAGGED and _key(f) not in self._confirmations
        ]
        left = self.plan.rounds - len(self.rounds)
        if not fresh or left < FEWEST_CONFIRMING:
            return False
        self._flagged = {_key(f): f for f in fresh}
        self._flagged_after = len(self.rounds)
        wanted = max(MIN_CONFIRMING, math.ceil(CONFIRMING_SHARE * len(self.rounds)))
        self._fresh_wanted = min(left, wanted)
        return True

    @property
    def confirmed(self) -> tuple[Confirmed, ...]:
        """What became of everything that a look flagged and that fresh rounds were run for."""
        return tuple(
            Confirmed(
                test_type=test_type,
                metric=metric,
                level=level,
                verdict=each.verdict,
                flagged_after=each.flagged_after,
                fresh=each.fresh,
                change=None if each.effect is None else change_of(at_level(each.effect, CONFIRMING_LEVEL)),
                agrees=each.agrees,
            )
            for (test_type, metric, level), each in self._confirmed().items()
        )

    def _confirmed(self) -> dict[Key, Confirmation]:
        """What was flagged, held against the fresh rounds alone; beside what was confirmed before."""
        fresh = self.rounds[self._flagged_after :]
        if not self._flagged or len(fresh) < FEWEST_CONFIRMING:
            return self._confirmations
        found = dict(self._confirmations)
        for key, flagged in self._flagged.items():
            effect = self._alone(fresh, key)
            found[key] = Confirmation(
                verdict=flagged.verdict,
                flagged_after=self._flagged_after,
                fresh=len(fresh),
                effect=effect,
                agrees=_agrees(effect, flagged),
            )
        return found

    def _alone(self, rounds: Sequence[Round], key: Key) -> Effect | None:
        """The change as some of the rounds show it: their mean, with the scatter of all rounds.

        Three rounds say little of their own scatter, and the others have shown it under the same load.
        """
        mine = effect_over(observations(rounds, *key), self._judging, CONFIRMING_LEVEL)
        everywhere = effect_over(observations(self.rounds, *key), self._judging, CONFIRMING_LEVEL)
        if not (isinstance(mine, RoundsEffect) and isinstance(everywhere, RoundsEffect)):
            return mine
        fewer = math.sqrt(everywhere.rounds / mine.rounds)
        return replace(
            everywhere,
            effect=mine.effect,
            rounds=mine.rounds,
            se=everywhere.se * fewer,
            floor_se=everywhere.floor_se * fewer,
        )

    def _is_decided(self) -> bool:
        """Whether every gated metric is settled; beside a confirmed change, one that is invalid is."""
        gated = {f.verdict for f in self._judged(self.level) if f.gated}
        settled = {Verdict.PASS, *_FLAGGED}
        return gated <= (settled | {Verdict.INVALID} if gated & _FLAGGED else settled)

    def findings(self) -> tuple[Finding, ...]:
        """What can be reported after these rounds: flagged changes only where fresh rounds agreed.

        One finding per metric and test type, that of its worst level.
        """
        config = self._judging.config
        gated, others = self._judged(self.level), self._judged(config.level)
        found = [mine if mine.gated else other for mine, other in zip(gated, others, strict=True)]
        return by_metric(found, config.metrics)

    def _judged(self, level: float) -> tuple[Finding, ...]:
        """All metrics at one level: the last look's for the gated ones; the others are looked at once."""
        confirmed = self._confirmed()
        judged = judge_rounds(self.rounds, self._judging, level=level)
        return tuple(self._reported(f, confirmed.get(_key(f))) for f in judged)

    def _reported(self, finding: Finding, confirmation: Confirmation | None) -> Finding:
        count = len(self.rounds)
        if count < MIN_ROUNDS and finding.verdict is not Verdict.INVALID:
            rounds = "1 round" if count == 1 else f"{count} rounds"
            reason = f"only {rounds}; at least {MIN_ROUNDS} are needed: raise --max-time"
            return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, mde=None)
        if not finding.gated:
            return self._advisory(finding)
        if confirmation is not None and confirmation.agrees and confirmation.verdict is finding.verdict:
            reason = f"{finding.reason}; {confirmation.fresh} fresh rounds agree"
            return replace(finding, reason=reason)
        is_open = finding.verdict is Verdict.INCONCLUSIVE and confirmation is not None
        if finding.verdict not in _FLAGGED and not is_open:
            return finding
        mde = None if confirmation is None else finding.mde  # nothing would have been reported, however large
        return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=_unconfirmed(confirmation), mde=mde)

    def _advisory(self, finding: Finding) -> Finding:
        """Advisory metrics are looked at once, at the end; the last third of the rounds has to agree."""
        if finding.verdict not in _FLAGGED:
            return finding
        last = self.rounds[-max(FEWEST_CONFIRMING, len(self.rounds) // 3) :]
        if _agrees(self._alone(last, _key(finding)), finding):
            return finding
        reason = "unconfirmed: the last third of the rounds alone does not show it"
        return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _key(finding: Finding) -> Key:
    return finding.test_type, finding.metric, finding.level


def _agrees(effect: Effect | None, flagged: Finding) -> bool:
    """Whether fresh rounds alone show a change in the same direction."""
    if effect is None or flagged.change is None:
        return False
    return effect.effect * flagged.change.estimate > 0 and not effect.interval.contains(0.0)


def _unconfirmed(confirmation: Confirmation | None) -> str:
    if confirmation is None:
        return "unconfirmed: it showed too late for fresh rounds within the time; raise --max-time"
    if confirmation.effect is None:
        return f"unconfirmed: {confirmation.fresh} fresh rounds did not measure it"
    change = change_of(at_level(confirmation.effect, CONFIRMING_LEVEL))
    unit = " points" if change.difference else ""
    return (
        f"unconfirmed: {confirmation.fresh} fresh rounds alone say {change.estimate:+.1%}{unit}"
        f" [{change.low:+.1%}, {change.high:+.1%}]"
    )
