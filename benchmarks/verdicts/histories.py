"""Recorded histories replayed with govbench's own functions, and what they came to. Prints nothing.

``README.md`` says what is counted. Every replay is seeded: two calls give the same figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from benchmarks.verdicts.recorded import Array, Series
from benchmarks.verdicts.replay import WINDOW, Again, Judge, Replay, Run
from benchmarks.verdicts.truth import slowdowns
from govbench.results.comparison import Verdict

STEPS = (0.10, 0.20, 0.50)
WITHIN = (1, 3, 5, 12)
# A lasting slowdown counts as found within so many runs, and explains an alarm within so many.
FOUND_WITHIN, EXPLAINS = 6, 30
# A step is put into a stretch where nothing happens, with so many runs before and after it.
BEFORE, AFTER = 12, 12
# Absorbed is what is not found before the window has forgotten what was before it, or the stretch ends.
FOLLOWED = WINDOW
PLACES = 6
INDEPENDENT, COMMON = "independent", "common noise kept"
MODES = (INDEPENDENT, COMMON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One series replayed with one seed."""

    series: Series
    seeds: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Count:
    """What replays came to, summed up; ``found`` counts injected steps by size and commits."""

    commits: int = 0
    false_alarms: int = 0
    slowdowns: int = 0
    slowdowns_found: int = 0
    stationary: int = 0
    passed: int = 0
    steps: Counter[float] = field(default_factory=Counter)
    found: Counter[tuple[float, int]] = field(default_factory=Counter)
    absorbed: Counter[float] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Count) -> None:
        """Count these as well."""
        for name in ("commits", "false_alarms", "slowdowns", "slowdowns_found", "stationary", "passed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("steps", "found", "absorbed", "verdicts"):
            getattr(self, name).update(getattr(other, name))

    @property
    def false_per_100(self) -> float:
        """False alarms per hundred commits."""
        return 100.0 * self.false_alarms / max(1, self.commits)

    @property
    def recall(self) -> float:
        """Share of the lasting slowdowns that were alarmed in time."""
        return self.slowdowns_found / max(1, self.slowdowns)

    @property
    def pass_share(self) -> float:
        """Share of passes where nothing happened."""
        return self.passed / max(1, self.stationary)

    def found_within(self, step: float, commits: int) -> float:
        """Share of the injected steps of that size found within so many commits."""
        return self.found[step, commits] / max(1, self.steps[step])

    def absorbed_share(self, step: float) -> float:
        """Share of the injected steps of that size that never raised an alarm."""
        return self.absorbed[step] / max(1, self.steps[step])


def replay_all(series: Sequence[Series], *, seeds: int, processes: int) -> Iterator[dict[str, Count]]:
    """The counts of each series by mode, as soon as it is done."""
    tasks = [Task(series=each, seeds=tuple(range(seeds))) for each in series]
    if processes == 1:
        yield from map(replay_series, tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(replay_series, tasks)


def replay_series(task: Task) -> dict[str, Count]:
    """The counts of one series by mode."""
    judge = Judge()
    counts = {mode: Count() for mode in MODES}
    for seed in task.seeds:
        for mode in MODES:
            key = [*task.series.name.encode(), *mode.encode(), seed]
            counts[mode].add(_once(task.series, judge, mode, np.random.default_rng(key)))
    return counts


def _once(series: Series, judge: Judge, mode: str, rng: np.random.Generator) -> Count:
    places = _places(series, rng)
    count = Count()
    said: list[Verdict] = []
    alarms: list[int] = []
    replay, before, draws = Replay(judge=judge), {}, _Draws(mode, rng)
    for run in _runs(series):
        if run.number in places:
            before[run.number] = replay.copy()
        verdict = replay.step(run, draws(series, series.logs))
        said.append(verdict)
        if verdict is Verdict.REGRESSION and (run.number == 0 or said[-2] is not Verdict.REGRESSION):
            alarms.append(run.number)
    count.commits = len(said)
    count.verdicts.update(verdict.value for verdict in said)
    _judge_alarms(series, alarms, said, count)
    for level in series.levels:
        still = said[level.start + BEFORE : level.stop]
        count.stationary += len(still)
        count.passed += sum(verdict is Verdict.PASS for verdict in still)
    for place, kept in before.items():
        for step in STEPS:
            _inject(series, kept.copy(), place, step, draws, count)
    return count


def _judge_alarms(series: Series, alarms: Sequence[int], said: Sequence[Verdict], count: Count) -> None:
    true = slowdowns(series.levels)
    count.slowdowns = len(true)
    count.slowdowns_found = sum(
        any(verdict is Verdict.REGRESSION for verdict in said[start : start + FOUND_WITHIN]) for start in true
    )
    unexplained = list(alarms)
    for start in true:  # one alarm for each
        first = next((alarm for alarm in unexplained if start <= alarm < start + EXPLAINS), None)
        if first is not None:
            unexplained.remove(first)
    count.false_alarms = len(unexplained)


def _inject(series: Series, replay: Replay, place: int, step: float, draws: _Draws, count: Count) -> None:
    """A step at a place, and the runs after it until the alarm or the end of what is looked at."""
    replay.red = 0
    logs = series.logs.copy()
    logs[place:] += np.log1p(step)
    count.steps[step] += 1
    end = next(level.stop for level in series.levels if level.start <= place < level.stop)
    stop = min(end, place + FOLLOWED)
    for after, run in enumerate(_runs(series, logs=logs, start=place, stop=stop), start=1):
        verdict = replay.step(run, draws(series, logs))
        if verdict is Verdict.REGRESSION:
            for within in WITHIN:
                count.found[step, within] += after <= within
            return
    count.absorbed[step] += 1


def _runs(
    series: Series, *, logs: Array | None = None, start: int = 0, stop: int | None = None
) -> Iterable[Run]:
    values = series.logs if logs is None else logs
    for number in range(start, len(values) if stop is None else stop):
        yield Run(
            number=number,
            commit=series.commits[number] + 1,
            log=float(values[number]),
            error=float(series.errors[number]),
        )


def _places(series: Series, rng: np.random.Generator) -> set[int]:
    fit = [
        place
        for level in series.levels
        for place in range(level.start + BEFORE, level.stop - AFTER + 1)
        if place - 1 < len(series.logs)
    ]
    return set() if not fit else set(rng.choice(fit, size=min(PLACES, len(fit)), replace=False).tolist())


class _Draws:
    """Second measurements out of a series' own noise, spikes and modes included."""

    def __init__(self, mode: str, rng: np.random.Generator) -> None:
        self._mode, self._rng = mode, rng

    def __call__(self, series: Series, logs: Array) -> Again:
        """A second measurement of each run of these values."""
        noise = series.noise
        common = series.common if self._mode == COMMON else np.zeros_like(noise)
        own = noise - common

        def again(number: int) -> float:
            level = next(level for level in series.levels if level.start <= number < level.stop)
            drawn = own[int(self._rng.integers(level.start, level.stop))]
            return float(logs[number] - noise[number] + common[number] + drawn)

        return again
