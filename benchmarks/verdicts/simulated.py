"""Many simulated comparisons, each taken through govbench's own course and verdict. Prints nothing.

What a comparison came to is one ``Outcome``; what a scenario came to is read off its list of outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks.verdicts.rates import Rate, at_share
from benchmarks.verdicts.world import LOAD_S, P50, P95, Scenario, draw_rounds
from govbench.compare.conclude import worst
from govbench.compare.rounds import Judging, control_fault, judge_rounds
from govbench.compare.trial import Design, Step, Trial, design
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Finding, Verdict

SCENARIOS = (
    Scenario(name="A/A, 30 s", rounds=10),
    Scenario(name="A/A, 60 s"),
    Scenario(name="A/A, no request fails", error_rates=(0.0, 0.0)),
    Scenario(name="A/A, heavy tails (t3)", heavy=True),
    Scenario(name="A/A, both 30 % slower at the end", slower=0.3),
    Scenario(name="A/A, sides drift 2 % apart", apart=0.02),
    Scenario(name="A/A, rounds correlated 0.3", round_correlation=0.3),
    Scenario(name="A/A, slow moments in rounds", slow_moments=0.05),
    Scenario(name="A/A, instances 1.5 %", instance_sd=0.015),
    Scenario(name="A/A, instances 2 %", instance_sd=0.02),
    Scenario(name="+2 %, 120 s", change=0.02, rounds=40, error_rates=(0.0, 0.0)),
    Scenario(name="+3 %, 30 s", change=0.03, rounds=10),
    Scenario(name="+3 %, 60 s", change=0.03),
    Scenario(name="+5 %, 30 s", change=0.05, rounds=10),
    Scenario(name="+5 %, 30 s, busy machine", change=0.05, rounds=8, jitter=0.2),
    Scenario(name="+5 %, 60 s, instances 2 %", change=0.05, instance_sd=0.02),
    Scenario(name="+10 %, 30 s", change=0.10, rounds=10),
    Scenario(name="+10 %, 60 s", change=0.10),
    Scenario(name="+10 % of the slowest 15 %, 60 s", tail_change=0.10),
    Scenario(name="3 % of head's requests fail, 60 s", error_rates=(0.001, 0.03)),
    Scenario(name="-5 %, 60 s", change=-0.05),
    Scenario(name="A/A, 4 slots, 5 users", slots=4, users=5),
    Scenario(name="A/A, 4 slots, 8 users", slots=4, users=8),
    Scenario(name="A/A, 4 slots, 10 users", slots=4, users=10),
    Scenario(name="A/A, 1 slot, 3 users", slots=1, users=3),
    Scenario(name="A/A, 1 slot, 10 users", slots=1, users=10),
    Scenario(name="+5 %, 4 slots, 10 users", change=0.05, slots=4, users=10),
    Scenario(name="+5 %, 1 slot, 10 users", change=0.05, slots=1, users=10),
)
CHUNK = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one comparison came to.

    ``improved`` is of any gated metric; ``unconfirmed`` tells that one was flagged and not
    reported. ``looks_flagged`` tells that a look saw a change, in either direction, before any confirmation,
    ``one_look_flagged`` that a single look at the configured level after all rounds would have. ``covered``
    is of the interval shown at the end, ``covered_by_all`` of that of all rounds that the time allows: a
    comparison that stops once its interval lies within the margin picks those that hold no change. Both are
    None where the true change of the median is not known exactly.
    """

    verdict: Verdict
    improved: bool
    unconfirmed: bool
    rounds: int
    covered: bool | None
    covered_by_all: bool | None
    tail: Verdict | None
    looks_flagged: bool
    one_look_flagged: bool


@lru_cache
def planned(rounds: int, level: float) -> Design:
    """The looks of a comparison; the same for all of a scenario, and slow to integrate."""
    return design(rounds, level=level)


