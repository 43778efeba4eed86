"""Many years with a known truth, and what was said in them as rates. Prints nothing.

``README.md`` says what is counted. Every year is seeded: two calls give the same figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from benchmarks.verdicts.course import Said, take
from benchmarks.verdicts.drawn import AFTER, COMMITS, IMPROVEMENTS, RELEASED, STEPS, Kind, Year, draw
from benchmarks.verdicts.histories import BEFORE, EXPLAINS
from benchmarks.verdicts.rates import Rate, at_share
from govbench.results.comparison import Verdict

WITHIN = (1, 3, 5)
QUARTERS = 4
# A drift counts as told from the first two commits in a row that say so.
TWICE = 2


@dataclass(slots=True, kw_only=True)
class Tally:
    """What years came to, summed up; steps and improvements are counted by their size.

    Attributes:
        still: commits on which nothing happens, from the thirteenth of a level on; ``passed`` of these.
        repeated: of the false alarms, those within ``EXPLAINS`` commits of a change that was alarmed before.
        of_errors: of the false alarms, those of the error rate alone.
        red_true: commits that were red for a change or an outage, ``red_false`` for nothing.
        found: of the steps, by size and commits; ``absorbed`` ones raised no alarm in ``AFTER`` commits.
        told_at: where it was first told, twice in a row, that a year lies beyond its anchor.
        beyond_anchor: commits that were told so, by quarter of the year.
    """

    years: int = 0
    commits: int = 0
    alarms: int = 0
    false_alarms: int = 0
    repeated: int = 0
    of_errors: int = 0
    red_true: int = 0
    red_false: int = 0
    still: int = 0
    passed: int = 0
    suspects: int = 0
    outages: int = 0
    outages_red: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    steps: Counter[float] = field(default_factory=Counter)
    found: Counter[tuple[float, int]] = field(default_factory=Counter)
    absorbed: Counter[float] = field(default_factory=Counter)
    improved: Counter[float] = field(default_factory=Counter)
    improvements: Counter[float] = field(default_factory=Counter)
    after_release: Counter[int] = field(default_factory=Counter)
    beyond_anchor: Counter[int] = field(default_factory=Counter)
    told_at: list[int] = field(default_factory=list)
    first_red: list[int] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count these as well."""
        for name in self.__slots__:
            mine, more = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(more)
            else:
                setattr(self, name, mine + more)

    def share(self, verdict: Verdict) -> Rate:
        """How many commits came to it."""
        return _rate(self.verdicts[verdict], self.commits)

    @property
    def false_alarm_rate(self) -> Rate:
        """False alarms a commit."""
        return _rate(self.false_alarms, self.commits)

    @property
    def for_nothing_rate(self) -> Rate:
        """False alarms that are not again for a change, a commit."""
        return _rate(self.false_alarms - self.repeated, self.commits)

    @property
    def pass_rate(self) -> Rate | None:
        """Passes where nothing happens; None where something always does."""
        return _rate(self.passed, self.still) if self.still else None

    def found_within(self, step: float, commits: int) -> Rate | None:
        """Steps of a size that are found within so many commits; None where there was none."""
        return _rate(self.found[step, commits], self.steps[step]) if self.steps[step] else None

    def absorbed_rate(self, step: float) -> Rate | None:
        """Steps of a size that raised no alarm within ``AFTER`` commits."""
        return _rate(self.absorbed[step], self.steps[step]) if self.steps[step] else None

    def told_by(self, q: float) -> int | None:
        """The commit by which a share of the years had been told to lie beyond its anchor; else None."""
        never = [COMMITS] * (self.years - len(self.told_at))
        found = int(at_share([*self.told_at, *never], q))
        return found if found < COMMITS else None


def _rate(hits: int, n: int) -> Rate:
    return Rate(hits=hits, n=n)


def simulate_years(kinds: Sequence[Kind], *, processes: int) -> Iterator[tuple[Kind, Tally]]:
    """The tally of each year with its kind, as soon as it is done."""
    tasks = [(kind, number) for kind in kinds for number in range(kind.years)]
    if processes == 1:
        yield from map(_one, tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_one, tasks)


def _one(task: tuple[Kind, int]) -> tuple[Kind, Tally]:
    kind, number = task
    year = draw(kind, number)
    return kind, tally_of(year, take(year))


def tally_of(year: Year, said: Sequence[Said]) -> Tally:
    """What a year came to."""
    found = Tally(
        years=1,
        commits=len(said),
        suspects=sum(each.suspect for each in said),
        verdicts=Counter(each.verdict for each in said),
        outages=len(year.outages),
        outages_red=sum(said[commit].red for commit in year.outages),
    )
    _alarms(year, said, found)
    _changes(year, said, found)
    _stillness(year, said, found)
    _anchor(said, found)
    return found


def _alarms(year: Year, said: Sequence[Said], found: Tally) -> None:
    """Reds in a row are one alarm; a change for the worse explains one, an outage its own.

    In a year that drifts the code is slower at any time than before, and no alarm is false.
    """
    slower = [place for place, size in year.changes.items() if size > 0]
    alarms = [i for i, each in enumerate(said) if each.red and (i == 0 or not said[i - 1].red)]
    false = set() if year.kind.drifts else set(_unexplained(alarms, slower, year.outages))
    found.alarms, found.false_alarms, found.first_red = len(alarms), len(false), alarms[:1]
    found.repeated = sum(any(at <= alarm < at + EXPLAINS for at in slower) for alarm in false)
    found.of_errors = sum(said[alarm].only_errors for alarm in false)
    begun = 0
    for i, each in enumerate(said):
        begun = i if i in alarms else begun
        if each.red and begun in false:
            found.red_false += 1
        elif each.red:
            found.red_true += 1


def _unexplained(alarms: Sequence[int], slower: Sequence[int], outages: Collection[int]) -> list[int]:
    left = [alarm for alarm in alarms if alarm not in outages]
    for start in slower:  # one alarm for each
        first = next((alarm for alarm in left if start <= alarm < start + EXPLAINS), None)
        if first is not None:
            left.remove(first)
    return left


def _changes(year: Year, said: Sequence[Said], found: Tally) -> None:
    for place, size in year.changes.items():
        after = said[place : place + AFTER]
        if size < 0:
            undone = _nearest(IMPROVEMENTS, -size)
            found.improvements[undone] += 1
            found.improved[undone] += any(e.improved for e in after[: WITHIN[1]])
            continue
        step = _nearest(STEPS, size)
        found.steps[step] += 1
        for within in WITHIN:
            found.found[step, within] += any(each.red for each in after[:within])
        found.absorbed[step] += not any(each.red for each in after)


def _nearest(sizes: Sequence[float], log: float) -> float:
    return min(sizes, key=lambda size: abs(log - math.log1p(size)))


def _stillness(year: Year, said: Sequence[Said], found: Tally) -> None:
    if year.kind.drifts:
        return
    level = 0
    for i, each in enumerate(said):
        level = i if i in year.changes else level
        if i >= level + BEFORE and i not in year.outages:
            found.still += 1
            found.passed += each.verdict is Verdict.PASS


def _anchor(said: Sequence[Said], found: Tally) -> None:
    told = [each.beyond_anchor for each in said]
    for i in range(RELEASED + 1, len(said)):
        quarter = i * QUARTERS // len(said)
        found.after_release[quarter] += 1
        found.beyond_anchor[quarter] += told[i]
    first = next((i for i in range(1, len(said)) if all(told[i + 1 - TWICE : i + 1])), None)
    if first is not None:
        found.told_at = [first]
