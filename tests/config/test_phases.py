"""Phases of one's own: tables, a rate, which of them wins, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from govbench.config.load import load_settings
from govbench.config.profiles import PROFILES, build_phases
from govbench.config.settings import Settings
from govbench.errors import ConfigError
from govbench.results.plan import (
    ArrivalProcess,
    Arrivals,
    LoadModel,
    Pause,
    Phase,
    RatePoint,
    TestType,
    ThinkTime,
)

QUICK = PROFILES["quick"]


def load(cwd: Path, toml: str = "", flags: dict[str, object] | None = None, **environ: str) -> Settings:
    (cwd / "govbench.toml").write_text(toml, encoding="utf-8")
    return load_settings(flags=flags or {}, config_file=None, environ=environ, cwd=cwd)


def test_tables_become_phases_of_test_type_custom(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        """
[[phases]]
name = "settle"
users = 20
warmup_s = "5s"
steady_s = 30
think_time_s = { pacing = 1.0 }
[[phases]]
name = "peak"
rates = [[0, 50], ["30s", 200.5]]
arrivals = "constant"
max_in_flight = 300
warmup_s = 0
steady_s = 60
cooldown_s = 3
""",
    )

    assert build_phases(settings.load) == (
        Phase(
            name="settle",
            test_type=TestType.CUSTOM,
            users=20,
            warmup_s=5.0,
            steady_s=30.0,
            spawn_rate=QUICK.spawn_rate,
            think_time=ThinkTime(low_s=1.0, high_s=1.0, pause=Pause.PACING),
        ),
        Phase(
            name="peak",
            test_type=TestType.CUSTOM,
            users=None,
            steady_s=60.0,
            cooldown_s=3.0,
            spawn_rate=QUICK.spawn_rate,
            model=LoadModel.OPEN,
            arrivals=Arrivals(
                points=(RatePoint(at_s=0, rate_rps=50), RatePoint(at_s=30, rate_rps=200.5)),
                process=ArrivalProcess.CONSTANT,
                max_in_flight=300,
            ),
        ),
    )


def test_the_profile_says_what_a_phase_leaves_open(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[[phases]]\nname = "a"\nusers = 10\n[[phases]]\nname = "b"\nrate_rps = 5\n'
        '[[phases]]\nname = "c"\nusers = 30\nspawn_rate = 15',
    )
    first, second, third = build_phases(settings.load)

    assert {phase.steady_s for phase in (first, second, third)} == {QUICK.level_steady_s}
    assert first.warmup_s == pytest.approx(10 / QUICK.spawn_rate + QUICK.settle_s)
    assert second.warmup_s == QUICK.settle_s
    assert third.warmup_s == pytest.approx(30 / 15 + QUICK.settle_s)  # users begin anew after an open loop
    assert (first.cooldown_s, second.cooldown_s, third.cooldown_s) == (0, 0, QUICK.cooldown_s)
    assert second.arrivals == Arrivals(points=(RatePoint(at_s=0, rate_rps=5),))


def test_a_rate_is_a_phase_of_its_own(tmp_path: Path) -> None:
    flags: dict[str, object] = {"load.arrival_rate_rps": 200.0, "load.arrivals": "constant"}
    settings = load(tmp_path, flags=flags | {"load.max_in_flight": 50, "load.test_duration_s": "20s"})
    (phase,) = build_phases(settings.load)

    assert (phase.name, phase.test_type, phase.model) == ("rate_200", TestType.CUSTOM, LoadModel.OPEN)
    assert (phase.steady_s, phase.users, phase.cooldown_s) == (20.0, None, QUICK.cooldown_s)
    assert phase.arrivals == Arrivals(
        points=(RatePoint(at_s=0, rate_rps=200),), process=ArrivalProcess.CONSTANT, max_in_flight=50
    )


def test_phases_can_stand_beside_other_test_types(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '[load]\ntest_types = ["baseline", "custom"]\n[[phases]]\nname = "a"\nrate_rps = 5'
    )

    assert [phase.test_type for phase in build_phases(settings.load)] == [TestType.BASELINE, TestType.CUSTOM]


def test_phases_that_nobody_asks_for_are_noted(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[phases]]\nname = "a"\nusers = 5', {"load.test_types": "baseline"})

    assert [phase.name for phase in build_phases(settings.load)] == ["baseline"]
    assert any("[[phases]]: not used" in note for note in settings.notes)


def test_an_option_goes_before_the_file_and_says_so(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[phases]]\nname = "a"\nusers = 5', {"load.arrival_rate_rps": 7})
    assert [phase.name for phase in build_phases(settings.load)] == ["rate_7"]
    assert any("[[phases]]: not used, for --rate goes first" in note for note in settings.notes)

    other = load(tmp_path, "[load]\narrival_rate_rps = 7", GOVBENCH_PHASES='[{"name": "a", "users": 5}]')
    assert [phase.name for phase in build_phases(other.load)] == ["a"]
    assert any("arrival_rate_rps: not used" in note for note in other.notes)


def test_keys_of_a_rate_without_one_are_noted(tmp_path: Path) -> None:
    settings = load(tmp_path, '[load]\narrivals = "constant"')

    assert any("arrivals: not used without a rate" in note for note in settings.notes)


WRONG = [
    ("[load]\ntest_types = ['custom']", "no phases are configured"),
    ("[load]\narrival_rate_rps = 5\n[[phases]]\nname = 'a'\nusers = 1", "contradicts"),
    ("[[phases]]\nusers = 5", "has no name"),
    ("[[phases]]\nname = 'a'", "has none of users, rate_rps, rates"),
    ("[[phases]]\nname = 'a'\nusers = 5\nrate_rps = 3", "has users and rate_rps"),
    ("[[phases]]\nname = 'a'\nusers = 5\nmax_in_flight = 3", "max_in_flight: does not go with users"),
    ("[[phases]]\nname = 'a'\nrate_rps = 5\nthink_time_s = 3", "think_time_s: does not go with rate_rps"),
    ("[[phases]]\nname = 'a'\nusers = 5\n[[phases]]\nname = 'a'\nusers = 6", "two phases are called 'a'"),
    ("[[phases]]\nname = 'a'\nrates = [[5, 1], [5, 2]]", "rates: expected"),
    ("[[phases]]\nname = 'a'\nrates = [[0, 0]]", "rates: expected"),
    ("[[phases]]\nname = 'a'\nrates = [1, 2]", "rates: expected"),
    ("[[phases]]\nname = 'a'\nuser = 5", "user: unknown key"),
    ("[[phases]]\nname = 'a'\nusers = 0", "users: expected a whole number from 1 to 65535"),
    ("[[phases]]\nname = 'a'\nusers = 65536", "users: expected a whole number from 1 to 65535"),
    ("[[phases]]\nname = 'a'\nrate_rps = 5\nmax_in_flight = 65536", "max_in_flight: expected a whole number"),
    ("[[phases]]\nname = 'baseline'\nusers = 5", "name: a phase of another test type is called baseline"),
    ("[[phases]]\nname = 'concurrent_10'\nusers = 5", "another test type is called concurrent_10"),
    ("phases = 5", "expected tables"),
]


@pytest.mark.parametrize(("toml", "message"), WRONG)
def test_mistakes_are_named(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, toml)

    assert message in str(caught.value)


def test_there_may_be_as_many_phases_as_a_sample_can_name(tmp_path: Path) -> None:
    toml = "".join(f"[[phases]]\nname = 'p{number}'\nusers = 1\n" for number in range(257))

    with pytest.raises(ConfigError, match="at most 256"):
        load(tmp_path, toml)


def test_the_phases_of_other_test_types_count_too(tmp_path: Path) -> None:
    def toml(count: int) -> str:
        return '[load]\ntest_types = ["baseline", "concurrent", "custom"]\n' + "".join(
            f"[[phases]]\nname = 'p{number}'\nusers = 1\n" for number in range(count)
        )

    assert len(build_phases(load(tmp_path, toml(252)).load)) == 256
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, toml(253))

    assert str(caught.value) == (
        "govbench.toml: [[phases]]: 253 phases, and with those of the other test types 257; "
        "a run has at most 256"
    )


def test_names_that_only_look_like_those_of_others_are_free(tmp_path: Path) -> None:
    names = ("baseline_2", "concurrent", "concurrent_10_users", "rate_5")
    toml = "".join(f"[[phases]]\nname = '{name}'\nusers = 1\n" for name in names)

    assert [phase.name for phase in build_phases(load(tmp_path, toml).load)] == list(names)


THINKING = [
    ("2", ThinkTime(low_s=2.0, high_s=2.0)),
    ("[1, 2]", ThinkTime(low_s=1.0, high_s=2.0)),
    ("{ uniform = [1, 2] }", ThinkTime(low_s=1.0, high_s=2.0)),
    ("{ exponential = 2.0 }", ThinkTime(low_s=2.0, high_s=2.0, pause=Pause.EXPONENTIAL)),
    ('{ exponential = ["500ms", 10] }', ThinkTime(low_s=0.5, high_s=10.0, pause=Pause.EXPONENTIAL)),
    ("{ pacing = 1.0 }", ThinkTime(low_s=1.0, high_s=1.0, pause=Pause.PACING)),
]


@pytest.mark.parametrize(("text", "expected"), THINKING)
def test_forms_of_think_time(tmp_path: Path, text: str, expected: ThinkTime) -> None:
    settings = load(tmp_path, f"[[scenarios]]\nname = 'a'\nthink_time_s = {text}")

    assert settings.load.scenarios[0].think_time == expected


@pytest.mark.parametrize(
    "text",
    ["{ pacing = 0 }", "{ exponential = [3, 1] }", "{ pareto = 1 }", "{ pacing = 1, uniform = 2 }", "{}"],
)
def test_no_form_of_think_time(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="think_time_s: expected seconds"):
        load(tmp_path, f"[[scenarios]]\nname = 'a'\nthink_time_s = {text}")
