"""The pure parts of replaying recorded histories, and a short history taken through all of it."""

import gzip
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from govbench.results.comparison import Verdict

Imported = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Imported:
    """Imports a module of the benchmark, which is the folder of a script and not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    return lambda name: importlib.import_module(f"benchmarks.verdicts.{name}")


def recorded(tmp_path: Path, *steps: tuple[float, int], kind: str = "time") -> Path:
    """A file of one history whose level is each of these values that many runs long."""
    rng = np.random.default_rng(3)
    values = [v * float(np.exp(0.01 * rng.standard_normal())) for v, count in steps for _ in range(count)]
    kept = {
        "series": "one",
        "kind": kind,
        "v": values,
        "r": [None] * len(values),
        "run": list(range(len(values))),
        "c": list(range(len(values))),
    }
    path = tmp_path / "histories.json.gz"
    with gzip.open(path, "wt") as file:
        json.dump({"repository": [kept]}, file)
    return path


def test_levels_are_found_offline_and_a_spike_is_none(part: Imported) -> None:
    rng = np.random.default_rng(2)
    logs = 0.02 * rng.standard_normal(60)
    logs[30:] += 0.3
    logs[[10, 11, 45]] += 1.0
    found = part("truth").levels(logs)
    assert [(level.start, level.stop) for level in found] == [(0, 30), (30, 60)]
    assert part("truth").slowdowns(found) == [30]
    assert part("truth").slowdowns(part("truth").levels(-logs)) == []


def test_of_a_rate_less_is_worse(part: Imported, tmp_path: Path) -> None:
    (series,) = part("recorded").read(recorded(tmp_path, (100.0, 20), (70.0, 20), kind="rate"))
    assert part("truth").slowdowns(series.levels) == [20]


def test_a_lasting_slowdown_is_found_and_accepted_and_stillness_passes(
    part: Imported, tmp_path: Path
) -> None:
    histories = part("histories")
    (series,) = part("recorded").read(recorded(tmp_path, (100.0, 30), (140.0, 30)))
    counts = histories.replay_series(histories.Task(series=series, seeds=(0,)))
    for mode in histories.MODES:
        count = counts[mode]
        assert (count.commits, count.slowdowns, count.slowdowns_found, count.false_alarms) == (60, 1, 1, 0)
        assert count.pass_share > 0.5
        assert count.found_within(0.50, 1) == 1.0
        assert count.absorbed_share(0.20) == 0.0
        assert count.found_within(0.20, 12) == 1.0


def test_nobody_measures_again_and_the_second_suspect_is_red(part: Imported) -> None:
    replay = part("replay")
    course = replay.Replay(judge=replay.Judge())
    said = [
        course.step(replay.Run(number=i, commit=i + 1, log=0.4 * (i >= 10), error=0.0), None)
        for i in range(13)
    ]
    assert said[10] is Verdict.INCONCLUSIVE
    assert said[11] is Verdict.REGRESSION


def test_the_third_red_commit_is_accepted_and_begins_a_level(part: Imported) -> None:
    replay = part("replay")
    course = replay.Replay(judge=replay.Judge())

    def step(i: int, log: float) -> Verdict:
        return Verdict(course.step(replay.Run(number=i, commit=i + 1, log=log, error=0.0), lambda _: log))

    for i in range(10):
        step(i, 0.0)
    assert [step(i, 0.4) for i in range(10, 13)] == [Verdict.REGRESSION] * 3
    assert course.stored[-1].entry.accepted == "seen and meant"
    assert step(13, 0.4) is not Verdict.REGRESSION


def test_the_bounds_are_held_against_every_way_to_measure_again(part: Imported) -> None:
    histories = part("histories")
    good = histories.Count(commits=1000, false_alarms=5, slowdowns=10, slowdowns_found=6)
    judged = part("bounds").judge_histories(
        {"one": good, "other": histories.Count(commits=100, false_alarms=2)}
    )
    met = {each.text: each.met for each in judged}
    assert met["false alarms per 100 commits ≤ 0.7 (one)"]
    assert not met["false alarms per 100 commits ≤ 0.7 (other)"]
    assert met["lasting slowdowns alarmed within 6 runs ≥ 50 % (one)"]
    assert not met["lasting slowdowns alarmed within 6 runs ≥ 50 % (other)"]
