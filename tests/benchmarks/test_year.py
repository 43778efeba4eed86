"""Years with a known truth: what is drawn, what is counted, and one taken through the rules."""

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from govbench.results.comparison import Verdict
from govbench.results.metrics import MetricName

Imported = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Imported:
    """Imports a module of the benchmark, which is the folder of a script and not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    return lambda name: importlib.import_module(f"benchmarks.verdicts.{name}")


def kind_of(part: Imported, **what: object) -> Any:
    return part("drawn").Kind(name="tried", years=1, **what)


def said(part: Imported, red: Sequence[int], *, of: int = 100, passed: Sequence[int] = ()) -> list[Any]:
    one = part("course").Said
    verdicts = [Verdict.INCONCLUSIVE] * of
    for commits, verdict in ((red, Verdict.REGRESSION), (passed, Verdict.PASS)):
        for commit in commits:
            verdicts[commit] = verdict
    return [one(verdict=verdict) for verdict in verdicts]


def year_of(part: Imported, **what: object) -> Any:
    still = part("drawn").draw(kind_of(part), 0)
    return replace(still, **what)


def test_the_same_number_gives_the_same_year_and_another_another(part: Imported) -> None:
    draw, kind = part("drawn").draw, kind_of(part, changes=True)
    assert draw(kind, 3).first == draw(kind, 3).first
    assert draw(kind, 3).changes != draw(kind, 4).changes


def test_changes_are_apart_and_followed_and_no_outage_falls_into_what_is_waited_for(part: Imported) -> None:
    drawn = part("drawn")
    for number in range(30):
        year = drawn.draw(kind_of(part, changes=True), number)
        places = sorted(year.changes)
        assert len(places) == drawn.TIMES * len(drawn.STEPS) + len(drawn.IMPROVEMENTS)
        assert places[0] >= drawn.FIRST
        assert places[-1] + drawn.AFTER <= drawn.COMMITS
        assert np.diff(places).min() >= drawn.APART
        assert all(not place <= out < place + drawn.AFTER for place in places for out in year.outages)
        assert year.truth[-1] == pytest.approx(sum(year.changes.values()))


def test_a_drift_ends_where_it_is_said_to_and_no_step_of_it_is_large(part: Imported) -> None:
    truth = part("drawn").draw(kind_of(part, drifts=True), 0).truth
    assert math.expm1(truth[-1] - truth[0]) == pytest.approx(0.30)
    assert np.diff(truth).min() >= 0.0
    assert np.diff(truth).max() < 0.01


def test_the_noise_is_as_wide_as_stated_with_three_in_a_hundred_far_out(part: Imported) -> None:
    drawn = part("drawn")
    years = [drawn.draw(kind_of(part), number) for number in range(40)]
    first = np.array([[each.log for each in year.first] for year in years]).ravel()
    second = np.array([[each.log for each in year.second] for year in years]).ravel()
    robust = 1.4826 * float(np.median(np.abs(first)))
    assert robust == pytest.approx(0.035, rel=0.06)
    assert 0.02 < float(np.mean(np.abs(first) > 4 * robust)) < 0.04
    inner = (np.abs(first) < 0.1) & (np.abs(second) < 0.1)
    assert 0.18 < float(np.corrcoef(first[inner], second[inner])[0, 1]) < 0.32


def test_two_kinds_of_machine_are_had_by_both_measurements_of_a_commit(part: Imported) -> None:
    year = part("drawn").draw(kind_of(part, two_machines=True), 1)
    first, second = (np.array([each.log for each in side]) for side in (year.first, year.second))
    assert float(np.corrcoef(first, second)[0, 1]) > 0.5
    assert float(np.corrcoef(first, [each.speed_log for each in year.first])[0, 1]) < -0.7


def test_a_burst_of_failures_is_a_run_with_its_failures_and_their_spread(part: Imported) -> None:
    calm = part("drawn").draw(kind_of(part), 0).first[0]
    run = part("course").run_of(0, replace(calm, failed=1, failing=0.2))
    assert run.accounting.balanced
    (errors,) = (m for m in run.test_types[0].metrics if m.name is MetricName.ERROR_RATE)
    assert errors.value == pytest.approx(0.201)
    (alone,) = (
        m
        for m in part("course").run_of(0, replace(calm, failed=201)).test_types[0].metrics
        if m.name is MetricName.ERROR_RATE
    )
    assert errors.standard_error > 2 * alone.standard_error


def test_a_change_explains_one_alarm_and_the_next_is_false_and_told_as_repeated(part: Imported) -> None:
    year = year_of(part, changes={20: math.log(1.2)})
    tally = part("year").tally_of(year, said(part, [22, 23, 30, 70]))
    assert (tally.alarms, tally.false_alarms, tally.repeated) == (3, 2, 1)
    assert (tally.red_true, tally.red_false) == (2, 2)
    assert [tally.found[0.20, within] for within in (1, 3, 5)] == [0, 1, 1]
    assert tally.absorbed[0.20] == 0


def test_a_step_that_is_red_too_late_is_absorbed_and_an_improvement_is_no_step(part: Imported) -> None:
    year = year_of(part, changes={20: math.log(1.5), 50: -math.log(1.2)})
    tally = part("year").tally_of(year, said(part, [33]))
    assert (tally.steps[0.50], tally.absorbed[0.50], tally.false_alarms) == (1, 1, 0)
    assert (tally.improvements[0.20], tally.improved[0.20]) == (1, 0)


def test_an_outage_is_rightly_red_and_no_alarm_is_false_where_all_drifts(part: Imported) -> None:
    tally_of = part("year").tally_of
    outage = tally_of(year_of(part, outages={40: 0.3}), said(part, [40]))
    assert (outage.outages, outage.outages_red, outage.false_alarms, outage.red_true) == (1, 1, 0, 1)
    drift = tally_of(year_of(part, kind=kind_of(part, drifts=True)), said(part, [40]))
    assert (drift.alarms, drift.false_alarms, drift.still, drift.first_red) == (1, 0, 0, [40])


def test_passes_count_from_the_thirteenth_commit_of_a_level(part: Imported) -> None:
    year = year_of(part, changes={50: math.log(1.2)})
    tally = part("year").tally_of(year, said(part, [], passed=[5, 12, 49, 55, 62]))
    assert (tally.still, tally.passed) == (38 + 38, 3)


def test_a_drift_is_told_where_it_is_said_twice_in_a_row(part: Imported) -> None:
    one = part("course").Said
    notes = [one(verdict=Verdict.INCONCLUSIVE, beyond_anchor=i in {30, 41, 42}) for i in range(100)]
    tally = part("year").tally_of(year_of(part), notes)
    assert tally.told_at == [42]
    assert [tally.beyond_anchor[quarter] for quarter in range(4)] == [0, 3, 0, 0]
    assert tally.told_by(0.5) == 42
    tally.add(part("year").tally_of(year_of(part), notes[:30]))
    tally.add(part("year").tally_of(year_of(part), notes[:30]))
    assert tally.told_by(0.5) is None


def test_a_large_step_is_red_at_once_and_accepted_in_the_third_commit(part: Imported) -> None:
    drawn = part("drawn")
    still = drawn.draw(kind_of(part), 2)
    moved = {"truth": still.truth, "changes": {30: math.log(1.5)}}
    for name in ("first", "second"):
        moved[name] = tuple(
            replace(
                each, log=0.2 * each.log + math.log(1.5) * (i >= 30), rate_log=0.0, failed=0, speed_log=0.0
            )
            for i, each in enumerate(getattr(still, name)[:40])
        )
    verdicts = [each.verdict for each in part("course").take(replace(still, **moved))]
    assert [i for i, verdict in enumerate(verdicts) if verdict is Verdict.REGRESSION] == [30, 31, 32]


def test_bounds_are_of_years_that_neither_drift_nor_are_quiet(part: Imported) -> None:
    bounded = {kind.name: kind.bounded for kind in part("drawn").KINDS}
    assert bounded["changes"]
    assert bounded["nothing happens, two kinds of machine"]
    assert not bounded["slow drift"]
    assert not bounded["nothing happens, a quiet machine"]
    assert not bounded["changes, nothing remembered"]
    assert {kind.name for kind in part("drawn").KINDS if kind.may_pass} == {"nothing happens, noise of 2.5 %"}


def test_no_number_of_stored_runs_lets_a_quarter_pass_at_the_noise_of_the_years(part: Imported) -> None:
    """By hand: with the noise known z is 2.576, and a margin of 10 % is log 1.1."""
    most, drawn = part("bounds").most_passes, part("drawn")
    known = 2 * NormalDist().cdf((math.log(1.1) - 2.5758293 * 0.035) / 0.035) - 1
    assert most(drawn.SD, math.inf) == pytest.approx(known, abs=1e-6)
    assert known == pytest.approx(0.117, abs=0.001)
    assert most(drawn.SD, 30) == 0.0
    assert most(drawn.PASSING_SD, 30) > 0.5 > 0.25 > most(drawn.SD, 1e6)
    assert most(drawn.BETWEEN_SD, 30) == pytest.approx(0.257, abs=0.005)


def test_without_memory_a_regression_leaves_no_trace(part: Imported) -> None:
    still = part("drawn").draw(kind_of(part), 2)
    moved: dict[str, object] = {"truth": still.truth}
    for name in ("first", "second"):
        moved[name] = tuple(
            replace(
                each,
                log=0.2 * each.log + math.log({30: 1.12, 31: 1.08}.get(i, 1.0)),
                rate_log=0.0,
                failed=0,
                speed_log=0.0,
            )
            for i, each in enumerate(getattr(still, name)[:33])
        )
    said_of = {
        remembers: [
            each.verdict
            for each in part("course").take(replace(still, kind=kind_of(part, remembers=remembers), **moved))
        ]
        for remembers in (True, False)
    }
    assert said_of[True][30] is said_of[True][31] is Verdict.REGRESSION
    assert said_of[True][32] is not Verdict.REGRESSION
    assert said_of[False][30] is Verdict.REGRESSION
    assert said_of[False][31] is not Verdict.REGRESSION


def test_the_bounds_of_a_year_are_clearly_missed_only_beyond_chance(part: Imported) -> None:
    tally = part("year").Tally(years=1, commits=1000, false_alarms=9, still=500, passed=60)
    tally.steps[0.20], tally.found[0.20, 3], tally.absorbed[0.20] = 10, 7, 0
    kinds = {
        kind: tally
        for kind in part("drawn").KINDS
        if kind.name in {"changes", "nothing happens, noise of 2.5 %"}
    }
    judged = {each.text: each for each in part("bounds").judge_years(kinds)}
    false, passes = (
        judged["false alarms ≤ 0.7 per 100 commits"],
        judged["`pass` where nothing happens, noise of 2.5 % ≥ 25 %"],
    )
    assert (false.met, false.clearly_missed) == (False, False)
    assert (passes.met, passes.clearly_missed) == (False, True)
    assert judged["+20 % absorbed ≤ 9 %"].met
    assert "+50 % absorbed ≤ 1 %" not in judged  # none was drawn
