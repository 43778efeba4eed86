"""Profiles keep within their promised time, and levels, ramps and slices are where they should be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.config.profiles import build_phases, described, levels, suite_version
from govbench.config.settings import LoadConfig
from govbench.results.plan import Phase, Query, Scenario, TestType, ThinkTime

SCENARIO = Scenario(name="a", queries=(Query(text="x"),))


def total_s(phases: tuple[Phase, ...]) -> float:
    return sum(phase.duration_s for phase in phases)


@pytest.mark.parametrize(
    ("profile", "limit_s", "highest"), [("quick", 75, 50), ("standard", 600, 1000), ("full", 1800, 1000)]
)
def test_profiles_keep_within_their_time(profile: str, limit_s: float, highest: int) -> None:
    phases = build_phases(LoadConfig(profile=profile))

    assert limit_s / 2 < total_s(phases) <= limit_s
    assert phases[0].test_type is TestType.BASELINE
    assert (phases[0].users, phases[0].think_time) == (1, ThinkTime())
    assert phases[-1].users == highest
    assert all(phase.think_time is None for phase in phases[1:])
    assert [phase.cooldown_s > 0 for phase in phases] == [False] * (len(phases) - 1) + [True]


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (1, (1,)),
        (5, (5,)),
        (10, (10,)),
        (60, (10, 25, 50, 60)),
        (1000, (10, 25, 50, 100, 250, 500, 1000)),
        (1500, (10, 25, 50, 100, 250, 500, 1000, 1500)),
    ],
)
def test_levels_end_at_the_highest(highest: int, expected: tuple[int, ...]) -> None:
    assert levels(highest) == expected


def test_warm_up_holds_the_ramp_from_the_level_before() -> None:
    phases = build_phases(LoadConfig(spawn_rate=5.0, max_users=25))

    assert [phase.name for phase in phases] == ["baseline", "concurrent_10", "concurrent_25"]
    assert [phase.warmup_s for phase in phases] == pytest.approx([2.0, 9 / 5 + 2, 15 / 5 + 2])
    assert {phase.spawn_rate for phase in phases} == {5.0}


@pytest.mark.parametrize(
    ("rate", "ramp_s", "expected"),
    [(None, None, 50.0), (10.0, None, 10.0), (None, 10.0, 5.0), (10.0, 10.0, 10.0), (2.0, 10.0, 5.0)],
)
def test_the_faster_ramp_wins(rate: float | None, ramp_s: float | None, expected: float) -> None:
    phases = build_phases(LoadConfig(spawn_rate=rate, ramp_up_s=ramp_s))

    assert {phase.spawn_rate for phase in phases} == {expected}


def test_test_duration_replaces_the_steady_seconds() -> None:
    phases = build_phases(LoadConfig(test_duration_s=3.0))

    assert {phase.steady_s for phase in phases} == {3.0}


def test_test_types_choose_the_phases() -> None:
    (baseline,) = build_phases(LoadConfig(test_types=(TestType.BASELINE,)))
    concurrent = build_phases(LoadConfig(test_types=(TestType.CONCURRENT,), max_users=10))

    assert baseline.test_type is TestType.BASELINE
    assert [phase.users for phase in concurrent] == [10]
    assert concurrent[0].warmup_s == pytest.approx(10 / 50 + 2)


def test_the_suite_version_follows_the_load_alone() -> None:
    phases = build_phases(LoadConfig())
    version = suite_version(phases, [SCENARIO])

    assert len(version) == 12
    assert version == suite_version(build_phases(LoadConfig(seed=99)), [SCENARIO])
    assert version != suite_version(build_phases(LoadConfig(max_users=25)), [SCENARIO])
    assert version != suite_version(phases, [replace(SCENARIO, turns=2)])
    assert version != suite_version(phases, [replace(SCENARIO, queries=(Query(text="y"),))])


@pytest.mark.parametrize(
    ("profile", "said"),
    [("quick", "about a minute"), ("standard", "about 9 minutes"), ("full", "about 27 minutes")],
)
def test_how_long_a_profile_takes_is_counted(profile: str, said: str) -> None:
    assert described(profile) == said
