"""A history of runs taken through govbench's own course: judged, measured again, stored. Knows no truth.

Who looks at the alarms: a regression is accepted in the third commit in a row that shows it, as somebody
would who sees that it stays. Until then it is remembered, as ``baseline update --remember`` does; with
``remembers=False`` nothing is stored, as ``baseline update`` refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.verdicts.recorded import CONFIG, summary_of
from govbench.compare.confirmation import again_of, to_measure_again
from govbench.compare.stored import compare_window
from govbench.config.settings import BaselineConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Reference, Results, Verdict
from govbench.results.entry import entry_from_results
from govbench.results.run import RunSummary

ACCEPTED_AT = 3
WINDOW = BaselineConfig().window
_STORED = Reference(label="stored")

# The second measurement of a run, as a logarithm; None: the runner does not measure again.
Again = Callable[[int], float] | None


@dataclass(slots=True, kw_only=True)
class Judge:
    """What was said of a run against these stored ones; the same question is asked by many replays."""

    _known: dict[tuple[tuple[int, ...], float], Comparison] = field(default_factory=dict)

    def first(self, stored: tuple[Kept, ...], run: RunSummary, log: float) -> Comparison:
        """The verdict on the first measurement."""
        key = tuple(kept.key for kept in stored), log
        if key not in self._known:
            self._known[key] = compare_window([kept.entry for kept in stored], _STORED, run, CONFIG)
        return self._known[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stored run, and what tells it from another in the memory of a judge."""

    entry: BaselineEntry
    key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement of a commit."""

    number: int
    commit: int
    log: float
    error: float


@dataclass(slots=True, kw_only=True)
class Replay:
    """The stored runs after each commit, and how often the one under judgement was red in a row."""

    judge: Judge
    stored: tuple[Kept, ...] = ()
    red: int = 0
    remembers: bool = True

    def copy(self) -> Replay:
        """The same history, to be gone on from in another way."""
        return Replay(judge=self.judge, stored=self.stored, red=self.red, remembers=self.remembers)

    def step(self, run: Run, again: Again) -> Verdict:
        """Judge a run, store what may be stored, and say the verdict."""
        first = summary_of(run.number, run.commit, run.log, run.error)
        compared = self.judge.first(self.stored, first, run.log)
        second = None
        if again is not None and to_measure_again(compared):
            second = again(run.number)
            measured = summary_of(run.number, run.commit, second, run.error)
            entries = [kept.entry for kept in self.stored]
            compared = compare_window(entries, _STORED, first, CONFIG, again=again_of(measured))
        self.settle(Results(summary=first, comparison=compared))
        return compared.verdict

    def settle(self, results: Results) -> None:
        """Store what may be stored of a run that was judged."""
        compared = results.comparison
        is_red = compared is not None and compared.verdict is Verdict.REGRESSION
        self.red = self.red + 1 if is_red else 0
        accepted = "seen and meant" if self.red >= ACCEPTED_AT else None
        # A missed threshold is refused all the same.
        is_remembered = self.remembers and compared is not None and not compared.missed
        if not self.red or accepted or is_remembered:
            self._store(results, accepted)
        if accepted:
            self.red = 0

    def _store(self, results: Results, accepted: str | None) -> None:
        entry = entry_from_results(results, accepted=accepted)
        metric = entry.test_types[0].metrics[0]
        key = hash((entry.run_id, metric.value, entry.suspects, entry.verdict, entry.accepted))
        others = [kept for kept in self.stored if kept.entry.commit != entry.commit]
        self.stored = tuple([*others, Kept(entry=entry, key=key)][-WINDOW:])