def compare_once(scenario: Scenario, rng: np.random.Generator) -> Outcome:
    """One comparison from its first round to its verdict, as ``pipeline/ab.py`` conducts it."""
    judging = Judging(config=CompareConfig())
    trial = Trial(judging, planned(scenario.rounds, judging.config.level))
    coming = draw_rounds(scenario, rng)
    looks_flagged = False
    for found in coming:
        before = trial.step
        if trial.add(found) is Step.CONFIRM and before is not Step.CONFIRM:
            looks_flagged |= _flags(judge_rounds(trial.rounds, judging, level=trial.level))
        if trial.step is Step.END:
            break
    findings = trial.findings()
    by_name = {f.metric: f for f in findings}
    verdict = worst([f.verdict for f in findings if f.gated] or [Verdict.INVALID])
    if control_fault(trial.rounds, judging.config):
        verdict = Verdict.INVALID
    judged = judge_rounds([*trial.rounds, *coming], judging)
    return Outcome(
        verdict=verdict,
        improved=any(f.gated and f.verdict is Verdict.IMPROVEMENT for f in findings),
        unconfirmed=any(f.gated and (f.reason or "").startswith("unconfirmed") for f in findings),
        rounds=len(trial.rounds),
        covered=_covers(by_name[P50], scenario),
        covered_by_all=_covers(next(f for f in judged if f.metric is P50), scenario),
        tail=by_name[P95].verdict if P95 in by_name else None,
        looks_flagged=looks_flagged,
        one_look_flagged=scenario.is_null and _flags(judged),
    )


def _flags(findings: Sequence[Finding]) -> bool:
    return any(f.gated and f.verdict in {Verdict.REGRESSION, Verdict.IMPROVEMENT} for f in findings)


def _covers(finding: Finding, scenario: Scenario) -> bool | None:
    if not scenario.has_known_effect or finding.change is None:
        return None
    return finding.change.low <= scenario.change <= finding.change.high


def simulate(scenario: Scenario, runs: int, pool: ProcessPoolExecutor) -> list[Outcome]:
    """``runs`` comparisons, spread over the processes; the same ones every time."""
    chunks = [(scenario, number, min(CHUNK, runs - number)) for number in range(0, runs, CHUNK)]
    return [outcome for part in pool.map(_chunk, chunks) for outcome in part]


def _chunk(asked: tuple[Scenario, int, int]) -> list[Outcome]:
    scenario, first, count = asked
    rng = np.random.default_rng([*scenario.name.encode(), first])
    return [compare_once(scenario, rng) for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The outcomes of a scenario as rates."""

    scenario: Scenario
    outcomes: tuple[Outcome, ...]

    def share(self, *verdicts: Verdict) -> Rate:
        """How often the comparison ended in one of these."""
        return self._rate([o.verdict in verdicts for o in self.outcomes])

    @property
    def covered(self) -> Rate | None:
        """How often the shown interval of the median holds the true change."""
        known = [o.covered for o in self.outcomes if o.covered is not None]
        return self._rate(known) if known else None

    @property
    def covered_by_all(self) -> Rate | None:
        """How often the interval of all rounds that the time allows does."""
        known = [o.covered_by_all for o in self.outcomes if o.covered_by_all is not None]
        return self._rate(known) if known else None

    @property
    def tail_regressed(self) -> Rate:
        """How often p95, which is advisory, is called a regression."""
        return self._rate([o.tail is Verdict.REGRESSION for o in self.outcomes])

    @property
    def improved(self) -> Rate:
        """How often a gated metric is called an improvement, whatever the others are."""
        return self._rate([o.improved for o in self.outcomes])

    @property
    def unconfirmed(self) -> Rate:
        """How often a change of a gated metric was flagged and not reported for want of confirmation."""
        return self._rate([o.unconfirmed for o in self.outcomes])

    @property
    def looks_flagged(self) -> Rate:
        """How often any of the looks flagged a change, before confirmation."""
        return self._rate([o.looks_flagged for o in self.outcomes])

    @property
    def one_look_flagged(self) -> Rate:
        """How often one look at the end of all rounds would have."""
        return self._rate([o.one_look_flagged for o in self.outcomes])

    def rounds(self, q: float) -> float:
        """A quantile of the rounds until the end."""
        return at_share([o.rounds for o in self.outcomes], q)

    def load_s(self, q: float) -> float:
        """The same in seconds of load."""
        return self.rounds(q) * LOAD_S

    def _rate(self, hits: Sequence[bool]) -> Rate:
        return Rate(hits=sum(hits), n=len(hits))


def simulate_all(scenarios: Sequence[Scenario], runs: int, *, processes: int) -> Iterator[Tally]:
    """The scenarios one after the other, each as soon as it is done."""
    with ProcessPoolExecutor(processes) as pool:
        for scenario in scenarios:
            yield Tally(scenario=scenario, outcomes=tuple(simulate(scenario, runs, pool)))
